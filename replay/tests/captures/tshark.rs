//! The shared public captures, beside what tshark makes of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use replay::{CaptureOptions, Ending, Side, Source, read_capture};

use crate::streams::{Conversation, Part, Streams, merge};

/// A stream as tshark follows it.
struct Followed {
    nodes: [String; 2],
    parts: [Vec<Part>; 2],
}

fn tshark(arguments: &[&str]) -> Option<String> {
    let output = Command::new("tshark").args(arguments).output().ok()?;
    assert!(output.status.success(), "tshark {arguments:?}: {output:?}");
    Some(String::from_utf8(output.stdout).expect("tshark prints text"))
}

/// Whether there is a tshark; where skipping is forbidden, there must be.
fn have_tshark() -> bool {
    let have = tshark(&["--version"]).is_some();
    if !have {
        testbed::skipped("there is no tshark to compare with; deploy/install-packages.sh test");
    }
    have
}

/// The public captures, where they are.
fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/pcaps");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        testbed::skipped_anywhere(&format!("no captures in {}", folder.display()));
        return Vec::new();
    };
    let mut captures: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|kind| kind == "pcap" || kind == "pcapng")
        })
        .collect();
    captures.sort();
    captures
}

/// tshark's raw form: hexadecimal lines, those of the second node behind a tab. What is missing is a sentence in hexadecimal,
/// too.
fn follow(capture: &str, stream: usize) -> Followed {
    let text =
        tshark(&["-r", capture, "-q", "-z", &format!("follow,tcp,raw,{stream}")]).expect("tshark is there");
    let mut nodes = [String::new(), String::new()];
    let mut parts = [Vec::new(), Vec::new()];
    for line in text.lines() {
        if let Some(node) = line.strip_prefix("Node 0: ") {
            node.clone_into(&mut nodes[0]);
        } else if let Some(node) = line.strip_prefix("Node 1: ") {
            node.clone_into(&mut nodes[1]);
        } else if !line.is_empty() && !line.contains([':', '=']) {
            let side = usize::from(line.starts_with('\t'));
            parts[side].push(part(&unhex(line.trim())));
        }
    }
    Followed {
        nodes,
        parts: parts.map(merge),
    }
}

fn part(bytes: &[u8]) -> Part {
    let missing = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.strip_prefix('['))
        .and_then(|text| text.strip_suffix(" bytes missing in capture file]\0"))
        .and_then(|number| number.parse().ok());
    missing.map_or_else(|| Part::Said(bytes.to_vec()), Part::Missing)
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

/// What this end said. tshark does not tell of bytes that are missing at the very end, though they were acknowledged.
fn said_by(conversation: &Conversation, node: &str, theirs: &[Part]) -> Vec<Part> {
    let side = if conversation.client.to_string() == node {
        Side::Client
    } else {
        Side::Server
    };
    let mut parts = conversation.stream(side).parts();
    if matches!(parts.last(), Some(Part::Missing(_))) && !matches!(theirs.last(), Some(Part::Missing(_))) {
        parts.pop();
    }
    parts
}

/// Bytes in which two streams of the same shape differ; none where their shapes do.
fn differences(ours: &[Part], theirs: &[Part]) -> Option<u64> {
    let mut differing = 0;
    for pair in ours.iter().zip(theirs) {
        differing += match pair {
            (Part::Said(one), Part::Said(other)) if one.len() == other.len() => {
                one.iter().zip(other).filter(|(one, other)| one != other).count() as u64
            }
            (Part::Missing(one), Part::Missing(other)) if one == other => 0,
            _ => return None,
        };
    }
    (ours.len() == theirs.len()).then_some(differing)
}

#[test]
fn streams_are_what_tshark_follows() {
    if !have_tshark() {
        return;
    }
    for path in captures() {
        let name = path.to_str().expect("a plain name");
        let mut streams = Streams::default();
        let source = Source::open(&path).expect("the capture opens");
        let figures = read_capture(source, &CaptureOptions::default(), &mut streams).expect("a capture");
        assert_eq!(figures.ending, Ending::Whole, "{name}");
        assert!(figures.tcp.closes(), "{name}: {:?}", figures.tcp);
        let numbers = tshark(&["-r", name, "-T", "fields", "-e", "tcp.stream"]).expect("tshark is there");
        let count = numbers
            .lines()
            .filter_map(|line| line.split(',').next_back()?.parse::<usize>().ok())
            .max()
            .map_or(0, |last| last + 1);
        assert_eq!(streams.flows.len(), count, "{name}");
        let mut differing = 0;
        for (number, conversation) in streams.flows.values().enumerate() {
            let followed = follow(name, number);
            for (node, parts) in followed.nodes.iter().zip(followed.parts) {
                let ours = said_by(conversation, node, &parts);
                differing += differences(&ours, &parts)
                    .unwrap_or_else(|| panic!("{name}, stream {number}, {node}: {ours:?} beside {parts:?}"));
            }
        }
        // Where a capture says two things of the same bytes, tshark may take the later one.
        let inconsistent = figures.tcp.inconsistent_bytes;
        assert!(
            differing <= inconsistent,
            "{name}: {differing} bytes differ from tshark's, {inconsistent} were repeated differently"
        );
    }
}
