//! One of each file of a run folder, with something in every place.

use std::collections::BTreeMap;

use crate::*;

pub(super) fn event(kind: EventKind, detail: &str) -> Event {
    Event {
        t_ms: 60_000,
        kind,
        name: "goal".into(),
        detail: detail.into(),
    }
}

pub(super) fn percentiles() -> Percentiles {
    let mut histogram = Histogram::new();
    [900, 1_100, 250_000]
        .into_iter()
        .for_each(|us| histogram.record(us));
    histogram.percentiles_ms()
}

pub(super) fn host() -> HostFacts {
    HostFacts {
        cpus: 2,
        memory_bytes: 24 << 30,
        kernel: "6.12.1".into(),
    }
}

pub(super) fn storm() -> Storm {
    Storm {
        requests: 10,
        failures: 1,
        registrations: 4,
        response_ms: percentiles(),
    }
}

pub(super) fn replay() -> Replay {
    Replay {
        schema: REPLAY_SCHEMA.into(),
        capture: "night.pcap".into(),
        connect_speed: "1x".into(),
        think_speed: "max".into(),
        order: "causal".into(),
        clones: 20,
        sessions: ReplaySessions {
            failed_by: BTreeMap::from([("refused".to_owned(), 3)]),
            ..ReplaySessions::default()
        },
        bytes: ReplayBytes {
            recorded: Some(7),
            capture: Some(CapturedBytes {
                tls_by: Some(BTreeMap::from([("headers".to_owned(), 5)])),
                ..CapturedBytes::default()
            }),
            ..ReplayBytes::default()
        },
        datagrams: Some(ReplayDatagrams::default()),
        chat: Some(ReplayChat::default()),
        gaps: Some(ReplayGaps::default()),
        captured_gaps: Some(ReplayGaps::default()),
        unplayable: vec![Undriven::default()],
        differences: vec![Differing::default()],
        failures: vec![Failing::default()],
        ..Replay::default()
    }
}

pub(super) fn step() -> StepSummary {
    StepSummary {
        connections: 425_000,
        held: true,
        by_server: Some(425_000),
        by_kernel: None,
        by_slab: Some(425_001),
        pings_answered: Some(14_000),
        idle_closed: None,
        disagreement: Some(0.0),
        delivery_ms: percentiles(),
        limits: vec![Limit {
            resource: "backlog".into(),
            ran_out: true,
            at_s: Some(1.0),
            evidence: "The accept backlog overflowed.".into(),
        }],
        limits_ramp: vec![Limit::default()],
        ..StepSummary::default()
    }
}

pub(super) fn summary() -> Summary {
    Summary {
        schema: SUMMARY_SCHEMA.into(),
        scenario: "football".into(),
        seed: u64::MAX,
        verdict: Verdict::Invalid,
        invalid_because: vec!["The generator lagged.".into()],
        interrupted: true,
        duration_s: 119.5,
        teardown_s: Some(4.25),
        thresholds: vec![
            ThresholdResult {
                expr: "messages.lost == 0".into(),
                value: Some(0.0),
                pass: true,
            },
            ThresholdResult {
                expr: "upload.p99 < 1s".into(),
                value: None,
                pass: false,
            },
        ],
        connections: Connections {
            target: 9,
            peak: 8,
            failed: 1,
            per_second_peak: 4,
        },
        messages: Messages {
            sent: 3,
            accepted: 3,
            delivered: 3,
            server_accepted: Some(3),
            ..Messages::default()
        },
        latency_ms: Latencies {
            delivery: percentiles(),
            ..Latencies::default()
        },
        schedule_lag_ms: Lag {
            p50: 0.1,
            p99: 0.2,
            max: 0.3,
            late: 1,
            unsent: 2,
        },
        server: ServerCost::default(),
        swarm: SwarmCost {
            rss_bytes_peak: 7,
            bytes_per_connection: 250.5,
            bytes_per_connection_marginal: 180.0,
            cpu_seconds: 1.25,
        },
        steps: vec![step()],
        handshakes: Some(Handshakes { full: 8, resumed: 1 }),
        failures: [("refused".to_owned(), 1)].into(),
        misfits: [("vanishing".to_owned(), 2)].into(),
        storm: Some(storm()),
        replay: Some(ReplaySummary {
            sessions: replay().sessions,
            bytes: replay().bytes,
            datagrams: replay().datagrams,
            chat: replay().chat,
            gaps: replay().gaps,
            lateness_ms: percentiles(),
            ..ReplaySummary::default()
        }),
        host: host(),
    }
}
