//! The ledger of what was recorded: bytes of the capture, of its streams and of its sessions, and packets that were not used.
//!
//! It knows rows; that they add up was found out before.

use std::collections::BTreeMap;

use record::ReplayBytes;

use super::{Row, named, row, sum};

/// Its rows; none of what an earlier version wrote.
pub(super) fn rows(bytes: &ReplayBytes) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(capture) = &bytes.capture {
        rows.extend([
            sum("bytes captured in TCP segments", capture.captured),
            row("=", "put together", capture.reassembled),
        ]);
        rows.extend(parts(&capture.skipped_by));
        rows.push(sum("bytes put together", capture.reassembled));
        rows.push(row("=", "recorded", capture.recorded));
        if capture.tls > 0 {
            rows.push(row("+", "taken off with TLS", capture.tls));
            let kinds = capture.tls_by.as_ref().map(parts).into_iter().flatten();
            let mut kinds = kinds.peekable();
            if kinds.peek().is_some() {
                rows.push(sum("bytes taken off with TLS", capture.tls));
            }
            rows.extend(kinds.enumerate().map(|(at, part)| Row {
                sign: if at == 0 { "=" } else { part.sign },
                name: format!("TLS: {}", part.name),
                ..part
            }));
        }
        rows.push(sum("bytes missing in the capture: gaps", capture.gapped));
        if capture.inconsistent > 0 {
            rows.push(sum(
                "bytes retransmitted in pieces that said something else",
                capture.inconsistent,
            ));
        }
    }
    if let Some(recorded) = bytes.recorded {
        rows.extend([
            sum("bytes recorded", recorded),
            row("=", "of driven clients", bytes.recorded_client),
            row("+", "of their servers", bytes.recorded_server),
        ]);
        rows.extend(parts(&bytes.undriven_by).map(|part| Row {
            name: format!("not driven: {}", part.name),
            ..part
        }));
    }
    if !bytes.unused_by.is_empty() {
        rows.push(sum("packets not used", bytes.unused_by.values().sum()));
        let mut causes = parts(&bytes.unused_by);
        rows.extend(causes.next().map(|first| Row { sign: "=", ..first }));
        rows.extend(causes);
    }
    rows
}

fn parts(causes: &BTreeMap<String, u64>) -> impl Iterator<Item = Row> {
    causes
        .iter()
        .map(|(cause, count)| row("+", &named(cause), *count))
}
