//! What an HTTP answer teaches: its cookies, the tokens in its JSON, and what the rules ask for.
//!
//! It does not know where any of it is used.

use wire::chat::Number;

use super::super::Scene;
use crate::http::{Head, Response};

/// The shortest token: anything shorter may stand in a request by chance.
const TOKEN_MIN_BYTES: usize = 8;
/// What the name of a JSON member has in it whose string is a token.
const TOKEN_NAMES: [&[u8]; 9] = [
    b"token", b"jwt", b"session", b"sid", b"csrf", b"xsrf", b"secret", b"nonce", b"ticket",
];

/// What stands before a cookie's name.
const COOKIE: &[u8] = b"cookie:";

/// Takes what an answer hands out: names and values. Whether it may have handed out what nobody can read: its body is packed, and cannot
/// be unpacked.
pub(super) fn learn(scene: &Scene, response: Response<'_>, take: &mut dyn FnMut(&[u8], &[u8])) -> bool {
    let rules = &scene.rules;
    let mut is_json = true;
    if let Ok(Some(head)) = Head::parse(response.head) {
        is_json = head.field("content-type").is_none_or(says_json);
        let cookies = head
            .fields()
            .filter(|(name, _)| name.eq_ignore_ascii_case(b"set-cookie"));
        for (_, cookie) in cookies.filter(|_| rules.http.cookies) {
            let pair = cookie.split(|byte| *byte == b';').next().unwrap_or(&[]);
            if let Some(equals) = pair.iter().position(|byte| *byte == b'=') {
                let name = cookie_name(pair[..equals].trim_ascii());
                take(&name, pair[equals + 1..].trim_ascii());
            }
        }
    }
    let mut learns = rules.chosen(scene.chosen).flat_map(|rule| &rule.learn).peekable();
    if !rules.http.tokens && learns.peek().is_none() {
        return false;
    }
    let Some(content) = response.content() else {
        return learns.peek().is_some() || is_json;
    };
    let body = &content.front[..];
    if rules.http.tokens && matches!(body.trim_ascii_start(), [b'{' | b'[', ..]) {
        tokens(body, |name, token| {
            take(&[b"token:", name].concat(), token);
        });
    }
    if learns.peek().is_some() {
        let answer = [response.head, body].concat();
        for learn in learns {
            for captures in learn.from.captures_iter(&answer) {
                if let Some(value) = captures.get(1) {
                    take(learn.name.as_bytes(), value.as_bytes());
                }
            }
        }
    }
    false
}

/// Whether a media type is one of JSON's (RFC 6838, section 4.2.8: also as a suffix).
fn says_json(media_type: &[u8]) -> bool {
    media_type
        .to_ascii_lowercase()
        .windows(4)
        .any(|part| part == b"json")
}

/// Under which name a cookie is learned: no rule can choose one with a colon.
pub(super) fn cookie_name(name: &[u8]) -> Vec<u8> {
    [COOKIE, name].concat()
}

/// Whether what was learned under a name is a cookie.
pub(in crate::rewrite) fn is_cookie(name: &[u8]) -> bool {
    name.starts_with(COOKIE)
}

/// The credential of teem's media, for this clone's number (docs/protocol.md, Media by HTTP); nothing for any other.
pub(super) fn credential(scene: &Scene, value: &[u8]) -> Option<Vec<u8>> {
    let secret = scene.rules.chat.secret.as_ref()?;
    let (number, token) = std::str::from_utf8(value)
        .ok()?
        .strip_prefix("Bearer ")?
        .split_once(':')?;
    if token.len() != 32 || !token.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let number = scene.number(Number::new(number.parse().ok()?).ok()?).ok()?;
    let token = secret.media_token(number).0.map(|byte| format!("{byte:02x}"));
    Some(format!("Bearer {}:{}", number.value(), token.concat()).into_bytes())
}

/// The members of JSON whose names say that their strings are tokens: names and strings, both slices of `json`.
pub(crate) fn tokens<'a>(json: &'a [u8], mut found: impl FnMut(&'a [u8], &'a [u8])) {
    members(json, |name, string| {
        if is_token(name, string) {
            found(name, string);
        }
    });
}

/// Whether a member of JSON is a token, by its name.
pub(crate) fn is_token(name: &[u8], string: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let says = |word: &&[u8]| lower.windows(word.len()).any(|part| part == *word);
    string.len() >= TOKEN_MIN_BYTES && TOKEN_NAMES.iter().any(says) && !string.contains(&b'\\')
}

/// The members of JSON that are strings: names and strings, as they stand between their quotes, both slices of `json`.
pub(crate) fn members<'a>(json: &'a [u8], mut found: impl FnMut(&'a [u8], &'a [u8])) {
    let mut rest = json;
    let mut name: &[u8] = &[];
    while let Some((string, behind)) = string(rest) {
        let behind = behind.trim_ascii_start();
        match behind.strip_prefix(b":") {
            Some(value) => {
                name = string;
                rest = value.trim_ascii_start();
                if rest.first() != Some(&b'"') {
                    name = &[];
                }
            }
            None => {
                if !name.is_empty() {
                    found(name, string);
                }
                name = &[];
                rest = behind;
            }
        }
    }
}

/// The next string in JSON, as it stands between its quotes, and what follows it.
fn string(json: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = json.iter().position(|byte| *byte == b'"')? + 1;
    let mut escaped = false;
    let length = json[start..].iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    Some((&json[start..start + length], &json[start + length + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_by_their_names() {
        let mut all = Vec::new();
        tokens(
            br#"{"user":"somebody","access_token" : "abcdefgh", "n": 1, "tokens":["x", "12345678"],
               "csrfToken":"a\"bcdefgh","sid":"short","x":{"refresh_token":"zyxwvuts"}}"#,
            |name, token| all.push((name.to_vec(), token.to_vec())),
        );
        let expected = [
            (&b"access_token"[..], &b"abcdefgh"[..]),
            (b"refresh_token", b"zyxwvuts"),
        ];
        assert_eq!(all, expected.map(|(name, token)| (name.to_vec(), token.to_vec())));
    }
}
