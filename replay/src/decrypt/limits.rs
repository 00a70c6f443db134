//! How much a decryption may take.
//!
//! It knows numbers; what is taken is others' business.

/// How much a decryption may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecryptionLimits {
    /// Flows watched at a time; those beyond are handed on as they are, and counted.
    pub flows: usize,
    /// Flows decrypted at a time; those beyond stay as they are, and are listed.
    pub tls_flows: usize,
    /// Bytes of partial records and of handshakes under way, with what these need for themselves, of all flows together.
    pub buffered_bytes: usize,
    /// TLS flows listed; those beyond are counted.
    pub listed: usize,
}

impl Default for DecryptionLimits {
    fn default() -> Self {
        Self {
            flows: 1 << 17,
            tls_flows: 1 << 15,
            buffered_bytes: 24 << 20,
            listed: 1 << 10,
        }
    }
}
