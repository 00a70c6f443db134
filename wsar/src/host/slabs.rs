//! The text of `/proc/slabinfo`: what the kernel keeps for sockets.
//!
//! It does not know how many sockets there are.

use std::collections::BTreeMap;

/// The slabs that grow with sockets: the socket itself, its inode, file and directory entry, what the security modules
/// hang on those two, its epoll registration, its port, and what stands for it before *established* and after *closed*.
///
/// Some are shared with files (`filp`, `dentry`, `lsm_*`): their growth is what tells, not their size. A kernel may merge
/// a slab into another of the same size, which then bears the other's name and is left out: `tcp_bind_bucket` often.
pub const SOCKET_SLABS: [&str; 16] = [
    "TCP",
    "TCPv6",
    "sock_inode_cache",
    "filp",
    "dentry",
    "lsm_inode_cache",
    "lsm_file_cache",
    "eventpoll_epi",
    "eventpoll_pwq",
    "ep_head",
    "tcp_bind_bucket",
    "tcp_bind2_bucket",
    "request_sock_TCP",
    "request_sock_TCPv6",
    "tw_sock_TCP",
    "tw_sock_TCPv6",
];

/// The slab with an object a TCP socket.
const SOCKETS: &str = "TCP";

/// Bytes of each of [`SOCKET_SLABS`] that the kernel has.
///
/// They are the pages a slab holds, not its objects in use: what a half-empty page keeps, nobody else can have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slabs {
    bytes: BTreeMap<&'static str, u64>,
    /// Objects of `TCP` in use.
    sockets: Option<u64>,
}

impl Slabs {
    /// Reads the text, version 2.1 (slabinfo(5)), where a page has `page_bytes`; `None` where no line is of a slab that
    /// is looked for.
    #[must_use]
    pub fn parse(text: &str, page_bytes: u64) -> Option<Self> {
        let mut slabs = Self::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let name = words.next().unwrap_or("");
            let Some(known) = SOCKET_SLABS.into_iter().find(|known| *known == name) else {
                continue;
            };
            if known == SOCKETS {
                slabs.sockets = words.clone().next().and_then(|active| active.parse().ok());
            }
            if let Some(pages) = pages(words) {
                slabs.bytes.insert(known, pages.saturating_mul(page_bytes));
            }
        }
        (!slabs.bytes.is_empty()).then_some(slabs)
    }

    /// Each slab and its bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.bytes.iter().map(|(name, bytes)| (*name, *bytes))
    }

    /// All of them together, bytes.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.bytes
            .values()
            .fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// TCP sockets over IPv4, by their slab's objects in use. What a CPU keeps at hand counts as in use: some dozens.
    #[must_use]
    pub fn sockets(&self) -> Option<u64> {
        self.sockets
    }
}

/// Pages of a slab, from its columns after the name: `active_objs num_objs objsize objperslab pagesperslab : tunables
/// limit batchcount sharedfactor : slabdata active_slabs num_slabs sharedavail`.
fn pages<'t>(mut words: impl Iterator<Item = &'t str>) -> Option<u64> {
    let pages_per_slab: u64 = words.nth(4)?.parse().ok()?;
    words.find(|word| *word == "slabdata")?;
    let slabs: u64 = words.nth(1)?.parse().ok()?;
    Some(slabs.saturating_mul(pages_per_slab))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLE: &str = include_str!("../../samples/slabinfo.txt");

    #[test]
    fn the_sample_is_read() {
        let slabs = Slabs::parse(SAMPLE, 4_096).unwrap();
        let of: BTreeMap<_, _> = slabs.iter().collect();
        assert_eq!(of["TCP"], 2 * 8 * 4_096);
        assert_eq!(slabs.sockets(), Some(26));
        assert_eq!(of["TCPv6"], 8 * 4_096);
        assert_eq!(of["sock_inode_cache"], 5 * 4 * 4_096);
        assert_eq!(of["dentry"], 4_805 * 4_096);
        assert_eq!(of["tw_sock_TCPv6"], 0);
        assert!(!of.contains_key("kmalloc-64") && !of.contains_key("tcp_bind_bucket"));
        assert_eq!(slabs.total_bytes(), of.values().sum::<u64>());
    }

    #[test]
    fn a_line_cut_short_is_left_out() {
        let text = "filp 9 9 192 21 1 : tunables 0 0 0 : slabdata 3 3 0\nTCP 26 26 2368 13\n";
        assert_eq!(
            Slabs::parse(text, 4_096).unwrap(),
            Slabs {
                bytes: BTreeMap::from([("filp", 3 * 4_096)]),
                sockets: Some(26),
            }
        );
        assert_eq!(Slabs::parse("TCP 26 26 2368 13\n", 4_096), None);
        assert_eq!(Slabs::parse("", 4_096), None);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "(?s).{0,200}", cut in 0..SAMPLE.len(), page_bytes in any::<u64>()) {
            let _ = Slabs::parse(&text, page_bytes);
            let _ = Slabs::parse(&format!("{}{text}", &SAMPLE[..cut]), page_bytes);
        }
    }
}
