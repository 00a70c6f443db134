//! A run of our own under TLS, captured by tcpdump in a lab, with a key log and the run's ledger for the truth: read back, driven again,
//! spoilt in known ways and read again.
//!
//! `TEEM_SEED=N` repeats what was spoilt.

mod making;
mod packets;
mod records;
mod spoil;

use std::collections::BTreeMap;
use std::fs::File;
use std::process::Command;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use record::Verdict;
use record::name::swarm;
use serde_json::Value;

use crate::inspect::json;
use crate::lab::Turn;
use crate::replay::{closes, replay};
use crate::run_folder::assert_ledger_closes;
use crate::serving::{FREE_PORTS, Serving};
use crate::tshark::{self, sha256};
use making::Captured;
use packets::SIDES;

/// The chat's port in the lab.
const CHAT: &str = "7700";
const SEEDS: std::ops::Range<u64> = 0..4;

/// `send`, `welcome` and `deliver` (docs/protocol.md, messages).
const SEND: u8 = 0x04;
const WELCOME: u8 = 0x84;
const DELIVER: u8 = 0x87;

/// What `teem replay inspect` says of the chat's connections, by their clients.
type Table = BTreeMap<String, Value>;

#[test]
fn a_run_of_ours_is_read_back_and_driven_again_from_its_capture() {
    if !tshark::is_here() {
        return;
    }
    let Some(turn) = Turn::take() else { return };
    let captured = Captured::make(turn.home());
    captured.agrees_with_tshark_and_the_ledger();
    captured.brings_its_secrets_along_through_a_pipe();
    captured.is_driven_again();
    let seeds = match std::env::var("TEEM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => SEEDS,
    };
    for seed in seeds {
        captured.says_the_same_however_it_travelled(seed);
        captured.lacks_what_was_dropped(seed);
        captured.is_used_up_to_where_it_is_cut(seed);
        captured.is_joined_where_its_start_is_cut(seed);
    }
}

impl Captured<'_> {
    fn agrees_with_tshark_and_the_ledger(&self) {
        assert_ledger_closes(&self.run.summary().messages);
        let sealed = table(&self.document(&self.pcap, false));
        let opened = table(&self.document(&self.pcap, true));
        assert_eq!(sealed.len() as u64, self.run.counter(swarm::TLS_HANDSHAKES));
        assert_eq!(sealed.len(), opened.len());
        let numbers = |table: &Table| -> Vec<u64> {
            table
                .values()
                .map(|flow| flow["flow"].as_u64().unwrap())
                .collect()
        };
        let as_tls = format!("tcp.port=={CHAT},tls");
        let keys = format!("tls.keylog_file:{}", self.home.path("keys.log").display());
        let mut frames: BTreeMap<u8, u64> = BTreeMap::new();
        for (layer, options, table) in [
            ("tcp", &[][..], &sealed),
            ("tls", &["-d", &as_tls, "-o", &keys][..], &opened),
        ] {
            let followed = tshark::followed(&self.pcap, layer, options, &numbers(table));
            for (client, flow) in table {
                assert_eq!(flow["replayable"], layer == "tls", "{flow}");
                let ends = &followed[&flow["flow"].as_u64().unwrap()];
                // Of TLS it calls the first who has something to say the client.
                let mut theirs = ends.each_ref().map(|(_, said)| sha256(said));
                let mut ours = SIDES.map(|side| flow[side]["sha256"].as_str().unwrap().to_owned());
                theirs.sort();
                ours.sort();
                assert_eq!(ours, theirs, "{layer}, {client}: {flow}");
                assert_eq!(SIDES.map(|side| number(&flow[side], "gaps")), [0, 0], "{flow}");
                if layer == "tls" {
                    ends.iter().for_each(|(_, said)| count_frames(said, &mut frames));
                }
            }
        }
        let run = &self.run;
        let delivered = [
            swarm::COPIES_DELIVERED,
            swarm::COPIES_REDELIVERED,
            swarm::COPIES_DUPLICATED,
        ];
        assert_eq!(frames[&SEND], run.counter(swarm::MESSAGES_SENT), "{frames:?}");
        assert_eq!(frames[&WELCOME], run.counter(swarm::LOGINS), "{frames:?}");
        assert_eq!(
            frames[&DELIVER],
            delivered.into_iter().map(|name| run.counter(name)).sum::<u64>(),
            "{frames:?}"
        );
        for flow in opened.values() {
            assert_eq!(
                (&flow["protocol"], &flow["secrecy"]),
                (&"chat".into(), &"opened".into()),
                "{flow}"
            );
        }
    }

    /// As pcapng with the key log in a block of its own (editcap's), from standard input.
    fn brings_its_secrets_along_through_a_pipe(&self) {
        let done = Command::new("editcap")
            .args(["--inject-secrets", "tls,keys.log", "run.pcap", "secrets.pcapng"])
            .current_dir(self.home.path(""))
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        let mut command = self
            .home
            .command(&["replay", "inspect", "--json", "--port", CHAT, "-"]);
        command.stdin(File::open(self.home.path("secrets.pcapng")).unwrap());
        let done = command.output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let piped = table(&serde_json::from_slice(&done.stdout).unwrap());
        assert_eq!(piped, table(&self.document(&self.pcap, true)));
    }

    /// Out of TLS and into it again, at a server that has its own certificate.
    fn is_driven_again(&self) {
        let mut command = self
            .home
            .command(&["serve", "--json", "--data", "fresh", "--provisioned", "3000"]);
        command.args(["--secret-file", "secret"]).args(FREE_PORTS);
        let server = Serving::spawn(self.home, command);
        let arguments = [
            "run.pcap",
            "--keys",
            "keys.log",
            "--port",
            CHAT,
            "--target",
            &server.ready.listen,
            "--tls-cert",
            "fresh/tls-certificate.pem",
            "--secret-file",
            "secret",
        ];
        let (done, run) = replay(self.home, "again", &arguments);
        let summary = run.summary();
        let figures = closes(&summary);
        assert_eq!(
            figures.sessions.finished,
            self.run.counter(swarm::TLS_HANDSHAKES),
            "{figures:?}"
        );
        assert_eq!(summary.verdict, Verdict::Pass, "{done:?} {figures:?}");
        let bytes = figures.bytes.capture.unwrap();
        assert!(bytes.tls > 0 && bytes.recorded > 0, "{bytes:?}");
        assert_eq!((bytes.gapped, bytes.inconsistent), (0, 0), "{bytes:?}");
        assert!(server.stop().success());
    }

    fn says_the_same_however_it_travelled(&self, seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let (sealed, opened) = (
            self.inspect(&self.packets, false),
            self.inspect(&self.packets, true),
        );
        for (name, (spoilt, touched)) in [
            ("reordered", spoil::reordered(&self.packets, &mut rng)),
            ("repeated", spoil::repeated(&self.packets, &mut rng)),
            ("overlapping", spoil::overlapping(&self.packets, &mut rng)),
            ("merged", spoil::merged(&self.packets, &mut rng)),
        ] {
            assert!(touched > 10, "TEEM_SEED={seed}: only {touched} were {name}");
            for (keys, whole) in [(false, &sealed), (true, &opened)] {
                let found = self.inspect(&spoilt, keys);
                assert_eq!(found.len(), whole.len(), "TEEM_SEED={seed}: {name}, keys {keys}");
                for (client, flow) in whole {
                    for fact in [SIDES[0], SIDES[1], "protocol", "replayable", "start", "end"] {
                        assert_eq!(
                            found[client][fact], flow[fact],
                            "TEEM_SEED={seed}: {name}, keys {keys}: {fact} of {client}: {}",
                            found[client]
                        );
                    }
                }
            }
        }
    }

    fn lacks_what_was_dropped(&self, seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let whole = self.inspect(&self.packets, false);
        let (spoilt, dropped) = spoil::thinned(&self.packets, &mut rng);
        assert!(dropped.len() > 4, "TEEM_SEED={seed}: {dropped:?}");
        let found = self.inspect(&spoilt, false);
        for (client, flow) in &whole {
            for (index, side) in SIDES.into_iter().enumerate() {
                let (was, is) = (&flow[side], &found[client][side]);
                let missing = dropped.get(&(client.clone(), index)).into_iter().flatten();
                let lost: u64 = missing.map(|missing| missing.end - missing.start).sum();
                let told = format!("TEEM_SEED={seed}: {lost} B of {side} of {client}: {is}");
                assert_eq!(is["gap_bytes"], lost, "{told}");
                assert_eq!(is["gaps"] != 0, lost > 0, "{told}");
                assert_eq!(number(is, "bytes") + lost, number(was, "bytes"), "{told}");
                assert!(lost > 0 || is["sha256"] == was["sha256"], "{told}");
            }
        }
        // Decrypted, what is missing is missing, and the flow says so.
        let (whole, found) = (self.inspect(&self.packets, true), self.inspect(&spoilt, true));
        let streams = records::streams(&self.packets);
        for ((client, index), missing) in &dropped {
            let (was, is) = (&whole[client], &found[client]);
            let (before, after) = (&was[SIDES[*index]], &is[SIDES[*index]]);
            let told = format!(
                "TEEM_SEED={seed}: {missing:?} of {} of {client}: {is}",
                SIDES[*index]
            );
            let records =
                records::of_application(&streams[&(client.clone(), *index)], number(before, "bytes"));
            let lost = records::touched(&records, missing);
            if is["secrecy"] != "opened" {
                assert!(*index == 1 || is["replayable"] == false, "{told}");
            } else if lost > 0 {
                assert!(number(after, "bytes") + lost <= number(before, "bytes"), "{told}");
                assert!(after["gaps"] != 0, "{told}");
                assert!(*index == 1 || is["replayable"] == false, "{told}");
            } else {
                // A handshake's last word, a ticket or an alert: nothing of that is the application's.
                for fact in ["sha256", "bytes"] {
                    assert_eq!(after[fact], before[fact], "{told}");
                }
                assert_eq!(after["gaps"], 0, "{told}");
            }
        }
    }

    fn is_used_up_to_where_it_is_cut(&self, seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let (bytes, packets, offset) = self.packets.cut_short(&mut rng);
        let path = self.home.path("spoilt.pcap");
        std::fs::write(&path, bytes).unwrap();
        let found = self.document(&path, true);
        assert_eq!(found["capture"]["packets"], packets, "TEEM_SEED={seed}");
        let sentence = found["cut_short"].as_str().unwrap();
        assert!(
            sentence.contains(&format!("offset {offset};")),
            "TEEM_SEED={seed}: {offset}: {sentence}"
        );
        // What was whole by then is as it was.
        let whole = self.inspect(&self.packets, true);
        let same = table(&found)
            .into_iter()
            .filter(|(client, flow)| flow["end"] == whole[client]["end"])
            .inspect(|(client, flow)| {
                for side in SIDES {
                    assert_eq!(flow[side], whole[client][side], "TEEM_SEED={seed}: {client}");
                }
            });
        assert!(same.count() < whole.len());
    }

    fn is_joined_where_its_start_is_cut(&self, seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let (spoilt, left) = self.packets.without_start(&mut rng);
        let whole = self.inspect(&self.packets, false);
        let path = self.home.path("spoilt.pcap");
        std::fs::write(&path, spoilt.write()).unwrap();
        let found = by_other_end(&json(self.home, &[path.to_str().unwrap()]));
        let mut joined = 0;
        for (client, left) in left {
            let (flow, said) = &found[&client];
            let told = format!("TEEM_SEED={seed}: {client}: {left:?} beside {flow}");
            match left {
                None => assert_eq!(said, &SIDES.map(|side| whole[&client][side].clone()), "{told}"),
                Some(bytes) => {
                    assert_eq!(
                        (&flow["start"], &flow["why"]),
                        (&"midway".into(), &"midway".into()),
                        "{told}"
                    );
                    assert_eq!(said.each_ref().map(|said| number(said, "bytes")), bytes, "{told}");
                    assert_eq!(said.each_ref().map(|said| number(said, "gaps")), [0, 0], "{told}");
                    joined += 1;
                }
            }
        }
        assert!(joined > 0, "TEEM_SEED={seed}: no connection was cut");
    }
}

/// The chat's connections by the ends that are not the server's, with what either end said, that one's first: of a stream that was
/// joined, ports alone say who is the client, and the swarm has low ones.
fn by_other_end(document: &Value) -> BTreeMap<String, (Value, [Value; 2])> {
    let mut found = BTreeMap::new();
    for flow in document["flows"].as_array().unwrap() {
        let ends = ["client", "server"].map(|end| flow[end].as_str().unwrap().to_owned());
        let mut said = SIDES.map(|side| flow[side].clone());
        let [client, server] = ends;
        let chat = format!(":{CHAT}");
        if server.ends_with(&chat) {
            found.insert(client, (flow.clone(), said));
        } else if client.ends_with(&chat) {
            said.reverse();
            found.insert(server, (flow.clone(), said));
        }
    }
    found
}

fn table(document: &Value) -> Table {
    let flows = document["flows"].as_array().unwrap().iter();
    flows
        // The run looks first whether anybody listens, and says nothing.
        .filter(|flow| flow["transport"] == "tcp" && flow["client_said"]["bytes"] != 0)
        .map(|flow| (flow["client"].as_str().unwrap().to_owned(), flow.clone()))
        .collect()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap()
}

/// Counts frames by their type (docs/protocol.md, bytes and types).
fn count_frames(mut bytes: &[u8], counts: &mut BTreeMap<u8, u64>) {
    while let Some((&[high, low, kind], _)) = bytes.split_first_chunk() {
        *counts.entry(kind).or_default() += 1;
        let length = usize::from(u16::from_be_bytes([high, low]));
        bytes = bytes
            .get(2 + length..)
            .unwrap_or_else(|| panic!("a frame of type {kind} is cut"));
    }
    assert_eq!(bytes, b"", "a frame is cut");
}
