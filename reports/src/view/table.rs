//! The ledger as an equation of both ends, and the latencies as a table.
//!
//! It knows rows and words; whether the ledger adds up was found out before.

use record::{Latencies, Messages, Percentiles, Run, Summary};

use crate::ledger::Ledger;
use crate::quantity::{Unit, grouped, short};

/// A row of the ledger.
#[derive(Debug)]
pub(crate) struct LedgerRow {
    /// `=`, `+` or nothing.
    pub(crate) sign: &'static str,
    pub(crate) name: &'static str,
    pub(crate) clients: String,
    pub(crate) server: String,
    /// A sum, above its parts.
    pub(crate) sum: bool,
    /// The first of a group that is no equation.
    pub(crate) apart: bool,
    /// It must be 0 and is not.
    pub(crate) wrong: bool,
}

/// A wait's percentiles, formatted: median, 90th, 99th, 99.9th, worst, count.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(crate) name: &'static str,
    pub(crate) cells: [String; 6],
}

pub(super) fn ledger(m: &Messages) -> Vec<LedgerRow> {
    let part = |sign, name, clients| LedgerRow {
        sign,
        name,
        clients: grouped(clients),
        server: String::new(),
        sum: false,
        apart: false,
        wrong: false,
    };
    let also = |row: LedgerRow, server: Option<u64>| LedgerRow {
        server: server.map_or(String::new(), grouped),
        ..row
    };
    let sum = |row: LedgerRow| LedgerRow { sum: true, ..row };
    let zero = |name, clients| LedgerRow {
        wrong: clients > 0,
        ..part("", name, clients)
    };
    let mut rows = vec![
        sum(part("", "sent", m.sent)),
        also(part("=", "accepted", m.accepted), m.server_accepted),
        part("+", "refused with a code", m.refused),
        part("+", "unanswered: a cut or the end came first", m.unanswered),
        also(sum(part("", "accepted", m.accepted)), m.server_accepted),
        also(part("=", "delivered", m.delivered), m.server_acknowledged),
        also(part("+", "queued for someone away", m.queued), m.server_queued),
        LedgerRow {
            sign: "+",
            ..zero("lost", m.lost)
        },
        LedgerRow {
            apart: true,
            ..zero("duplicated", m.duplicated)
        },
        zero("corrupted", m.corrupted),
        zero("misordered", m.misordered),
        part("", "redelivered after a cut, dropped by id", m.redelivered),
    ];
    if let Some(missing) = m.ticks_missing {
        rows.push(zero("second ticks owed that did not come", missing));
    }
    rows
}

/// What the table alone would not tell.
pub(super) fn ledger_notes(run: &Run, summary: &Summary) -> Vec<String> {
    let m = &summary.messages;
    let ledger = Ledger::of(run, summary.interrupted);
    let mut notes = Vec::new();
    let beyond = (m.delivered + m.queued + m.lost).saturating_sub(m.accepted);
    if beyond > 0 && beyond <= m.unanswered {
        notes.push(format!(
            "{} copies arrived although a cut swallowed their answer: they are among the delivered and among the \
             unanswered.",
            grouped(beyond)
        ));
    }
    if let Some(untimed @ 1..) = m.ticks_untimed {
        notes.push(format!(
            "The second ticks of {} copies were not timed, for want of room: the second tick's percentiles are a sample.",
            grouped(untimed)
        ));
    }
    if summary.interrupted {
        notes.push(
            "The run was stopped before its drain: copies still on their way count as queued, and the two ends, counted \
             at different instants, are not compared."
                .to_owned(),
        );
    }
    if ledger.restarted {
        notes.push(
            "The server began anew during the run; what it had counted before is gone, so the clients' ledger stands \
             alone but for the queue."
                .to_owned(),
        );
    } else if ledger.mixed {
        notes.push(
            "A replay spoke to the server as well, whose counts do not tell the two apart (`teem serve --apart`): this ledger \
             has one end."
                .to_owned(),
        );
    } else if m.server_accepted.is_none() {
        notes.push("The server's own counts were not available: this ledger has one end.".to_owned());
    }
    notes
}

pub(super) fn waits(latencies: &Latencies) -> Vec<Wait> {
    let rows: [(&str, Percentiles); 6] = [
        ("TCP connect", latencies.connect),
        ("log-in", latencies.login),
        ("accepted (first tick)", latencies.accepted),
        ("delivery", latencies.delivery),
        ("delivered (second tick)", latencies.tick),
        ("media upload", latencies.upload),
    ];
    rows.into_iter()
        .filter(|(_, p)| p.count > 0)
        .map(|(name, p)| Wait {
            name,
            cells: cells(&p),
        })
        .collect()
}

/// Median, 90th, 99th, 99.9th, worst, count.
pub(crate) fn cells(p: &Percentiles) -> [String; 6] {
    let time = |ms| short(ms, Unit::Time);
    [
        time(p.p50),
        time(p.p90),
        time(p.p99),
        time(p.p999),
        time(p.max),
        grouped(p.count),
    ]
}
