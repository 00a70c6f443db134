//! What became of a capture's bytes and datagrams, in the run folder's words: put together, lacking, not used, not driven.
//!
//! It knows what reading and picking counted; whether that adds up is the report's to say.

use std::collections::BTreeMap;

use record::{CapturedBytes, ReplayDatagrams};
use replay::packet::DatagramList;
use replay::{Picked, Session};

use crate::replay::source::Recorded;

/// Why a session is not driven that nobody asked for.
const NOT_WANTED: &str = "not-wanted";

/// Bytes of all sessions, and of those that reading left out.
pub(super) fn recorded(recorded: &Recorded) -> u64 {
    let kept: u64 = recorded.recording.sessions().iter().map(said).sum();
    kept + recorded.reads.left_out.bytes_of_both()
}

/// Bytes of the sessions that are not driven, by why not.
pub(super) fn undriven(recorded: &Recorded, picked: &Picked) -> BTreeMap<String, u64> {
    let sessions = recorded.recording.sessions();
    let mut why: Vec<Option<&str>> = vec![Some(NOT_WANTED); sessions.len()];
    for index in &picked.sessions {
        why[*index as usize] = None;
    }
    for (index, unplayable) in &picked.unplayable {
        why[*index as usize] = Some(unplayable.name());
    }
    let mut bytes = BTreeMap::new();
    let left_out = recorded.reads.left_out.bytes_of_both();
    if left_out > 0 {
        bytes.insert(NOT_WANTED.to_owned(), left_out);
    }
    for (session, why) in sessions.iter().zip(why) {
        let Some(why) = why else { continue };
        let said = said(session);
        if said > 0 {
            *bytes.entry(why.to_owned()).or_default() += said;
        }
    }
    bytes
}

/// What a capture's segments brought, and what of that is in the recording.
pub(super) fn bytes(recorded: &Recorded) -> Option<CapturedBytes> {
    let (figures, decryption) = recorded.capture()?;
    let (tcp, tls) = (&figures.tcp, &decryption.figures.bytes);
    let skipped = [
        ("retransmitted", tcp.retransmitted_bytes),
        ("keep-alive", tcp.keepalive_bytes),
        ("outlying", tcp.outlying_bytes),
        ("refused", tcp.refused_bytes),
    ];
    let kinds = tls.off_by().map(|(kind, bytes)| (kind.to_owned(), bytes));
    Some(CapturedBytes {
        captured: tcp.payload_bytes,
        reassembled: tcp.reassembled_bytes,
        recorded: self::recorded(recorded),
        skipped_by: skipped
            .into_iter()
            .filter(|(_, bytes)| *bytes > 0)
            .map(|(cause, bytes)| (cause.to_owned(), bytes))
            .collect(),
        inconsistent: tcp.inconsistent_bytes,
        gapped: tcp.gapped_bytes,
        gaps: tcp.gaps,
        tls: tls.withheld_bytes(),
        tls_by: Some(kinds.collect()),
        tls_unbalanced: decryption.figures.unbalanced,
    })
}

/// What was counted of UDP.
pub(super) fn datagrams(list: &DatagramList) -> ReplayDatagrams {
    let flows = list.flows.iter();
    let bytes = flows.clone().flat_map(|flow| flow.bytes);
    ReplayDatagrams {
        flows: list.flows.len() as u64,
        quic: flows.filter(|flow| flow.quic).count() as u64,
        packets: list.listed_packets().saturating_add(list.unlisted_packets),
        bytes: bytes.fold(0, u64::saturating_add),
        unlisted: list.unlisted_packets,
    }
}

fn said(session: &Session) -> u64 {
    session.client_said.bytes + session.server_said.bytes
}
