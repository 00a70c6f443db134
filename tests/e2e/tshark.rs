//! What tshark makes of a capture, to compare with.
//!
//! It does not know what teem makes of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// Each end's address and what it said.
pub(crate) type Ends = [(String, Vec<u8>); 2];

/// Whether it is installed; where skipping is forbidden, it must be.
pub(crate) fn is_here() -> bool {
    let is_here = Command::new("tshark").arg("--version").output().is_ok();
    if !is_here {
        testbed::skipped("there is no tshark to compare with: deploy/install-packages.sh test");
    }
    is_here
}

/// What was said on some streams of a capture, by tshark's raw form: hexadecimal lines, those of the second node behind a tab. `layer` is
/// `tcp` or `tls`.
pub(crate) fn followed(
    capture: &Path,
    layer: &str,
    options: &[&str],
    streams: &[u64],
) -> BTreeMap<u64, Ends> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture).arg("-q").args(options);
    for stream in streams {
        command.args(["-z", &format!("follow,{layer},raw,{stream}")]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut followed: BTreeMap<u64, Ends> = BTreeMap::new();
    let mut ends = &mut Ends::default();
    for line in text.lines() {
        if let Some(stream) = line.strip_prefix("Filter: tcp.stream eq ") {
            ends = followed.entry(stream.trim().parse().unwrap()).or_default();
        } else if let Some(node) = line.strip_prefix("Node 0: ") {
            node.clone_into(&mut ends[0].0);
        } else if let Some(node) = line.strip_prefix("Node 1: ") {
            node.clone_into(&mut ends[1].0);
        } else if !line.contains([':', '=']) {
            let digits = line.trim().as_bytes().chunks_exact(2);
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
            ends[usize::from(line.starts_with('\t'))]
                .1
                .extend(digits.map(byte));
        }
    }
    followed
}

/// The SHA-256 of some bytes, in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
