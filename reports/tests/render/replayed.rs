//! A replay that no machine ever drove: two minutes of a recording, a target slower than the recorded server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use record::name::replay as name;
use record::{
    CapturedBytes, Differing, Failing, Histogram, Manifest, PlanCurve, REPLAY_SCHEMA, Replay, ReplayAnswers,
    ReplayBytes, ReplayDatagrams, ReplayGaps, ReplaySends, ReplaySessions, RunWriter, Sample, Undriven,
};

const SECONDS: u64 = 120;
/// Sends lost with a session that was reset.
const UNSENT: u64 = 40;

/// Writes the folder under a name of its own; `spoil` changes what was counted.
pub(crate) fn write(folder: &str, manifest: Manifest, spoil: impl FnOnce(&mut Replay)) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("reports")
        .join(folder);
    let _ = std::fs::remove_dir_all(&folder);
    let sends: Vec<u64> = (0..SECONDS).map(|second| 500 + 8 * (second % 60)).collect();
    let plan = PlanCurve {
        connections: (0..SECONDS).map(|second| (second * 20).min(1_000)).collect(),
        messages: sends.clone(),
        copies: sends.clone(),
        marks: Vec::new(),
        ..PlanCurve::default()
    };
    let manifest = Manifest {
        scenario: "replay".into(),
        title: "night.pcap, driven again".into(),
        thresholds: vec!["replay.lateness.p99 < 1ms".into(), "replay.unsent <= 100".into()],
        steps: Vec::new(),
        ..manifest
    };
    let mut writer = RunWriter::create(&folder, &manifest, &plan).unwrap();
    let mut counters = BTreeMap::new();
    for (second, planned) in (0..).zip(&sends) {
        writer.sample(&sample(second, *planned, &mut counters)).unwrap();
    }
    let mut replay = replay(sends.iter().sum());
    spoil(&mut replay);
    writer.replay(&replay).unwrap();
    folder
}

fn sample(second: u64, planned: u64, counters: &mut BTreeMap<String, u64>) -> Sample {
    let unsent = if second == 80 { UNSENT } else { 0 };
    let sent = planned - unsent;
    let mut count = |name: &str, more: u64| *counters.entry(name.to_owned()).or_default() += more;
    count(name::SENT, sent);
    count(name::UNSENT, unsent);
    count(name::FAILED, u64::from(unsent > 0));
    count(name::OPENED, if second < 50 { 20 } else { 0 });
    count(name::IDENTICAL, sent / 4);
    count(name::MASKED, sent - sent / 4);
    count(name::DIFFERENT, 0);
    count(name::MISSING, 0);
    let times = |median_us: u64| {
        let mut histogram = Histogram::new();
        (0..sent).for_each(|at| {
            histogram.record(median_us / 2 + median_us * at / sent + at % 7 * (at % 97 / 90) * median_us)
        });
        histogram
    };
    let slow = if second > 60 { 3 } else { 1 };
    let histograms = [
        (name::LATENESS, times(8)),
        (name::ANSWER, times(900 * slow)),
        (name::RECORDED_ANSWER, times(700)),
        (name::CONNECT, times(150)),
        (
            name::CONNECT_LATENESS,
            if second < 50 { times(20) } else { Histogram::new() },
        ),
        (
            name::HELD,
            if second < 50 { times(120) } else { Histogram::new() },
        ),
    ];
    Sample {
        t_ms: (second + 1) * 1_000,
        counters: counters.clone(),
        gauges: BTreeMap::from([(name::OPEN.to_owned(), ((second + 1) * 20).min(1_000) as f64)]),
        histograms: histograms
            .into_iter()
            .filter(|(_, histogram)| histogram.count() > 0)
            .map(|(name, histogram)| (name.to_owned(), histogram))
            .collect(),
    }
}

fn replay(planned: u64) -> Replay {
    let sent = planned - UNSENT;
    let reset = |count| BTreeMap::from([("reset".to_owned(), count)]);
    Replay {
        schema: REPLAY_SCHEMA.into(),
        capture: "night.pcap".into(),
        connect_speed: "2x".into(),
        think_speed: "2x".into(),
        order: "timed".into(),
        clones: 10,
        loops: 1,
        lateness_limit_ms: 10.0,
        finished: true,
        sessions: ReplaySessions {
            recorded: 104,
            left_out: 1,
            unplayable: 3,
            planned: 1_000,
            connects_held: 12,
            opened: 1_000,
            finished: 999,
            failed: 1,
            failed_by: reset(1),
            ..ReplaySessions::default()
        },
        sends: ReplaySends {
            planned,
            sent,
            unsent: UNSENT,
            unsent_by: reset(UNSENT),
            answers_untimed: 40,
            stalled: 3,
            ..ReplaySends::default()
        },
        bytes: bytes(),
        datagrams: Some(ReplayDatagrams {
            flows: 3,
            quic: 1,
            packets: 120,
            bytes: 34_000,
            unlisted: 0,
        }),
        answers: ReplayAnswers {
            identical: sent / 4,
            masked: sent - sent / 4,
            unjudged: 10,
            ..ReplayAnswers::default()
        },
        chat: None,
        gaps: Some(ReplayGaps {
            count: 65_536,
            distance: 0.0213,
            p_value: 0.12,
            distance_beyond_100_us: 0.0004,
        }),
        captured_gaps: None,
        unplayable: vec![Undriven {
            flow: 7,
            ends: ["10.0.0.7:40007".into(), "10.0.0.1:443".into()],
            why: "joined in mid-stream".into(),
        }],
        differences: vec![Differing {
            flow: 3,
            person: 4,
            answer: 2,
            offset: 17,
            what: "the status is 500, not 200".into(),
            recorded: "HTTP/1.1 200 OK".into(),
            actual: "HTTP/1.1 500 <Oops>".into(),
        }],
        failures: vec![Failing {
            flow: 9,
            person: 1,
            cause: "rewrite".into(),
            why: "a <secret> is missing".into(),
        }],
    }
}

fn bytes() -> ReplayBytes {
    ReplayBytes {
        recorded_client: 1 << 20,
        recorded_server: 9 << 20,
        recorded: Some((10 << 20) + 5_000),
        gapped_server: 1_460,
        undriven_by: BTreeMap::from([("midway".to_owned(), 4_000), ("not-wanted".to_owned(), 1_000)]),
        capture: Some(CapturedBytes {
            captured: (10 << 20) + 12_000,
            reassembled: (10 << 20) + 5_300,
            recorded: (10 << 20) + 5_000,
            skipped_by: BTreeMap::from([("retransmitted".to_owned(), 6_699), ("keep-alive".to_owned(), 1)]),
            inconsistent: 60,
            gapped: 1_460,
            gaps: 1,
            tls: 300,
            tls_by: Some(BTreeMap::from([
                ("handshake".to_owned(), 200),
                ("headers".to_owned(), 100),
            ])),
            tls_unbalanced: 0,
        }),
        unused_by: BTreeMap::from([("not IP".to_owned(), 17), ("malformed headers".to_owned(), 2)]),
        said: 10 << 20,
        heard: 91 << 20,
        ..ReplayBytes::default()
    }
}
