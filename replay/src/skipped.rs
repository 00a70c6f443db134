//! Packets that were not used, counted by cause.
//!
//! It knows no packet: who skips one says why.

/// Why a packet's bytes reached no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// A link type that is not read here.
    Link,
    /// A pcapng block whose inside contradicts itself, or that names an interface which was never described.
    Block,
    /// Neither IPv4 nor IPv6: ARP, spanning tree and the like.
    NotIp,
    /// IP, but neither TCP nor UDP: ICMP and the like.
    Transport,
    /// A header that the snap length cut off.
    Snapped,
    /// A header that contradicts itself.
    Malformed,
    /// More layers in each other than any network has.
    Nested,
    /// A fragment whose datagram never became whole, or that overlapped another.
    Fragment,
    /// TCP from a socket to itself: its two directions cannot be told apart.
    Itself,
    /// A reset or an acknowledgement of nothing that was seen.
    Stray,
    /// Bytes after both ends had finished, or after a reset.
    Late,
    /// Sequence numbers that no window can reach (RFC 7323, section 2.3), or a reset outside the window.
    Outside,
}

/// All causes, in the order of [`Skip`].
const CAUSES: [(Skip, &str); 12] = [
    (Skip::Link, "unknown link type"),
    (Skip::Block, "damaged block"),
    (Skip::NotIp, "not IP"),
    (Skip::Transport, "neither TCP nor UDP"),
    (Skip::Snapped, "headers cut by the snap length"),
    (Skip::Malformed, "malformed headers"),
    (Skip::Nested, "too many layers"),
    (Skip::Fragment, "incomplete fragments"),
    (Skip::Itself, "a socket talking to itself"),
    (Skip::Stray, "reset of nothing seen"),
    (Skip::Late, "after the end"),
    (Skip::Outside, "outside any window"),
];

/// Packets skipped, by cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    packets: [u64; CAUSES.len()],
}

impl Skipped {
    /// One more for this cause.
    pub(crate) fn add(&mut self, cause: Skip) {
        self.packets[cause as usize] += 1;
    }

    /// So many more for this cause.
    pub(crate) fn add_many(&mut self, cause: Skip, packets: u64) {
        self.packets[cause as usize] += packets;
    }

    /// Adds another's.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.packets.iter_mut().zip(other.packets) {
            *mine += theirs;
        }
    }

    /// How many for this cause.
    #[must_use]
    pub fn packets(&self, cause: Skip) -> u64 {
        self.packets[cause as usize]
    }

    /// How many for any.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.packets.iter().sum()
    }

    /// Each cause that occurred, its name and its packets.
    pub fn causes(&self) -> impl Iterator<Item = (Skip, &'static str, u64)> {
        CAUSES
            .iter()
            .zip(self.packets)
            .filter(|(_, packets)| *packets > 0)
            .map(|(&(cause, name), packets)| (cause, name, packets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_at_their_causes() {
        for (place, (cause, name)) in CAUSES.iter().enumerate() {
            assert_eq!(*cause as usize, place, "{name}");
        }
        let mut skipped = Skipped::default();
        skipped.add(Skip::Nested);
        skipped.add_many(Skip::Outside, 2);
        let named: Vec<_> = skipped
            .causes()
            .map(|(_, name, packets)| (name, packets))
            .collect();
        assert_eq!(named, [("too many layers", 1), ("outside any window", 2)]);
        assert_eq!(skipped.total(), 3);
    }
}
