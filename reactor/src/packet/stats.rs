//! What the packet transport counts. A shard's own, without atomics; the application publishes what it wants seen.

use std::io;

/// Counters since the start, but for `in_use`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketStats {
    /// Control blocks in use now: zero once every connection has ended.
    pub in_use: u32,
    /// Connects begun.
    pub connects: u64,
    /// Connections opened.
    pub opened: u64,
    /// Connections ended, by whichever side.
    pub closed: u64,
    /// Packets read. One that the kernel merged counts once.
    pub segments_in: u64,
    /// Packets written. One that the kernel will segment counts once.
    pub segments_out: u64,
    /// Bytes of payload given to applications.
    pub bytes_in: u64,
    /// Bytes of payload sent for the first time.
    pub bytes_out: u64,
    /// Acknowledgements that nothing carried.
    pub bare_acks: u64,
    /// Of these, those sent before their time because too many were owed.
    pub owed_refused: u64,
    /// Connects refused because connections to too many other servers are there.
    pub targets_refused: u64,
    /// Segments of data or FIN sent again.
    pub retransmits: u64,
    /// Of these, after three duplicate acknowledgements instead of a timeout.
    pub fast_retransmits: u64,
    /// SYNs sent again.
    pub syn_retries: u64,
    /// Probes of a closed window.
    pub probes: u64,
    /// Segments that came before their turn.
    pub out_of_order: u64,
    /// Of these, those that were new and found no room.
    pub early_refused: u64,
    /// Segments outside the window: repeated, or keepalives.
    pub out_of_window: u64,
    /// Packets that are not TCP over IPv4: what a kernel tells its neighbours.
    pub foreign: u64,
    /// Packets that are not whole segments.
    pub malformed: u64,
    /// Packets whose checksum was wrong.
    pub bad_checksums: u64,
    /// Segments to nobody.
    pub strays: u64,
    /// Challenge acknowledgements (RFC 5961).
    pub challenge_acks: u64,
    /// Of these, those withheld because there were too many a second.
    pub challenge_acks_withheld: u64,
    /// Connections that a peer's RST ended.
    pub resets_in: u64,
    /// RSTs sent.
    pub resets_out: u64,
    /// SYNs of floods.
    pub flood_syns: u64,
    /// Packets the device had no room for; TCP sends them again.
    pub writes_refused: u64,
    /// Packets the device failed to take.
    pub write_errors: u64,
    /// Times the device failed to give a packet.
    pub read_errors: u64,
}

impl PacketStats {
    pub(crate) fn written(&mut self, result: &io::Result<()>) {
        self.segments_out += 1;
        if let Err(error) = result {
            match error.kind() {
                io::ErrorKind::WouldBlock => self.writes_refused += 1,
                _ => self.write_errors += 1,
            }
        }
    }
}
