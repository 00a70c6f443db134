//! A replay's figures, whether its ledger closes, and whether it kept the clock.
//!
//! It knows the equations; how answers were compared is not its business.

use record::{CapturedBytes, Replay, ReplayBytes, ReplayChat, ReplaySummary, Run, name};

use crate::quantity::{grouped, trimmed};
use crate::series;

/// A driver that made more than this share of its sends, or of its connects, later than its limit did not keep the capture's clock.
pub(crate) const LATE_SHARE_LIMIT: f64 = 0.01;

/// What holds for every replay that does not say otherwise.
pub(crate) const IMPLIED: [&str; 3] = [
    "replay.unsent == 0",
    "replay.different == 0",
    "replay.missing == 0",
];

/// The figures of a replay, where there was one.
pub(crate) fn summary(run: &Run) -> Option<ReplaySummary> {
    let replay = run.replay.as_ref()?;
    let of = |name: &str| series::merged(run, name).percentiles_ms();
    Some(ReplaySummary {
        sessions: replay.sessions.clone(),
        sends: replay.sends.clone(),
        bytes: replay.bytes.clone(),
        datagrams: replay.datagrams,
        answers: replay.answers,
        chat: replay.chat,
        gaps: replay.gaps,
        lateness_ms: of(name::replay::LATENESS),
        held_ms: of(name::replay::HELD),
        connect_lateness_ms: of(name::replay::CONNECT_LATENESS),
        connect_ms: of(name::replay::CONNECT),
        answer_ms: of(name::replay::ANSWER),
        recorded_answer_ms: of(name::replay::RECORDED_ANSWER),
    })
}

/// Why a replay says nothing about its target, a sentence each.
pub(crate) fn shortcomings(replay: &Replay) -> Vec<String> {
    if !replay.finished {
        return vec!["The replay did not come to its end, nor say why: what drove it died.".to_owned()];
    }
    let (sessions, sends) = (&replay.sessions, &replay.sends);
    let mut reasons = Vec::new();
    if sends.planned != sends.sent + sends.unsent {
        reasons.push(format!(
            "The ledger does not close: {} sends planned, {} made and {} not.",
            grouped(sends.planned),
            grouped(sends.sent),
            grouped(sends.unsent)
        ));
    }
    if sessions.planned != sessions.finished + sessions.failed {
        reasons.push(format!(
            "The ledger does not close: {} sessions planned, {} finished and {} failed.",
            grouped(sessions.planned),
            grouped(sessions.finished),
            grouped(sessions.failed)
        ));
    }
    for (what, total, parts) in [
        ("sends", sends.unsent, &sends.unsent_by),
        ("sessions", sessions.failed, &sessions.failed_by),
    ] {
        if total != parts.values().sum::<u64>() {
            reasons.push(format!(
                "The causes of {what} that failed do not add up to {}.",
                grouped(total)
            ));
        }
    }
    reasons.extend(bytes_astray(&replay.bytes));
    // Of those that were stopped, some had not begun; those that opened had.
    let stopped = sessions.failed_by.get("stopped").copied().unwrap_or(0);
    let connects = sessions.opened.max(sessions.planned.saturating_sub(stopped));
    reasons.extend(clock_not_kept(replay, "sends were made", sends.late, sends.sent));
    reasons.extend(clock_not_kept(
        replay,
        "connects were begun",
        sessions.connects_late,
        connects,
    ));
    reasons
}

/// What of the recorded bytes is not accounted for, a sentence each.
fn bytes_astray(bytes: &ReplayBytes) -> Vec<String> {
    let driven = bytes.recorded_client + bytes.recorded_server;
    let undriven: u64 = bytes.undriven_by.values().sum();
    let mut reasons = Vec::new();
    if let Some(recorded) = bytes.recorded.filter(|recorded| *recorded != driven + undriven) {
        reasons.push(format!(
            "The ledger does not close: {} bytes recorded, {} of driven sessions and {} of others.",
            grouped(recorded),
            grouped(driven),
            grouped(undriven)
        ));
    }
    let Some(capture) = &bytes.capture else {
        return reasons;
    };
    let skipped = capture.skipped();
    if capture.captured != capture.reassembled + skipped {
        reasons.push(format!(
            "The ledger does not close: {} bytes captured, {} put together and {} not.",
            grouped(capture.captured),
            grouped(capture.reassembled),
            grouped(skipped)
        ));
    }
    if capture.reassembled != capture.recorded + capture.tls {
        reasons.push(format!(
            "The ledger does not close: {} bytes put together, {} of them recorded and {} taken off with TLS.",
            grouped(capture.reassembled),
            grouped(capture.recorded),
            grouped(capture.tls)
        ));
    }
    reasons.extend(tls_astray(capture));
    reasons
}

/// What of the bytes taken off with TLS is not accounted for, a sentence each.
fn tls_astray(capture: &CapturedBytes) -> Vec<String> {
    let mut reasons = Vec::new();
    let by_kind = capture.tls_by.as_ref().map(|kinds| kinds.values().sum::<u64>());
    if let Some(by_kind) = by_kind.filter(|bytes| *bytes != capture.tls) {
        reasons.push(format!(
            "The ledger does not close: {} bytes taken off with TLS, {} of them of a known kind.",
            grouped(capture.tls),
            grouped(by_kind)
        ));
    }
    if capture.tls_unbalanced > 0 {
        reasons.push(format!(
            "The ledger does not close: the decrypted bytes of {} TLS connections do not add up.",
            grouped(capture.tls_unbalanced)
        ));
    }
    reasons
}

/// The sentence where more than a share of what was done was late by the driver's own fault. One alone is no clock that was not
/// kept, however little was done.
fn clock_not_kept(replay: &Replay, were_done: &str, late: u64, done: u64) -> Option<String> {
    (late > 1 && late as f64 > LATE_SHARE_LIMIT * done as f64).then(|| {
        format!(
            "The clock was not kept: {} of {} {were_done} more than {} ms too late by the driver's own fault, more than \
             {:.0} %.",
            grouped(late),
            grouped(done),
            trimmed(replay.lateness_limit_ms, 3),
            LATE_SHARE_LIMIT * 100.0
        )
    })
}

/// The most members of a group but the sender.
const COPIES_MOST: u64 = 255;

/// Whether the server's count of copies for a replay's people fits what they say themselves, beside a swarm.
pub(crate) fn disagreement(run: &Run) -> Option<String> {
    let chat = run.replay.as_ref()?.chat?;
    let counter = |name: &str| run.samples.last()?.counters.get(name).copied();
    let copies = counter(name::server::COPIES_ACCEPTED_APART)?;
    let repeats = counter(name::server::REPEATS_ABSORBED).unwrap_or(0);
    between(&chat, copies, repeats)
}

/// The server counts copies, the people messages: one to a group may be no copy or many, one that repeats is answered and is
/// no copy.
fn between(chat: &ReplayChat, copies: u64, repeats: u64) -> Option<String> {
    let fewest = chat.accepted.saturating_sub(chat.to_groups + repeats);
    let most = chat.said.saturating_sub(chat.refused) + chat.to_groups * (COPIES_MOST - 1);
    (copies < fewest || copies > most).then(|| {
        format!(
            "The server accepted {} copies for the replay's people by its own count, and by theirs it should be {} to {}.",
            grouped(copies),
            grouped(fewest),
            grouped(most)
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use record::{ReplaySends, ReplaySessions};

    use super::*;

    fn whole() -> Replay {
        Replay {
            finished: true,
            lateness_limit_ms: 10.0,
            sessions: ReplaySessions {
                planned: 10,
                finished: 8,
                failed: 2,
                failed_by: BTreeMap::from([("refused".to_owned(), 2)]),
                ..ReplaySessions::default()
            },
            sends: ReplaySends {
                planned: 1_000,
                sent: 900,
                unsent: 100,
                unsent_by: BTreeMap::from([("refused".to_owned(), 100)]),
                late: 8,
                ..ReplaySends::default()
            },
            bytes: ReplayBytes {
                recorded: Some(870),
                recorded_client: 300,
                recorded_server: 500,
                undriven_by: BTreeMap::from([("midway".to_owned(), 70)]),
                capture: Some(CapturedBytes {
                    captured: 1_000,
                    reassembled: 900,
                    recorded: 870,
                    skipped_by: BTreeMap::from([
                        ("retransmitted".to_owned(), 60),
                        ("refused".to_owned(), 40),
                    ]),
                    inconsistent: 5,
                    gapped: 1_460,
                    gaps: 1,
                    tls: 30,
                    tls_by: Some(BTreeMap::from([
                        ("headers".to_owned(), 10),
                        ("protection".to_owned(), 20),
                    ])),
                    tls_unbalanced: 0,
                }),
                ..ReplayBytes::default()
            },
            ..Replay::default()
        }
    }

    #[test]
    fn a_replay_that_closes_and_kept_the_clock_is_valid() {
        assert_eq!(shortcomings(&whole()), Vec::<String>::new());
        let mut once = whole();
        once.sessions.connects_late = 1;
        assert_eq!(shortcomings(&once), Vec::<String>::new(), "one of few");
    }

    #[test]
    fn whatever_is_off_by_one_is_found() {
        fn capture(replay: &mut Replay) -> &mut CapturedBytes {
            replay.bytes.capture.as_mut().unwrap()
        }
        let broken: [fn(&mut Replay); 17] = [
            |replay| replay.finished = false,
            |replay| replay.sends.sent -= 1,
            |replay| replay.sessions.finished += 1,
            |replay| *replay.sends.unsent_by.get_mut("refused").unwrap() -= 1,
            |replay| replay.sessions.failed_by.clear(),
            |replay| replay.sends.late += 2,
            |replay| replay.sessions.connects_late += 2,
            |replay| capture(replay).captured -= 1,
            |replay| *capture(replay).skipped_by.get_mut("refused").unwrap() += 1,
            |replay| capture(replay).skipped_by.clear(),
            |replay| capture(replay).tls_by.as_mut().unwrap().clear(),
            |replay| capture(replay).tls_unbalanced += 1,
            |replay| capture(replay).recorded -= 1,
            |replay| {
                *capture(replay)
                    .tls_by
                    .as_mut()
                    .unwrap()
                    .get_mut("headers")
                    .unwrap() += 1
            },
            |replay| replay.bytes.recorded_client += 1,
            |replay| replay.bytes.recorded_server -= 1,
            |replay| replay.bytes.undriven_by.clear(),
        ];
        for (case, spoil) in broken.into_iter().enumerate() {
            let mut replay = whole();
            spoil(&mut replay);
            assert_eq!(shortcomings(&replay).len(), 1, "{case}: {replay:?}");
        }
        // A byte more that was put together is one too many on both sides.
        let mut replay = whole();
        capture(&mut replay).reassembled += 1;
        assert_eq!(shortcomings(&replay).len(), 2, "{replay:?}");
        // One that was taken off and did not come is one too many among the recorded, and among the kinds.
        let mut replay = whole();
        capture(&mut replay).tls += 1;
        assert_eq!(shortcomings(&replay).len(), 2, "{replay:?}");
        // An earlier version did not tell the kinds.
        (capture(&mut replay).tls, capture(&mut replay).tls_by) = (30, None);
        assert_eq!(shortcomings(&replay), Vec::<String>::new());
        // A file of sessions has no captured bytes to account for, and a folder of an earlier version no recorded ones.
        replay.bytes.capture = None;
        assert_eq!(shortcomings(&replay), Vec::<String>::new());
        (replay.bytes.recorded, replay.bytes.recorded_server) = (None, 0);
        assert_eq!(shortcomings(&replay), Vec::<String>::new());
    }

    #[test]
    fn the_servers_copies_are_held_against_what_people_say_they_sent() {
        let chat = ReplayChat {
            said: 100,
            to_groups: 0,
            accepted: 95,
            refused: 3,
        };
        // Two were never answered: either may have been accepted.
        for (copies, repeats, fits) in [
            (95, 0, true),
            (97, 0, true),
            (94, 0, false),
            (98, 0, false),
            (94, 1, true),
        ] {
            assert_eq!(
                between(&chat, copies, repeats).is_none(),
                fits,
                "{copies} {repeats}"
            );
        }
        let to_groups = ReplayChat { to_groups: 1, ..chat };
        assert_eq!(between(&to_groups, 94 + 255, 0), None);
        assert!(between(&to_groups, 93, 0).is_some() && between(&to_groups, 10_000, 0).is_some());
    }
}
