//! What is known of everybody: pseudonyms, and what servers handed out, which has one pseudonym wherever it stands.
//!
//! It does not know what a value is, nor where it stands.

use super::handed::Handed;
use super::pseudonym::Pseudonyms;

/// What stands around a value in a head, a target or a form.
const AROUND: &[u8] = b" \t\r\n\"'`;,&?<>(){}[]\\";
/// What parts a value's parts.
const BETWEEN: &[u8] = b"/:=|";

/// Connections of HTTP that are blanked from some point on, by the first cause of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blanked {
    /// The capture joined them in mid-stream.
    pub midway: u64,
    /// Bytes are missing where a head or a chunk's size would have to be.
    pub gap: u64,
    /// They are no HTTP/1, or not as its standard has it.
    pub unreadable: u64,
    /// A head is longer than 64 KiB, or more requests waited than are remembered.
    pub beyond: u64,
    /// Too much was under way at once.
    pub crowded: u64,
    /// They are a tunnel (RFC 9110, section 9.3.6) or changed to another protocol than WebSocket.
    pub changed: u64,
}

/// What is known of everybody.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) pseudonyms: Pseudonyms,
    pub(super) handed: Handed,
    pub(super) blanked: Blanked,
}

impl Book {
    pub(super) fn new(pseudonyms: Pseudonyms) -> Self {
        Self {
            pseudonyms,
            handed: Handed::default(),
            blanked: Blanked::default(),
        }
    }

    /// Masks a value as a whole; where something that was handed out is in it, that by itself, and the rest in parts.
    pub(super) fn value(&self, bytes: &mut [u8]) {
        let holds = |run: &[u8]| self.has_part(run);
        if self.handed.is_empty() || !bytes.split(|byte| AROUND.contains(byte)).any(holds) {
            return self.pseudonyms.secret(bytes);
        }
        self.words(bytes);
    }

    /// Masks each word of a text as a value.
    pub(super) fn words(&self, bytes: &mut [u8]) {
        for run in bytes.split_mut(|byte| AROUND.contains(byte)) {
            self.run(run, true);
        }
    }

    /// Masks what was handed out, wherever it stands, and nothing else.
    pub(super) fn handed(&self, bytes: &mut [u8]) {
        if self.handed.is_empty() {
            return;
        }
        for run in bytes.split_mut(|byte| AROUND.contains(byte)) {
            self.run(run, false);
        }
    }

    /// Whether something in what stands between blanks was handed out.
    fn has_part(&self, run: &[u8]) -> bool {
        self.handed.has(run)
            || self.handed.has(&run[named(run)..])
            || run
                .split(|byte| BETWEEN.contains(byte))
                .any(|part| self.handed.has(part))
    }

    /// Masks what stands between blanks, all of it or what was handed out.
    fn run(&self, run: &mut [u8], all: bool) {
        if run.is_empty() {
            return;
        }
        if self.handed.has(run) || (all && !self.has_part(run)) {
            return self.pseudonyms.secret(run);
        }
        let (name, value) = run.split_at_mut(named(run));
        if self.handed.has(value) {
            if all {
                self.pseudonyms.text(name);
            }
            return self.pseudonyms.secret(value);
        }
        for part in run.split_mut(|byte| BETWEEN.contains(byte)) {
            if all || self.handed.has(part) {
                self.pseudonyms.secret(part);
            }
        }
    }
}

/// Where the value of `name=value` or `name:value` begins.
fn named(run: &[u8]) -> usize {
    run.iter()
        .position(|byte| b"=:".contains(byte))
        .map_or(0, |at| at + 1)
}
