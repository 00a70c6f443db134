//! What gives each protocol away in the first bytes of a connection.
//!
//! Each mark looks at bytes that its standard fixes, and knows nothing of the other protocols.

use wire::chat::{ClientFrame, ServerFrame};

use crate::http::BEGINNINGS;

/// RFC 1035, section 4.1.1.
const DNS_HEADER_BYTES: usize = 12;

/// What both ends said first, and the port it was said to.
pub(super) struct Heads<'a> {
    pub(super) client: &'a [u8],
    pub(super) server: &'a [u8],
    pub(super) server_port: u16,
}

impl Heads<'_> {
    /// A record with a ClientHello or a ServerHello (RFC 8446, sections 4 and 5.1).
    pub(super) fn are_tls(&self) -> bool {
        is_client_hello(self.client) || is_hello(self.server, 2)
    }

    /// The preface (RFC 9113, section 3.4).
    pub(super) fn are_http2(&self) -> bool {
        self.client.starts_with(b"PRI * HTTP/2.0\r\n")
    }

    /// The server agreed to the upgrade (RFC 6455, section 4.2.2).
    pub(super) fn are_websocket(&self) -> bool {
        let asked = holds(self.client, b"upgrade: websocket") || holds(self.server, b"upgrade: websocket");
        self.are_http() && asked && self.server.get(8..12) == Some(b" 101")
    }

    /// A method and a target, or a status line (RFC 9112, sections 3 and 4).
    pub(super) fn are_http(&self) -> bool {
        self.server.starts_with(b"HTTP/1.")
            || BEGINNINGS.iter().any(|method| {
                self.client.strip_prefix(*method).is_some_and(|target| {
                    let absolute = target.starts_with(b"http") || *method == b"CONNECT ";
                    target.first().is_some_and(|first| b"/*".contains(first)) || absolute
                })
            })
    }

    /// The identification string (RFC 4253, section 4.2).
    pub(super) fn are_ssh(&self) -> bool {
        self.client.starts_with(b"SSH-") || self.server.starts_with(b"SSH-")
    }

    /// CONNECT: its type, the remaining length, the protocol's name (MQTT 5.0, section 3.1).
    pub(super) fn are_mqtt(&self) -> bool {
        let Some(rest) = self.client.strip_prefix(&[0x10]) else {
            return false;
        };
        let length_bytes = rest.iter().take(4).take_while(|byte| **byte >= 0x80).count() + 1;
        let name = rest.get(length_bytes..).unwrap_or_default();
        name.starts_with(b"\0\x04MQTT") || name.starts_with(b"\0\x06MQIsdp")
    }

    /// A start-up, SSL, GSS or cancel request by its code (PostgreSQL, "Message Formats").
    pub(super) fn are_postgres(&self) -> bool {
        const CODES: [u32; 4] = [3 << 16, 80_877_103, 80_877_104, 80_877_102];
        let Some((length, rest)) = self.client.split_first_chunk::<4>() else {
            return false;
        };
        let code = rest.first_chunk::<4>().map(|code| u32::from_be_bytes(*code));
        (8..10_000).contains(&u32::from_be_bytes(*length)) && code.is_some_and(|code| CODES.contains(&code))
    }

    /// A stream's header (RFC 6120, section 4.7).
    pub(super) fn are_xmpp(&self) -> bool {
        [self.client, self.server]
            .iter()
            .any(|head| head.starts_with(b"<") && (holds(head, b"<stream:stream") || holds(head, b"jabber:")))
    }

    /// A greeting, and a client who greets back (RFC 5321, section 3.1); FTP greets with the same number.
    pub(super) fn are_smtp(&self) -> bool {
        let greeted = self.server.starts_with(b"220 ") || self.server.starts_with(b"220-");
        let greets =
            begins(self.client, b"EHLO ") || begins(self.client, b"HELO ") || begins(self.client, b"LHLO ");
        greets || (greeted && self.client.is_empty() && [25, 465, 587].contains(&self.server_port))
    }

    /// A command as an array of bulk strings, or in a line of its own with an answer of Redis' kind.
    pub(super) fn are_redis(&self) -> bool {
        let array = self.client.strip_prefix(b"*").is_some_and(|rest| {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            digits > 0 && rest[digits..].starts_with(b"\r\n$")
        });
        let answer = self.server.first().is_some_and(|first| b"+-:$*_".contains(first));
        array || (self.server_port == 6379 && answer)
    }

    /// Registration (RFC 2812, section 3.1). PASS and USER are FTP's and POP's, too.
    pub(super) fn are_irc(&self) -> bool {
        let told = self.server.starts_with(b":") || self.server.starts_with(b"NOTICE ");
        let says = |word: &[u8]| begins(self.client, word);
        says(b"NICK ")
            || says(b"CAP LS")
            || (told && (says(b"PASS ") || says(b"USER ") || holds(self.server, b" NOTICE ")))
            || (told && matches!(self.server_port, 6660..=6669 | 6697))
    }

    /// The server's hello, and the client's answer as far as it came (docs/protocol.md).
    pub(super) fn are_chat(&self) -> bool {
        let hello = matches!(
            ServerFrame::decode(self.server),
            Ok(Some((ServerFrame::Hello { .. }, _)))
        );
        match ClientFrame::decode(self.client) {
            Ok(Some((ClientFrame::Login { .. } | ClientFrame::Register { .. }, _))) => {
                hello || self.server.is_empty()
            }
            Ok(None) => hello,
            _ => false,
        }
    }

    /// A length and a query's header (RFC 1035, section 4.2.2), on DNS' own port: the bytes alone say little.
    pub(super) fn are_dns(&self) -> bool {
        let length = self
            .client
            .first_chunk::<2>()
            .map(|length| usize::from(u16::from_be_bytes(*length)));
        self.server_port == 53 && length.is_some_and(|length| length >= DNS_HEADER_BYTES)
    }
}

/// Whether a ClientHello begins here.
pub(crate) fn is_client_hello(bytes: &[u8]) -> bool {
    is_hello(bytes, 1)
}

/// A handshake record of TLS 1.0 to 1.3 whose first message is of this type.
fn is_hello(bytes: &[u8], message: u8) -> bool {
    matches!(bytes, [0x16, 0x03, 0..=4, _, _, first, ..] if *first == message)
}

/// Whether it begins with these, in either case.
fn begins(bytes: &[u8], word: &[u8]) -> bool {
    bytes
        .get(..word.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(word))
}

/// Whether these are somewhere in it, in either case.
fn holds(bytes: &[u8], words: &[u8]) -> bool {
    bytes
        .windows(words.len())
        .any(|window| window.eq_ignore_ascii_case(words))
}
