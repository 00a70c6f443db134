//! An inspection for programs. What a field is called stays so: a later version only adds some.
//!
//! It knows names; it counts nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use replay::packet::{DatagramFlow, DatagramList};
use replay::{
    CaptureFigures, DecryptionReport, Digest, End, Inspected, Protocol, Side, Start, Stream, Totals,
    Unplayable,
};
use serde::Serialize;

use super::Found;
use crate::replay::source::Origin;

/// The form that `schema` names.
const SCHEMA: &str = "teem.inspect/1";

/// All of it.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    schema: &'static str,
    /// Nanoseconds since 1970; what follows counts from there.
    started_unix_ns: u64,
    /// Why the rest of the file was not used.
    cut_short: Option<String>,
    capture: Option<Capture>,
    /// What was counted of UDP, where that is known.
    udp: Option<Udp>,
    totals: Sum,
    flows: Vec<FlowLine<'a>>,
}

/// A capture's own figures.
#[derive(Serialize)]
struct Capture {
    read_bytes: u64,
    lasted_ns: u64,
    packets: u64,
    sent_bytes: u64,
    snapped_packets: u64,
    backward_packets: u64,
    joined_fragments: u64,
    skipped_packets: BTreeMap<&'static str, u64>,
    retransmitted_bytes: u64,
    inconsistent_bytes: u64,
    /// Connections given up for want of room, and holes given up because too much waited behind them.
    dropped_connections: u64,
    overflowed_holes: u64,
    /// The most that ever waited behind holes.
    waiting_bytes_peak: u64,
    udp_flows: u64,
    udp_packets: u64,
    /// Of these, of flows that are not listed.
    udp_packets_unlisted: u64,
    tls_decrypted: u64,
    tls_not_decrypted: BTreeMap<String, u64>,
    /// Connections that were not looked at for TLS, for want of room.
    tls_unwatched: u64,
    /// Secrets of sessions beyond the bound, and lines of the key logs that are none of a key log.
    secrets_refused: u64,
    secrets_malformed_lines: u64,
    /// Of the secrets within the capture: other than TLS key logs, or too many.
    secrets_refused_bytes: u64,
}

/// UDP, which is not replayed.
#[derive(Serialize)]
struct Udp {
    /// Flows that are listed, and of these, of QUIC.
    flows: u64,
    quic: u64,
    packets: u64,
    /// Of these, of flows that are not listed.
    packets_unlisted: u64,
}

/// All connections.
#[derive(Serialize)]
struct Sum {
    connections: u64,
    left_out: u64,
    unlisted: u64,
    replayable: u64,
    unplayable: BTreeMap<&'static str, u64>,
    protocols: BTreeMap<&'static str, u64>,
    client_bytes: u64,
    server_bytes: u64,
    gaps: u64,
    gap_bytes: u64,
}

/// A connection, or a UDP flow.
#[derive(Serialize)]
struct FlowLine<'a> {
    /// Its number; UDP has none.
    flow: Option<u64>,
    transport: &'static str,
    client: SocketAddr,
    server: SocketAddr,
    start_ns: u64,
    end_ns: u64,
    start: Option<&'static str>,
    end: Option<&'static str>,
    protocol: &'static str,
    secrecy: Option<&'static str>,
    replayable: bool,
    /// Why not.
    why: Option<&'static str>,
    client_said: SaidLine<'a>,
    server_said: SaidLine<'a>,
}

/// What a side said.
#[derive(Serialize)]
struct SaidLine<'a> {
    bytes: u64,
    /// Of the reassembled stream, gaps left out; UDP has none.
    sha256: Option<String>,
    gaps: u64,
    gap_bytes: u64,
    /// The first gaps: bytes of the stream before, and length.
    first_gaps: &'a [(u64, u64)],
}

impl<'a> Document<'a> {
    pub(super) fn of(found: &'a Found) -> Self {
        let mut flows: Vec<FlowLine<'a>> = found
            .findings
            .flows
            .iter()
            .map(|flow| FlowLine::of(flow))
            .collect();
        let datagrams = found.reads.datagrams();
        if let Some(list) = datagrams {
            flows.extend(list.flows.iter().map(FlowLine::of_datagrams));
            flows.sort_by_key(|flow| flow.start_ns);
        }
        let capture = match &found.reads.origin {
            Origin::Capture(figures, decryption) => Some(Capture::of(figures, decryption)),
            Origin::Sessions(_) => None,
        };
        Self {
            schema: SCHEMA,
            started_unix_ns: found.reads.started_unix_ns(),
            cut_short: found.reads.shortfall(),
            capture,
            udp: datagrams.map(Udp::of),
            totals: Sum::of(&found.findings.totals, found.reads.left_out.flows),
            flows,
        }
    }
}

impl Capture {
    fn of(figures: &CaptureFigures, decryption: &DecryptionReport) -> Self {
        let udp = Udp::of(&figures.datagrams);
        let undecrypted = decryption.figures.undecrypted.iter();
        Self {
            read_bytes: figures.read_bytes,
            lasted_ns: figures.lasted_ns,
            packets: figures.packets,
            sent_bytes: figures.sent_bytes,
            snapped_packets: figures.snapped_packets,
            backward_packets: figures.backward_packets,
            joined_fragments: figures.joined_fragments,
            skipped_packets: figures
                .skipped
                .causes()
                .map(|(_, name, packets)| (name, packets))
                .collect(),
            retransmitted_bytes: figures.tcp.retransmitted_bytes,
            inconsistent_bytes: figures.tcp.inconsistent_bytes,
            dropped_connections: figures.tcp.flows_dropped,
            overflowed_holes: figures.tcp.overflows,
            waiting_bytes_peak: figures.tcp.waiting_bytes_peak,
            udp_flows: udp.flows,
            udp_packets: udp.packets,
            udp_packets_unlisted: udp.packets_unlisted,
            tls_decrypted: decryption.figures.decrypted.values().sum(),
            tls_not_decrypted: undecrypted
                .map(|(why, count)| ((*why).to_owned(), *count))
                .collect(),
            tls_unwatched: decryption.figures.unwatched,
            secrets_refused: decryption.secrets.refused,
            secrets_malformed_lines: decryption.secrets.malformed,
            secrets_refused_bytes: figures.secrets_refused_bytes,
        }
    }
}

impl Udp {
    fn of(list: &DatagramList) -> Self {
        Self {
            flows: list.flows.len() as u64,
            quic: list.flows.iter().filter(|flow| flow.quic).count() as u64,
            packets: list.listed_packets().saturating_add(list.unlisted_packets),
            packets_unlisted: list.unlisted_packets,
        }
    }
}

impl Sum {
    fn of(totals: &Totals, left_out: u64) -> Self {
        Self {
            connections: totals.connections,
            left_out,
            unlisted: totals.unlisted,
            replayable: totals.replayable,
            unplayable: totals
                .unplayable
                .iter()
                .map(|(why, count)| (why.name(), *count))
                .collect(),
            protocols: totals
                .protocols
                .iter()
                .map(|(protocol, count)| (protocol.name(), *count))
                .collect(),
            client_bytes: totals.client_bytes,
            server_bytes: totals.server_bytes,
            gaps: totals.gaps,
            gap_bytes: totals.gap_bytes,
        }
    }
}

impl<'a> FlowLine<'a> {
    fn of(flow: &'a Inspected) -> Self {
        let session = &flow.session;
        Self {
            flow: Some(session.flow.0),
            transport: "tcp",
            client: session.client,
            server: session.server,
            start_ns: session.opened_ns,
            end_ns: session.closed_ns,
            start: Some(match session.start {
                Start::Handshake => "handshake",
                Start::Midway => "midway",
            }),
            end: Some(ended(session.end)),
            protocol: session.protocol.name(),
            secrecy: Some(session.secrecy.name()),
            replayable: session.replayable.is_ok(),
            why: session.replayable.err().map(Unplayable::name),
            client_said: SaidLine::of(session.client_said, &flow.client_digest),
            server_said: SaidLine::of(session.server_said, &flow.server_digest),
        }
    }

    fn of_datagrams(flow: &DatagramFlow) -> Self {
        let said = |side| SaidLine {
            bytes: flow.bytes_of(side),
            sha256: None,
            gaps: 0,
            gap_bytes: 0,
            first_gaps: &[],
        };
        Self {
            flow: None,
            transport: "udp",
            client: flow.client,
            server: flow.server,
            start_ns: flow.first_ns,
            end_ns: flow.last_ns,
            start: None,
            end: None,
            protocol: Protocol::of_datagrams(flow.quic, [flow.client.port(), flow.server.port()]).name(),
            secrecy: None,
            replayable: false,
            why: Some(Unplayable::Datagrams.name()),
            client_said: said(Side::Client),
            server_said: said(Side::Server),
        }
    }
}

impl<'a> SaidLine<'a> {
    fn of(said: Stream, digest: &'a Digest) -> Self {
        Self {
            bytes: said.bytes,
            sha256: Some(digest.sha256.iter().map(|byte| format!("{byte:02x}")).collect()),
            gaps: said.gaps,
            gap_bytes: said.gap_bytes,
            first_gaps: &digest.gaps,
        }
    }
}

fn ended(end: End) -> &'static str {
    match end {
        End::Finished(Side::Client) => "finished-by-client",
        End::Finished(Side::Server) => "finished-by-server",
        End::Reset(Side::Client) => "reset-by-client",
        End::Reset(Side::Server) => "reset-by-server",
        End::Idle => "idle",
        End::Open => "open",
        End::Dropped => "dropped",
    }
}
