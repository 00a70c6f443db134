//! A client as a pure state machine: server frames in, answers and events out.
//!
//! It knows neither how bytes travel nor who asks for what when. It takes 16 bytes, because a swarm holds millions.

use super::{Body, ClientFrame, Code, GroupId, Key, MediaToken, Number, Presence, ServerFrame, VERSION};

/// Who a client is. Asked only when it logs in, so a swarm may derive the answer instead of keeping it.
pub trait Identity {
    /// Its number.
    fn number(&self) -> Number;
    /// Its key.
    fn key(&self) -> Key;
}

/// How far a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Connected, waiting for *hello*.
    Waiting,
    /// The proof is sent.
    LoggingIn,
    /// Welcomed.
    Online,
    /// Done for: the server said *bye*, or broke the protocol.
    Over,
}

/// One client's session.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    last_id: u64,
    phase: Phase,
}

/// What a server frame meant.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// *Hello* was answered with a log-in.
    LoggingIn,
    /// Logged in; `queued` messages wait.
    Online {
        /// How many items wait.
        queued: u32,
        /// For HTTP.
        media_token: MediaToken,
    },
    /// One tick.
    Accepted {
        /// The message's id.
        id: u64,
    },
    /// The server did not take a message.
    Refused {
        /// The message's id.
        id: u64,
        /// Why.
        code: Code,
    },
    /// A message; it has been acknowledged.
    Message {
        /// Who sent it.
        from: Number,
        /// By way of which group.
        group: Option<GroupId>,
        /// The sender's id for it.
        id: u64,
        /// When the server took it, Unix time in milliseconds.
        time_ms: u64,
        /// What it says.
        body: Body<'a>,
    },
    /// Two ticks.
    Delivered {
        /// The message's id.
        id: u64,
        /// The recipient.
        by: Number,
    },
    /// Somebody types.
    Typing {
        /// Who.
        from: Number,
        /// Began or stopped.
        on: bool,
    },
    /// Somebody came or went.
    Presence {
        /// Who.
        number: Number,
        /// Which.
        presence: Presence,
    },
    /// A group was set.
    Group {
        /// Which.
        group: GroupId,
        /// How many it has.
        members: u16,
    },
    /// A ping came back.
    Pong {
        /// Its token.
        token: u32,
    },
    /// A request was refused.
    Error {
        /// Why.
        code: Code,
        /// The type of the refused frame.
        about: u8,
    },
    /// The server ends the session.
    Bye {
        /// Why.
        code: Code,
    },
    /// The server broke the protocol: this frame has no place here.
    Unexpected,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            last_id: 0,
            phase: Phase::Waiting,
        }
    }
}

impl Client {
    /// A session on a new connection of a client whose last id is known (or 0).
    #[must_use]
    pub fn new(last_id: u64) -> Self {
        Self {
            last_id,
            phase: Phase::Waiting,
        }
    }

    /// How far the session is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The highest id used.
    #[must_use]
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// Takes the next id for a message. Ids rise, so that the server can tell a repeat from a new one.
    pub fn next_id(&mut self) -> u64 {
        // A server that says the last id was the highest there is leaves none; the repeat is refused as stale.
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }

    /// Takes a server frame; what has to be answered at once is appended to `out`.
    pub fn receive<'a>(
        &mut self,
        frame: ServerFrame<'a>,
        who: &impl Identity,
        out: &mut Vec<u8>,
    ) -> Event<'a> {
        match (self.phase, frame) {
            (
                Phase::Waiting,
                ServerFrame::Hello {
                    version: VERSION,
                    nonce,
                },
            ) => {
                let number = who.number();
                ClientFrame::Login {
                    number,
                    proof: who.key().prove(&nonce, number),
                }
                .encode(out);
                self.phase = Phase::LoggingIn;
                Event::LoggingIn
            }
            (
                Phase::LoggingIn,
                ServerFrame::Welcome {
                    last_id,
                    queued,
                    media_token,
                },
            ) => {
                self.last_id = self.last_id.max(last_id);
                self.phase = Phase::Online;
                Event::Online { queued, media_token }
            }
            (Phase::Over, _) => Event::Unexpected,
            (_, ServerFrame::Bye { code }) => {
                self.phase = Phase::Over;
                Event::Bye { code }
            }
            (_, ServerFrame::Error { code, about }) => Event::Error { code, about },
            (Phase::Online, frame) => self.online(frame, out),
            _ => self.unexpected(),
        }
    }

    fn online<'a>(&mut self, frame: ServerFrame<'a>, out: &mut Vec<u8>) -> Event<'a> {
        match frame {
            ServerFrame::Accepted { id } => Event::Accepted { id },
            ServerFrame::Refused { id, code } => Event::Refused { id, code },
            ServerFrame::Deliver {
                seq,
                from,
                group,
                id,
                time_ms,
                body,
            } => {
                ClientFrame::Ack { seq }.encode(out);
                Event::Message {
                    from,
                    group,
                    id,
                    time_ms,
                    body,
                }
            }
            ServerFrame::Delivered { seq, id, by } => {
                if seq != 0 {
                    ClientFrame::Ack { seq }.encode(out);
                }
                Event::Delivered { id, by }
            }
            ServerFrame::Typing { from, on } => Event::Typing { from, on },
            ServerFrame::Presence { number, presence } => Event::Presence { number, presence },
            ServerFrame::Group { group, members } => Event::Group { group, members },
            ServerFrame::Pong { token } => Event::Pong { token },
            _ => self.unexpected(),
        }
    }

    fn unexpected<'a>(&mut self) -> Event<'a> {
        self.phase = Phase::Over;
        Event::Unexpected
    }
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    struct Ann;

    impl Identity for Ann {
        fn number(&self) -> Number {
            Number::new(1).unwrap()
        }
        fn key(&self) -> Key {
            Secret::new(b"secret").key(self.number())
        }
    }

    fn welcome() -> ServerFrame<'static> {
        ServerFrame::Welcome {
            last_id: 41,
            queued: 3,
            media_token: MediaToken([0; 16]),
        }
    }

    #[test]
    fn a_session_logs_in_acknowledges_and_goes_on_from_the_servers_last_id() {
        let (mut client, mut out) = (Client::default(), Vec::new());
        let nonce = [9; 16];
        assert!(matches!(
            client.receive(
                ServerFrame::Hello {
                    version: VERSION,
                    nonce
                },
                &Ann,
                &mut out
            ),
            Event::LoggingIn
        ));
        let (frame, _) = ClientFrame::decode(&out).unwrap().unwrap();
        let ClientFrame::Login { number, proof } = frame else {
            panic!("{frame:?}")
        };
        assert!(Ann.key().verify(&nonce, number, &proof));
        assert!(matches!(
            client.receive(welcome(), &Ann, &mut out),
            Event::Online { queued: 3, .. }
        ));
        assert_eq!(client.next_id(), 42);

        out.clear();
        let body = Body {
            kind: super::super::Kind::Text,
            bytes: b"hi",
        };
        let deliver = ServerFrame::Deliver {
            seq: 7,
            from: Ann.number(),
            group: None,
            id: 1,
            time_ms: 0,
            body,
        };
        assert!(matches!(
            client.receive(deliver, &Ann, &mut out),
            Event::Message { id: 1, .. }
        ));
        let tick = ServerFrame::Delivered {
            seq: 0,
            id: 2,
            by: Ann.number(),
        };
        assert!(matches!(
            client.receive(tick, &Ann, &mut out),
            Event::Delivered { id: 2, .. }
        ));
        let (frame, length) = ClientFrame::decode(&out).unwrap().unwrap();
        assert!(matches!(frame, ClientFrame::Ack { seq: 7 }));
        assert_eq!(length, out.len(), "a live tick needs no acknowledgement");
    }

    #[test]
    fn a_server_out_of_turn_ends_the_session() {
        let (mut client, mut out) = (Client::default(), Vec::new());
        assert!(matches!(
            client.receive(welcome(), &Ann, &mut out),
            Event::Unexpected
        ));
        assert_eq!(client.phase(), Phase::Over);
        assert!(out.is_empty());
    }
}
