//! The JSON Schemas (draft 2020-12) of the run folder's files, as committed under `record/schema/`.
//!
//! They know nothing that the types do not: the tests hold the two together. A change that an older reader would
//! trip over raises the number in the schema's `$id` and in the file's own `schema` field.

/// Of `run.json`.
pub const RUN: &str = include_str!("../schema/run.schema.json");
/// Of `plan.json`.
pub const PLAN: &str = include_str!("../schema/plan.schema.json");
/// Of a line of `samples.jsonl`.
pub const SAMPLE: &str = include_str!("../schema/sample.schema.json");
/// Of a line of `events.jsonl`.
pub const EVENT: &str = include_str!("../schema/event.schema.json");
/// Of `storm.json`.
pub const STORM: &str = include_str!("../schema/storm.schema.json");
/// Of `replay.json`.
pub const REPLAY: &str = include_str!("../schema/replay.schema.json");
/// Of `summary.json`.
pub const SUMMARY: &str = include_str!("../schema/summary.schema.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jsonschema::Validator;
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::*;

    /// Counts by kind in a summary: a later version may tell more kinds apart.
    const KINDS: [&str; 8] = [
        "/failures",
        "/misfits",
        "/replay/sessions/failed_by",
        "/replay/sends/unsent_by",
        "/replay/bytes/unused_by",
        "/replay/bytes/undriven_by",
        "/replay/bytes/capture/skipped_by",
        "/replay/bytes/capture/tls_by",
    ];

    fn validator(schema: &str) -> Validator {
        let schema: Value = serde_json::from_str(schema).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        jsonschema::meta::validate(&schema).unwrap();
        jsonschema::validator_for(&schema).unwrap()
    }

    /// Every copy of the value that has one key too many, in one object of it, with where that is.
    fn with_a_stranger(value: &Value, open: &[&str]) -> Vec<(String, Value)> {
        fn places(value: &Value, at: String, out: &mut Vec<String>) {
            match value {
                Value::Object(map) => {
                    out.push(at.clone());
                    map.iter()
                        .for_each(|(key, value)| places(value, format!("{at}/{key}"), out));
                }
                Value::Array(items) => {
                    items
                        .iter()
                        .enumerate()
                        .for_each(|(index, value)| places(value, format!("{at}/{index}"), out));
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        places(value, String::new(), &mut found);
        found.retain(|place| !open.contains(&place.as_str()));
        found
            .into_iter()
            .map(|place| {
                let mut copy = value.clone();
                copy.pointer_mut(&place).unwrap()["stranger"] = json!(1);
                (place, copy)
            })
            .collect()
    }

    /// The schema takes the value, and both it and the type refuse unknown and missing keys.
    fn agrees<T: Serialize + DeserializeOwned>(schema: &str, value: &T, open: &[&str]) {
        let (validator, value) = (validator(schema), serde_json::to_value(value).unwrap());
        validator
            .validate(&value)
            .unwrap_or_else(|error| panic!("{error}: {value:#}"));
        serde_json::from_value::<T>(value.clone()).unwrap();
        for (place, stranger) in with_a_stranger(&value, open) {
            assert!(
                !validator.is_valid(&stranger),
                "the schema takes a stranger at `{place}`"
            );
            assert!(
                serde_json::from_value::<T>(stranger).is_err(),
                "the type takes a stranger at `{place}`"
            );
        }
        for key in value.as_object().unwrap().keys() {
            let mut without = value.clone();
            without.as_object_mut().unwrap().remove(key);
            if serde_json::from_value::<T>(without.clone()).is_err() {
                assert!(!validator.is_valid(&without), "the schema does without `{key}`");
            }
        }
    }

    fn event(kind: EventKind, detail: &str) -> Event {
        Event {
            t_ms: 60_000,
            kind,
            name: "goal".into(),
            detail: detail.into(),
        }
    }

    fn percentiles() -> Percentiles {
        let mut histogram = Histogram::new();
        [900, 1_100, 250_000]
            .into_iter()
            .for_each(|us| histogram.record(us));
        histogram.percentiles_ms()
    }

    fn host() -> HostFacts {
        HostFacts {
            cpus: 2,
            memory_bytes: 24 << 30,
            kernel: "6.12.1".into(),
        }
    }

    fn storm() -> Storm {
        Storm {
            requests: 10,
            failures: 1,
            registrations: 4,
            response_ms: percentiles(),
        }
    }

    fn replay() -> Replay {
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

    fn step() -> StepSummary {
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

    fn summary() -> Summary {
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

    #[test]
    fn a_summary() {
        agrees(SUMMARY, &summary(), &KINDS);
        let plain = Summary {
            storm: None,
            verdict: Verdict::Pass,
            invalid_because: vec![],
            ..summary()
        };
        agrees(SUMMARY, &plain, &KINDS);
        agrees(
            SUMMARY,
            &Summary {
                verdict: Verdict::Fail,
                ..plain
            },
            &KINDS,
        );
    }

    #[test]
    fn a_summary_of_another_version_is_refused() {
        let mut value = serde_json::to_value(summary()).unwrap();
        value["schema"] = json!("teem.summary/2");
        assert!(!validator(SUMMARY).is_valid(&value));
    }

    #[test]
    fn a_manifest() {
        let manifest = Manifest {
            schema: MANIFEST_SCHEMA.into(),
            version: "0.1.0".into(),
            command: vec!["teem".into(), "run".into(), "football".into()],
            scenario: "football".into(),
            title: "A final, seen from a messenger".into(),
            resolved: "[population]\nsize = 10\n".into(),
            seed: 42,
            started_unix_ms: 1_750_000_000_000,
            dry_run: false,
            target: "127.0.0.1:5222".into(),
            durability: Some("commit".into()),
            transport: Transport::Packet,
            encryption: true,
            steps: vec![Step {
                connections: 425_000,
                hold_until_ms: 60_000,
                ..Step::default()
            }],
            thresholds: vec!["messages.lost == 0".into()],
            host: host(),
            limits: Limits {
                nofile: 20_000,
                ephemeral_ports: 28_232,
                somaxconn: 4_096,
                file_max: 1 << 40,
                cpus: 2,
                hash_buckets: 262_144,
            },
        };
        agrees(RUN, &manifest, &[]);
        agrees(
            RUN,
            &Manifest {
                durability: None,
                dry_run: true,
                ..manifest
            },
            &[],
        );
    }

    #[test]
    fn an_event_of_every_kind_and_a_plan() {
        use EventKind::{Fault, Interrupted, Invalid, Knob, Note, Phase, Shock};
        for kind in [Phase, Shock, Knob, Fault, Invalid, Interrupted, Note] {
            agrees(EVENT, &event(kind, ""), &[]);
            agrees(EVENT, &event(kind, "A sentence."), &[]);
        }
        let marks = vec![event(Shock, "")];
        agrees(
            PLAN,
            &PlanCurve {
                connections: vec![1, 2],
                messages: vec![0, 5],
                copies: vec![0, 9],
                marks,
                replay_sends: vec![7, 0],
                replay_sessions: vec![1, 0],
                beside: [BesideFigure::Bytes, BesideFigure::Gaps, BesideFigure::Stays]
                    .map(|figure| Beside {
                        population: "town".into(),
                        figure,
                        observed: vec![1.0, 2.5],
                        planned: vec![],
                        count: 0,
                        distance: 1.0,
                    })
                    .into(),
            },
            &[],
        );
        agrees(PLAN, &PlanCurve::default(), &[]);
    }

    #[test]
    fn a_storm() {
        agrees(STORM, &storm(), &[]);
    }

    #[test]
    fn a_replay() {
        // Causes are open by design: a later version may tell more apart.
        let open = [
            "/sessions/failed_by",
            "/sends/unsent_by",
            "/bytes/unused_by",
            "/bytes/undriven_by",
            "/bytes/capture/skipped_by",
            "/bytes/capture/tls_by",
        ];
        agrees(REPLAY, &replay(), &open);
        let untimed = Replay {
            gaps: None,
            ..replay()
        };
        agrees(REPLAY, &untimed, &open);
    }

    #[test]
    fn a_sample() {
        let mut histogram = Histogram::new();
        histogram.record(12_345);
        let sample = Sample {
            t_ms: 1_000,
            counters: BTreeMap::from([
                (name::swarm::COPIES_SENT.to_owned(), u64::MAX),
                (format!("{}softirq", name::host::CPU_US), 3),
            ]),
            gauges: BTreeMap::from([
                (name::host::SLAB.to_owned() + "TCPv6_bytes", 1.5e9),
                (name::process::rss_anon_bytes("server"), 9.0),
            ]),
            histograms: BTreeMap::from([
                (name::latency::DELIVERY.to_owned(), histogram),
                (name::latency::TICK.to_owned(), Histogram::new()),
            ]),
        };
        // The maps are open by design: names are a contract of `record::name`, and a fleet adds its own.
        let open = ["/counters", "/gauges", "/histograms"];
        agrees(SAMPLE, &sample, &open);
        agrees(SAMPLE, &Sample::default(), &open);
        let mut value = serde_json::to_value(sample).unwrap();
        value["counters"]["stranger"] = json!(1);
        assert!(
            !validator(SAMPLE).is_valid(&value),
            "a name is dotted: who measured, what"
        );
    }
}
