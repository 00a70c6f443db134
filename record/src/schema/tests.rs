//! Types and schemas, held together: what either takes and refuses.

mod examples;

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::*;
use examples::{event, host, replay, storm, summary};

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
