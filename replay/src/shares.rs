//! How the memory of reading a capture is shared out: 256 MB for all of it, however long, damaged or hostile the file.
//!
//! It knows what rooms hold at most, not what it is. A zstd frame may ask for 128 MiB of window, which is then not there for the rest:
//! so a capture that is packed so has less room for what is open at once than one that is plain, or packed as usual. A mask takes
//! room, too.
//!
//! | room | plain or packed as usual | beside a large window, or a mask | beside both |
//! |---|---|---|---|
//! | the window of a packed file | 8 MiB | 128 MiB, or 8 | 128 MiB |
//! | connections open at once, 256 B each | 262,144: 64 MiB | 65,536: 16 MiB | 16,384: 4 MiB |
//! | the same behind a mask, 0.9 KB each | | 58 MiB | 15 MiB |
//! | what waits behind a mask, twice 16 MiB where all waits by itself | | 32 MiB | 32 MiB |
//! | bytes that wait behind holes | 32 MiB | 12 MiB | 2 MiB |
//! | connections watched for TLS, 57 B each in a table that doubles | 131,072: 22 MiB | 32,768: 6 MiB | 8,192: 2 MiB |
//! | TLS connections decrypted at once, 608 B each | 32,768: 19 MiB | 8,192: 5 MiB | 2,048: 2 MiB |
//! | their handshakes and partial records | 24 MiB | 8 MiB | 2 MiB |
//! | secrets of TLS sessions | 24 MiB | 12 MiB | 4 MiB |
//! | fragments of IP datagrams | 4 MiB | 4 MiB | 4 MiB |
//! | an inspection's list of 50,000: 0.3 KB each when closed, while open up to 1.2 KB | 58 MiB | 58 MiB | 58 MiB |

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
    /// What is left beside a window of so many bytes, see [`Source::window_bytes`](crate::Source::window_bytes), and beside a
    /// [`Mask`](crate::Mask) if there is one.
    #[must_use]
    pub fn beside(window_bytes: u64, mask: bool) -> Self {
        match (window_bytes > USUAL_WINDOW_BYTES, mask) {
            (false, false) => Self::default(),
            (true, false) | (false, true) => Self::beside_one(),
            (true, true) => Self {
                reassembly: ReassemblyLimits {
                    flows: 1 << 14,
                    waiting_bytes: 2 << 20,
                    waiting_bytes_side: 1 << 20,
                    ..ReassemblyLimits::default()
                },
                decryption: DecryptionLimits {
                    flows: 1 << 13,
                    tls_flows: 1 << 11,
                    buffered_bytes: 2 << 20,
                    ..DecryptionLimits::default()
                },
                secrets_bytes: 4 << 20,
            },
        }
    }

    /// Beside one that takes half of it.
    fn beside_one() -> Self {
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
