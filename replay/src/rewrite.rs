//! What a driven client says in place of what the recorded one said.
//!
//! It knows neither sockets nor clocks: whoever drives hands it what the recording has and what the target answers.
//!
//! A session without a rule of its own, in a protocol of which nothing is known, costs the 64 bytes of a [`Rewriter`] and no copy
//! beyond the one into `out`. A chat session adds 232 bytes, one of HTTP 288, what is under way apart: a frame or a
//! request that is not whole, and what was learned.

mod chat;
mod common;
mod early;
mod edit;
mod feed;
mod http;
mod listener;
mod ruled;
mod values;

use std::sync::Arc;

use self::chat::Chat;
use self::http::Http;
use self::ruled::Ruled;
use crate::{Protocol, Rules, Session};

pub use self::chat::Messages;
pub(crate) use self::common::Common;
pub(crate) use self::early::Early;
pub(crate) use self::http::lesson::{is_token, members, tokens};
pub(crate) use self::values::Giver;

/// One driven session's rewriting.
#[derive(Debug)]
pub struct Rewriter {
    scene: Scene,
    dialect: Dialect,
}

/// What does not depend on the protocol: the rules, the session's choice among them, whose it is, what was counted.
#[derive(Debug)]
struct Scene {
    rules: Arc<Rules>,
    chosen: u64,
    flow: u64,
    random: u64,
    clone: u32,
    /// Running numbers said.
    count: u32,
    unlearned: u32,
    /// Whether what is not known yet is said as it was recorded.
    insists: bool,
}

/// How a session's client speaks.
#[derive(Debug)]
enum Dialect {
    /// Nothing is known and nothing asked.
    Plain,
    Chat(Box<Chat>),
    Http(Box<Http>),
    Ruled(Box<Ruled>),
}

/// What became of something the recorded client said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is in `out`, but for an unfinished end that waits for what follows it.
    Ready,
    /// So many of its bytes are in `out` or kept; the next need a value that the target has not handed out yet. Say the
    /// bytes from there on again once more was heard.
    Waits {
        /// Bytes of `recorded` that need not be said again.
        taken: usize,
    },
}

/// Why something cannot be said to the target: ours or the rules' fault, never the target's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// A chat log-in, and no secret to prove it with.
    #[error("a chat log-in needs the target's secret: give the rules a [chat] secret")]
    NoSecret,
    /// A number that no phone can have.
    #[error("number {number} of clone {clone} is none of 1 to 15 digits: lower the [chat] stride or offset")]
    Number {
        /// As recorded.
        number: u64,
        /// Whose.
        clone: u32,
    },
    /// What was rewritten grew beyond what its length can tell.
    #[error("{bytes} bytes after rewriting are more than the length in front can tell")]
    TooLong {
        /// How many.
        bytes: usize,
    },
}

/// Whether a client waits for what it does not know yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Waits,
    Insists,
}

impl Rewriter {
    /// Rewriting for one driven session: `clone` is whose, from 0; `seed` is what made-up values come from.
    #[must_use]
    pub fn new(rules: &Arc<Rules>, session: &Session, clone: u32, seed: u64) -> Self {
        let chosen = rules.choose(session.protocol, session.server);
        let dialect = match session.protocol {
            Protocol::Chat => Dialect::Chat(Box::default()),
            Protocol::Http | Protocol::WebSocket => Dialect::Http(Box::new(Http::new(session))),
            _ if chosen == 0 => Dialect::Plain,
            protocol => Dialect::Ruled(Box::new(Ruled::new(rules, chosen, protocol))),
        };
        Self {
            scene: Scene {
                rules: Arc::clone(rules),
                chosen,
                flow: session.flow.0,
                random: mixed(seed ^ mixed(session.flow.0 ^ mixed(clone.into()))),
                clone,
                count: 0,
                unlearned: 0,
                insists: false,
            },
            dialect,
        }
    }

    /// What is said and expected from here on stands in a turn of the recording that began so long after its first packet, nanoseconds.
    /// Without that nothing counts as said early.
    pub fn turn(&mut self, at_ns: u64) {
        if let Dialect::Http(http) = &mut self.dialect {
            http.turn(at_ns);
        }
    }

    /// What is said in place of `recorded`, in pieces of any size, appended to `out`.
    ///
    /// # Errors
    /// It cannot be said to the target; the session is over.
    pub fn say(&mut self, recorded: &[u8], out: &mut Vec<u8>) -> Result<Said, RewriteError> {
        let patience = self.patience();
        let scene = &mut self.scene;
        match &mut self.dialect {
            Dialect::Plain => {
                out.extend_from_slice(recorded);
                Ok(Said::Ready)
            }
            Dialect::Chat(chat) => chat.say(scene, patience, recorded, out),
            Dialect::Http(http) => http.say(scene, patience, recorded, out),
            Dialect::Ruled(ruled) => ruled.say(scene, patience, recorded, out),
        }
    }

    /// The recorded client says no more for now: the server speaks next, or it finishes. What was kept for its end goes
    /// to `out`. [`Said::Waits`] asks to be called again; its `taken` is 0.
    ///
    /// # Errors
    /// As [`Rewriter::say`].
    pub fn rest(&mut self, out: &mut Vec<u8>) -> Result<Said, RewriteError> {
        let patience = self.patience();
        match &mut self.dialect {
            // Their frames and requests end by themselves.
            Dialect::Plain | Dialect::Chat(_) | Dialect::Http(_) => Ok(Said::Ready),
            Dialect::Ruled(ruled) => ruled.rest(&mut self.scene, patience, out),
        }
    }

    /// The next [`Rewriter::say`] or [`Rewriter::rest`] does not wait: what is not learned by then is said as it was
    /// recorded, and counted.
    pub fn insist(&mut self) {
        self.scene.insists = true;
    }

    /// Values that were said as recorded because the target had not handed out its own; values whose like the recording lacks; and
    /// answers of HTTP, the recorded server's or the target's, that may have handed out some but could not be unpacked.
    #[must_use]
    pub fn unlearned(&self) -> u32 {
        self.scene.unlearned
    }

    /// Chat messages so far; none in other protocols.
    #[must_use]
    pub fn messages(&self) -> Messages {
        match &self.dialect {
            Dialect::Chat(chat) => chat.messages(),
            _ => Messages::default(),
        }
    }

    /// The target said this; in pieces of any size.
    pub fn heard(&mut self, actual: &[u8]) {
        match &mut self.dialect {
            Dialect::Plain => {}
            Dialect::Chat(chat) => chat.heard(&self.scene, actual),
            Dialect::Http(http) => http.heard(&mut self.scene, actual),
            Dialect::Ruled(ruled) => ruled.heard(&self.scene, actual),
        }
    }

    /// The recorded server said this, before whatever is said next; in pieces of any size.
    pub fn expected(&mut self, recorded: &[u8]) {
        match &mut self.dialect {
            Dialect::Plain => {}
            Dialect::Chat(chat) => chat.expected(recorded),
            Dialect::Http(http) => http.expected(&mut self.scene, recorded),
            Dialect::Ruled(ruled) => ruled.expected(&self.scene, recorded),
        }
    }

    /// The recording lacks what its server said here: nothing is learned across it, and what stands behind it is paired anew.
    pub fn gap(&mut self) {
        match &mut self.dialect {
            Dialect::Plain => {}
            Dialect::Chat(chat) => chat.gap(),
            Dialect::Http(http) => http.gap(&mut self.scene),
            Dialect::Ruled(ruled) => ruled.gap(&self.scene),
        }
    }

    /// The recorded client finished: what was kept of something that it never completed goes to `out` as it was recorded.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        match &mut self.dialect {
            Dialect::Plain => {}
            Dialect::Chat(chat) => chat.end(out),
            Dialect::Http(http) => http.end(out),
            Dialect::Ruled(ruled) => ruled.end(out),
        }
    }

    fn patience(&mut self) -> Patience {
        match std::mem::take(&mut self.scene.insists) {
            true => Patience::Insists,
            false => Patience::Waits,
        }
    }
}

/// A number of which each bit depends on each of another's (SplitMix64's finalizer).
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

// A million are live at once.
const _: () = assert!(size_of::<Rewriter>() <= 64 && size_of::<Chat>() <= 232 && size_of::<Http>() <= 288);

#[cfg(test)]
mod tests;
