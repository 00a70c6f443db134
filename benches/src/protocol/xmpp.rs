//! XMPP (RFC 6120, RFC 6121) over plain TCP, as much of it as a message from one client to another needs.
//!
//! Log-in by SASL PLAIN and a bound resource; messages go to full addresses, so that neither rosters nor presence take
//! part. It is no XML parser: it splits stanzas and finds what the server under test is known to write.

mod stanza;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Answers, Event, Fault, Protocol};
use crate::body::{BODY_BYTES, hex};
use stanza::{attribute, between, split};

const STREAM: &str = "<stream:stream to='localhost' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
const BIND: &str = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
                    <resource>r</resource></bind></iq>";
const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3'/>";
const REQUEST: &str = "<r xmlns='urn:xmpp:sm:3'/>";

/// What is asked of the server beyond handing a message on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guarantee {
    /// Nothing: weaker than an accepted, delivered, acknowledged message.
    Plain,
    /// Stream management (XEP-0198): the sender asks after each message and is told that the server has it; the
    /// server asks the recipient and is told that it has it.
    Acknowledged,
    /// Delivery receipts (XEP-0184): the recipient sends a message back, end to end.
    Receipts,
}

/// The protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Xmpp {
    /// What is asked of the server.
    pub(crate) guarantee: Guarantee,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Authenticating,
    Restarting,
    Binding,
    Enabling,
    Online,
}

/// A client's memory.
#[derive(Debug, Default)]
pub(crate) struct Session {
    step: Step,
    /// Stanzas received and, of those sent, acknowledged, since stream management began; both wrap (XEP-0198,
    /// section 4).
    received: u32,
    acknowledged: u32,
    unacknowledged: std::collections::VecDeque<u64>,
}

impl Protocol for Xmpp {
    type Session = Session;

    fn answers(&self) -> Answers {
        Answers {
            accepted: self.guarantee == Guarantee::Acknowledged,
            ticked: self.guarantee == Guarantee::Receipts,
        }
    }

    fn opened(&self, _: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(STREAM.as_bytes());
    }

    fn received(
        &self,
        session: &mut Session,
        who: u32,
        bytes: &[u8],
        out: &mut Vec<u8>,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<usize, Fault> {
        let mut taken = 0;
        while let Some((stanza, length)) = split(&bytes[taken..]) {
            taken += length;
            if session.step == Step::Online {
                self.online(session, stanza, out, tell)?;
            } else {
                self.log_in(session, who, stanza, out, tell)?;
            }
        }
        Ok(taken)
    }

    fn message(
        &self,
        session: &mut Session,
        to: u32,
        number: u64,
        body: &[u8; BODY_BYTES],
        out: &mut Vec<u8>,
    ) {
        let text = String::from_utf8_lossy(body);
        let id = format!("{number:x}");
        let head = format!("<message to='u{to}@localhost/r' id='{id}' type='chat'><body>{text}</body>");
        out.extend_from_slice(head.as_bytes());
        if self.guarantee == Guarantee::Receipts {
            out.extend_from_slice(b"<request xmlns='urn:xmpp:receipts'/>");
        }
        out.extend_from_slice(b"</message>");
        if self.guarantee == Guarantee::Acknowledged {
            session.unacknowledged.push_back(number);
            out.extend_from_slice(REQUEST.as_bytes());
        }
    }
}

impl Xmpp {
    fn log_in(
        &self,
        session: &mut Session,
        who: u32,
        stanza: &[u8],
        out: &mut Vec<u8>,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Fault> {
        let is = |start: &str| stanza.starts_with(start.as_bytes());
        session.step = match session.step {
            // The stream's opening tag and the XML declaration say nothing that is needed.
            step if is("<?xml") || is("<stream:stream ") => step,
            Step::Authenticating if is("<stream:features") => {
                let plain = STANDARD.encode(format!("\0u{who}\0password"));
                let auth = format!(
                    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"
                );
                out.extend_from_slice(auth.as_bytes());
                Step::Authenticating
            }
            Step::Authenticating if is("<success") => {
                out.extend_from_slice(STREAM.as_bytes());
                Step::Restarting
            }
            Step::Restarting if is("<stream:features") => {
                out.extend_from_slice(BIND.as_bytes());
                Step::Binding
            }
            Step::Binding if is("<iq") && attribute(stanza, "type") == Some(b"result") => {
                if self.guarantee == Guarantee::Acknowledged {
                    out.extend_from_slice(ENABLE.as_bytes());
                    Step::Enabling
                } else {
                    tell(Event::Ready);
                    Step::Online
                }
            }
            Step::Enabling if is("<enabled") => {
                tell(Event::Ready);
                Step::Online
            }
            _ => return Err(unexpected(stanza)),
        };
        Ok(())
    }

    fn online(
        &self,
        session: &mut Session,
        stanza: &[u8],
        out: &mut Vec<u8>,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Fault> {
        if stanza.starts_with(b"<message") {
            session.received = session.received.wrapping_add(1);
            return self.message_came(stanza, out, tell);
        }
        if stanza.starts_with(b"<a ") {
            return acknowledged(session, stanza, tell);
        }
        if stanza.starts_with(b"<r ") || stanza.starts_with(b"<r/") {
            let answer = format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", session.received);
            out.extend_from_slice(answer.as_bytes());
            return Ok(());
        }
        Err(unexpected(stanza))
    }

    fn message_came(
        &self,
        stanza: &[u8],
        out: &mut Vec<u8>,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Fault> {
        if attribute(stanza, "type") == Some(b"error") {
            return Err(unexpected(stanza));
        }
        if let Some(body) = between(stanza, b"<body>", b"</body>") {
            if self.guarantee == Guarantee::Receipts {
                let (Some(from), Some(id)) = (attribute(stanza, "from"), attribute(stanza, "id")) else {
                    return Err(unexpected(stanza));
                };
                let (from, id) = (String::from_utf8_lossy(from), String::from_utf8_lossy(id));
                let receipt = format!(
                    "<message to='{from}' id='r{id}' type='chat'>\
                     <received xmlns='urn:xmpp:receipts' id='{id}'/></message>"
                );
                out.extend_from_slice(receipt.as_bytes());
            }
            tell(Event::Delivered(body));
            return Ok(());
        }
        let number = between(stanza, b"<received", b">")
            .and_then(|receipt| attribute(receipt, "id"))
            .and_then(hex)
            .ok_or_else(|| unexpected(stanza))?;
        tell(Event::Ticked(number));
        Ok(())
    }
}

/// `h` counts all stanzas that the server has handled, so one answer may stand for many messages.
fn acknowledged(session: &mut Session, stanza: &[u8], tell: &mut impl FnMut(Event<'_>)) -> Result<(), Fault> {
    let handled = attribute(stanza, "h")
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u32>().ok())
        .ok_or_else(|| unexpected(stanza))?;
    while session.acknowledged != handled {
        let Some(number) = session.unacknowledged.pop_front() else {
            return Err(unexpected(stanza));
        };
        session.acknowledged = session.acknowledged.wrapping_add(1);
        tell(Event::Accepted(number));
    }
    Ok(())
}

fn unexpected(stanza: &[u8]) -> Fault {
    let shown = &stanza[..stanza.len().min(300)];
    Fault(format!("unexpected `{}`", String::from_utf8_lossy(shown)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const XMPP: Xmpp = Xmpp {
        guarantee: Guarantee::Acknowledged,
    };

    fn receive(session: &mut Session, bytes: &str) -> (String, Vec<String>) {
        let (mut out, mut told) = (Vec::new(), Vec::new());
        let taken = XMPP
            .received(session, 3, bytes.as_bytes(), &mut out, &mut |event| {
                told.push(format!("{event:?}"));
            })
            .unwrap();
        assert_eq!(taken, bytes.len());
        (String::from_utf8(out).unwrap(), told)
    }

    #[test]
    fn a_log_in_goes_step_by_step() {
        let mut session = Session::default();
        let opening = "<?xml version='1.0'?><stream:stream id='1' from='localhost'>";
        let features =
            "<stream:features><mechanisms><mechanism>PLAIN</mechanism></mechanisms></stream:features>";
        let (out, _) = receive(&mut session, &format!("{opening}{features}"));
        // printf '\0u3\0password' | base64
        assert!(out.contains(">AHUzAHBhc3N3b3Jk<"), "{out}");
        let (out, _) = receive(
            &mut session,
            "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        );
        assert_eq!(out, STREAM);
        let (out, _) = receive(
            &mut session,
            &format!("{opening}<stream:features><bind/></stream:features>"),
        );
        assert_eq!(out, BIND);
        let (out, _) = receive(&mut session, "<iq type='result' id='bind'><bind/></iq>");
        assert_eq!(out, ENABLE);
        let (_, told) = receive(&mut session, "<enabled xmlns='urn:xmpp:sm:3'/>");
        assert_eq!(told, ["Ready"]);
    }

    #[test]
    fn messages_are_counted_and_one_answer_acknowledges_many() {
        let mut session = Session {
            step: Step::Online,
            ..Session::default()
        };
        for number in [10, 11] {
            XMPP.message(&mut session, 1, number, &[b'x'; BODY_BYTES], &mut Vec::new());
        }
        let (out, told) = receive(
            &mut session,
            "<message to='u3@localhost/r' id='a'><body>hey</body></message><r xmlns='urn:xmpp:sm:3'/>\
             <a h='2' xmlns='urn:xmpp:sm:3'/>",
        );
        assert_eq!(out, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
        assert_eq!(
            told,
            ["Delivered([104, 101, 121])", "Accepted(10)", "Accepted(11)"]
        );
    }
}
