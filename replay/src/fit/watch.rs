//! What one client says, cut into messages.
//!
//! Of chat it knows frames: a message is a body that is sent. Of all else a message is what a client says until the server
//! speaks, or until it pauses.

use wire::chat::{Address, ClientFrame};

use crate::{Protocol, Side};

/// A client that says nothing for so long has ended a message.
const PAUSE_NS: u64 = 10_000_000;
/// A frame that takes more is none: nothing more is read of that client.
const HELD_MAX_BYTES: usize = 1 << 20;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) at_ns: u64,
    pub(super) bytes: u64,
}

/// A client's messages.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) messages: Vec<Message>,
    /// Of them, to groups.
    pub(super) to_groups: u64,
    /// Who he says he is.
    pub(super) number: Option<u64>,
    is_chat: bool,
    /// A frame that is not whole.
    held: Vec<u8>,
    /// What he is saying, and when he last did.
    saying: Option<(Message, u64)>,
}

impl Watch {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self {
            messages: Vec::new(),
            to_groups: 0,
            number: None,
            is_chat: protocol == Protocol::Chat,
            held: Vec::new(),
            saying: None,
        }
    }

    /// Somebody said this.
    pub(super) fn hear(&mut self, side: Side, at_ns: u64, said: &[u8]) {
        if side == Side::Server {
            return self.end();
        }
        if said.is_empty() {
            return;
        }
        if self.is_chat {
            return self.frames(at_ns, said);
        }
        let bytes = said.len() as u64;
        match &mut self.saying {
            Some((message, last_ns)) if at_ns.saturating_sub(*last_ns) < PAUSE_NS => {
                message.bytes += bytes;
                *last_ns = at_ns;
            }
            _ => {
                self.end();
                self.saying = Some((Message { at_ns, bytes }, at_ns));
            }
        }
    }

    /// The recording lacks what somebody said here.
    pub(super) fn lose(&mut self, side: Side) {
        self.end();
        if side == Side::Client {
            self.held.clear();
        }
    }

    /// What he was saying is said.
    pub(super) fn end(&mut self) {
        self.messages
            .extend(self.saying.take().map(|(message, _)| message));
    }

    fn frames(&mut self, at_ns: u64, said: &[u8]) {
        if self.held.len() + said.len() > HELD_MAX_BYTES {
            return;
        }
        self.held.extend_from_slice(said);
        let mut taken = 0;
        loop {
            let (frame, length) = match ClientFrame::decode(&self.held[taken..]) {
                Ok(Some(decoded)) => decoded,
                Ok(None) => break,
                // Where the recording joins or lacks something, a frame is under way: the next may begin with what is said next.
                Err(_) => {
                    taken = self.held.len();
                    break;
                }
            };
            taken += length;
            match frame {
                ClientFrame::Login { number, .. } => self.number = Some(number.value()),
                ClientFrame::Send { to, body, .. } => {
                    self.to_groups += u64::from(matches!(to, Address::Group(_)));
                    self.messages.push(Message {
                        at_ns,
                        bytes: body.bytes.len() as u64,
                    });
                }
                _ => {}
            }
        }
        self.held.drain(..taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_message_ends_where_the_server_speaks_or_the_client_pauses() {
        let mut watch = Watch::new(Protocol::Unknown);
        watch.hear(Side::Client, 0, b"ab");
        watch.hear(Side::Client, MS, b"c");
        watch.hear(Side::Server, 2 * MS, b"ok");
        watch.hear(Side::Client, 3 * MS, b"d");
        watch.hear(Side::Client, 20 * MS, b"efgh");
        watch.end();
        let said: Vec<_> = watch
            .messages
            .iter()
            .map(|message| (message.at_ns / MS, message.bytes))
            .collect();
        assert_eq!(said, [(0, 3), (3, 1), (20, 4)]);
    }
}
