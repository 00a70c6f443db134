//! Which connections of a capture are left by each filter, and what the pictures of it add up to.

use std::collections::BTreeMap;

use record::Run;
use record::name::capture as name;
use serde_json::Value;

use crate::exchange::{ANSWER, Exchange, REQUEST, capture};
use crate::home::Home;
use crate::inspect::json;

/// Two connections that have nothing in common, the second 10 s into the capture.
fn two(home: &Home) {
    let exchanges = [
        Exchange::between("10.0.0.1:40000", "10.0.0.2:80", 1),
        Exchange::between("10.0.0.3:40001", "10.0.0.4:8080", 11),
    ];
    std::fs::write(home.path("two.pcap"), capture(&exchanges)).unwrap();
}

/// A connection's number and its client.
type Listed = (u64, String);

/// What is listed.
fn listed(found: &Value) -> Vec<Listed> {
    let flows = found["flows"].as_array().unwrap().iter();
    flows
        .map(|flow| {
            let client = flow["client"].as_str().unwrap().to_owned();
            (flow["flow"].as_u64().unwrap(), client)
        })
        .collect()
}

#[test]
fn each_filter_leaves_the_connections_that_it_names() {
    let home = Home::new();
    two(&home);
    let both = [(0, "10.0.0.1:40000".to_owned()), (1, "10.0.0.3:40001".to_owned())];
    let (first, second, none) = (&both[..1], &both[1..], &both[..0]);
    let cases: [(&[&str], &[Listed]); 22] = [
        (&[], &both),
        // From this far on, and before it: the second opened 10 s into the capture.
        (&["--from", "10s"], second),
        (&["--from", "10001ms"], none),
        (&["--until", "10s"], first),
        (&["--until", "10001ms"], &both),
        (&["--from", "1ms", "--until", "11"], second),
        (&["--flow", "0"], first),
        (&["--flow", "1"], second),
        (&["--flow", "0-1"], &both),
        (&["--flow", "1,7-9"], second),
        // Either end's.
        (&["--host", "10.0.0.1"], first),
        (&["--host", "10.0.0.2"], first),
        (&["--host", "10.0.0.3"], second),
        (&["--host", "10.0.0.4"], second),
        (&["--host", "10.0.0.4,10.0.0.1"], &both),
        (&["--port", "80"], first),
        (&["--port", "40000"], first),
        (&["--port", "8080"], second),
        (&["--port", "40001"], second),
        (&["--port", "8080,80"], &both),
        // All that are given must fit.
        (&["--port", "80", "--host", "10.0.0.3"], none),
        (&["--port", "80,8080", "--host", "10.0.0.3"], second),
    ];
    for (filter, expected) in cases {
        let arguments = [&["two.pcap", "--save", "left.teem"], filter].concat();
        let found = json(&home, &arguments);
        assert_eq!(listed(&found), expected, "{filter:?}");
        let (left, out) = (expected.len(), both.len() - expected.len());
        assert_eq!(found["totals"]["connections"], left, "{filter:?}");
        assert_eq!(found["totals"]["left_out"], out, "{filter:?}");
        assert_eq!(
            found["totals"]["client_bytes"],
            left * REQUEST.len(),
            "{filter:?}"
        );
        // What is saved is what is listed, each by the number that it had.
        assert_eq!(
            listed(&json(&home, &["left.teem"])),
            expected,
            "{filter:?}, saved"
        );
    }
}

/// What was inspected into a folder: the samples that its pictures are drawn from.
fn plotted(home: &Home, arguments: &[&str]) -> (Value, Run) {
    let found = json(home, &[arguments, &["--out", "pictures"]].concat());
    let folder = home.path("pictures");
    let run = Run::read(&folder).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    (found, run)
}

#[test]
fn what_is_plotted_adds_up_to_the_totals() {
    let home = Home::new();
    two(&home);
    for (filter, left) in [(&[][..], 2), (&["--port", "80"], 1)] {
        let (found, run) = plotted(&home, &[&["two.pcap"], filter].concat());
        let (totals, last) = (&found["totals"], run.samples.last().unwrap());
        let expected = [
            (name::OPENED, &totals["connections"]),
            (name::CLIENT_BYTES, &totals["client_bytes"]),
            (name::SERVER_BYTES, &totals["server_bytes"]),
            (name::REPLAYABLE, &totals["replayable"]),
            (name::GAP_BYTES, &totals["gap_bytes"]),
            // Packets are the capture's, whatever is chosen of it.
            (name::PACKETS, &found["capture"]["packets"]),
        ];
        for (name, total) in expected {
            assert_eq!(total, last.counters[name], "{name}, {filter:?}");
        }
        assert_eq!(totals["server_bytes"], left * ANSWER.len(), "{filter:?}");
        assert_eq!(last.gauges[name::CONNECTIONS], 0.0, "all have ended");
        let lasted_ms = found["capture"]["lasted_ns"].as_u64().unwrap() / 1_000_000;
        assert!(last.t_ms >= lasted_ms, "{} of {lasted_ms} ms", last.t_ms);
        // Sums from the first packet on: they only grow, and each connection is open while it lasts.
        let mut before = BTreeMap::new();
        let mut most_open: f64 = 0.0;
        for sample in &run.samples {
            for (name, count) in &sample.counters {
                let earlier = before.insert(name.clone(), *count).unwrap_or(0);
                assert!(earlier <= *count, "{name} at {} ms, {filter:?}", sample.t_ms);
            }
            most_open = most_open.max(sample.gauges[name::CONNECTIONS]);
        }
        assert_eq!(most_open, 1.0, "they were open one after the other");
    }
    // A file of sessions has no packets, and else draws the same.
    json(&home, &["two.pcap", "--save", "two.teem"]);
    let (_, capture) = plotted(&home, &["two.pcap"]);
    let (_, saved) = plotted(&home, &["two.teem"]);
    let (capture, saved) = (capture.samples.last().unwrap(), saved.samples.last().unwrap());
    assert_eq!(saved.counters[name::PACKETS], 0);
    for name in [
        name::OPENED,
        name::CLIENT_BYTES,
        name::SERVER_BYTES,
        name::REPLAYABLE,
    ] {
        assert_eq!(saved.counters[name], capture.counters[name], "{name}");
    }
}
