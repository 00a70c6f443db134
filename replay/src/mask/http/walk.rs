//! How far a side's stream was walked: in a head, in a body, or past what can be told.
//!
//! It knows one side. Bytes are walked once; what of a body cannot be masked yet keeps what is behind it from being handed on.

use super::Masker;
use super::body::{Data, Nature};
use super::frame::{Frames, Portion};
use super::head::Plan;
use crate::http::{Framing, HEAD_MAX_BYTES, blank_bytes};
use crate::mask::book::Blanked;
use crate::mask::held::Rest;

/// The longest line of a chunk's size, or of a trailer.
const LINE_MAX_BYTES: usize = 16 << 10;

/// Where a side's stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum At {
    /// In a head, or before one.
    #[default]
    Head,
    Body,
    /// Behind a request for another protocol, which the server has not granted yet.
    Wait,
    /// In what is no HTTP any more.
    Raw,
    /// Where nobody can tell what is what.
    Lost,
}

/// Why a side cannot be told apart any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    Midway,
    Gap,
    Unreadable,
    Beyond,
    Crowded,
}

/// A side.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) at: At,
    /// How much of what is held was walked.
    pub(super) walked: usize,
    /// Of what was not, how much holds no end of a head.
    searched: usize,
    /// After this message another protocol may begin.
    pub(super) waits: bool,
    frames: Frames,
    data: Data,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            at: At::Head,
            walked: 0,
            searched: 0,
            waits: false,
            frames: Framing::Length(0).into(),
            data: Data::default(),
        }
    }
}

impl Lost {
    /// Where it is counted.
    pub(super) fn counter(self, blanked: &mut Blanked) -> &mut u64 {
        match self {
            Self::Midway => &mut blanked.midway,
            Self::Gap => &mut blanked.gap,
            Self::Unreadable => &mut blanked.unreadable,
            Self::Beyond => &mut blanked.beyond,
            Self::Crowded => &mut blanked.crowded,
        }
    }
}

impl Walk {
    /// Where the head that begins here ends in what is held, if that is there.
    pub(super) fn head(&mut self, held: &[u8]) -> Result<Option<usize>, Lost> {
        if self.searched == 0 {
            self.walked += blank_bytes(&held[self.walked..]);
        }
        let rest = &held[self.walked..];
        let from = self.searched.saturating_sub(3);
        let ends = rest[from..]
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n');
        for (at, _) in ends {
            let line = rest[..from + at]
                .strip_suffix(b"\r")
                .unwrap_or(&rest[..from + at]);
            if line.ends_with(b"\n") {
                self.searched = 0;
                let length = from + at + 1;
                return match length <= HEAD_MAX_BYTES {
                    true => Ok(Some(self.walked + length)),
                    false => Err(Lost::Beyond),
                };
            }
        }
        self.searched = rest.len();
        if rest.len() >= HEAD_MAX_BYTES {
            return Err(Lost::Beyond);
        }
        Ok(None)
    }

    /// A head ends here, and a body begins.
    pub(super) fn begin(&mut self, end: usize, plan: Plan) {
        self.walked = end;
        self.waits = plan.waits;
        self.frames = plan.framing.into();
        self.data.begin(plan.nature);
        self.at = At::Body;
    }

    /// Walks on in a body; whether it is over.
    pub(super) fn body(
        &mut self,
        held: &mut [u8],
        rest: Rest,
        masker: &mut Masker<'_>,
    ) -> Result<bool, Lost> {
        let walked = self.frame(held, masker);
        let ended = walked.is_err() || self.frames.is_over() || rest.is_none();
        self.data.mask(held, ended, masker);
        walked?;
        if rest.is_none() && self.walked < held.len() && !self.frames.is_over() {
            // Of a line that frames.
            self.blank(held, masker);
        }
        Ok(self.frames.is_over() || (rest == Rest::Over && self.frames.is_endless()))
    }

    /// Tells what a body says from what frames it, as far as bytes are held.
    fn frame(&mut self, held: &mut [u8], masker: &mut Masker<'_>) -> Result<(), Lost> {
        while self.walked < held.len() {
            let at = self.walked;
            let portion = self.frames.next(&mut held[at..]).map_err(|_| Lost::Unreadable)?;
            self.walked += match portion {
                Portion::Data(length) => {
                    self.data.push(at, length, held, masker);
                    length
                }
                Portion::Frame(length) => length,
                Portion::Trailer(length) => {
                    super::field::mask(&mut held[at..at + length], masker);
                    length
                }
                Portion::Partial if held.len() - at > LINE_MAX_BYTES => return Err(Lost::Beyond),
                Portion::Partial | Portion::End => return Ok(()),
            };
        }
        Ok(())
    }

    /// Blanks what was not walked.
    pub(super) fn blank(&mut self, held: &mut [u8], masker: &mut Masker<'_>) {
        masker.book.pseudonyms.opaque(&mut held[self.walked..]);
        self.walked = held.len();
        self.searched = 0;
    }

    /// How much of what is held is done with, and let go.
    pub(super) fn release(&mut self) -> usize {
        let done = self.data.first().unwrap_or(self.walked);
        self.walked -= done;
        self.data.moved(done);
        done
    }

    /// So many bytes are missing, and nothing is held: whether all of them are of a body. The rest of that is opaque.
    pub(super) fn skip(&mut self, length: u64) -> bool {
        self.data.begin(Nature::Opaque);
        self.at == At::Body && self.frames.skip(length)
    }

    /// Whether the body is over.
    pub(super) fn is_over(&self) -> bool {
        self.at == At::Body && self.frames.is_over()
    }

    /// Masks what is held as if it were all; how much of that is in the middle of something.
    pub(super) fn crowd(&mut self, held: &mut [u8], masker: &mut Masker<'_>) -> usize {
        let open = match self.at {
            At::Body if self.data.is_opaque() => 0,
            At::Body => self.data.len(),
            _ => held.len() - self.walked,
        };
        if self.at == At::Body {
            self.data.blank(held, masker);
        }
        if self.walked < held.len() {
            // A line that frames has lost its beginning, and a head is none any more.
            self.blank(held, masker);
            self.at = At::Lost;
        }
        open
    }
}
