//! Several replays of one run as one: their figures, their times, their records.
//!
//! It adds; it knows none of them apart.

use std::collections::BTreeMap;

use record::{REPLAY_SCHEMA, Replay, ReplayBytes, ReplaySends, ReplaySessions};
use replay::{Drive, Figures, Rhythm, Timings};

/// What can be added to its like.
pub(super) trait Together<T> {
    /// Adds it.
    fn add(&mut self, other: T);
}

impl Together<Figures> for Figures {
    fn add(&mut self, other: Figures) {
        self.tally.merge(&other.tally);
        self.busy_us += other.busy_us;
        self.busiest = self.busiest.max(other.busiest);
        self.carriage.extend(other.carriage);
    }
}

impl Together<&Timings> for Timings {
    fn add(&mut self, other: &Timings) {
        self.lateness.merge(&other.lateness);
        self.held.merge(&other.held);
        self.connect_lateness.merge(&other.connect_lateness);
        self.connect.merge(&other.connect);
        self.answer.merge(&other.answer);
        self.recorded_answer.merge(&other.recorded_answer);
    }
}

/// Adds counts of one record to those of another.
macro_rules! counts {
    ($sum:ident, $other:ident: $($count:ident),+ $(,)?) => {
        $($sum.$count += $other.$count;)+
    };
}

/// The gaps between the sends of all.
pub(super) fn rhythm<'a>(drives: impl Iterator<Item = &'a Drive>) -> Rhythm {
    drives.fold(Rhythm::default(), |mut sum, drive| {
        sum.merge(&drive.rhythm());
        sum
    })
}

/// Their records as one. Where there is one, it is that one.
pub(super) fn of(records: &[Replay]) -> Replay {
    let mut records = records.iter();
    let Some(mut sum) = records.next().cloned() else {
        return Replay {
            schema: REPLAY_SCHEMA.to_owned(),
            ..Replay::default()
        };
    };
    for other in records {
        add(&mut sum, other);
    }
    sum
}

fn add(sum: &mut Replay, other: &Replay) {
    sum.capture = format!("{} + {}", sum.capture, other.capture);
    let either = |one: &mut String, other: &String| {
        if !one.split(" + ").any(|known| known == other) {
            *one = format!("{one} + {other}");
        }
    };
    either(&mut sum.connect_speed, &other.connect_speed);
    either(&mut sum.think_speed, &other.think_speed);
    if other.order == "causal" {
        // Whatever is closed-loop makes the whole so.
        sum.order.clone_from(&other.order);
    }
    sum.clones += other.clones;
    sum.loops = sum.loops.max(other.loops);
    sum.lateness_limit_ms = sum.lateness_limit_ms.max(other.lateness_limit_ms);
    sum.finished &= other.finished;
    (sum.gaps, sum.captured_gaps) = (None, None);
    sessions(&mut sum.sessions, &other.sessions);
    sends(&mut sum.sends, &other.sends);
    bytes(&mut sum.bytes, &other.bytes);
    if let Some(b) = other.datagrams {
        let a = sum.datagrams.get_or_insert_default();
        counts!(a, b: flows, quic, unlisted, packets, bytes);
    }
    let (a, b) = (&mut sum.answers, &other.answers);
    counts!(a, b: identical, masked, different, missing, extra, unjudged);
    if let Some(b) = other.chat {
        let a = sum.chat.get_or_insert_default();
        counts!(a, b: said, to_groups, accepted, refused);
    }
    sum.unplayable.extend(other.unplayable.iter().cloned());
    sum.differences.extend(other.differences.iter().cloned());
    sum.failures.extend(other.failures.iter().cloned());
}

fn sessions(a: &mut ReplaySessions, b: &ReplaySessions) {
    counts!(a, b:
        recorded, left_out, unplayable, planned, connects_late, connects_held, opened, finished, failed
    );
    causes(&mut a.failed_by, &b.failed_by);
}

fn sends(a: &mut ReplaySends, b: &ReplaySends) {
    counts!(a, b:
        planned, sent, unsent, late, stalled, answers_given_up, answers_untimed, unlearned, early,
        forgotten, unshared
    );
    causes(&mut a.unsent_by, &b.unsent_by);
}

fn bytes(a: &mut ReplayBytes, b: &ReplayBytes) {
    a.recorded = a.recorded.zip(b.recorded).map(|(a, b)| a + b);
    counts!(a, b: recorded_client, recorded_server, gapped_server, skipped_client, said, heard);
    causes(&mut a.unused_by, &b.unused_by);
    causes(&mut a.undriven_by, &b.undriven_by);
    if let Some(b) = &b.capture {
        let a = a.capture.get_or_insert_default();
        counts!(a, b: captured, reassembled, recorded, inconsistent, gapped, gaps, tls, tls_unbalanced);
        causes(&mut a.skipped_by, &b.skipped_by);
        if let Some(kinds) = &b.tls_by {
            causes(a.tls_by.get_or_insert_default(), kinds);
        }
    }
}

fn causes(sum: &mut BTreeMap<String, u64>, other: &BTreeMap<String, u64>) {
    for (cause, count) in other {
        *sum.entry(cause.clone()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use record::CapturedBytes;

    use super::*;

    fn record(capture: &str, planned: u64, refused: u64) -> Replay {
        let mut replay = Replay {
            capture: capture.to_owned(),
            think_speed: "1x".to_owned(),
            order: "timed".to_owned(),
            clones: 2,
            finished: true,
            ..Replay::default()
        };
        (replay.sends.planned, replay.sends.sent) = (planned, planned - refused);
        replay.sends.unsent = refused;
        replay.bytes.recorded = Some(planned);
        replay.bytes.undriven_by.insert("midway".to_owned(), planned);
        replay.sends.unsent_by.insert("refused".to_owned(), refused);
        replay
    }

    #[test]
    fn one_is_itself_and_several_are_their_sum_whose_ledger_closes() {
        let (one, other) = (record("a", 10, 1), record("b", 100, 20));
        assert_eq!(of(std::slice::from_ref(&one)), one);
        let sum = of(&[one.clone(), other.clone()]);
        assert_eq!((sum.capture.as_str(), sum.clones), ("a + b", 4));
        assert_eq!(sum.think_speed, "1x");
        assert_eq!(sum.sends.planned, sum.sends.sent + sum.sends.unsent);
        assert_eq!(sum.sends.unsent_by["refused"], 21);
        assert_eq!(sum.bytes.recorded, Some(110));
        assert_eq!(sum.bytes.undriven_by["midway"], 110);
        // A capture beside a file of sessions, which has no captured bytes.
        let mut captured = one.clone();
        captured.bytes.capture = Some(CapturedBytes {
            captured: 12,
            reassembled: 10,
            recorded: 10,
            skipped_by: BTreeMap::from([("retransmitted".to_owned(), 2)]),
            tls_by: Some(BTreeMap::from([("headers".to_owned(), 5)])),
            ..CapturedBytes::default()
        });
        let beside = of(&[other.clone(), captured.clone(), captured.clone()]).bytes;
        let both = beside.capture.unwrap();
        assert_eq!((both.captured, both.reassembled, both.recorded), (24, 20, 20));
        assert_eq!((both.skipped(), beside.recorded), (4, Some(120)));
        assert_eq!(both.tls_by.unwrap()["headers"], 10);
        let broken = Replay {
            finished: false,
            order: "causal".to_owned(),
            ..other
        };
        let sum = of(&[one, broken]);
        assert!(!sum.finished && sum.order == "causal");
    }
}
