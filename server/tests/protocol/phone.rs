//! A phone: one blocking socket, frames by `wire`, answers in a few words.
//!
//! It keeps no state of the protocol's; each test says what it does and what it expects.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use wire::chat::{Address, Body, ClientFrame, Code, GroupId, Key, Kind, Nonce, Number, ServerFrame};

use crate::house::{BASE, PATIENCE};

/// A client's connection.
pub(crate) struct Phone {
    pub(crate) stream: TcpStream,
    inbox: Vec<u8>,
    /// The nonce of the greeting.
    pub(crate) nonce: Nonce,
    /// The newest item's sequence number; 0 before the first.
    pub(crate) seq: u64,
    /// The key that registration gave.
    pub(crate) key: Option<Key>,
    token: u32,
}

/// The connection ended, gracefully or by a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
}

impl Phone {
    /// Connects and takes the greeting.
    pub(crate) fn connect(to: SocketAddr) -> Self {
        let mut phone = Self::open(to).unwrap();
        assert_eq!(phone.next(), "Hello 1");
        phone
    }

    /// Connects, and takes nothing yet.
    pub(crate) fn open(to: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            inbox: Vec::new(),
            nonce: [0; 16],
            seq: 0,
            key: None,
            token: 0,
        })
    }

    pub(crate) fn say(&mut self, frame: &ClientFrame<'_>) {
        self.raw(&encoded(frame));
    }

    /// Sends bytes, whatever they mean.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends *login*.
    pub(crate) fn log_in(&mut self, number: Number, key: &Key) {
        let proof = key.prove(&self.nonce, number);
        self.say(&ClientFrame::Login { number, proof });
    }

    /// Sends a text to a person.
    pub(crate) fn text(&mut self, id: u64, to: Number, text: &str) {
        self.raw(&encoded(&text_to(id, Address::Person(to), text.as_bytes())));
    }

    /// Sends a text to a group.
    pub(crate) fn text_group(&mut self, id: u64, to: GroupId, text: &str) {
        self.raw(&encoded(&text_to(id, Address::Group(to), text.as_bytes())));
    }

    /// Acknowledges everything that was read.
    pub(crate) fn ack(&mut self) {
        let seq = self.seq;
        self.say(&ClientFrame::Ack { seq });
    }

    /// *ping*, *pong*: whatever comes before the *pong* is a failure.
    pub(crate) fn round_trip(&mut self) {
        self.token += 1;
        let token = self.token;
        self.say(&ClientFrame::Ping { token });
        assert_eq!(self.next(), format!("Pong {token}"));
    }

    /// Watches somebody, and so waits until the office has worked off what was said before.
    pub(crate) fn watch(&mut self, number: Number) -> String {
        self.say(&ClientFrame::Watch { number, on: true });
        self.next()
    }

    /// The next frame in a few words.
    pub(crate) fn next(&mut self) -> String {
        match self.read() {
            Ok(said) => said,
            Err(end) => panic!("the connection ended: {end:?}"),
        }
    }

    /// The next `count` frames.
    pub(crate) fn several(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.next()).collect()
    }

    /// The next frame is *bye*, and after it the connection ends gracefully.
    pub(crate) fn ends_with(&mut self, code: Code) {
        assert_eq!(self.next(), format!("Bye {code:?}"));
        assert_eq!(self.read(), Err(End::Fin));
    }

    /// The next frame, or how the connection ended.
    pub(crate) fn read(&mut self) -> Result<String, End> {
        loop {
            if let Some((frame, length)) = ServerFrame::decode(&self.inbox).unwrap() {
                let said = brief(&frame);
                match frame {
                    ServerFrame::Hello { nonce, .. } => self.nonce = nonce,
                    ServerFrame::NewKey { key, .. } => self.key = Some(key),
                    ServerFrame::Deliver { seq, .. } | ServerFrame::Delivered { seq: seq @ 1.., .. } => {
                        assert!(seq > self.seq, "item {seq} came after {}", self.seq);
                        self.seq = seq;
                    }
                    _ => {}
                }
                self.inbox.drain(..length);
                return Ok(said);
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(End::Fin),
                Ok(length) => self.inbox.extend_from_slice(&buffer[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                    return Err(End::Reset);
                }
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }
}

/// A frame's bytes.
pub(crate) fn encoded(frame: &ClientFrame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes
}

/// A text message.
pub(crate) fn text_to(id: u64, to: Address, bytes: &[u8]) -> ClientFrame<'_> {
    ClientFrame::Send {
        id,
        to,
        body: Body {
            kind: Kind::Text,
            bytes,
        },
    }
}

/// A frame in a few words; provisioned numbers by their index.
fn brief(frame: &ServerFrame<'_>) -> String {
    let name = |number: Number| number.value().wrapping_sub(BASE);
    match frame {
        ServerFrame::Hello { version, .. } => format!("Hello {version}"),
        ServerFrame::PinSent { .. } => "PinSent".to_owned(),
        ServerFrame::NewKey { .. } => "NewKey".to_owned(),
        ServerFrame::Welcome { last_id, queued, .. } => format!("Welcome {last_id} {queued}"),
        ServerFrame::Accepted { id } => format!("Accepted {id}"),
        ServerFrame::Refused { id, code } => format!("Refused {id} {code:?}"),
        ServerFrame::Deliver {
            from,
            group,
            id,
            body,
            ..
        } => {
            let group = if group.is_some() { " group" } else { "" };
            let text = String::from_utf8_lossy(&body.bytes[..body.bytes.len().min(32)]);
            format!("Deliver {}/{id}{group} {text}", name(*from))
        }
        ServerFrame::Delivered { seq, id, by } => {
            let stored = if *seq > 0 { " stored" } else { "" };
            format!("Delivered {id} by {}{stored}", name(*by))
        }
        ServerFrame::Typing { from, on } => format!("Typing {} {on}", name(*from)),
        ServerFrame::Presence { number, presence } => format!("Presence {} {presence:?}", name(*number)),
        ServerFrame::Group { members, .. } => format!("Group {members}"),
        ServerFrame::Pong { token } => format!("Pong {token}"),
        ServerFrame::Error { code, about } => format!("Error {code:?} {about:#04x}"),
        ServerFrame::Bye { code } => format!("Bye {code:?}"),
    }
}
