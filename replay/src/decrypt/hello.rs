//! What the two ends say in the open: *ClientHello*, *ServerHello*, and *EncryptedExtensions* once it is opened.
//!
//! It knows their form (RFC 8446, section 4.1; RFC 5246, section 7.4.1), and of the extensions those that a decryption or an
//! inspection needs.

use std::collections::BTreeSet;

use super::message;
use super::record::{self, HEADER_BYTES, PLAIN_MAX_BYTES};

/// Extensions' types.
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const ENCRYPT_THEN_MAC: u16 = 22;
const PRE_SHARED_KEY: u16 = 41;
const EARLY_DATA: u16 = 42;
const SUPPORTED_VERSIONS: u16 = 43;

/// The random of a *HelloRetryRequest*, which is otherwise a *ServerHello* (RFC 8446, section 4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Bytes by which a *ClientHello* is told from anything else: its record's header, its own, and its version.
pub(super) const MARK_BYTES: usize = HEADER_BYTES + message::HEADER_BYTES + 2;
/// Bytes of a *ClientHello*'s body at least: version, random, and the lengths of three lists.
const CLIENT_HELLO_MIN_BYTES: usize = 2 + 32 + 1 + 2 + 2 + 1 + 1;

/// Whether a *ClientHello* may begin with these bytes, up to [`MARK_BYTES`] of them.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    let at = |index: usize| bytes.get(index).copied();
    let is = |index, right: fn(u8) -> bool| at(index).is_none_or(right);
    let form = is(0, |content| content == record::HANDSHAKE)
        && is(1, |major| major == 3)
        && is(2, |minor| minor <= 4)
        && is(5, |kind| kind == message::CLIENT_HELLO)
        && is(6, |high| high == 0)
        && is(9, |major| major == 3)
        && is(10, |minor| minor <= 4);
    let (Some(a), Some(b)) = (at(3), at(4)) else {
        return form;
    };
    let fragment = usize::from(u16::from_be_bytes([a, b]));
    let (Some(c), Some(d)) = (at(7), at(8)) else {
        return form && (message::HEADER_BYTES..=PLAIN_MAX_BYTES).contains(&fragment);
    };
    let body = usize::from(u16::from_be_bytes([c, d]));
    form && body >= CLIENT_HELLO_MIN_BYTES && (message::HEADER_BYTES..=PLAIN_MAX_BYTES).contains(&fragment)
}

/// What a client offers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientHello {
    pub(super) random: [u8; 32],
    /// The server's name (RFC 6066, section 3).
    pub(super) server_name: Option<Box<str>>,
    /// Whether data may follow at once (RFC 8446, section 4.2.10).
    pub(super) early_data: bool,
}

impl ClientHello {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = Reader(body);
        reader.take(2)?;
        let random = *reader.array::<32>()?;
        reader.vector8()?; // session
        reader.vector16()?; // suites
        reader.vector8()?; // compression
        let mut hello = Self {
            random,
            server_name: None,
            early_data: false,
        };
        extensions(&mut reader, |kind, body| {
            match kind {
                SERVER_NAME => hello.server_name = Some(host_name(body)?),
                EARLY_DATA => hello.early_data = true,
                _ => {}
            }
            Some(())
        })?;
        Some(hello)
    }
}

/// What the server chose.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub(super) random: [u8; 32],
    /// 0x0304 is TLS 1.3.
    pub(super) version: u16,
    pub(super) suite: u16,
    pub(super) compression: u8,
    /// Whether it asks for another *ClientHello*.
    pub(super) retry: bool,
    /// Whether it resumes by a pre-shared key of TLS 1.3.
    pub(super) resumes: bool,
    /// Whether a block cipher's records are authenticated as they are on the wire (RFC 7366).
    pub(super) encrypt_then_mac: bool,
    /// The application's protocol; of TLS 1.3 that comes later.
    pub(super) protocol: Option<Box<str>>,
}

impl ServerHello {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let version = reader.u16()?;
        let random = *reader.array::<32>()?;
        reader.vector8()?; // session
        let mut hello = Self {
            random,
            version,
            suite: reader.u16()?,
            compression: reader.u8()?,
            retry: random == RETRY_RANDOM,
            resumes: false,
            encrypt_then_mac: false,
            protocol: None,
        };
        extensions(&mut reader, |kind, body| {
            match kind {
                SUPPORTED_VERSIONS => hello.version = Reader(body).u16()?,
                PRE_SHARED_KEY => hello.resumes = true,
                ENCRYPT_THEN_MAC => hello.encrypt_then_mac = true,
                ALPN => hello.protocol = Some(protocol(body)?),
                _ => {}
            }
            Some(())
        })?;
        Some(hello)
    }
}

/// What a server of TLS 1.3 says under its first key (RFC 8446, section 4.3.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EncryptedExtensions {
    /// Whether it takes the data that came early.
    pub(super) early_data: bool,
    /// The application's protocol.
    pub(super) protocol: Option<Box<str>>,
}

impl EncryptedExtensions {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut said = Self {
            early_data: false,
            protocol: None,
        };
        extensions(&mut Reader(body), |kind, body| {
            match kind {
                EARLY_DATA => said.early_data = true,
                ALPN => said.protocol = Some(protocol(body)?),
                _ => {}
            }
            Some(())
        })?;
        Some(said)
    }
}

/// Walks the extensions that end a message; a message of TLS 1.2 may have none. `None` if they are malformed or one
/// comes twice.
fn extensions<'a>(reader: &mut Reader<'a>, mut each: impl FnMut(u16, &'a [u8]) -> Option<()>) -> Option<()> {
    if reader.0.is_empty() {
        return Some(());
    }
    let mut list = Reader(reader.vector16()?);
    let mut seen = BTreeSet::new();
    while !list.0.is_empty() {
        let kind = list.u16()?;
        let body = list.vector16()?;
        if !seen.insert(kind) {
            return None;
        }
        each(kind, body)?;
    }
    reader.0.is_empty().then_some(())
}

/// The first name of a list of names, of which there is one type and only one is sent.
fn host_name(body: &[u8]) -> Option<Box<str>> {
    let mut list = Reader(Reader(body).vector16()?);
    list.u8()?;
    Some(printable(list.vector16()?))
}

/// The protocol that a server chose: a list of one (RFC 7301, section 3.1).
fn protocol(body: &[u8]) -> Option<Box<str>> {
    Some(printable(Reader(Reader(body).vector16()?).vector8()?))
}

/// A stranger's bytes, as they may be shown; a name has 255 at most (RFC 1035, section 2.3.4).
fn printable(bytes: &[u8]) -> Box<str> {
    let bytes = &bytes[..bytes.len().min(255)];
    bytes.escape_ascii().to_string().into()
}

/// Takes from the front of a message.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| *byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().copied().map(u16::from_be_bytes)
    }

    fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }
}
