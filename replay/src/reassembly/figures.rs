//! What reassembly may hold, and what it counted.
//!
//! It knows no stream.

use crate::skipped::Skipped;

/// Bounds. Times are of the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReassemblyLimits {
    /// Connections known at once, those that ended lately included; at 256 B each. The one that was silent longest goes first.
    pub flows: usize,
    /// Bytes that wait behind holes, with their overhead, in all connections.
    pub waiting_bytes: usize,
    /// The same on one side of one connection.
    pub waiting_bytes_side: usize,
    /// How long after its peer acknowledged them may missing bytes still turn up: captures of several queues are out of
    /// order by milliseconds.
    pub grace_ns: u64,
    /// How long a hole that nobody acknowledged may last in a silent connection.
    pub silence_ns: u64,
    /// After how much silence a connection is over.
    pub idle_ns: u64,
    /// How long a connection that ended is remembered, so that what comes late is not taken for a new one.
    pub linger_ns: u64,
}

impl Default for ReassemblyLimits {
    /// 64 MiB of connections and 32 MiB of what waits. A connection is over after a little more than two hours: that is when
    /// keep-alives come by default (RFC 9293, section 3.8.4), and chat clients are silent for long.
    fn default() -> Self {
        const SECOND_NS: u64 = 1_000_000_000;
        Self {
            flows: 1 << 18,
            waiting_bytes: 32 << 20,
            waiting_bytes_side: 16 << 20,
            grace_ns: SECOND_NS / 10,
            silence_ns: 60 * SECOND_NS,
            idle_ns: 8_100 * SECOND_NS,
            linger_ns: 60 * SECOND_NS,
        }
    }
}

/// What came of the segments. Bytes are of captured payload, but for the gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReassemblyFigures {
    /// Connections begun.
    pub flows: u64,
    /// Of these, given up for want of room.
    pub flows_dropped: u64,
    /// Segments taken.
    pub segments: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Bytes given out as data.
    pub reassembled_bytes: u64,
    /// Bytes given out as gaps: never captured.
    pub gapped_bytes: u64,
    /// Gaps given out.
    pub gaps: u64,
    /// Bytes that were there already.
    pub retransmitted_bytes: u64,
    /// Of these, in pieces that said something else than what was there.
    pub inconsistent_bytes: u64,
    /// Bytes of keep-alives (RFC 9293, section 3.8.4).
    pub keepalive_bytes: u64,
    /// Bytes from before a connection that was joined in mid-stream, or behind a FIN.
    pub outlying_bytes: u64,
    /// Bytes of the segments that `skipped` counts.
    pub refused_bytes: u64,
    /// Holes given up because too much waited behind them.
    pub overflows: u64,
    /// Holes looked at before their time because too many waited to be.
    pub hurried: u64,
    /// The most that ever waited at once, bytes with their overhead.
    pub waiting_bytes_peak: u64,
    /// Segments not used, by cause.
    pub skipped: Skipped,
}

impl ReassemblyFigures {
    /// Whether every captured byte is accounted for, once all is given out.
    #[must_use]
    pub fn closes(&self) -> bool {
        let accounted = self.reassembled_bytes
            + self.retransmitted_bytes
            + self.keepalive_bytes
            + self.outlying_bytes
            + self.refused_bytes;
        self.payload_bytes == accounted
    }
}
