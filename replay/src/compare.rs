//! The target's answers beside the recorded ones.
//!
//! It knows bytes and protocols; it does not know when anything was said.
//!
//! What an answer is depends on the protocol: a frame of chat, a response of HTTP, a line of Redis, SMTP and IRC, a frame where a
//! rule says how long one is, and else all that a server says between two sayings of its client. Both sides are cut alike, in
//! pieces of any size, and pair up in order; only chat's, where answers may overtake one another, pair up by what they say.
//!
//! Where the recording lacks bytes of its server, answers are compared around them: up to there, and again from where it can be told
//! what is an answer, which is the client's next saying, or the next line. What has no like in between is not judged. Chat's frames are
//! lost from there on.
//!
//! Where nothing is under way a comparison holds 256 bytes. What one side is ahead by is bounded; beyond, its oldest
//! answer counts as missing or extra.

mod answer;
mod chat;
mod cutter;
mod difference;
mod http;
mod pairs;
mod turns;

use std::sync::Arc;

use self::answer::Masks;
use self::chat::Chat;
use self::cutter::Cutter;
use self::pairs::{Order, Pairs};
use self::turns::Turns;
use crate::rewrite::Giver;
use crate::rules::Unit;
use crate::{Protocol, Rules, Session};

pub use difference::Difference;

/// One driven session's comparison, streaming and bounded.
#[derive(Debug)]
pub struct Comparison {
    rules: Arc<Rules>,
    chosen: u64,
    pairs: Pairs,
    /// What the recorded server says is a part of what is lost.
    blind: bool,
    way: Way,
}

/// How answers are told apart.
#[derive(Debug)]
enum Way {
    /// By frames of chat.
    Chat(Box<Chat>),
    /// By what the protocol or a rule says: the recorded side's and the target's.
    Cut(Box<[Cutter; 2]>),
    /// By when the client speaks.
    Turns(Box<Turns>),
}

/// What a comparison came to: answers by verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The same bytes.
    pub identical: u64,
    /// The same but for what may differ.
    pub masked: u64,
    /// Not the same.
    pub different: u64,
    /// Recorded, and never answered.
    pub missing: u64,
    /// Answered, and not recorded.
    pub extra: u64,
    /// Answered, and perhaps among what the recording lacks.
    pub unjudged: u64,
    /// The first that was different, missing or extra.
    pub first: Option<Box<Difference>>,
}

impl Comparison {
    /// A comparison for one driven session of a clone.
    #[must_use]
    pub fn new(rules: &Arc<Rules>, session: &Session, clone: u32) -> Self {
        let chosen = rules.choose(session.protocol, session.server);
        let length = rules.chosen(chosen).find_map(|rule| match rule.unit {
            Some(Unit::Frame(length)) => Some(length),
            _ => None,
        });
        let cut = |cutter: &dyn Fn() -> Cutter| Way::Cut(Box::new([cutter(), cutter()]));
        let (order, way) = match (session.protocol, length) {
            (Protocol::Chat, _) => (Order::Free, Way::Chat(Box::new(Chat::new(clone)))),
            (Protocol::Http | Protocol::WebSocket, _) => (Order::Strict, cut(&Cutter::http)),
            (_, Some(length)) => (Order::Kept, cut(&|| Cutter::frame(length))),
            (Protocol::Redis | Protocol::Smtp | Protocol::Irc, None) => (Order::Kept, cut(&Cutter::line)),
            _ => (Order::Kept, Way::Turns(Box::default())),
        };
        Self {
            rules: Arc::clone(rules),
            chosen,
            pairs: Pairs::new(order),
            blind: false,
            way,
        }
    }

    /// The recorded client says this next: what the recorded server says from here on answers it.
    pub fn said(&mut self, recorded: &[u8]) {
        let masks = Masks::new(&self.rules, self.chosen);
        self.blind = false;
        match &mut self.way {
            Way::Chat(_) => {}
            Way::Cut(cutters) => cutters.iter_mut().for_each(|cutter| cutter.said(recorded)),
            Way::Turns(turns) => turns.said(masks, &mut self.pairs),
        }
    }

    /// The recorded server said this; in pieces of any size.
    pub fn recorded(&mut self, recorded: &[u8]) {
        let mut lost = 0;
        if self.blind {
            lost = match &self.way {
                Way::Cut(cutters) => cutters[Giver::Recorded as usize].lost(recorded),
                Way::Chat(_) | Way::Turns(_) => recorded.len(),
            };
            self.blind = lost == recorded.len();
        }
        self.heard(Giver::Recorded, &recorded[lost..]);
    }

    /// The recording lacks what its server said here.
    pub fn gap(&mut self) {
        self.pairs.blur();
        self.blind = true;
        match &mut self.way {
            Way::Chat(chat) => chat.lose(),
            Way::Cut(cutters) => cutters[Giver::Recorded as usize].lose(),
            Way::Turns(turns) => turns.lose(),
        }
    }

    /// The target said this; in pieces of any size.
    pub fn actual(&mut self, actual: &[u8]) {
        self.heard(Giver::Target, actual);
    }

    /// What it came to, when nothing more is said.
    #[must_use]
    pub fn finish(mut self) -> Compared {
        let masks = Masks::new(&self.rules, self.chosen);
        match self.way {
            Way::Chat(mut chat) => {
                for giver in Giver::BOTH {
                    chat.end(giver, masks, &mut self.pairs);
                }
            }
            Way::Cut(mut cutters) => {
                for (cutter, giver) in cutters.iter_mut().zip(Giver::BOTH) {
                    cutter.end(masks, &mut |answer| self.pairs.push(giver, answer));
                }
            }
            Way::Turns(mut turns) => turns.end(masks, &mut self.pairs),
        }
        self.pairs.finish()
    }

    fn heard(&mut self, giver: Giver, bytes: &[u8]) {
        let masks = Masks::new(&self.rules, self.chosen);
        let pairs = &mut self.pairs;
        match &mut self.way {
            Way::Chat(chat) => chat.hear(giver, bytes, masks, pairs),
            Way::Cut(cutters) => {
                cutters[giver as usize].hear(bytes, masks, &mut |answer| pairs.push(giver, answer));
                if cutters[Giver::Recorded as usize].is_denied() {
                    cutters.iter_mut().for_each(Cutter::stay);
                }
            }
            Way::Turns(turns) => turns.hear(giver, bytes, masks, pairs),
        }
    }
}

#[cfg(test)]
mod tests;
