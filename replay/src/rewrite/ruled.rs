//! A session in a protocol of which nothing is known but what the rules say.
//!
//! It does not know what its bytes mean. Fixed finds are looked for in the stream as it comes, and only what might begin one is
//! kept back; expressions need a unit (a saying, a line, a frame), which is kept until it is whole.

use super::edit::Editor;
use super::feed::{Step, feed};
use super::listener::Listener;
use super::values::{Giver, Values};
use super::{Patience, RewriteError, Said, Scene};
use crate::rules::{Length, Unit};
use crate::{Protocol, Rules};

/// The longest unit that is kept whole: a longer frame passes as it is, a longer saying or line is rewritten in parts.
const UNIT_MAX_BYTES: usize = 1 << 20;

/// One session.
#[derive(Debug)]
pub(super) struct Ruled {
    /// What an expression matches within; `None` where the stream is only scanned.
    unit: Option<Unit>,
    /// What the client said that is not whole.
    held: Vec<u8>,
    /// Bytes of a frame that pass as they are.
    passing: u64,
    learns: bool,
    values: Values,
    recorded: Listener,
    actual: Listener,
    /// The recording lacks what its server said since the client last spoke.
    torn: bool,
}

impl Ruled {
    pub(super) fn new(rules: &Rules, chosen: u64, protocol: Protocol) -> Self {
        let asked = rules.chosen(chosen).find_map(|rule| rule.unit);
        let expressions = rules.chosen(chosen).any(|rule| !rule.regex.is_empty());
        let usual = match protocol {
            Protocol::Smtp | Protocol::Irc => Unit::Line,
            _ => Unit::Saying,
        };
        Self {
            unit: asked.or(expressions.then_some(usual)),
            held: Vec::new(),
            passing: 0,
            learns: rules.chosen(chosen).any(|rule| !rule.learn.is_empty()),
            values: Values::default(),
            recorded: Listener::default(),
            actual: Listener::default(),
            torn: false,
        }
    }

    pub(super) fn say(
        &mut self,
        scene: &mut Scene,
        patience: Patience,
        recorded: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Said, RewriteError> {
        self.run(scene, patience, recorded, false, out)
    }

    /// The client's saying ends.
    pub(super) fn rest(
        &mut self,
        scene: &mut Scene,
        patience: Patience,
        out: &mut Vec<u8>,
    ) -> Result<Said, RewriteError> {
        self.run(scene, patience, &[], true, out)
    }

    /// What was kept of a frame that never became whole.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut std::mem::take(&mut self.held));
    }

    pub(super) fn heard(&mut self, scene: &Scene, bytes: &[u8]) {
        self.hear(scene, Giver::Target, bytes);
    }

    pub(super) fn expected(&mut self, scene: &Scene, bytes: &[u8]) {
        self.hear(scene, Giver::Recorded, bytes);
    }

    /// The recording lacks what its server said here: what was under way is lost with it, and what follows, until the client
    /// speaks, is nobody's n-th.
    pub(super) fn gap(&mut self, scene: &Scene) {
        let learns = scene.rules.chosen(scene.chosen).flat_map(|rule| &rule.learn);
        self.recorded
            .learn(Giver::Recorded, false, learns, &mut self.values);
        self.recorded = Listener::default();
        self.torn = self.learns;
    }

    fn hear(&mut self, scene: &Scene, giver: Giver, bytes: &[u8]) {
        if self.learns {
            let learns = scene.rules.chosen(scene.chosen).flat_map(|rule| &rule.learn);
            match giver {
                Giver::Recorded if self.torn => {}
                Giver::Recorded => self.recorded.hear(giver, bytes, learns, &mut self.values),
                Giver::Target => self.actual.hear(giver, bytes, learns, &mut self.values),
            }
        }
    }

    fn run(
        &mut self,
        scene: &mut Scene,
        patience: Patience,
        said: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<Said, RewriteError> {
        if self.learns {
            // The client speaks: the recorded answer is over.
            let learns = || scene.rules.chosen(scene.chosen).flat_map(|rule| &rule.learn);
            self.recorded
                .learn(Giver::Recorded, true, learns(), &mut self.values);
            self.actual
                .learn(Giver::Target, self.torn, learns(), &mut self.values);
            if std::mem::take(&mut self.torn) {
                scene.unlearned += self.values.cut();
            }
        }
        let mut held = std::mem::take(&mut self.held);
        let run = feed(&mut held, said, |bytes| {
            self.step(scene, patience, bytes, last, out)
        });
        self.held = held;
        run
    }

    fn step(
        &mut self,
        scene: &mut Scene,
        patience: Patience,
        bytes: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<Step, RewriteError> {
        if self.passing > 0 {
            let length = usize::try_from(self.passing)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            self.passing -= length as u64;
            out.extend_from_slice(&bytes[..length]);
            return Ok(Step::Took(length));
        }
        let length = match self.unit {
            None => return Ok(self.scan(scene, patience, bytes, last, out)),
            Some(Unit::Frame(length)) => return self.frame(scene, patience, length, bytes, out),
            Some(Unit::Line) => bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1),
            Some(Unit::Saying) => None,
        };
        let whole = last || bytes.len() >= UNIT_MAX_BYTES;
        let Some(length) = length.or(whole.then_some(bytes.len())) else {
            return Ok(Step::Partial);
        };
        let Some(edited) = Editor::new(scene, &self.values, patience).edit(&bytes[..length]) else {
            return Ok(Step::Waits);
        };
        out.extend_from_slice(&edited);
        Ok(Step::Took(length))
    }

    fn scan(
        &mut self,
        scene: &mut Scene,
        patience: Patience,
        bytes: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> Step {
        let scanned = Editor::new(scene, &self.values, patience).scan(bytes, last, out);
        match scanned {
            _ if scanned.taken > 0 => Step::Took(scanned.taken),
            _ if scanned.waits => Step::Waits,
            _ => Step::Partial,
        }
    }

    fn frame(
        &mut self,
        scene: &mut Scene,
        patience: Patience,
        length: Length,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, RewriteError> {
        let Some(told) = length.read(bytes) else {
            return Ok(Step::Partial);
        };
        match told {
            Some(all) if all <= UNIT_MAX_BYTES as u64 => {
                let all = all as usize;
                if bytes.len() < all {
                    return Ok(Step::Partial);
                }
                let (front, behind) = bytes[..all].split_at(length.header_bytes());
                let Some(edited) = Editor::new(scene, &self.values, patience).edit(behind) else {
                    return Ok(Step::Waits);
                };
                let start = out.len();
                out.extend_from_slice(front);
                out.extend_from_slice(&edited);
                length
                    .write(&mut out[start..])
                    .map_err(|bytes| RewriteError::TooLong { bytes })?;
                Ok(Step::Took(all))
            }
            // Too long to be kept, or shorter than its own length: no frame, and none after it can be told.
            told => {
                self.passing = told.unwrap_or(u64::MAX);
                self.step(scene, patience, bytes, false, out)
            }
        }
    }
}
