//! What a recorded connection speaks, guessed from what its ends say first.
//!
//! It knows bytes and port numbers, no connection and no clock.

use std::fmt;

/// What a recorded connection speaks, as far as its first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol {
    /// teem's own chat (docs/protocol.md).
    Chat,
    /// HTTP/1.0 and 1.1 (RFC 9112).
    Http,
    /// HTTP/2 in the clear, from its preface (RFC 9113, section 3.4).
    Http2,
    /// HTTP/1 that asked for an upgrade to WebSocket (RFC 6455, section 4).
    WebSocket,
    /// TLS that was not decrypted (RFC 8446).
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
    /// None of these.
    Unknown,
}

impl Protocol {
    /// Its name in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Http => "http",
            Self::Http2 => "http2",
            Self::WebSocket => "websocket",
            Self::Tls => "tls",
            Self::Xmpp => "xmpp",
            Self::Mqtt => "mqtt",
            Self::Smtp => "smtp",
            Self::Irc => "irc",
            Self::Redis => "redis",
            Self::Postgres => "postgres",
            Self::Ssh => "ssh",
            Self::Dns => "dns",
            Self::Quic => "quic",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
