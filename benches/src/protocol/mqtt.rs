//! MQTT 3.1.1 at quality of service 1, as much of it as a message from one client to another needs.
//!
//! Each client subscribes to a topic of its own; a message is a publish to the recipient's. Sections are those of the
//! OASIS standard of 29 October 2014.

use super::{Answers, Event, Fault, Protocol};
use crate::body::BODY_BYTES;

/// Packet types with their fixed flags (section 2.2).
const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;
/// Quality of service 1 in a publish's flags (section 3.3.1.2).
const AT_LEAST_ONCE: u8 = 0x02;
const LEVEL_3_1_1: u8 = 4;
const CLEAN_SESSION: u8 = 0x02;
/// The identifier of the one subscribe a client makes.
const SUBSCRIBE_ID: u16 = 1;

/// The protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mqtt {
    /// Whether a client that is logged in subscribes to its topic before it is ready.
    pub(crate) subscribe: bool,
}

/// A client's memory.
#[derive(Debug, Default)]
pub(crate) struct Session {
    packet_id: u16,
    /// Publishes without their acknowledgement: packet identifier and message.
    unacknowledged: Vec<(u16, u64)>,
}

impl Session {
    /// Identifiers are not 0 and not in use (section 2.3.1); fewer than 65,536 messages are in flight in all.
    fn publish(&mut self, number: u64) -> u16 {
        loop {
            self.packet_id = self.packet_id.checked_add(1).unwrap_or(1);
            if !self.unacknowledged.iter().any(|&(id, _)| id == self.packet_id) {
                self.unacknowledged.push((self.packet_id, number));
                return self.packet_id;
            }
        }
    }

    fn acknowledged(&mut self, id: u16) -> Option<u64> {
        let place = self.unacknowledged.iter().position(|&(known, _)| known == id)?;
        Some(self.unacknowledged.swap_remove(place).1)
    }
}

impl Protocol for Mqtt {
    type Session = Session;

    fn answers(&self) -> Answers {
        Answers {
            accepted: true,
            ticked: false,
        }
    }

    fn opened(&self, who: u32, out: &mut Vec<u8>) {
        packet(out, CONNECT, |out| {
            text(out, "MQTT");
            // Keep-alive 0: none (section 3.1.2.10).
            out.extend_from_slice(&[LEVEL_3_1_1, CLEAN_SESSION, 0, 0]);
            text(out, &format!("u{who}"));
        });
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
        while let Some((head, content, length)) = split(&bytes[taken..])? {
            taken += length;
            match (head & 0xf0, content) {
                (CONNACK, [_, 0]) if self.subscribe => packet(out, SUBSCRIBE, |out| {
                    out.extend_from_slice(&SUBSCRIBE_ID.to_be_bytes());
                    text(out, &topic(who));
                    out.push(1);
                }),
                (CONNACK, [_, 0]) | (SUBACK, [_, _, 0..=2]) => tell(Event::Ready),
                (PUBACK, &[high, low]) => {
                    let id = u16::from_be_bytes([high, low]);
                    let number = session
                        .acknowledged(id)
                        .ok_or_else(|| Fault(format!("PUBACK {id} of no publish")))?;
                    tell(Event::Accepted(number));
                }
                (PUBLISH, content) => {
                    let (id, body) = published(content)
                        .filter(|_| head & 0x06 == AT_LEAST_ONCE)
                        .ok_or_else(|| Fault("a PUBLISH that is not of quality of service 1".to_owned()))?;
                    packet(out, PUBACK, |out| out.extend_from_slice(&id));
                    tell(Event::Delivered(body));
                }
                (_, content) => return Err(Fault(format!("packet {head:#04x} {content:02x?}"))),
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
        let id = session.publish(number);
        packet(out, PUBLISH | AT_LEAST_ONCE, |out| {
            text(out, &topic(to));
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(body);
        });
    }
}

fn topic(who: u32) -> String {
    format!("t/{who}")
}

/// A string: two length bytes and UTF-8 (section 1.5.3). Ours are short.
fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Appends a packet of fewer than 16,384 bytes (section 2.2.3: two length digits to the base 128).
fn packet(out: &mut Vec<u8>, head: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[head, 0]);
    fill(out);
    let length = out.len() - start - 2;
    if length < 128 {
        out[start + 1] = length as u8;
    } else {
        debug_assert!(length < 128 * 128, "a packet of {length} bytes");
        out[start + 1] = 0x80 | (length % 128) as u8;
        out.insert(start + 2, (length / 128) as u8);
    }
}

/// A packet: its first byte, its content, and all the bytes it took.
type Packet<'a> = (u8, &'a [u8], usize);

/// Splits the first packet off; `None` while it is incomplete.
fn split(bytes: &[u8]) -> Result<Option<Packet<'_>>, Fault> {
    let Some((&head, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let (mut length, mut digits) = (0, 0);
    loop {
        let Some(&digit) = rest.get(digits) else {
            return Ok(None);
        };
        length |= usize::from(digit & 0x7f) << (7 * digits);
        digits += 1;
        if digit & 0x80 == 0 {
            break;
        }
        if digits == 4 {
            return Err(Fault("a packet's length of more than four bytes".to_owned()));
        }
    }
    Ok(rest
        .get(digits..digits + length)
        .map(|content| (head, content, 1 + digits + length)))
}

/// A publish's identifier and payload (section 3.3.2).
fn published(content: &[u8]) -> Option<([u8; 2], &[u8])> {
    let (length, rest) = content.split_first_chunk::<2>()?;
    let rest = rest.get(usize::from(u16::from_be_bytes(*length))..)?;
    let (id, body) = rest.split_first_chunk::<2>()?;
    Some((*id, body))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn packets_of_any_length_split_whole_and_never_before(content in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let mut out = Vec::new();
            packet(&mut out, 0x32, |out| out.extend_from_slice(&content));
            for cut in 0..out.len() {
                prop_assert!(split(&out[..cut]).unwrap().is_none());
            }
            let length = out.len();
            out.push(0xff);
            prop_assert_eq!(split(&out).unwrap(), Some((0x32, content.as_slice(), length)));
        }
    }

    #[test]
    fn a_publish_reaches_the_other_side_and_is_acknowledged() {
        let mqtt = Mqtt { subscribe: true };
        let (mut sender, mut recipient) = (Session::default(), Session::default());
        let (mut sent, mut acknowledgement, mut told) = (Vec::new(), Vec::new(), Vec::new());
        mqtt.message(&mut sender, 7, 99, &[b'x'; BODY_BYTES], &mut sent);
        mqtt.received(&mut recipient, 7, &sent, &mut acknowledgement, &mut |event| {
            assert_eq!(event, Event::Delivered(&[b'x'; BODY_BYTES]));
        })
        .unwrap();
        mqtt.received(&mut sender, 1, &acknowledgement, &mut Vec::new(), &mut |event| {
            told.push(format!("{event:?}"));
        })
        .unwrap();
        assert_eq!(told, ["Accepted(99)"]);
        assert!(sender.unacknowledged.is_empty());
        let again = mqtt.received(&mut sender, 1, &acknowledgement, &mut Vec::new(), &mut |_| ());
        assert!(again.is_err(), "acknowledged twice");
    }

    #[test]
    fn a_log_in_that_is_refused_says_so() {
        let mqtt = Mqtt { subscribe: true };
        let refused = [0x20, 2, 0, 5];
        let result = mqtt.received(&mut Session::default(), 0, &refused, &mut Vec::new(), &mut |_| ());
        assert!(result.unwrap_err().to_string().contains("0x20"));
    }
}
