//! `teem replay inspect`: captures listed, saved, masked and plotted.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::exchange::{self, ANSWER, Exchange};
use crate::home::Home;
use crate::tshark::{self, sha256};

/// A capture of one HTTP exchange.
fn capture() -> Vec<u8> {
    exchange::capture(&[Exchange::between("10.0.0.1:40000", "10.0.0.2:80", 1)])
}

/// What `teem replay inspect --json` says.
pub(crate) fn json(home: &Home, arguments: &[&str]) -> Value {
    let arguments = [&["replay", "inspect", "--json"][..], arguments].concat();
    serde_json::from_str(&home.teem(&arguments).code(0).out).unwrap()
}

#[test]
fn a_capture_is_listed_saved_masked_and_plotted() {
    let home = Home::new();
    let place = |name: &str| home.path(name).display().to_string();
    let (pcap, saved, masked, folder) = (
        place("a.pcap"),
        place("a.teem"),
        place("b.teem"),
        place("pictures"),
    );
    std::fs::write(&pcap, capture()).unwrap();

    let table = home.teem(&["replay", "inspect", &pcap]).code(0).out;
    for word in [
        "10.0.0.1:40000",
        "10.0.0.2:80",
        "http",
        "finished by client",
        "yes",
        "7 packets",
    ] {
        assert!(table.contains(word), "{word}: {table}");
    }
    let whole = json(&home, &[&pcap, "--save", &saved, "--out", &folder]);
    let flow = &whole["flows"][0];
    assert_eq!(
        (flow["protocol"].as_str(), flow["replayable"].as_bool()),
        (Some("http"), Some(true))
    );
    assert_eq!(flow["server_said"]["sha256"], sha256(ANSWER));
    assert_eq!(
        flow["end_ns"].as_u64().unwrap() - flow["start_ns"].as_u64().unwrap(),
        5_000_000_000
    );

    let again = json(&home, &[&saved]);
    assert_eq!(again["flows"], whole["flows"]);
    assert_eq!(again["started_unix_ns"], 1_000_000_000);
    for picture in ["plots/capture.svg", "plots/capture.png", "report.html"] {
        assert!(Path::new(&folder).join(picture).is_file(), "{picture}");
    }

    let rules = place("mask.toml");
    std::fs::write(&rules, "").unwrap();
    home.teem(&["replay", "inspect", &saved, "--save", &masked, "--mask", &rules])
        .code(0);
    let flow = &json(&home, &[&masked])["flows"][0];
    assert_ne!(
        flow["client_said"]["sha256"],
        whole["flows"][0]["client_said"]["sha256"]
    );
    assert_eq!(
        flow["client_said"]["bytes"],
        whole["flows"][0]["client_said"]["bytes"]
    );
    assert_eq!(flow["protocol"], "http");
}

#[test]
fn filters_and_mistakes_are_told() {
    let home = Home::new();
    let place = |name: &str| home.path(name).display().to_string();
    let (pcap, rules) = (place("a.pcap"), place("mask.toml"));
    std::fs::write(&pcap, capture()).unwrap();
    for filter in [
        ["--port", "81"],
        ["--host", "10.0.0.9"],
        ["--flow", "3"],
        ["--from", "1"],
    ] {
        let left = json(&home, &[&[pcap.as_str()][..], &filter[..]].concat());
        assert_eq!(
            (&left["totals"]["connections"], &left["totals"]["left_out"]),
            (&0.into(), &1.into()),
            "{filter:?}"
        );
    }
    let half = &capture()[..250];
    std::fs::write(&pcap, half).unwrap();
    let torn = home.teem(&["replay", "inspect", &pcap]).code(0);
    assert!(torn.err.contains("offset"), "{}", torn.err);

    std::fs::write(&rules, "[chat]\nnumber = true\n").unwrap();
    let save = place("b.teem");
    let wrong = home
        .teem(&["replay", "inspect", &pcap, "--save", &save, "--mask", &rules])
        .code(2)
        .err;
    assert!(
        wrong.contains("mask.toml:2") && wrong.contains("number"),
        "{wrong}"
    );
    std::fs::write(&pcap, "no capture at all").unwrap();
    assert!(
        home.teem(&["replay", "inspect", &pcap])
            .code(2)
            .err
            .contains("not a capture")
    );
    assert!(
        home.teem(&["replay", "inspect", "absent.pcap"])
            .code(2)
            .err
            .contains("absent.pcap")
    );
}

#[test]
fn what_was_not_taken_of_a_key_log_is_told() {
    let home = Home::new();
    std::fs::write(home.path("a.pcap"), capture()).unwrap();
    let good = format!("CLIENT_RANDOM {} {}\n", "ab".repeat(32), "cd".repeat(48));
    home.write("keys.log", &format!("{good}nonsense\nCLIENT_RANDOM 12\n"));
    let arguments = ["replay", "inspect", "--json", "a.pcap", "--keys", "keys.log"];
    let done = home.teem(&arguments).code(0);
    assert!(
        done.err
            .contains("note: 2 lines are none of a key log; the first is line 2"),
        "{done:?}"
    );
    let found: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(found["capture"]["secrets_malformed_lines"], 2);
    for none in ["secrets_refused", "secrets_refused_bytes", "tls_unwatched"] {
        assert_eq!(found["capture"][none], 0, "{none}");
    }
    home.write("keys.log", &good);
    assert_eq!(home.teem(&arguments).code(0).err, "");
}

/// The public captures, where they are.
fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/pcaps");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        testbed::skipped_anywhere(&format!("no captures in {}", folder.display()));
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let is_capture = |path: &PathBuf| {
        path.extension()
            .is_some_and(|kind| kind == "pcap" || kind == "pcapng")
    };
    let mut captures: Vec<PathBuf> = paths.filter(is_capture).collect();
    captures.sort();
    captures
}

#[test]
fn streams_hash_to_what_tshark_follows() {
    let captures = captures();
    if captures.is_empty() {
        return;
    }
    if !tshark::is_here() {
        return;
    }
    let home = Home::new();
    let mut compared = 0;
    for capture in captures {
        let found = json(&home, &[&capture.display().to_string()]);
        let flows = found["flows"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|flow| flow["transport"] == "tcp");
        for (stream, flow) in flows.enumerate() {
            let whole = |side: &str| flow[side]["gaps"] == 0;
            let ends = &tshark::followed(&capture, "tcp", &[], &[stream as u64])[&(stream as u64)];
            for (end, side) in [("client", "client_said"), ("server", "server_said")] {
                let Some((_, said)) = ends.iter().find(|(node, _)| flow[end] == node.as_str()) else {
                    continue;
                };
                if whole("client_said") && whole("server_said") {
                    assert_eq!(
                        flow[side]["sha256"],
                        sha256(said),
                        "{}, stream {stream}, {end}",
                        capture.display()
                    );
                    compared += 1;
                }
            }
        }
    }
    assert!(compared >= 20, "{compared} streams compared");
}

/// How many connections there are of what.
type Counts = &'static [(&'static str, u64)];

/// The shared captures: TCP connections by protocol, how many of them can be replayed, and why the others cannot.
const KNOWN: [(&str, Counts, u64, Counts); 18] = [
    ("bulk-loading.pcap", &[("redis", 1)], 1, &[]),
    ("irc-basic.pcap", &[("irc", 1)], 1, &[]),
    ("irc-more-commands.pcap", &[("irc", 2)], 2, &[]),
    ("jupyter-websocket.pcap", &[("websocket", 1)], 1, &[]),
    ("kerberos_tso.pcapng", &[("unknown", 11)], 11, &[]),
    // Its server's last bytes are missing, and its client's are not.
    ("miss_end_data.pcap", &[("http", 1)], 1, &[]),
    // The answer to the SYN is there.
    ("missing-syn.pcap", &[("http", 1)], 1, &[]),
    ("mqtt.pcap", &[("mqtt", 2)], 0, &[("midway", 2)]),
    ("pipelined-requests.pcap", &[("http", 1)], 1, &[]),
    (
        "psql-create-insert-select-delete-drop.pcap",
        &[("postgres", 1)],
        1,
        &[],
    ),
    ("pubsub.pcap", &[("redis", 4)], 3, &[("midway", 1)]),
    // UDP alone.
    ("q-in-q.pcap", &[], 0, &[]),
    ("reassembly.pcap", &[("unknown", 1)], 0, &[("client-gap", 1)]),
    (
        "retransmit-fast009.pcap",
        &[("unknown", 1)],
        0,
        &[("client-gap", 1)],
    ),
    (
        "smtp.pcap",
        &[("smtp", 2), ("tls", 1), ("unknown", 3)],
        2,
        &[("midway", 3), ("sealed", 1)],
    ),
    ("tcp-fast-open.pcap", &[("http", 2)], 2, &[]),
    ("vxlan-encapsulated-http.pcap", &[("http", 1)], 1, &[]),
    // In the clear up to STARTTLS, and nobody has the secrets of what follows.
    ("xmpp-starttls.pcap", &[("xmpp", 1)], 0, &[("sealed", 1)]),
];

#[test]
fn the_shared_captures_speak_what_they_are_known_to_and_are_replayable_or_not() {
    let captures = captures();
    let home = Home::new();
    for capture in &captures {
        let name = capture.file_name().unwrap().to_str().unwrap();
        let known = KNOWN.iter().find(|known| known.0 == name);
        let Some((_, protocols, replayable, unplayable)) = known else {
            panic!("{name}: nobody said what it is")
        };
        let totals = &json(&home, &[capture.to_str().unwrap()])["totals"];
        let counts = |counts: Counts| -> Value {
            counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), Value::from(*count)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        assert_eq!(totals["protocols"], counts(protocols), "{name}");
        assert_eq!(totals["replayable"], *replayable, "{name}");
        assert_eq!(totals["unplayable"], counts(unplayable), "{name}");
    }
    assert!(captures.is_empty() || captures.len() == KNOWN.len());
}
