//! Frames of chat, and what counts of them (docs/protocol.md).
//!
//! It does not know what was sent. Answers and deliveries may overtake one another there, so what a target says is
//! looked for among all that is recorded, within bounds: that the messages of a sender keep their order is not judged.

use wire::chat::{BODY_MAX_BYTES, Body, GroupId, Key, Kind, Media, MediaToken, Number, ServerFrame};

use super::answer::{Answer, Masks};
use super::pairs::Pairs;
use crate::rewrite::Giver;

/// The most bytes of a target that wait for the recorded *welcome*.
const WAITING_MAX_BYTES: usize = 1 << 20;

/// One session's frames.
#[derive(Debug)]
pub(super) struct Chat {
    clone: u32,
    sides: [Stream; 2],
}

/// One server's frames.
#[derive(Debug, Default)]
struct Stream {
    held: Vec<u8>,
    /// Of *welcome*.
    last_id: Option<u64>,
    /// It broke the protocol.
    deaf: bool,
}

impl Chat {
    pub(super) fn new(clone: u32) -> Self {
        Self {
            clone,
            sides: Default::default(),
        }
    }

    /// A server said this.
    pub(super) fn hear(&mut self, giver: Giver, bytes: &[u8], masks: Masks<'_>, pairs: &mut Pairs) {
        let knew = self.knows(Giver::Recorded);
        self.read(giver, bytes, false, masks, pairs);
        if !knew && self.knows(Giver::Recorded) {
            self.read(Giver::Target, &[], false, masks, pairs);
        }
    }

    /// The recording lacks what its server said here: where its next frame begins cannot be told any more.
    pub(super) fn lose(&mut self) {
        let recorded = &mut self.sides[Giver::Recorded as usize];
        (recorded.held, recorded.deaf) = (Vec::new(), true);
    }

    /// A server says no more.
    pub(super) fn end(&mut self, giver: Giver, masks: Masks<'_>, pairs: &mut Pairs) {
        self.read(giver, &[], true, masks, pairs);
        let side = &self.sides[giver as usize];
        if !side.held.is_empty() {
            pairs.push(giver, Answer::plain("no frame", &side.held, masks));
        }
    }

    fn knows(&self, giver: Giver) -> bool {
        self.sides[giver as usize].last_id.is_some()
    }

    /// Reads whole frames. A target's wait after its *welcome* for the recorded one, unless it is `late`: what an id stands for
    /// is told by both.
    fn read(&mut self, giver: Giver, bytes: &[u8], late: bool, masks: Masks<'_>, pairs: &mut Pairs) {
        let mut kept = std::mem::take(&mut self.sides[giver as usize].held);
        kept.extend_from_slice(bytes);
        let mut rest = kept.as_slice();
        let late = late || kept.len() > WAITING_MAX_BYTES;
        while !self.sides[giver as usize].deaf {
            let in_advance = self.knows(Giver::Target) && !self.knows(Giver::Recorded);
            if giver == Giver::Target && in_advance && !late {
                break;
            }
            match ServerFrame::decode(rest) {
                Ok(Some((frame, length))) => {
                    let answer = self.answer(giver, frame, &rest[..length], masks);
                    pairs.push(giver, answer);
                    rest = &rest[length..];
                }
                Ok(None) => break,
                Err(_) => self.sides[giver as usize].deaf = true,
            }
        }
        self.sides[giver as usize].held = rest.to_vec();
    }

    fn answer(&mut self, giver: Giver, frame: ServerFrame<'_>, raw: &[u8], masks: Masks<'_>) -> Answer {
        if let ServerFrame::Welcome { last_id, .. } = frame {
            self.sides[giver as usize].last_id = Some(last_id);
        }
        let [recorded, actual] = [0, 1].map(|side| self.sides[side].last_id.unwrap_or(0));
        let reader = match giver {
            Giver::Recorded => Reader::default(),
            Giver::Target => Reader {
                shift: masks.rules().chat.shift(self.clone),
                lead: actual.saturating_sub(recorded),
            },
        };
        let mut body = Vec::new();
        let (kind, key, frame) = reader.normal(frame, masks, &mut body);
        let mut masked = Vec::with_capacity(raw.len());
        frame.encode(&mut masked);
        Answer::masked(kind.1, u64::from(kind.0) << 56 ^ key, raw, masked)
    }
}

/// Reads a side's frames as the recording would have them.
#[derive(Clone, Copy, Debug, Default)]
struct Reader {
    /// Added to each recorded number.
    shift: i128,
    /// Added to each recorded id.
    lead: u64,
}

/// What a frame may stand for, and its name: an acceptance for a refusal, a *bye* for a *welcome*.
type Sort = (u8, &'static str);

impl Reader {
    /// A frame without what may differ; its sort, and what of that sort it is about.
    fn normal<'a>(
        self,
        frame: ServerFrame<'a>,
        masks: Masks<'_>,
        room: &'a mut Vec<u8>,
    ) -> (Sort, u64, ServerFrame<'a>) {
        match frame {
            ServerFrame::Hello { version, .. } => {
                let nonce = [0; 16];
                ((1, "hello"), 0, ServerFrame::Hello { version, nonce })
            }
            ServerFrame::Welcome { .. } => {
                let frame = ServerFrame::Welcome {
                    last_id: 0,
                    queued: 0,
                    media_token: MediaToken([0; 16]),
                };
                ((2, "welcome"), 0, frame)
            }
            ServerFrame::Bye { .. } => ((2, "bye"), 0, frame),
            ServerFrame::Accepted { id } => {
                let id = self.id(id);
                ((3, "accepted"), id, ServerFrame::Accepted { id })
            }
            ServerFrame::Refused { id, code } => {
                let id = self.id(id);
                ((3, "refused"), id, ServerFrame::Refused { id, code })
            }
            ServerFrame::Deliver {
                from, group, body, ..
            } => {
                let from = self.number(from);
                let frame = ServerFrame::Deliver {
                    seq: 0,
                    from,
                    group: group.map(|group| self.group(group)),
                    id: 0,
                    time_ms: 0,
                    body: masked_body(body, masks, room),
                };
                ((4, "deliver"), from.value(), frame)
            }
            ServerFrame::Delivered { id, by, .. } => {
                let (seq, id, by) = (0, self.id(id), self.number(by));
                ((5, "delivered"), id, ServerFrame::Delivered { seq, id, by })
            }
            ServerFrame::Pong { .. } => ((6, "pong"), 0, frame),
            ServerFrame::Error { about, .. } => ((7, "error"), about.into(), frame),
            other => self.normal_rare(other),
        }
    }

    /// The frames that tell of people and groups.
    fn normal_rare<'a>(self, frame: ServerFrame<'a>) -> (Sort, u64, ServerFrame<'a>) {
        match frame {
            ServerFrame::PinSent { number } => {
                let number = self.number(number);
                ((8, "pin_sent"), 0, ServerFrame::PinSent { number })
            }
            ServerFrame::NewKey { number, .. } => {
                let (number, key) = (self.number(number), Key([0; 32]));
                ((9, "new_key"), 0, ServerFrame::NewKey { number, key })
            }
            ServerFrame::Typing { from, on } => {
                let from = self.number(from);
                (
                    (10, "typing_from"),
                    from.value(),
                    ServerFrame::Typing { from, on },
                )
            }
            ServerFrame::Presence { number, presence } => {
                let number = self.number(number);
                let frame = ServerFrame::Presence { number, presence };
                ((11, "presence"), number.value(), frame)
            }
            ServerFrame::Group { group, members } => {
                let group = self.group(group);
                (
                    (12, "group"),
                    group.value() & u64::MAX >> 8,
                    ServerFrame::Group { group, members },
                )
            }
            other => ((0, "frame"), 0, other),
        }
    }

    fn id(self, id: u64) -> u64 {
        id.saturating_sub(self.lead)
    }

    /// The recorded number; of a stranger his own.
    fn number(self, number: Number) -> Number {
        let recorded = u64::try_from(i128::from(number.value()) - self.shift);
        let recorded = recorded.ok().and_then(|value| Number::new(value).ok());
        recorded.unwrap_or(number)
    }

    fn group(self, group: GroupId) -> GroupId {
        let owner = self.number(group.owner());
        GroupId::new(owner, group.tag()).unwrap_or(group)
    }
}

/// A body with what may differ masked, in `room` where something is: what the rules say, and where media are.
fn masked_body<'a>(body: Body<'a>, masks: Masks<'_>, room: &'a mut Vec<u8>) -> Body<'a> {
    if body.kind == Kind::Media
        && let Ok(media) = Media::parse(body.bytes)
        && let Ok(masked) = Media::new("*", media.thumbnail)
    {
        masked.encode(room);
    } else {
        room.extend_from_slice(&masks.mask(body.bytes));
        room.truncate(BODY_MAX_BYTES);
    }
    Body {
        kind: body.kind,
        bytes: room,
    }
}
