//! A line of a key log (draft-ietf-tls-keylogfile, section 2): a label, the *ClientHello*'s random, a secret.
//!
//! It does not know which line it is.

use zeroize::Zeroizing;

use super::{Label, Random, SECRET_MAX_BYTES, Secret};

/// What a line says.
pub(super) enum Line {
    /// A secret that decrypts records.
    Secret(Label, Random, Secret),
    /// A secret that does not (an exporter's, an RSA premaster's), or of a label unknown here.
    Ignored,
    /// Nothing.
    Comment,
}

const SHAPE: &str = "a label, a random and a secret, with one space between them";

/// Reads a line without its line feed.
///
/// # Errors
/// What should stand there.
pub(super) fn parse(line: &[u8]) -> Result<Line, &'static str> {
    let line = line.trim_ascii();
    if line.is_empty() || line[0] == b'#' {
        return Ok(Line::Comment);
    }
    let mut fields = line.split(|byte| *byte == b' ');
    let (Some(name), Some(random), Some(secret), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(SHAPE);
    };
    let Some((label, lengths)) = label(name) else {
        return if is_label(name) {
            Ok(Line::Ignored)
        } else {
            Err(SHAPE)
        };
    };
    let mut id = [0; 32];
    if unhex(random, &mut id) != Some(id.len()) {
        return Err("a random of 64 hexadecimal digits");
    }
    let mut bytes = Zeroizing::new([0; SECRET_MAX_BYTES]);
    let length = unhex(secret, &mut *bytes).filter(|length| lengths.contains(length));
    match length.and_then(|length| Secret::new(&bytes[..length])) {
        Some(secret) => Ok(Line::Secret(label, id, secret)),
        None if label == Label::Master => Err("a master secret of 96 hexadecimal digits"),
        None => Err("a secret of 64 or 96 hexadecimal digits"),
    }
}

/// Labels and the lengths their secrets have, in bytes: TLS 1.3's are of the suite's hash.
fn label(name: &[u8]) -> Option<(Label, &'static [usize])> {
    const HASHES: &[usize] = &[32, 48];
    Some(match name {
        b"CLIENT_RANDOM" => (Label::Master, &[48]),
        b"CLIENT_EARLY_TRAFFIC_SECRET" => (Label::ClientEarly, HASHES),
        b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => (Label::ClientHandshake, HASHES),
        b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => (Label::ServerHandshake, HASHES),
        b"CLIENT_TRAFFIC_SECRET_0" => (Label::ClientApplication, HASHES),
        b"SERVER_TRAFFIC_SECRET_0" => (Label::ServerApplication, HASHES),
        _ => return None,
    })
}

/// Labels are in capitals, digits and underscores.
fn is_label(name: &[u8]) -> bool {
    let may = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    !name.is_empty() && name.iter().all(may)
}

/// Fills the front of `out` and says how many bytes it took; `None` if these are no hexadecimal digits or too many.
fn unhex(digits: &[u8], out: &mut [u8]) -> Option<usize> {
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    for (at, [high, low]) in pairs.iter().enumerate() {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        *out.get_mut(at)? = (digit(*high)? << 4 | digit(*low)?) as u8;
    }
    Some(pairs.len())
}
