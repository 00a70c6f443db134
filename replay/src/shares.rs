//! How the memory of reading a capture is shared out: 256 MB for all of it, however long, damaged or hostile the file.
//!
//! It knows what rooms hold at most, not what it is. A zstd frame may ask for 128 MiB of window, which is then not there for the rest:
//! so a capture that is packed so has less room for what is open at once than one that is plain, or packed as usual.
//!
//! | room | plain or packed as usual | beside a large window |
//! |---|---|---|
//! | the window of a packed file | 8 MiB | 128 MiB |
//! | connections open at once, 256 B each | 262,144: 64 MiB | 65,536: 16 MiB |
//! | bytes that wait behind holes | 32 MiB | 12 MiB |
//! | connections watched for TLS, 57 B each in a table that doubles | 131,072: 22 MiB | 32,768: 6 MiB |
//! | TLS connections decrypted at once, 608 B each | 32,768: 19 MiB | 8,192: 5 MiB |
//! | their handshakes and partial records | 24 MiB | 8 MiB |
//! | secrets of TLS sessions | 24 MiB | 12 MiB |
//! | fragments of IP datagrams | 4 MiB | 4 MiB |
//! | an inspection's list of 50,000: 0.3 KB each when closed, while open up to 1.2 KB | 58 MiB | 58 MiB |

use crate::decrypt::DecryptionLimits;
use crate::reassembly::ReassemblyLimits;

/// What each room may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Connections, and what waits behind their holes.
    pub reassembly: ReassemblyLimits,
    /// Connections under TLS.
    pub decryption: DecryptionLimits,
    /// Bytes of secrets, with the table they are in.
    pub secrets_bytes: usize,
}

/// A window of more is a large one, bytes.
const USUAL_WINDOW_BYTES: u64 = 8 << 20;

impl Shares {
    /// What is left beside a window of so many bytes, see [`Source::window_bytes`](crate::Source::window_bytes).
    #[must_use]
    pub fn beside(window_bytes: u64) -> Self {
        if window_bytes <= USUAL_WINDOW_BYTES {
            return Self::default();
        }
        Self {
            reassembly: ReassemblyLimits {
                flows: 1 << 16,
                waiting_bytes: 12 << 20,
                waiting_bytes_side: 4 << 20,
                ..ReassemblyLimits::default()
            },
            decryption: DecryptionLimits {
                flows: 1 << 15,
                tls_flows: 1 << 13,
                buffered_bytes: 8 << 20,
                ..DecryptionLimits::default()
            },
            secrets_bytes: 12 << 20,
        }
    }
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            reassembly: ReassemblyLimits::default(),
            decryption: DecryptionLimits::default(),
            secrets_bytes: 24 << 20,
        }
    }
}
