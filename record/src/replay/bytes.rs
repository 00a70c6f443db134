//! Bytes of a replay's recording, and what became of all that its capture held.
//!
//! It knows sums; whether they add up is the report's to say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Bytes of the recording, once, and of the replay. `recorded = recorded_client + recorded_server + undriven_by`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayBytes {
    /// Said by both ends of all recorded sessions, as the capture has it of those that were left out while it was read; absent in what
    /// an earlier version wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<u64>,
    /// Said by recorded clients whose sessions are driven.
    pub recorded_client: u64,
    /// Said by their servers.
    pub recorded_server: u64,
    /// Of their servers, lacking in the recording: not compared.
    pub gapped_server: u64,
    /// Said by clients whose sessions cannot be driven, or are not wanted.
    pub skipped_client: u64,
    /// Said by both ends of sessions that are not driven, by why not: `not-wanted`, `midway`, ...
    #[serde(default)]
    pub undriven_by: BTreeMap<String, u64>,
    /// What became of the capture's bytes; absent where the recording is a file of sessions, which has what was put together alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<CapturedBytes>,
    /// Packets of the capture that were not used, by cause.
    pub unused_by: BTreeMap<String, u64>,
    /// Said to the target.
    pub said: u64,
    /// Heard from it.
    pub heard: u64,
}

/// Payload bytes of a capture's TCP segments. `captured = reassembled + skipped_by`; `reassembled = recorded + tls`;
/// `tls = tls_by`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapturedBytes {
    /// In segments, as far as the snap length let them.
    pub captured: u64,
    /// Put together into what connections say.
    pub reassembled: u64,
    /// Of these, in the recording.
    pub recorded: u64,
    /// Not put together, by cause: `retransmitted`, `keep-alive`, `outlying` (before a connection was joined, or behind its FIN),
    /// `refused` (in segments that were not used).
    pub skipped_by: BTreeMap<String, u64>,
    /// Of the retransmitted, in pieces that said something else than what was there.
    pub inconsistent: u64,
    /// Never captured, as sequence numbers tell.
    pub gapped: u64,
    /// In so many places.
    pub gaps: u64,
    /// Of the reassembled, taken off by decryption, as the bytes that it took and gave tell; 0 where no connection speaks TLS.
    pub tls: u64,
    /// The same, counted where it is taken off, by kind: `headers`, `handshake`, `alerts`, `protection` (nonces, tags, padding), `sealed`
    /// (what no key opens), `torn` (records of which the capture lacks a part), `behind-close`. Absent in what an earlier
    /// version wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_by: Option<BTreeMap<String, u64>>,
    /// TLS connections that have a side whose bytes do not add up so by themselves.
    #[serde(default)]
    pub tls_unbalanced: u64,
}

impl CapturedBytes {
    /// Not put together, by any cause.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped_by.values().sum()
    }
}

/// UDP in a capture, QUIC among it: listed by an inspection, and not driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayDatagrams {
    /// Pairs of sockets, as many as are listed.
    pub flows: u64,
    /// Of these, QUIC (RFC 9000).
    pub quic: u64,
    /// Datagrams, those of flows that are not listed included.
    pub packets: u64,
    /// Of these, of flows that are not listed: they are in no other count.
    #[serde(default)]
    pub unlisted: u64,
    /// Bytes of the listed flows' payloads.
    pub bytes: u64,
}
