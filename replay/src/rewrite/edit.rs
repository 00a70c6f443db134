//! Bytes by the rules: what is found is replaced, what was learned is put in place of what was recorded.
//!
//! It does not know what the bytes are, nor where they are cut.
//!
//! First come the fixed finds and the learned values, in one pass from left to right, the longest first where several begin
//! at the same byte; then each expression, in the order of the file, over what came of that.

use std::borrow::Cow;
use std::time::SystemTime;

use regex::bytes::Captures;

use super::values::{Known, Values};
use super::{Patience, Scene};
use crate::rules::{Part, Rewrite, Template};

/// Rewrites a session's bytes.
pub(super) struct Editor<'a> {
    scene: &'a mut Scene,
    values: &'a Values,
    patience: Patience,
}

/// How far a scan for fixed finds came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scanned {
    /// Bytes that are done with.
    pub(super) taken: usize,
    /// Whether it stopped at a value that is not known yet; else at the end, or at what might begin a find.
    pub(super) waits: bool,
}

impl<'a> Editor<'a> {
    pub(super) fn new(scene: &'a mut Scene, values: &'a Values, patience: Patience) -> Self {
        Self {
            scene,
            values,
            patience,
        }
    }

    /// All of a unit; `None` if it needs a value that is not known yet.
    pub(super) fn edit<'u>(&mut self, unit: &'u [u8]) -> Option<Cow<'u, [u8]>> {
        let count = self.scene.count;
        let edited = self.edited(unit);
        if edited.is_none() {
            // It comes again: a number that was not said is not used up.
            self.scene.count = count;
        }
        edited
    }

    fn edited<'u>(&mut self, unit: &'u [u8]) -> Option<Cow<'u, [u8]>> {
        let mut edited = Cow::Borrowed(unit);
        if unit.is_empty() || self.scene.chosen == 0 && self.values.is_empty() {
            return Some(edited);
        }
        let mut out = Vec::new();
        if self.scan(unit, true, &mut out).waits {
            return None;
        }
        if out != unit {
            edited = Cow::Owned(out);
        }
        let rules = std::sync::Arc::clone(&self.scene.rules);
        for rewrite in rules.chosen(self.scene.chosen).flat_map(|rule| &rule.regex) {
            let mut out = Vec::new();
            if !self.express(rewrite, &edited, &mut out)? {
                continue;
            }
            edited = Cow::Owned(out);
        }
        Some(edited)
    }

    /// Replaces fixed finds and learned values in `bytes`; `last` if nothing follows that could complete one.
    pub(super) fn scan(&mut self, bytes: &[u8], last: bool, out: &mut Vec<u8>) -> Scanned {
        let rules = std::sync::Arc::clone(&self.scene.rules);
        let mut finds: Vec<(&[u8], Option<&Template>)> =
            self.values.recorded().map(|value| (value, None)).collect();
        let replaces = rules.chosen(self.scene.chosen).flat_map(|rule| &rule.replace);
        finds.extend(replaces.map(|replace| (replace.find.as_slice(), Some(&replace.with))));
        // By their first bytes, so that few are tried at each; the longest first; of equals a rule's, which was written down by somebody,
        // then in the file's order.
        finds.sort_by_key(|(find, with)| (find[0], std::cmp::Reverse(find.len()), with.is_none()));
        let mut begins = [const { 0..0 }; 256];
        for (place, (find, _)) in finds.iter().enumerate() {
            let range = &mut begins[usize::from(find[0])];
            *range = (if range.start == range.end {
                place
            } else {
                range.start
            })..place + 1;
        }
        let (mut at, mut copied, mut waits) = (0, 0, false);
        while at < bytes.len() {
            let rest = &bytes[at..];
            let finds = &finds[begins[usize::from(rest[0])].clone()];
            if finds.is_empty() {
                at += 1;
                continue;
            }
            if !last
                && finds
                    .iter()
                    .any(|(find, _)| find.len() > rest.len() && find.starts_with(rest))
            {
                break;
            }
            let Some((find, with)) = finds.iter().find(|(find, _)| rest.starts_with(find)) else {
                at += 1;
                continue;
            };
            out.extend_from_slice(&bytes[copied..at]);
            copied = at;
            let known = match with {
                Some(template) => self.fill(template, None, out),
                None => self.substitute(find, out),
            };
            if known {
                copied = at + find.len();
            } else if self.patience == Patience::Waits {
                waits = true;
                break;
            } else {
                self.scene.unlearned += 1;
            }
            at += find.len();
        }
        out.extend_from_slice(&bytes[copied..at]);
        Scanned { taken: at, waits }
    }

    /// Replaces what an expression matches, into `out`: whether there was anything; `None` if a value is not known yet.
    fn express(&mut self, rewrite: &Rewrite, unit: &[u8], out: &mut Vec<u8>) -> Option<bool> {
        let mut copied = 0;
        for captures in rewrite.find.captures_iter(unit) {
            let Some(whole) = captures.get(0) else { continue };
            out.extend_from_slice(&unit[copied..whole.start()]);
            copied = whole.start();
            if self.fill(&rewrite.with, Some(&captures), out) {
                copied = whole.end();
            } else if self.patience == Patience::Waits {
                return None;
            } else {
                self.scene.unlearned += 1;
            }
        }
        let found = !out.is_empty() || copied > 0;
        out.extend_from_slice(&unit[copied..]);
        Some(found)
    }

    /// What the target gave for a recorded value; false if it did not yet.
    fn substitute(&self, recorded: &[u8], out: &mut Vec<u8>) -> bool {
        match self.values.known(None, recorded) {
            Known::Given(value) => out.extend_from_slice(value),
            Known::Stranger => out.extend_from_slice(recorded),
            Known::Awaited => return false,
        }
        true
    }

    /// A template filled in; false, and nothing written, if a value is not known yet.
    fn fill(&mut self, template: &Template, captures: Option<&Captures<'_>>, out: &mut Vec<u8>) -> bool {
        let (start, count) = (out.len(), self.scene.count);
        for part in &template.parts {
            match part {
                Part::Bytes(bytes) => out.extend_from_slice(bytes),
                Part::Clone(width) => {
                    out.extend_from_slice(format!("{:0width$}", self.scene.clone).as_bytes())
                }
                Part::Flow(width) => out.extend_from_slice(format!("{:0width$}", self.scene.flow).as_bytes()),
                Part::Random(width) => {
                    let digits = format!("{:016x}", self.scene.random);
                    out.extend_from_slice(&digits.as_bytes()[..*width]);
                }
                Part::Now => out.extend_from_slice((unix_ms() / 1_000).to_string().as_bytes()),
                Part::NowMs => out.extend_from_slice(unix_ms().to_string().as_bytes()),
                Part::Count(width) => {
                    self.scene.count = self.scene.count.wrapping_add(1);
                    out.extend_from_slice(format!("{:0width$}", self.scene.count).as_bytes());
                }
                Part::Group(group) => {
                    let matched = captures.and_then(|captures| captures.get(*group));
                    out.extend_from_slice(matched.map_or(&[], |matched| matched.as_bytes()));
                }
                Part::Learned(name) => match self.values.newest(name.as_bytes()) {
                    Some(value) => out.extend_from_slice(value),
                    None => {
                        out.truncate(start);
                        self.scene.count = count;
                        return false;
                    }
                },
            }
        }
        true
    }
}

/// The time by the host's clock, milliseconds since 1970: a target that judges by a time judges by that.
fn unix_ms() -> u128 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |since| since.as_millis())
}
