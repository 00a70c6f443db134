//! What is to be known of a replay beside its ledger, a sentence each.
//!
//! It knows counts; it judges none of them.

use record::{Replay, ReplayGaps};

use crate::quantity::{Unit, grouped, short, trimmed};

/// Turns that wait for answers keep a plan that follows the target: what they have in common with the capture is told apart.
const CAPTURED: &str = "Gaps within sessions, captured, at the speed of the replay, against made; the target has its part in them, for \
                        turns waited for its answers, and nothing is judged by it";

/// All that there is to say.
pub(super) fn of(replay: &Replay) -> Vec<String> {
    let mut notes = vec![recorded(replay)];
    notes.extend(datagrams(replay));
    notes.extend(counted(replay));
    notes.extend(chat(replay));
    notes.extend(gaps("Gaps between sends, planned against made", replay.gaps));
    notes.extend(gaps(CAPTURED, replay.captured_gaps));
    notes
}

fn recorded(replay: &Replay) -> String {
    let (sessions, bytes) = (&replay.sessions, &replay.bytes);
    format!(
        "The recording has {} sessions: {} cannot be driven, {} were not wanted. Those driven said {}, their servers {}.",
        grouped(sessions.recorded),
        grouped(sessions.unplayable),
        grouped(sessions.left_out),
        short(bytes.recorded_client as f64, Unit::Bytes),
        short(bytes.recorded_server as f64, Unit::Bytes),
    )
}

/// What no replay drives.
fn datagrams(replay: &Replay) -> Option<String> {
    let udp = replay.datagrams.filter(|udp| udp.packets > 0)?;
    let beyond = match udp.unlisted {
        0 => String::new(),
        packets => format!(
            " {} packets more are of flows beyond those that are listed.",
            grouped(packets)
        ),
    };
    Some(format!(
        "{} UDP flows, {} of them QUIC, were captured and are not replayed: {} packets, {}.{beyond}",
        grouped(udp.flows),
        grouped(udp.quic),
        grouped(udp.packets.saturating_sub(udp.unlisted)),
        short(udp.bytes as f64, Unit::Bytes)
    ))
}

/// What ought to be 0 and is told where it is not.
fn counted(replay: &Replay) -> impl Iterator<Item = String> {
    let (sessions, sends, bytes) = (&replay.sessions, &replay.sends, &replay.bytes);
    let lacking = format!(
        "of their servers' bytes are lacking, so {} answers that may stand there were not judged.",
        grouped(replay.answers.unjudged)
    );
    let held = format!(
        "sessions began more than {} ms late because as many were open as --at-once allows: by choice, so that is not the \
         driver's lateness, and the load was not the recording's.",
        trimmed(replay.lateness_limit_ms, 3)
    );
    let all: [(u64, String); 9] = [
        (bytes.gapped_server, lacking),
        (
            sends.answers_given_up,
            "times a request went on without the whole of the answer that was recorded before it.".to_owned(),
        ),
        (
            sends.stalled,
            "times a request waited because the target did not read what was said before it.".to_owned(),
        ),
        (
            sends.answers_untimed,
            "answers that were recorded are in no latency: none came, or more than 32 were awaited on one connection."
                .to_owned(),
        ),
        (sessions.connects_held, held),
        (
            sends.unlearned,
            "values were said as recorded, because the target had not handed out its own, or were in answers that could not be \
             unpacked."
                .to_owned(),
        ),
        (
            sends.early,
            "values were said as recorded on one connection before another of the same person came to the answer that hands them \
             out, which in the recording came first: at a lower --connect-speed it does here, too."
                .to_owned(),
        ),
        (
            sends.forgotten,
            "values that the target handed out to a person, or that a person said before they might be handed out, were forgotten \
             for newer ones: a later session that needed one said the recorded one, or it is not told whether one was said too early."
                .to_owned(),
        ),
        (
            sends.unshared,
            "values that the target handed out were not shared with the same person's other sessions, for there were too many \
             people or values: those sessions said the recorded ones."
                .to_owned(),
        ),
    ];
    all.into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, of_what)| format!("{} {of_what}", grouped(count)))
}

fn chat(replay: &Replay) -> Option<String> {
    let chat = replay.chat.filter(|chat| chat.said > 0)?;
    Some(format!(
        "Its people said {} chat messages, {} of them to groups; {} were accepted and {} refused. What the server did for them \
         is not in the swarm's ledger.",
        grouped(chat.said),
        grouped(chat.to_groups),
        grouped(chat.accepted),
        grouped(chat.refused)
    ))
}

fn gaps(which: &str, gaps: Option<ReplayGaps>) -> Option<String> {
    let gaps = gaps?;
    Some(format!(
        "{which}: Kolmogorov-Smirnov distance {} (p {}) over {} gaps; {} where gaps that differ by less than 100 µs count as equal.",
        trimmed(gaps.distance, 4),
        trimmed(gaps.p_value, 4),
        grouped(gaps.count),
        trimmed(gaps.distance_beyond_100_us, 4)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_unlisted_flows_are_told_apart_from_those_whose_flows_and_bytes_are() {
        let told = |unlisted| {
            let udp = record::ReplayDatagrams {
                flows: 3,
                quic: 1,
                packets: 120 + unlisted,
                bytes: 34_000,
                unlisted,
            };
            let replay = Replay {
                datagrams: Some(udp),
                ..Replay::default()
            };
            datagrams(&replay).unwrap()
        };
        let listed = "3 UDP flows, 1 of them QUIC, were captured and are not replayed: 120 packets, 34 kB.";
        assert_eq!(told(0), listed);
        let beyond = "7 packets more are of flows beyond those that are listed.";
        assert_eq!(told(7), format!("{listed} {beyond}"));
    }

    #[test]
    fn values_that_were_early_forgotten_or_never_shared_are_told() {
        let mut replay = Replay::default();
        assert_eq!(counted(&replay).count(), 0);
        (replay.sends.early, replay.sends.forgotten, replay.sends.unshared) = (1, 1_200, 3);
        let told: Vec<String> = counted(&replay).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("1 values were said as recorded on one connection before another"));
        assert!(
            told[1].starts_with("1,200 values that the target handed out to a person, or that a person said")
        );
        assert!(told[2].starts_with("3 values that the target handed out were not shared"));
    }

    #[test]
    fn gaps_beside_the_plan_and_beside_the_capture_are_told_apart() {
        let gaps = |distance| {
            Some(ReplayGaps {
                count: 1_200,
                distance,
                p_value: 0.5,
                distance_beyond_100_us: 0.25,
            })
        };
        let told = |gaps, captured_gaps| {
            let replay = Replay {
                gaps,
                captured_gaps,
                ..Replay::default()
            };
            of(&replay).split_off(1)
        };
        assert!(told(None, None).is_empty());
        let both = told(gaps(0.125), gaps(0.75));
        assert_eq!(both.len(), 2, "{both:?}");
        assert!(
            both[0]
                .starts_with("Gaps between sends, planned against made: Kolmogorov-Smirnov distance 0.125 ")
        );
        assert!(
            both[1].starts_with("Gaps within sessions, captured, "),
            "{both:?}"
        );
        assert!(
            both[1].contains(" distance 0.75 (p 0.5) over 1,200 gaps; 0.25 where "),
            "{both:?}"
        );
    }
}
