//! The ledger: copies counted at both ends, and whether the counts agree.
//!
//! It knows the equations; it does not know why a copy went astray.

use record::{EventKind, Messages, Run, SERVER_KILLED, Sample, name};

use crate::quantity::{clock, grouped};
use crate::series;

/// The ledger of a run, from its last sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) messages: Messages,
    /// The run was stopped before its drain: copies were still on their way, so the two ends were not counted at the
    /// same instant and are not compared, and what had not arrived yet is counted as queued, not as lost.
    pub(crate) interrupted: bool,
    /// The server began anew during the run, and what it had counted before is gone with it.
    pub(crate) restarted: bool,
    /// A replay spoke to the server, too, and its counts do not tell the two apart.
    pub(crate) mixed: bool,
    /// The server's counts stop before the run does: when they did, seconds.
    pub(crate) server_silent_since_s: Option<f64>,
}

impl Ledger {
    pub(crate) fn of(run: &Run, interrupted: bool) -> Self {
        let Some(last) = run.samples.last() else {
            return Self {
                interrupted,
                ..Self::default()
            };
        };
        // A kill in the first seconds comes before any count that could be seen to fall.
        let killed = run
            .events
            .iter()
            .any(|event| event.kind == EventKind::Fault && event.name == SERVER_KILLED);
        let fell = [
            name::server::COPIES_ACCEPTED,
            name::server::ACCEPTED_CONNECTIONS,
            name::server::COPIES_ACKNOWLEDGED,
        ]
        .iter()
        .any(|counter| series::restarted(run, counter));
        let restarted = killed || fell;
        let counted = |sample: &Sample| sample.counters.contains_key(name::server::COPIES_ACCEPTED);
        let server_silent_since_s = match run.samples.iter().rfind(|sample| counted(sample)) {
            Some(heard) if heard.t_ms < last.t_ms => Some(series::seconds(heard)),
            _ => None,
        };
        let mut messages = messages(last);
        let mixed = run.replay.is_some() && !last.counters.contains_key(name::server::COPIES_ACCEPTED_APART);
        if restarted || mixed {
            (messages.server_accepted, messages.server_acknowledged) = (None, None);
        }
        if mixed || (restarted && run.replay.is_some()) {
            messages.server_queued = None;
        }
        if interrupted {
            messages.queued += std::mem::take(&mut messages.lost);
            // So were ticks.
            messages.ticks_missing = None;
        }
        Self {
            messages,
            interrupted,
            restarted,
            mixed,
            server_silent_since_s,
        }
    }

    /// What does not add up, a sentence each.
    pub(crate) fn mismatches(&self) -> Vec<String> {
        let mut found = self.own_mismatches();
        if !self.interrupted {
            found.extend(self.mismatches_between_the_ends());
            if let Some(at_s) = self.server_silent_since_s {
                found.push(format!(
                    "The server's own counts stop at {}, before the run does, so the ledger has one end only.",
                    clock(at_s)
                ));
            }
        }
        found
    }

    /// sent = accepted + refused + unanswered; accepted = delivered + queued + lost.
    fn own_mismatches(&self) -> Vec<String> {
        let m = &self.messages;
        let mut found = Vec::new();
        if m.sent != m.accepted + m.refused + m.unanswered {
            found.push(format!(
                "The clients' ledger does not add up: {} copies sent, but {} accepted + {} refused + {} unanswered.",
                grouped(m.sent),
                grouped(m.accepted),
                grouped(m.refused),
                grouped(m.unanswered)
            ));
        }
        // A copy whose answer a cut swallowed may have been accepted and arrived all the same.
        let accounted = m.delivered + m.queued + m.lost;
        if accounted < m.accepted || accounted > m.accepted + m.unanswered {
            found.push(format!(
                "The clients' ledger does not add up: {} copies accepted, but {} delivered + {} queued + {} lost.",
                grouped(m.accepted),
                grouped(m.delivered),
                grouped(m.queued),
                grouped(m.lost)
            ));
        }
        found
    }

    fn mismatches_between_the_ends(&self) -> Vec<String> {
        let m = &self.messages;
        let mut found = Vec::new();
        if let Some(theirs) = m.server_accepted
            && (theirs < m.accepted || theirs > m.accepted + m.unanswered)
        {
            found.push(format!(
                "The server accepted {} copies by its own count and {} by the clients', and the {} unanswered do not \
                 explain it.",
                grouped(theirs),
                grouped(m.accepted),
                grouped(m.unanswered)
            ));
        }
        // A copy that arrived and whose acknowledgement a cut swallowed still waits at the server, so what the
        // server holds beyond what the clients wait for bounds how many acknowledgements may be missing.
        let spare = m
            .server_queued
            .map_or(0, |held| held.saturating_sub(m.queued + m.lost));
        if let Some(theirs) = m.server_acknowledged
            && (theirs > m.delivered || m.delivered - theirs > spare)
        {
            found.push(format!(
                "The server counts {} copies acknowledged and the clients {} delivered.",
                grouped(theirs),
                grouped(m.delivered)
            ));
        }
        if let Some(held) = m.server_queued {
            let unacknowledged = m
                .server_acknowledged
                .map_or(m.unanswered, |theirs| m.delivered.saturating_sub(theirs));
            let most = m.queued + m.lost + m.unanswered + unacknowledged;
            if held < m.queued || (held > most && !self.restarted) {
                found.push(format!(
                    "The server holds {} copies for people who are away, and by the clients' ledger it should hold {}.",
                    grouped(held),
                    grouped(m.queued)
                ));
            }
        }
        found
    }
}

fn messages(last: &Sample) -> Messages {
    let counter = |name: &str| last.counters.get(name).copied();
    let gauge = |name: &str| last.gauges.get(name).map(|value| value.max(0.0).round() as u64);
    let swarm = |name: &str| counter(name).unwrap_or(0);
    // The server's counts are of all it did; what it did for a replay beside the swarm is the replay's.
    let apart = |name: &str| counter(name).unwrap_or(0);
    let accepted_apart = apart(name::server::COPIES_ACCEPTED_APART);
    let acknowledged_apart = apart(name::server::COPIES_ACKNOWLEDGED_APART);
    let less = |of: Option<u64>, apart: u64| of.map(|count| count.saturating_sub(apart));
    Messages {
        sent: swarm(name::swarm::COPIES_SENT),
        accepted: swarm(name::swarm::COPIES_ACCEPTED),
        refused: swarm(name::swarm::COPIES_REFUSED),
        unanswered: gauge(name::swarm::LEDGER_UNANSWERED).unwrap_or(0),
        delivered: swarm(name::swarm::COPIES_DELIVERED),
        queued: gauge(name::swarm::LEDGER_QUEUED).unwrap_or(0),
        lost: gauge(name::swarm::LEDGER_MISSING).unwrap_or(0),
        duplicated: swarm(name::swarm::COPIES_DUPLICATED),
        redelivered: swarm(name::swarm::COPIES_REDELIVERED),
        corrupted: swarm(name::swarm::COPIES_CORRUPTED),
        misordered: swarm(name::swarm::COPIES_MISORDERED),
        ticks: counter(name::swarm::TICKS),
        ticks_missing: counter(name::swarm::TICKS_MISSING),
        ticks_untimed: counter(name::swarm::TICKS_UNTIMED),
        server_accepted: less(counter(name::server::COPIES_ACCEPTED), accepted_apart),
        server_acknowledged: less(counter(name::server::COPIES_ACKNOWLEDGED), acknowledged_apart),
        server_queued: less(
            gauge(name::server::COPIES_QUEUED),
            accepted_apart.saturating_sub(acknowledged_apart),
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A ledger that adds up: some unanswered copies were accepted by the server all the same, some of those arrived,
    /// and some acknowledgements got lost.
    fn whole() -> impl Strategy<Value = Ledger> {
        (
            0u64..1_000,
            0u64..1_000,
            0u64..1_000,
            0u64..50,
            0u64..50,
            0u64..50,
        )
            .prop_map(
                |(delivered_answered, queued, refused, only_server, arrived_unanswered, never)| {
                    let unanswered = only_server + arrived_unanswered + never;
                    let accepted = delivered_answered + queued;
                    let delivered = delivered_answered + arrived_unanswered;
                    let unacknowledged = delivered.min(never);
                    Ledger {
                        messages: Messages {
                            sent: accepted + refused + unanswered,
                            accepted,
                            refused,
                            unanswered,
                            delivered,
                            queued,
                            server_accepted: Some(accepted + only_server + arrived_unanswered),
                            server_acknowledged: Some(delivered - unacknowledged),
                            server_queued: Some(queued + only_server + unacknowledged),
                            ..Messages::default()
                        },
                        ..Ledger::default()
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn a_ledger_that_adds_up_has_no_mismatch(ledger in whole()) {
            prop_assert_eq!(ledger.mismatches(), Vec::<String>::new());
        }

        #[test]
        fn a_copy_that_vanishes_anywhere_is_noticed(ledger in whole(), field in 0usize..6) {
            let slack = ledger.messages.unanswered + 1;
            let mut broken = ledger.clone();
            let m = &mut broken.messages;
            match field {
                0 => m.sent += 1,
                1 => m.refused += 1,
                2 => m.delivered += slack,
                3 => m.server_accepted = m.server_accepted.map(|count| count + slack),
                4 => m.server_acknowledged = Some(m.delivered + 1),
                _ if m.queued > 0 => m.server_queued = Some(m.queued - 1),
                _ => m.sent += 1,
            }
            prop_assert!(!broken.mismatches().is_empty(), "{:?}", broken.messages);
        }

        #[test]
        fn an_interrupted_run_is_held_to_the_clients_equations_only(ledger in whole()) {
            let mut broken = Ledger { interrupted: true, ..ledger };
            broken.messages.server_accepted = Some(0);
            prop_assert_eq!(broken.mismatches(), Vec::<String>::new());
            broken.messages.sent += 1;
            prop_assert_eq!(broken.mismatches().len(), 1);
        }
    }
}
