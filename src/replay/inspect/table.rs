//! An inspection for people: a line a connection, and what it comes to.
//!
//! It knows words and columns; it counts nothing.

use replay::packet::{DatagramFlow, DatagramList};
use replay::{CaptureFigures, DecryptionReport, End, Protocol, Secrecy, Session, Side, Start};

use super::Found;
use crate::progress::grouped;
use crate::replay::source::{Origin, beyond_listed};

const HEADS: [&str; 11] = [
    "flow",
    "at s",
    "lasted s",
    "client",
    "server",
    "protocol",
    "client B",
    "server B",
    "missing B",
    "end",
    "replay",
];
/// Columns of numbers, which end at the same place.
const NUMBERS: [bool; HEADS.len()] = [
    true, true, true, false, false, false, true, true, true, false, false,
];

type Row = [String; HEADS.len()];

/// Prints the connections in the order of their begins, the totals, and what was not used.
pub(super) fn print(found: &Found) {
    let mut rows: Vec<(u64, Row)> = found
        .findings
        .flows
        .iter()
        .map(|flow| (flow.session.opened_ns, row(&flow.session)))
        .collect();
    let mut lines = totals(found);
    if let Origin::Capture(figures, _) = &found.reads.origin {
        lines.extend(capture(figures));
    }
    if let Some(list) = found.reads.datagrams() {
        let listed = list.flows.iter();
        rows.extend(listed.map(|flow| (flow.first_ns, datagram_row(flow))));
        lines.extend(udp(list));
    }
    if let Origin::Capture(_, decryption) = &found.reads.origin {
        lines.extend(tls(decryption));
    }
    rows.sort_by_key(|(at_ns, _)| *at_ns);
    let widths = widths(&rows);
    if !rows.is_empty() {
        outln!("{}", laid_out(&HEADS.map(str::to_owned), &widths));
    }
    for (_, row) in &rows {
        outln!("{}", laid_out(row, &widths));
    }
    outln!();
    for line in lines {
        outln!("{line}");
    }
}

fn widths(rows: &[(u64, Row)]) -> [usize; HEADS.len()] {
    let mut widths = HEADS.map(str::len);
    for (_, row) in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.len());
        }
    }
    widths
}

fn laid_out(row: &Row, widths: &[usize; HEADS.len()]) -> String {
    let mut line = String::new();
    for ((cell, width), is_number) in row.iter().zip(widths).zip(NUMBERS) {
        let padded = if is_number {
            format!("{cell:>width$}  ")
        } else {
            format!("{cell:<width$}  ")
        };
        line.push_str(&padded);
    }
    line.trim_end().to_owned()
}

fn row(flow: &Session) -> Row {
    let (client, server) = (flow.client_said, flow.server_said);
    [
        flow.flow.0.to_string(),
        seconds(flow.opened_ns),
        seconds(flow.closed_ns - flow.opened_ns),
        flow.client.to_string(),
        flow.server.to_string(),
        protocol(flow),
        bytes(client.bytes),
        bytes(server.bytes),
        bytes(client.gap_bytes + server.gap_bytes),
        ended(flow.end).to_owned(),
        flow.replayable
            .map_or_else(|why| format!("no: {why}"), |()| "yes".to_owned()),
    ]
}

fn protocol(flow: &Session) -> String {
    let opened = if flow.secrecy == Secrecy::Opened {
        " over TLS"
    } else {
        ""
    };
    let joined = if flow.start == Start::Midway {
        ", joined"
    } else {
        ""
    };
    format!("{}{opened}{joined}", flow.protocol)
}

fn datagram_row(flow: &DatagramFlow) -> Row {
    let protocol = match Protocol::of_datagrams(flow.quic, [flow.client.port(), flow.server.port()]) {
        Protocol::Unknown => "udp".to_owned(),
        known => format!("{known} (udp)"),
    };
    [
        "-".to_owned(),
        seconds(flow.first_ns),
        seconds(flow.last_ns.saturating_sub(flow.first_ns)),
        flow.client.to_string(),
        flow.server.to_string(),
        protocol,
        bytes(flow.bytes_of(Side::Client)),
        bytes(flow.bytes_of(Side::Server)),
        String::new(),
        String::new(),
        "no: UDP is not replayed".to_owned(),
    ]
}

fn ended(end: End) -> &'static str {
    match end {
        End::Finished(Side::Client) => "finished by client",
        End::Finished(Side::Server) => "finished by server",
        End::Reset(Side::Client) => "reset by client",
        End::Reset(Side::Server) => "reset by server",
        End::Idle => "silent for long",
        End::Open => "still open",
        End::Dropped => "given up",
    }
}

fn seconds(ns: u64) -> String {
    format!("{:.3}", ns as f64 / 1e9)
}

fn bytes(count: u64) -> String {
    grouped(count as f64)
}

/// `name count, name count`.
fn list<N: ToString>(counts: impl Iterator<Item = (N, u64)>) -> String {
    let counts: Vec<String> = counts
        .map(|(name, count)| format!("{} {}", name.to_string(), bytes(count)))
        .collect();
    counts.join(", ")
}

fn totals(found: &Found) -> Vec<String> {
    let totals = &found.findings.totals;
    let mut lines = vec![format!(
        "connections: {}, replayable {}",
        bytes(totals.connections),
        bytes(totals.replayable)
    )];
    if !totals.unplayable.is_empty() {
        lines.push(format!(
            "not replayable: {}",
            list(totals.unplayable.iter().map(|(why, count)| (why, *count)))
        ));
    }
    if !totals.protocols.is_empty() {
        lines.push(format!(
            "protocols: {}",
            list(totals.protocols.iter().map(|(name, count)| (name, *count)))
        ));
    }
    lines.push(format!(
        "said by clients {} B, by servers {} B; missing {} B in {} gaps",
        bytes(totals.client_bytes),
        bytes(totals.server_bytes),
        bytes(totals.gap_bytes),
        bytes(totals.gaps)
    ));
    if found.reads.left_out.flows > 0 {
        lines.push(format!(
            "left out by the filters: {}",
            bytes(found.reads.left_out.flows)
        ));
    }
    if totals.unlisted > 0 {
        lines.push(format!(
            "counted but not listed: {} (see --list)",
            bytes(totals.unlisted)
        ));
    }
    lines
}

/// What a capture has besides connections.
fn capture(figures: &CaptureFigures) -> Vec<String> {
    let mut lines = vec![format!(
        "capture: {} packets, {} B on the wire, {} s",
        bytes(figures.packets),
        bytes(figures.sent_bytes),
        seconds(figures.lasted_ns)
    )];
    if figures.snapped_packets > 0 {
        lines.push(format!(
            "packets captured in part: {}",
            bytes(figures.snapped_packets)
        ));
    }
    if figures.skipped.total() > 0 {
        let causes = list(figures.skipped.causes().map(|(_, name, packets)| (name, packets)));
        lines.push(format!(
            "packets not used: {} ({causes})",
            bytes(figures.skipped.total())
        ));
    }
    lines
}

/// What is told of UDP, where there was some.
fn udp(list: &DatagramList) -> Option<String> {
    if list.flows.is_empty() && list.unlisted_packets == 0 {
        return None;
    }
    let quic = list.flows.iter().filter(|flow| flow.quic).count();
    Some(format!(
        "UDP: {} flows, {quic} of them QUIC, {} packets: listed, not replayed{}",
        list.flows.len(),
        bytes(list.listed_packets()),
        beyond_listed(list.unlisted_packets)
    ))
}

fn tls(decryption: &DecryptionReport) -> Option<String> {
    let figures = &decryption.figures;
    if decryption.flows.is_empty() && figures.unlisted == 0 {
        return None;
    }
    let opened: u64 = figures.decrypted.values().sum();
    let sealed = list(
        figures
            .undecrypted
            .iter()
            .map(|(why, count)| (why.replace('_', " "), *count)),
    );
    let sealed = if sealed.is_empty() {
        sealed
    } else {
        format!("; not: {sealed}")
    };
    Some(format!("TLS: {} decrypted{sealed}", bytes(opened)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_and_words_begin_at_the_same_place() {
        let cells = |flow: &str, client: &str| -> Row {
            let mut row: Row = std::array::from_fn(|_| String::new());
            (row[0], row[3], row[10]) = (flow.to_owned(), client.to_owned(), "yes".to_owned());
            row
        };
        let rows = [(0, cells("7", "10.0.0.1:1")), (0, cells("12345", "[::1]:40000"))];
        let widths = widths(&rows);
        let lines: Vec<String> = rows.iter().map(|(_, row)| laid_out(row, &widths)).collect();
        assert!(lines[0].starts_with("    7  ") && lines[1].starts_with("12345  "));
        assert_eq!(lines[0].find("10.0.0.1:1"), lines[1].find("[::1]:40000"));
        assert_eq!(lines[0].find("yes"), lines[1].find("yes"));
    }
}
