//! What is masked, from a TOML file. An empty file masks all that is known to name somebody; `docs/sessions.md` has the tables.
//!
//! It knows the file's form; how it is masked is the other modules' business.

use serde::Deserialize;

use super::pattern::{Pattern, RawPattern};
use super::pseudonym::MASK_KEY_BYTES;
use super::spelling::Spelling;
use crate::Protocol;

/// The most patterns of a file.
const PATTERNS_MAX: usize = 64;

const HEADERS: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
];
const QUERY: [&str; 11] = [
    "access_token",
    "api_key",
    "email",
    "key",
    "password",
    "phone",
    "pin",
    "session",
    "sid",
    "token",
    "username",
];

/// What is masked.
#[derive(Clone, Debug)]
pub struct MaskRules {
    pub(super) chat: ChatMask,
    pub(super) http: HttpMask,
    pub(super) tls: TlsMask,
    pub(super) patterns: Vec<Pattern>,
    pub(super) blank_unknown: bool,
    pub(super) key: Option<[u8; MASK_KEY_BYTES]>,
    nothing: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ChatMask {
    /// Phone numbers, groups' owners among them.
    pub(super) numbers: bool,
    /// What messages say.
    pub(super) bodies: bool,
    /// Keys, proofs, PINs and media tokens.
    pub(super) secrets: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsMask {
    /// What was not decrypted stays, with the names that its hellos show.
    pub(super) keep: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpMask {
    /// Headers whose values are credentials, in any case.
    pub(super) headers: Vec<String>,
    /// Headers that stay as they are beside those that name nobody, in any case.
    pub(super) keep: Vec<String>,
    /// Parameters whose values are masked even where bodies or paths stay: in targets, in forms and in JSON; in any case.
    pub(super) query: Vec<String>,
    /// What messages say.
    pub(super) bodies: bool,
    /// What in paths looks personal, and queries.
    pub(super) paths: bool,
}

impl HttpMask {
    /// Whether a header stays as it is, by the file.
    pub(super) fn keeps(&self, name: &[u8]) -> bool {
        is_among(&self.keep, name)
    }

    /// Whether a header's value is a credential.
    pub(super) fn is_credential(&self, name: &[u8]) -> bool {
        is_among(&self.headers, name)
            || HEADERS
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    }

    /// Whether what has this name is masked: the name may be spelled in percent signs, and be a part of others, as in `user[name]`.
    pub(super) fn names(&self, name: &[u8]) -> bool {
        let name = Spelling::Form.decoded(name);
        is_among(&self.query, name.trim_ascii())
            || name
                .split(|byte| b"[]".contains(byte))
                .any(|part| is_among(&self.query, part.trim_ascii()))
    }
}

fn is_among(names: &[String], name: &[u8]) -> bool {
    names
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

impl Default for ChatMask {
    fn default() -> Self {
        Self {
            numbers: true,
            bodies: true,
            secrets: true,
        }
    }
}

impl Default for HttpMask {
    fn default() -> Self {
        Self {
            headers: HEADERS.map(str::to_owned).into(),
            keep: Vec::new(),
            query: QUERY.map(str::to_owned).into(),
            bodies: true,
            paths: true,
        }
    }
}

/// The file as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRules {
    key: Option<toml::Spanned<String>>,
    #[serde(default)]
    unknown: RawUnknown,
    #[serde(default)]
    chat: ChatMask,
    #[serde(default)]
    http: HttpMask,
    #[serde(default)]
    tls: TlsMask,
    #[serde(default)]
    pattern: Vec<RawPattern>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawUnknown {
    #[default]
    Blank,
    Patterns,
}

/// A mistake in a file of masks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct MaskError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what was expected.
    pub what: String,
}

impl MaskRules {
    /// Rules that mask nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            chat: ChatMask {
                numbers: false,
                bodies: false,
                secrets: false,
            },
            http: HttpMask {
                headers: Vec::new(),
                keep: Vec::new(),
                query: Vec::new(),
                bodies: false,
                paths: false,
            },
            tls: TlsMask { keep: true },
            patterns: Vec::new(),
            blank_unknown: false,
            key: None,
            nothing: true,
        }
    }

    /// Whether what a protocol says that is not taken apart is left as it is but for what patterns find: where all is, or a pattern
    /// names that protocol. Of TLS that was not decrypted no pattern finds anything.
    #[must_use]
    pub fn leaves(&self, protocol: Protocol) -> bool {
        if protocol == Protocol::Tls {
            return self.tls.keep;
        }
        !self.blank_unknown || self.patterns.iter().any(|pattern| pattern.names(protocol))
    }

    /// Whether bodies of HTTP are masked, and not their tokens alone.
    #[must_use]
    pub fn masks_bodies(&self) -> bool {
        self.http.bodies
    }

    /// Whether targets of HTTP are masked, and not certain parameters of theirs alone.
    #[must_use]
    pub fn masks_paths(&self) -> bool {
        self.http.paths
    }

    /// Whether they mask nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.nothing
    }

    /// Reads a file's text; `file` is its name in complaints.
    ///
    /// # Errors
    ///
    /// The first mistake, with its line and what was expected.
    pub fn parse(text: &str, file: &str) -> Result<Self, MaskError> {
        let line_at = |at: usize| {
            text.as_bytes()[..at.min(text.len())]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                + 1
        };
        let wrong = |at: usize, what: String| MaskError {
            file: file.to_owned(),
            line: line_at(at),
            what,
        };
        let raw: RawRules = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            wrong(at, error.message().to_owned())
        })?;
        if raw.pattern.len() > PATTERNS_MAX {
            let what = format!("{} patterns: expected {PATTERNS_MAX} at most", raw.pattern.len());
            return Err(wrong(0, what));
        }
        let key = raw
            .key
            .map(|key| parse_key(key.as_ref()).map_err(|what| wrong(key.span().start, what)))
            .transpose()?;
        let mut patterns = Vec::with_capacity(raw.pattern.len());
        for raw in raw.pattern {
            patterns.push(Pattern::resolve(raw).map_err(|(at, what)| wrong(at, what))?);
        }
        let blank_unknown = matches!(raw.unknown, RawUnknown::Blank);
        Ok(Self {
            chat: raw.chat,
            http: raw.http,
            tls: raw.tls,
            patterns,
            blank_unknown,
            key,
            nothing: false,
        })
    }
}

fn parse_key(hex: &str) -> Result<[u8; MASK_KEY_BYTES], String> {
    let expected = || format!("the key has to be {} hex digits", 2 * MASK_KEY_BYTES);
    if hex.len() != 2 * MASK_KEY_BYTES || !hex.is_ascii() {
        return Err(expected());
    }
    let mut key = [0; MASK_KEY_BYTES];
    for (byte, digits) in key.iter_mut().zip(hex.as_bytes().chunks(2)) {
        let digit = |at: usize| char::from(digits[at]).to_digit(16).ok_or_else(expected);
        *byte = (digit(0)? * 16 + digit(1)?) as u8;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_has_its_line_and_what_was_expected() {
        let wrong = |text: &str| MaskRules::parse(text, "mask.toml").unwrap_err().to_string();
        assert!(wrong("[chat]\nnumber = true\n").starts_with("mask.toml:2: unknown field `number`"));
        assert!(
            wrong("# the key\nkey = \"ab\"\n").starts_with("mask.toml:2: the key has to be 64 hex digits")
        );
        assert!(wrong("unknown = \"leave\"\n").contains("expected"));
        let pattern = |inside: &str| wrong(&format!("[http]\n\n[[pattern]]\n{inside}\n"));
        assert!(pattern("find = '('").starts_with("mask.toml:4: `(` is no regular expression"));
        assert!(pattern("find = '(a)(b)'").contains("several groups"));
        assert!(pattern("find = 'a'\nprotocols = ['htp']").contains("`htp` is no protocol"));
    }

    #[test]
    fn an_empty_file_masks_what_is_known() {
        let rules = MaskRules::parse("", "mask.toml").unwrap();
        assert!(rules.chat.numbers && rules.chat.bodies && rules.chat.secrets && rules.blank_unknown);
        assert!(rules.http.headers.iter().any(|header| header == "cookie") && !rules.is_nothing());
        assert!(MaskRules::nothing().is_nothing());
    }
}
