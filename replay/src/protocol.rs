//! What a recorded connection speaks, guessed from what its ends say first.
//!
//! It knows bytes and port numbers, no connection and no clock. Ports only decide between what the bytes leave open.

mod mark;

use std::fmt;

pub(crate) use mark::is_client_hello;

use mark::Heads;

/// How much of what each end says first is looked at: a request with its headers.
pub(crate) const HEAD_BYTES: usize = 512;

/// What a recorded connection speaks, as far as its first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol {
    /// None of those below.
    Unknown,
    /// teem's own chat (docs/protocol.md).
    Chat,
    /// HTTP/1.0 and 1.1 (RFC 9112).
    Http,
    /// HTTP/2 in the clear, from its preface (RFC 9113, section 3.4).
    Http2,
    /// HTTP/1 that became WebSocket (RFC 6455, section 4).
    WebSocket,
    /// TLS that was not decrypted (RFC 8446, RFC 5246).
    Tls,
    /// XMPP (RFC 6120).
    Xmpp,
    /// MQTT 3.1 to 5.
    Mqtt,
    /// SMTP (RFC 5321).
    Smtp,
    /// IRC (RFC 2812).
    Irc,
    /// Redis, RESP 2 and 3.
    Redis,
    /// PostgreSQL's frontend protocol, version 3.
    Postgres,
    /// SSH (RFC 4253).
    Ssh,
    /// DNS over UDP or TCP (RFC 1035).
    Dns,
    /// QUIC (RFC 9000).
    Quic,
}

/// All of them with their names, each at its number in a file of sessions.
const ALL: [(Protocol, &str); 15] = [
    (Protocol::Unknown, "unknown"),
    (Protocol::Chat, "chat"),
    (Protocol::Http, "http"),
    (Protocol::Http2, "http2"),
    (Protocol::WebSocket, "websocket"),
    (Protocol::Tls, "tls"),
    (Protocol::Xmpp, "xmpp"),
    (Protocol::Mqtt, "mqtt"),
    (Protocol::Smtp, "smtp"),
    (Protocol::Irc, "irc"),
    (Protocol::Redis, "redis"),
    (Protocol::Postgres, "postgres"),
    (Protocol::Ssh, "ssh"),
    (Protocol::Dns, "dns"),
    (Protocol::Quic, "quic"),
];

impl Protocol {
    /// Its name in tables, rules and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        ALL[self as usize].1
    }

    /// The protocol of a name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        ALL.iter()
            .find(|(_, known)| *known == name)
            .map(|(protocol, _)| *protocol)
    }

    /// Its number in a file of sessions.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// The protocol of a number; one that a later version knows is unknown.
    pub(crate) fn of_code(code: u8) -> Self {
        ALL.get(usize::from(code))
            .map_or(Self::Unknown, |(protocol, _)| *protocol)
    }

    /// What a TCP connection speaks, by what its client and its server said first (up to some 500 bytes of each, either may
    /// be empty) and by the server's port where that leaves it open.
    #[must_use]
    pub fn guess(client: &[u8], server: &[u8], server_port: u16) -> Self {
        first_mark(&Heads {
            client,
            server,
            server_port,
        })
    }

    /// What a UDP flow is: QUIC where a long header of it was seen, else by its ports.
    #[must_use]
    pub fn of_datagrams(quic: bool, ports: [u16; 2]) -> Self {
        if quic {
            Self::Quic
        } else if ports.iter().any(|port| [53, 5353].contains(port)) {
            Self::Dns
        } else {
            Self::Unknown
        }
    }
}

/// Whether a protocol shows.
type Mark<'a> = fn(&Heads<'a>) -> bool;

/// The first protocol whose mark is there.
fn first_mark<'a>(heads: &Heads<'a>) -> Protocol {
    let marks: [(Protocol, Mark<'a>); 13] = [
        (Protocol::Tls, Heads::are_tls),
        (Protocol::Http2, Heads::are_http2),
        (Protocol::WebSocket, Heads::are_websocket),
        (Protocol::Http, Heads::are_http),
        (Protocol::Ssh, Heads::are_ssh),
        (Protocol::Mqtt, Heads::are_mqtt),
        (Protocol::Postgres, Heads::are_postgres),
        (Protocol::Xmpp, Heads::are_xmpp),
        (Protocol::Smtp, Heads::are_smtp),
        (Protocol::Redis, Heads::are_redis),
        (Protocol::Irc, Heads::are_irc),
        (Protocol::Chat, Heads::are_chat),
        (Protocol::Dns, Heads::are_dns),
    ];
    let found = marks.into_iter().find(|(_, are)| are(heads));
    found.map_or(Protocol::Unknown, |(protocol, _)| protocol)
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_back() {
        for (code, (protocol, name)) in ALL.into_iter().enumerate() {
            assert_eq!(usize::from(protocol.code()), code);
            assert_eq!(Protocol::of_code(protocol.code()), protocol);
            assert_eq!(Protocol::of_name(name), Some(protocol));
        }
        assert_eq!(Protocol::of_code(200), Protocol::Unknown);
    }

    #[test]
    fn first_words_tell_the_protocol() {
        let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
        let upgrade = b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";
        let cases: &[(Protocol, &[u8], &[u8], u16)] = &[
            (Protocol::Tls, hello, b"", 7700),
            (
                Protocol::Http,
                b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                b"HTTP/1.1 200 OK\r\n",
                8080,
            ),
            (Protocol::Http, b"GET /index.html\r\n", b"", 80),
            (Protocol::Http, b"", b"HTTP/1.0 404 Not Found\r\n", 1),
            (Protocol::Http, upgrade, b"HTTP/1.1 400 Bad Request\r\n\r\n", 80),
            (
                Protocol::WebSocket,
                upgrade,
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n\r\n",
                80,
            ),
            (
                Protocol::Http2,
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0",
                b"",
                80,
            ),
            (Protocol::Ssh, b"", b"SSH-2.0-OpenSSH_9.6\r\n", 2222),
            (
                Protocol::Mqtt,
                b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04duck",
                b"\x20\x02\0\0",
                1,
            ),
            (Protocol::Mqtt, b"\x10\x80\x01\0\x06MQIsdp\x03", b"", 1),
            (Protocol::Postgres, b"\0\0\0\x08\x04\xd2\x16\x2f", b"N", 1),
            (Protocol::Postgres, b"\0\0\0\x29\0\x03\0\0user\0a\0", b"R", 1),
            (
                Protocol::Xmpp,
                b"<?xml version='1.0'?><stream:stream to='a'>",
                b"",
                1,
            ),
            (Protocol::Smtp, b"EHLO a\r\n", b"220 mail ESMTP\r\n", 2525),
            (Protocol::Smtp, b"", b"220-mail\r\n", 25),
            (Protocol::Redis, b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n", 1),
            (Protocol::Redis, b"PING\r\n", b"+PONG\r\n", 6379),
            (Protocol::Irc, b"NICK duck\r\nUSER duck 0 * :Duck\r\n", b"", 1),
            (
                Protocol::Irc,
                b"PASS x\r\n",
                b":irc.example NOTICE * :hello\r\n",
                1,
            ),
            (Protocol::Dns, b"\0\x0c\0\0\x01\0\0\x01\0\0\0\0\0\0", b"", 53),
            (Protocol::Unknown, b"USER duck\r\n", b"220 files\r\n", 21),
            (Protocol::Unknown, b"*nix is older\r\n", b"", 1),
            (Protocol::Unknown, b"\0\x01\x02\x03", b"", 1),
            (Protocol::Unknown, b"", b"", 443),
        ];
        for &(protocol, client, server, port) in cases {
            let text = String::from_utf8_lossy(client);
            assert_eq!(Protocol::guess(client, server, port), protocol, "{text}");
        }
    }

    #[test]
    fn datagrams_are_told_apart() {
        assert_eq!(Protocol::of_datagrams(true, [50_000, 53]), Protocol::Quic);
        assert_eq!(Protocol::of_datagrams(false, [50_000, 53]), Protocol::Dns);
        assert_eq!(Protocol::of_datagrams(false, [1, 2]), Protocol::Unknown);
    }
}
