//! What a connection amounts to while its events go by: totals, protocol, and whether it can be driven again.
//!
//! It knows no file and no other connection. It holds some 120 B a connection, and the first words of both ends, at most 1 KB, until
//! they tell the protocol.

use crate::protocol::{HEAD_BYTES, is_client_hello};
use crate::{End, Protocol, Secrecy, Side, Start, Stream, Unplayable};

/// A side that said so much in vain will not tell its protocol later.
const ENOUGH_BYTES: usize = 64;

/// The running account of one connection.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) client_said: Stream,
    pub(crate) server_said: Stream,
    secrecy: Secrecy,
    start: Start,
    server_port: u16,
    protocol: Protocol,
    /// What each end said first, client before server, until it is settled what they speak.
    heads: Option<Box<[Vec<u8>; 2]>>,
    /// TLS began within another protocol (STARTTLS), and nobody opened it.
    turned_secret: bool,
}

impl Account {
    pub(crate) fn new(start: Start, server_port: u16) -> Self {
        Self {
            client_said: Stream::default(),
            server_said: Stream::default(),
            secrecy: Secrecy::Wire,
            start,
            server_port,
            protocol: Protocol::Unknown,
            heads: Some(Box::default()),
            turned_secret: false,
        }
    }

    /// A side said something.
    pub(crate) fn data(&mut self, side: Side, bytes: &[u8]) {
        self.stream(side).bytes += bytes.len() as u64;
        if side == Side::Client && is_client_hello(bytes) {
            self.turned_secret = true;
        }
        let Some(heads) = &mut self.heads else { return };
        let head = &mut heads[side as usize];
        head.extend_from_slice(&bytes[..bytes.len().min(HEAD_BYTES - head.len())]);
        let [client, server] = &**heads;
        self.protocol = Protocol::guess(client, server, self.server_port);
        let said_enough = |head: &Vec<u8>| head.len() == HEAD_BYTES;
        let both_spoke = !client.is_empty() && !server.is_empty();
        let both_in_vain = client.len() >= ENOUGH_BYTES && server.len() >= ENOUGH_BYTES;
        let known = self.protocol != Protocol::Unknown;
        let in_vain = !known && (both_in_vain || said_enough(client) || said_enough(server));
        if (known && both_spoke) || in_vain {
            self.heads = None;
        }
    }

    /// Bytes of a side are missing.
    pub(crate) fn gap(&mut self, side: Side, length: u64) {
        let stream = self.stream(side);
        stream.gaps += 1;
        stream.gap_bytes += length;
    }

    /// What the ends speak, as far as they told.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What is known of its encryption, by its bytes where nobody said.
    pub(crate) fn secrecy(&self) -> Secrecy {
        if self.secrecy == Secrecy::Wire && (self.turned_secret || self.protocol == Protocol::Tls) {
            Secrecy::NoSecrets
        } else {
            self.secrecy
        }
    }

    /// Whether the client can be driven again, now that it ended so.
    pub(crate) fn replayable(&self, end: End) -> Result<(), Unplayable> {
        if end == End::Dropped {
            Err(Unplayable::Dropped)
        } else if self.start == Start::Midway {
            Err(Unplayable::Midway)
        } else if self.secrecy().is_sealed() {
            Err(Unplayable::Sealed)
        } else if self.client_said.gaps > 0 {
            Err(Unplayable::ClientGap)
        } else if self.client_said.bytes == 0 {
            Err(Unplayable::Silent)
        } else {
            Ok(())
        }
    }

    /// Somebody who had all its bytes knew this of it.
    pub(crate) fn settle(&mut self, protocol: Protocol, secrecy: Secrecy) {
        (self.protocol, self.secrecy, self.turned_secret) = (protocol, secrecy, false);
    }

    /// What the stage that decrypts knows of it.
    pub(crate) fn tell(&mut self, secrecy: Secrecy) {
        self.secrecy = secrecy;
    }

    fn stream(&mut self, side: Side) -> &mut Stream {
        match side {
            Side::Client => &mut self.client_said,
            Side::Server => &mut self.server_said,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(said: &[(Side, &[u8])], secrecy: Secrecy) -> (Protocol, Result<(), Unplayable>) {
        let mut account = Account::new(Start::Handshake, 5222);
        for (side, bytes) in said {
            account.data(*side, bytes);
        }
        account.tell(secrecy);
        (account.protocol(), account.replayable(End::Idle))
    }

    #[test]
    fn what_cannot_be_driven_says_why() {
        let hello: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc";
        let stream: &[u8] = b"<stream:stream to='a'>";
        let starttls = [
            (Side::Client, stream),
            (Side::Server, stream),
            (Side::Client, hello),
        ];
        assert_eq!(
            judged(&[(Side::Client, hello)], Secrecy::Wire),
            (Protocol::Tls, Err(Unplayable::Sealed))
        );
        assert_eq!(
            judged(&[(Side::Client, hello)], Secrecy::Broken),
            (Protocol::Tls, Err(Unplayable::Sealed))
        );
        assert_eq!(
            judged(&starttls, Secrecy::Wire),
            (Protocol::Xmpp, Err(Unplayable::Sealed))
        );
        assert_eq!(judged(&starttls, Secrecy::Opened), (Protocol::Xmpp, Ok(())));
        assert_eq!(
            judged(&[(Side::Server, b"hi")], Secrecy::Wire),
            (Protocol::Unknown, Err(Unplayable::Silent))
        );

        let mut account = Account::new(Start::Midway, 1);
        assert_eq!(account.replayable(End::Idle), Err(Unplayable::Midway));
        account.start = Start::Handshake;
        account.gap(Side::Client, 9);
        assert_eq!(account.replayable(End::Idle), Err(Unplayable::ClientGap));
        assert_eq!(
            account.client_said,
            Stream {
                bytes: 0,
                gaps: 1,
                gap_bytes: 9
            }
        );
        assert_eq!(account.replayable(End::Dropped), Err(Unplayable::Dropped));
    }

    #[test]
    fn first_words_are_put_together_and_let_go() {
        let mut account = Account::new(Start::Handshake, 80);
        for byte in b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n".chunks(3) {
            account.data(Side::Client, byte);
        }
        assert_eq!(account.protocol(), Protocol::Http);
        account.data(Side::Server, b"HTTP/1.1 101 Switching Protocols\r\n");
        assert_eq!(account.protocol(), Protocol::WebSocket);
        assert!(account.heads.is_none());

        let mut account = Account::new(Start::Handshake, 80);
        account.data(Side::Client, &[0; 5_000]);
        assert!(account.heads.is_none(), "nothing more will come of it");
        assert_eq!(account.client_said.bytes, 5_000);
    }
}
