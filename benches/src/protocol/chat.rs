//! The chat protocol, for the reference server and for the floor, which speaks as much of it as a message needs.

use wire::chat::{
    Address, Body, Client, ClientFrame, Event as ChatEvent, Identity, Key, Kind, Number, Secret, ServerFrame,
};

use super::{Answers, Event, Fault, Protocol};
use crate::body::BODY_BYTES;

/// Clients' numbers and keys.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// The first client's number.
    pub(crate) base: u64,
    /// What provisioned keys are derived from.
    pub(crate) secret: Secret,
}

/// The chat protocol.
#[derive(Clone, Debug)]
pub(crate) struct Chat {
    /// Who the clients are.
    pub(crate) names: Names,
    /// Whether second ticks come.
    pub(crate) ticks: bool,
}

/// One client, asked for its name.
struct Named<'a> {
    names: &'a Names,
    who: u32,
}

impl Identity for Named<'_> {
    fn number(&self) -> Number {
        number(self.names.base, self.who)
    }

    fn key(&self) -> Key {
        self.names.secret.key(self.number())
    }
}

fn number(base: u64, who: u32) -> Number {
    // The bases are 11 digits and the clients fewer than a million: a number in any case.
    Number::new(base + u64::from(who)).unwrap_or(Number::MAX)
}

impl Protocol for Chat {
    type Session = Client;

    fn answers(&self) -> Answers {
        Answers {
            accepted: true,
            ticked: self.ticks,
        }
    }

    fn opened(&self, _: u32, _: &mut Vec<u8>) {
        // The server speaks first.
    }

    fn received(
        &self,
        session: &mut Client,
        who: u32,
        bytes: &[u8],
        out: &mut Vec<u8>,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<usize, Fault> {
        let named = Named {
            names: &self.names,
            who,
        };
        let mut taken = 0;
        while let Some((frame, length)) =
            ServerFrame::decode(&bytes[taken..]).map_err(|error| Fault(error.to_string()))?
        {
            taken += length;
            match session.receive(frame, &named, out) {
                ChatEvent::LoggingIn => {}
                ChatEvent::Online { .. } => tell(Event::Ready),
                ChatEvent::Accepted { id } => tell(Event::Accepted(id)),
                ChatEvent::Message { body, .. } => tell(Event::Delivered(body.bytes)),
                ChatEvent::Delivered { id, .. } => tell(Event::Ticked(id)),
                other => return Err(Fault(format!("{other:?}"))),
            }
        }
        Ok(taken)
    }

    fn message(&self, _: &mut Client, to: u32, message: u64, body: &[u8; BODY_BYTES], out: &mut Vec<u8>) {
        // Numbers of messages rise over the run, so they rise for each sender, which is all that ids must.
        ClientFrame::Send {
            id: message,
            to: Address::Person(number(self.names.base, to)),
            body: Body {
                kind: Kind::Text,
                bytes: body,
            },
        }
        .encode(out);
    }
}

#[cfg(test)]
mod tests {
    use wire::chat::{MediaToken, VERSION};

    use super::*;
    use crate::body::Label;

    #[test]
    fn a_client_logs_in_sends_and_acknowledges() {
        let chat = Chat {
            names: Names {
                base: 1,
                secret: Secret::new(b"secret"),
            },
            ticks: true,
        };
        let (mut session, mut out, mut bytes) = (Client::default(), Vec::new(), Vec::new());
        ServerFrame::Hello {
            version: VERSION,
            nonce: [1; 16],
        }
        .encode(&mut bytes);
        ServerFrame::Welcome {
            last_id: 0,
            queued: 0,
            media_token: MediaToken([0; 16]),
        }
        .encode(&mut bytes);
        let label = Label {
            number: 77,
            from: 0,
            to: 5,
        };
        let body = label.body();
        ServerFrame::Deliver {
            seq: 9,
            from: number(1, 0),
            group: None,
            id: 77,
            time_ms: 0,
            body: Body {
                kind: Kind::Text,
                bytes: &body,
            },
        }
        .encode(&mut bytes);
        bytes.extend_from_slice(&[0, 9]);
        let mut told = Vec::new();
        let taken = chat
            .received(&mut session, 5, &bytes, &mut out, &mut |event| {
                told.push(format!("{event:?}"));
            })
            .unwrap();
        assert_eq!(taken, bytes.len() - 2, "a frame's beginning is left");
        assert_eq!(told.len(), 2, "{told:?}");
        let (login, length) = ClientFrame::decode(&out).unwrap().unwrap();
        assert!(matches!(login, ClientFrame::Login { number, .. } if number.value() == 6));
        let (ack, _) = ClientFrame::decode(&out[length..]).unwrap().unwrap();
        assert!(matches!(ack, ClientFrame::Ack { seq: 9 }));
    }
}
