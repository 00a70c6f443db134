//! A replay's counts in the run folder's words.

use std::collections::BTreeMap;

use record::name::replay as name;
use record::{
    Differing, EventKind, Failing, REPLAY_SCHEMA, Replay, ReplayAnswers, ReplayBytes, ReplayGaps,
    ReplaySends, ReplaySessions, Sample, Undriven,
};
use replay::{
    Answers, Arrivals, CaptureFigures, Cause, Counts, Drive, DriveOptions, Figures, Order, Picked, Planned,
    Rhythm, Side, Speed, Timings,
};

use super::captured;
use crate::replay::arguments::DriveArgs;
use crate::replay::source::Recorded;

/// Sessions that cannot be driven and are listed one by one.
const UNPLAYABLE_MAX: usize = 200;
/// Differences, and failures, in `replay.json`.
const FINDINGS_MAX: usize = 50;

/// What is known before the first connect.
pub(crate) fn begun(
    args: &DriveArgs,
    recorded: &Recorded,
    options: &DriveOptions,
    (planned, picked): (&Planned, &Picked),
) -> Replay {
    let (sessions, figures) = (options.recording.sessions(), recorded.figures());
    let client_bytes: u64 = sessions
        .iter()
        .map(|session| session.said(Side::Client).bytes)
        .sum::<u64>()
        + recorded.reads.left_out.bytes[Side::Client as usize];
    let undriven = |&(index, why): &(u32, replay::Unplayable)| {
        let session = &sessions[index as usize];
        Undriven {
            flow: session.flow.0,
            ends: [session.client.to_string(), session.server.to_string()],
            why: why.to_string(),
        }
    };
    Replay {
        schema: REPLAY_SCHEMA.to_owned(),
        capture: args.capture.display().to_string(),
        connect_speed: options.connect_speed.to_string(),
        think_speed: options.think_speed.to_string(),
        order: match options.think_speed {
            Speed::Max => Order::Causal,
            Speed::Times(_) => options.order,
        }
        .name()
        .to_owned(),
        clones: u64::from(options.clones.count),
        loops: u64::from(options.clones.loops),
        lateness_limit_ms: options.lateness_limit.as_secs_f64() * 1e3,
        finished: false,
        sessions: ReplaySessions {
            recorded: recorded.connections(),
            left_out: picked.left_out,
            unplayable: picked.unplayable.len() as u64,
            planned: planned.sessions,
            ..ReplaySessions::default()
        },
        sends: ReplaySends {
            planned: planned.sends,
            ..ReplaySends::default()
        },
        bytes: ReplayBytes {
            recorded: Some(captured::recorded(recorded)),
            recorded_client: planned.client_bytes,
            recorded_server: planned.server_bytes,
            gapped_server: planned.server_gap_bytes,
            skipped_client: client_bytes.saturating_sub(planned.client_bytes),
            undriven_by: captured::undriven(recorded, picked),
            capture: captured::bytes(recorded),
            unused_by: figures.map(unused).unwrap_or_default(),
            ..ReplayBytes::default()
        },
        datagrams: recorded.reads.datagrams().map(captured::datagrams),
        answers: ReplayAnswers::default(),
        chat: None,
        gaps: None,
        captured_gaps: None,
        unplayable: picked
            .unplayable
            .iter()
            .take(UNPLAYABLE_MAX)
            .map(undriven)
            .collect(),
        differences: Vec::new(),
        failures: Vec::new(),
    }
}

/// What is to be told of the rules of the file that are for no session that is driven.
pub(crate) fn unfitting(args: &DriveArgs, options: &DriveOptions, picked: &Picked) -> Option<String> {
    let file = args.rules.as_ref()?;
    let lines = options.rules.unfitting(&options.recording, &picked.sessions);
    let numbers: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let told = match lines.len() {
        0 => return None,
        1 => "the rule of line",
        _ => "the rules of lines",
    };
    Some(format!(
        "{}: no session that was driven fits {told} {}: `protocol` or `server` is another",
        file.display(),
        numbers.join(", ")
    ))
}

/// Packets of the capture that were not used, by cause.
fn unused(figures: &CaptureFigures) -> BTreeMap<String, u64> {
    figures
        .skipped
        .causes()
        .map(|(_, cause, packets)| (cause.to_owned(), packets))
        .collect()
}

/// Adds what came of it.
pub(crate) fn ended(replay: &mut Replay, counts: &Counts, rhythm: &Rhythm) {
    let by = |causes: &[u64]| -> BTreeMap<String, u64> {
        Cause::ALL
            .iter()
            .zip(causes)
            .filter(|(_, count)| **count > 0)
            .map(|(cause, count)| (cause.name().to_owned(), *count))
            .collect()
    };
    let sessions = &mut replay.sessions;
    (sessions.opened, sessions.finished, sessions.failed) =
        (counts.opened, counts.finished, counts.failures());
    (sessions.connects_late, sessions.connects_held) = (counts.connects_late, counts.connects_held);
    sessions.failed_by = by(&counts.failed);
    let sends = &mut replay.sends;
    (sends.sent, sends.unsent, sends.late) = (counts.sent, counts.unsent_in_all(), counts.late);
    sends.unsent_by = by(&counts.unsent);
    (sends.answers_given_up, sends.unlearned) = (counts.answers_given_up, counts.unlearned);
    (sends.early, sends.forgotten, sends.unshared) = (counts.early, counts.forgotten, counts.unshared);
    (sends.answers_untimed, sends.stalled) = (counts.answers_untimed, counts.stalled);
    (replay.bytes.said, replay.bytes.heard) = (counts.bytes_out, counts.bytes_in);
    replay.answers = answers(&counts.answers);
    set_gaps(replay, rhythm);
    replay.finished = true;
}

/// Why sessions were not driven to their end, as events: kind, name, sentence.
pub(crate) fn failures(counts: &Counts) -> Vec<(EventKind, &'static str, String)> {
    let failed = Cause::ALL
        .iter()
        .zip(counts.failed)
        .filter(|(_, count)| *count > 0);
    failed
        .map(|(cause, count)| {
            let what = format!("{count} sessions were not driven to their end: {}", cause.name());
            // What this host lacked is not the target's answer to the load.
            let kind = if cause.is_ours() {
                EventKind::Invalid
            } else {
                EventKind::Note
            };
            (kind, cause.name(), what)
        })
        .collect()
}

/// The first difference and the first failure, as events: where to look.
pub(crate) fn first_findings(replay: &Replay) -> Vec<(EventKind, &'static str, String)> {
    let different = replay.differences.first().map(|first| {
        let at = format!(
            "flow {}, person {}, answer {}",
            first.flow, first.person, first.answer
        );
        (
            EventKind::Note,
            "first difference",
            format!("{at}: {}", first.what),
        )
    });
    let failed = replay.failures.first().map(|first| {
        let why = if first.why.is_empty() {
            &first.cause
        } else {
            &first.why
        };
        let what = format!(
            "flow {}, person {}: {why} (--cut {} makes a file of that session alone)",
            first.flow, first.person, first.flow
        );
        (EventKind::Note, "first failure", what)
    });
    different.into_iter().chain(failed).collect()
}

/// Sets the gaps between sends beside the planned and the captured ones.
pub(crate) fn set_gaps(replay: &mut Replay, rhythm: &Rhythm) {
    let gaps = |arrivals: &Arrivals| {
        arrivals.likeness().map(|likeness| ReplayGaps {
            count: likeness.gaps,
            distance: likeness.distance,
            p_value: likeness.p_value,
            distance_beyond_100_us: likeness.distance_beyond,
        })
    };
    replay.gaps = gaps(&rhythm.planned);
    replay.captured_gaps = gaps(&rhythm.captured);
}

/// Takes differences and failures found since the last call.
pub(crate) fn add_findings(replay: &mut Replay, drive: &Drive) {
    let room = FINDINGS_MAX.saturating_sub(replay.failures.len());
    let failing = |found: replay::Failing| Failing {
        flow: found.flow.0,
        person: found.person,
        cause: found.failure.cause.name().to_owned(),
        why: found.failure.why,
    };
    replay
        .failures
        .extend(drive.take_failures().into_iter().take(room).map(failing));
    let room = FINDINGS_MAX.saturating_sub(replay.differences.len());
    let differing = |found: replay::Differing| Differing {
        flow: found.flow.0,
        person: found.person,
        answer: found.difference.answer,
        offset: found.difference.offset,
        what: found.difference.what,
        recorded: found.difference.recorded,
        actual: found.difference.actual,
    };
    replay
        .differences
        .extend(drive.take_differences().into_iter().take(room).map(differing));
}

fn answers(answers: &Answers) -> ReplayAnswers {
    ReplayAnswers {
        identical: answers.identical,
        masked: answers.masked,
        different: answers.different,
        missing: answers.missing,
        extra: answers.extra,
        unjudged: answers.unjudged,
    }
}

/// Adds a second's figures to a sample.
pub(crate) fn sample(sample: &mut Sample, figures: &Figures, timings: Timings) {
    let counts: &Counts = &figures.tally;
    let counters = [
        (name::SENT, counts.sent),
        (name::UNSENT, counts.unsent_in_all()),
        (name::LATE, counts.late),
        (name::CONNECTS_LATE, counts.connects_late),
        (name::OPENED, counts.opened),
        (name::FINISHED, counts.finished),
        (name::FAILED, counts.failures()),
        (name::BYTES_OUT, counts.bytes_out),
        (name::BYTES_IN, counts.bytes_in),
        (name::IDENTICAL, counts.answers.identical),
        (name::MASKED, counts.answers.masked),
        (name::DIFFERENT, counts.answers.different),
        (name::MISSING, counts.answers.missing),
        (name::EXTRA, counts.answers.extra),
        (name::LOOP_BUSY_US, figures.busy_us),
    ];
    for (name, count) in counters {
        sample.counters.insert(name.to_owned(), count);
    }
    for (cause, count) in Cause::ALL
        .iter()
        .zip(counts.failed)
        .filter(|(_, count)| *count > 0)
    {
        sample
            .counters
            .insert(format!("{}{}", name::FAILED_BY, cause.name()), count);
    }
    sample.gauges.insert(name::OPEN.to_owned(), counts.open as f64);
    sample
        .gauges
        .insert(name::LOOP_BUSIEST.to_owned(), figures.busiest);
    let histograms = [
        (name::LATENESS, timings.lateness),
        (name::HELD, timings.held),
        (name::CONNECT_LATENESS, timings.connect_lateness),
        (name::CONNECT, timings.connect),
        (name::ANSWER, timings.answer),
        (name::RECORDED_ANSWER, timings.recorded_answer),
    ];
    for (name, histogram) in histograms
        .into_iter()
        .filter(|(_, histogram)| histogram.count() > 0)
    {
        sample.histograms.insert(name.to_owned(), histogram);
    }
}
