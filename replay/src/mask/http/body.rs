//! A body behind a mask: values in JSON and in forms, and what cannot be taken apart as bytes.
//!
//! It knows what a body says, not how that is framed: chunks are put together here, so that what they cut is masked whole.

use std::collections::VecDeque;

use super::json::Json;
use super::{Masker, lines, target};
use crate::Protocol;
use crate::http::Head;
use crate::mask::held::whole_lines;
use crate::mask::rules::MaskRules;
use crate::mask::spelling::Spelling;
use crate::mask::{pattern, pseudonym::Pseudonyms};

/// Bytes that are masked together where they cannot be told apart. The same body becomes the same, however packets cut it.
const BLOCK_BYTES: usize = 4 << 10;
/// The most of a value that is masked together, as of one that a replay learns; a longer one is masked in pieces of it.
pub(super) const VALUE_MAX_BYTES: usize = 8 << 10;

/// The most places that what waits may stand at, 16 B each.
const RUNS_MAX: usize = 256;

/// What of a body waits to be masked, and where in what is held of its side it stands.
#[derive(Debug, Default)]
pub(super) struct Data {
    bytes: Vec<u8>,
    /// Beginnings and lengths.
    runs: VecDeque<(usize, usize)>,
    kind: Kind,
}

/// What a head says of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// JSON, if it begins so, or else bytes.
    Text,
    /// JSON, if it begins so, or else a form.
    Form,
    /// Bytes that nobody takes apart: packed ones.
    Opaque,
    /// Lines that stay but for what names somebody for certain; whether they are a form's.
    Lines { form: bool },
    /// Packed bytes that stay.
    Kept,
}

/// What it turned out to be.
#[derive(Debug)]
enum Kind {
    Undecided(Nature),
    Json(Box<Json>),
    /// Whether a value of which only the beginning was masked goes on.
    Form(bool),
    Opaque,
    Lines {
        form: bool,
    },
    Kept,
}

impl Default for Kind {
    fn default() -> Self {
        Self::Undecided(Nature::Opaque)
    }
}

impl Nature {
    /// What follows a head, by what that says of it and by the rules.
    pub(super) fn of(head: Head<'_>, rules: &MaskRules) -> Self {
        let plain = |name: &str, word: &[u8]| {
            let mut codings = head
                .fields()
                .filter(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
            codings.all(|(_, coding)| coding.eq_ignore_ascii_case(word))
        };
        let is_packed = !plain("content-encoding", b"identity") || !plain("transfer-encoding", b"chunked");
        let kind = head
            .field("content-type")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let form = kind.starts_with(b"application/x-www-form-urlencoded");
        match (is_packed, rules.http.bodies) {
            (true, true) => Self::Opaque,
            (true, false) => Self::Kept,
            (false, false) => Self::Lines { form },
            (false, true) if form => Self::Form,
            (false, true) if kind.starts_with(b"multipart/") => Self::Opaque,
            (false, true) => Self::Text,
        }
    }

    /// What it is if it begins so, once that tells.
    fn decide(self, begin: &[u8]) -> Option<Kind> {
        match self {
            Self::Opaque => Some(Kind::Opaque),
            Self::Lines { form } => Some(Kind::Lines { form }),
            Self::Kept => Some(Kind::Kept),
            Self::Text | Self::Form => match begin.trim_ascii_start().first()? {
                b'{' | b'[' => Some(Kind::Json(Box::default())),
                _ if self == Self::Form => Some(Kind::Form(false)),
                _ => Some(Kind::Opaque),
            },
        }
    }
}

impl Data {
    /// Another body begins.
    pub(super) fn begin(&mut self, nature: Nature) {
        self.kind = Kind::Undecided(nature);
    }

    /// More of it, which stands there. Where what waits is in chunks too many, it is taken for bytes.
    pub(super) fn push(&mut self, at: usize, length: usize, held: &mut [u8], masker: &mut Masker<'_>) {
        let goes_on = self
            .runs
            .back()
            .is_some_and(|(begin, length)| begin + length == at);
        if !goes_on && self.runs.len() >= RUNS_MAX {
            self.mask(held, false, masker);
            if self.runs.len() >= RUNS_MAX {
                self.blank(held, masker);
            }
        }
        let said = &held[at..at + length];
        self.bytes.extend_from_slice(said);
        match self.runs.back_mut() {
            Some((begin, length)) if *begin + *length == at => *length += said.len(),
            _ => self.runs.push_back((at, said.len())),
        }
    }

    /// Masks what is whole of it, or all if it ended, where it stands.
    pub(super) fn mask(&mut self, held: &mut [u8], ended: bool, masker: &mut Masker<'_>) {
        if self.bytes.is_empty() {
            return;
        }
        let mut done = 0;
        loop {
            let bytes = &mut self.bytes[done..];
            done += match &mut self.kind {
                Kind::Undecided(nature) => match nature.decide(bytes) {
                    Some(kind) => {
                        self.kind = kind;
                        continue;
                    }
                    // Blanks alone.
                    None if ended || bytes.len() > VALUE_MAX_BYTES => bytes.len(),
                    None => 0,
                },
                Kind::Json(json) => {
                    let length = json.mask(bytes, ended, masker);
                    if json.is_broken() {
                        self.kind = Kind::Opaque;
                        done += length;
                        continue;
                    }
                    length
                }
                Kind::Form(goes_on) => mask_form(goes_on, bytes, ended, masker),
                Kind::Opaque => mask_blocks(bytes, ended, &masker.book.pseudonyms),
                Kind::Lines { form } => mask_lines(*form, bytes, ended, masker),
                Kind::Kept => bytes.len(),
            };
            break;
        }
        self.put(held, done);
    }

    /// Blanks what waits; what follows is taken for bytes.
    pub(super) fn blank(&mut self, held: &mut [u8], masker: &mut Masker<'_>) {
        self.kind = Kind::Opaque;
        self.mask(held, true, masker);
    }

    /// Whether it is bytes that nobody takes apart.
    pub(super) fn is_opaque(&self) -> bool {
        matches!(self.kind, Kind::Opaque | Kind::Kept)
    }

    /// How much waits, bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where the first that waits stands.
    pub(super) fn first(&self) -> Option<usize> {
        self.runs.front().map(|(begin, _)| *begin)
    }

    /// So much of what is held was let go.
    pub(super) fn moved(&mut self, count: usize) {
        self.runs.iter_mut().for_each(|(begin, _)| *begin -= count);
    }

    /// Puts the first `done` bytes where they stand.
    fn put(&mut self, held: &mut [u8], done: usize) {
        let mut bytes = &self.bytes[..done];
        while let Some((begin, length)) = self.runs.front_mut()
            && !bytes.is_empty()
        {
            let (now, later) = bytes.split_at(bytes.len().min(*length));
            held[*begin..*begin + now.len()].copy_from_slice(now);
            (*begin, *length) = (*begin + now.len(), *length - now.len());
            if *length == 0 {
                self.runs.pop_front();
            }
            bytes = later;
        }
        if done == self.bytes.len() {
            (self.bytes, self.runs) = Default::default();
        } else {
            self.bytes.drain(..done);
        }
    }
}

/// Whole blocks, and the rest if it ended.
fn mask_blocks(bytes: &mut [u8], ended: bool, pseudonyms: &Pseudonyms) -> usize {
    let whole = match ended {
        true => bytes.len(),
        false => bytes.len() - bytes.len() % BLOCK_BYTES,
    };
    bytes[..whole]
        .chunks_mut(BLOCK_BYTES)
        .for_each(|block| pseudonyms.opaque(block));
    whole
}

/// Whole pairs of a form, and pieces of one that is too long.
fn mask_form(goes_on: &mut bool, bytes: &mut [u8], ended: bool, masker: &mut Masker<'_>) -> usize {
    let mut done = 0;
    while done < bytes.len() {
        let rest = &mut bytes[done..];
        let end = rest.iter().position(|byte| *byte == b'&');
        let length = match end {
            Some(end) if end <= VALUE_MAX_BYTES => end,
            None if rest.len() <= VALUE_MAX_BYTES && ended => rest.len(),
            None if rest.len() <= VALUE_MAX_BYTES => break,
            _ => Spelling::Form.cut(rest, VALUE_MAX_BYTES),
        };
        let pair = &mut rest[..length];
        // What has no name is what somebody said.
        if *goes_on || !pair.contains(&b'=') {
            target::mask_value(b"", pair, masker);
        } else {
            target::mask_pair(pair, masker);
        }
        *goes_on = end != Some(length);
        done += length + usize::from(end == Some(length));
    }
    done
}

/// Whole lines, in which only what names somebody for certain is masked, and what patterns find.
fn mask_lines(form: bool, bytes: &mut [u8], ended: bool, masker: &mut Masker<'_>) -> usize {
    let whole = whole_lines(bytes, ended);
    let (rules, side) = (masker.rules, masker.side);
    let key = masker.book.pseudonyms.clone();
    pattern::around(
        &rules.patterns,
        Protocol::Http,
        side,
        &mut bytes[..whole],
        &key,
        |said| {
            lines::mask(rules, side, form, said, masker.book);
        },
    );
    whole
}
