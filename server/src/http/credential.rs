//! What a request proves itself with: `Authorization: Bearer …`, and the hexadecimal in it.
//!
//! It does not know what for. RFC 6750, section 2.1, has the header; the scheme's name is case-insensitive
//! (RFC 9110, section 11.1).

use std::fmt::Write as _;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use wire::chat::{MediaToken, Number, Secret};

use super::refusal::{Reason, Refusal};

/// The token of the one `Authorization: Bearer` header; none where there is not exactly one.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

/// A number and the media token it shows: `15550000001:00112233445566778899aabbccddeeff`.
#[derive(Clone, Copy, Debug)]
pub(super) struct MediaCredential {
    pub(super) number: Number,
    pub(super) token: MediaToken,
}

impl MediaCredential {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (given, token) = text.split_once(':')?;
        Some(Self {
            number: number(given)?,
            token: MediaToken(decode(token)?),
        })
    }
}

/// Refuses who does not show a number's media token.
pub(super) fn admit(secret: &Secret, headers: &HeaderMap) -> Result<(), Refusal> {
    match bearer(headers).and_then(MediaCredential::parse) {
        Some(shown) if secret.media_token(shown.number).verify(&shown.token) => Ok(()),
        _ => Err(Reason::Unauthorized.into()),
    }
}

/// A number of 1 to 15 digits, without plus, blanks or leading zeros: one spelling each.
pub(super) fn number(text: &str) -> Option<Number> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || text.starts_with('0') {
        return None;
    }
    Number::new(text.parse().ok()?).ok()
}

/// Bytes as lower-case hexadecimal.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Exactly `N` bytes of lower-case hexadecimal.
pub(super) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn one_bearer_header_is_taken() {
        assert_eq!(bearer(&headers(&["Bearer abc"])), Some("abc"));
        assert_eq!(bearer(&headers(&["bEARER  abc "])), Some("abc"));
        for wrong in [
            &[][..],
            &["abc"],
            &["Basic abc"],
            &["Bearer a", "Bearer b"],
            &["Bearerabc"],
        ] {
            assert_eq!(bearer(&headers(wrong)), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn a_credential_round_trips(value in 1..=Number::MAX.value(), token: [u8; 16]) {
            let text = format!("{value}:{}", encode(&token));
            let parsed = MediaCredential::parse(&text).unwrap();
            prop_assert_eq!(parsed.number.value(), value);
            prop_assert_eq!(parsed.token.0, token);
        }

        #[test]
        fn whatever_is_taken_has_one_spelling(text in "[0-9a-fA-F:+ ]{0,60}|\\PC{0,40}") {
            if let Some(parsed) = MediaCredential::parse(&text) {
                prop_assert_eq!(format!("{}:{}", parsed.number.value(), encode(&parsed.token.0)), text);
            }
        }

        #[test]
        fn a_number_has_one_spelling(text in "[0-9+ ]{0,20}") {
            if let Some(number) = number(&text) {
                prop_assert_eq!(number.value().to_string(), text);
            }
        }
    }
}
