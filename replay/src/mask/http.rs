//! What of HTTP's lines names somebody or lets somebody in: credentials in headers, values of parameters, tokens in JSON.
//!
//! It knows lines only, not which of them are a head's: a line of a body that looks like a header is masked, too, which does no
//! harm. What a server handed out is masked wherever it stands afterwards.

use super::pseudonym::{Pseudonyms, is_number};
use super::rules::{HttpMask, MaskRules};
use super::{Book, Handed};
use crate::Side;
use crate::rewrite::{is_token, members};

/// What a line of JSON begins with.
const JSON: &[u8] = b"{[\"}],";
/// What stands around a value in a head, a target or a form.
const AROUND: &[u8] = b" \t\r\n\"'`;,&?<>(){}[]\\";
/// The media's account, and the length of its token (docs/protocol.md, Media by HTTP).
const ACCOUNTS: &[u8] = b" /v1/accounts/";
const MEDIA_TOKEN_DIGITS: usize = 32;
/// A number in JSON, which stands without quotes.
const NAME: &[u8] = b"\"number\":";

/// How far a server has changed to another protocol (RFC 9110, section 15.2.2): what follows is no HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tunnel {
    /// It has not.
    #[default]
    None,
    /// It does: the head that says so is not over.
    Granted,
    /// It has.
    Dug,
}

impl Tunnel {
    /// The server says these lines: how many bytes of them are HTTP.
    pub(super) fn follow(&mut self, lines: &[u8]) -> usize {
        let mut at = 0;
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            at += line.len();
            match self {
                Self::None if line.starts_with(b"HTTP/1.1 101") => *self = Self::Granted,
                Self::Granted if line.trim_ascii().is_empty() => {
                    *self = Self::Dug;
                    return at;
                }
                _ => {}
            }
        }
        at
    }
}

/// Which part of a message a side is in, as far as lines tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Part {
    /// Before a message, or in its head.
    #[default]
    Head,
    /// Behind it.
    Body,
}

impl Part {
    /// These lines were said.
    pub(super) fn follow(&mut self, lines: &[u8]) {
        for line in lines
            .split_inclusive(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
        {
            let begins =
                line.starts_with(b"HTTP/1.") || line.ends_with(b"HTTP/1.1") || line.ends_with(b"HTTP/1.0");
            if begins {
                *self = Self::Head;
            } else if line.is_empty() {
                *self = Self::Body;
            }
        }
    }

    /// Whether what is said from here on ends in the middle of a head's line, or of JSON: the rest is still to come.
    pub(super) fn is_open(mut self, said: &[u8]) -> bool {
        let begin = said
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        self.follow(&said[..begin]);
        let line = said[begin..].trim_ascii();
        let Some((first, last)) = line.first().zip(line.last()) else {
            return false;
        };
        let method = line.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        let begins = method > 0 && (line[method..].starts_with(b" /") || line.starts_with(b"HTTP/"));
        self == Self::Head || begins || (JSON.contains(first) && !b"}]".contains(last))
    }
}

/// Masks whole lines in place.
pub(super) fn mask(rules: &MaskRules, side: Side, lines: &mut [u8], book: &mut Book) {
    mask_json(rules, side, lines, book);
    for line in lines.split_mut(|byte| *byte == b'\n') {
        let end = line.strip_suffix(b"\r").map_or(line.len(), <[u8]>::len);
        mask_line(rules, &mut line[..end], book);
    }
    if !book.handed.is_empty() {
        mask_handed(lines, &book.handed, &book.pseudonyms);
    }
}

fn mask_line(rules: &MaskRules, line: &mut [u8], book: &mut Book) {
    let name = line.iter().position(|byte| *byte == b':').map(|at| &line[..at]);
    let header = name.and_then(|name| {
        let is = |header: &&String| name.eq_ignore_ascii_case(header.as_bytes());
        rules.http.headers.iter().find(is)
    });
    match header {
        Some(header) => mask_header(rules, header, line, book),
        None => {
            mask_parameters(&rules.http, line, &book.pseudonyms);
            if rules.chat.numbers {
                mask_account(line, &book.pseudonyms);
            }
        }
    }
}

/// What follows the colon: the credentials behind their scheme (RFC 9110, section 11.4), the values of cookies (RFC 6265, section
/// 4), or all of it.
fn mask_header(rules: &MaskRules, header: &str, line: &mut [u8], book: &mut Book) {
    let value = &mut line[header.len() + 1..];
    let blanks = value.iter().take_while(|byte| **byte == b' ').count();
    let value = &mut value[blanks..];
    match header.to_ascii_lowercase().as_str() {
        "authorization" | "proxy-authorization" => {
            let scheme = value.iter().position(|byte| *byte == b' ').map_or(0, |at| at + 1);
            mask_credential(rules, &mut value[scheme..], &book.pseudonyms);
        }
        "cookie" => {
            for pair in value.split_mut(|byte| *byte == b';') {
                book.pseudonyms.secret(cookie(pair));
            }
        }
        "set-cookie" => {
            if let Some(pair) = value.split_mut(|byte| *byte == b';').next() {
                let cookie = cookie(pair);
                book.handed.note(cookie);
                book.pseudonyms.secret(cookie);
            }
        }
        _ => book.pseudonyms.secret(value),
    }
}

/// A token; teem's own media are opened by a number and a token of the same person.
fn mask_credential(rules: &MaskRules, credential: &mut [u8], pseudonyms: &Pseudonyms) {
    let colon = credential.iter().position(|byte| *byte == b':');
    let is_media = |at: &usize| {
        let (number, token) = (&credential[..*at], &credential[*at + 1..]);
        let is_hex = token.iter().all(u8::is_ascii_hexdigit) && !token.iter().any(u8::is_ascii_uppercase);
        is_number(number) && token.len() == MEDIA_TOKEN_DIGITS && is_hex
    };
    match colon.filter(is_media) {
        Some(at) => {
            if rules.chat.numbers {
                pseudonyms.digits(&mut credential[..at]);
            }
            pseudonyms.hex(&mut credential[at + 1..]);
        }
        None => pseudonyms.secret(credential),
    }
}

/// What follows the equals sign.
fn cookie(pair: &mut [u8]) -> &mut [u8] {
    let value = pair.iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1);
    &mut pair[value..]
}

/// `name=value` between `?`, `&`, `;` and whatever cannot be in a query, in targets and in forms alike.
fn mask_parameters(rules: &HttpMask, line: &mut [u8], pseudonyms: &Pseudonyms) {
    for parameter in line.split_mut(|byte| b"?&; #\"".contains(byte)) {
        let Some(equals) = parameter.iter().position(|byte| *byte == b'=') else {
            continue;
        };
        if rules.names(&parameter[..equals]) {
            pseudonyms.secret(&mut parameter[equals + 1..]);
        }
    }
}

/// A number in the path of its account.
fn mask_account(line: &mut [u8], pseudonyms: &Pseudonyms) {
    let Some(at) = line.windows(ACCOUNTS.len()).position(|part| part == ACCOUNTS) else {
        return;
    };
    let number = &mut line[at + ACCOUNTS.len()..];
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if is_number(&number[..digits]) {
        pseudonyms.digits(&mut number[..digits]);
    }
}

/// Members of JSON: tokens, and those that have the name of a parameter that is masked. Of what is looked at line by line, too, one
/// line's quotes say nothing of the next one's.
fn mask_json(rules: &MaskRules, side: Side, lines: &mut [u8], book: &mut Book) {
    let is_json = |line: &[u8]| {
        line.trim_ascii_start()
            .first()
            .is_some_and(|first| JSON.contains(first))
    };
    let (mut at, mut begin) = (0, None);
    let mut places = Vec::new();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        if begin.is_some() || is_json(line) {
            begin = begin.or(Some(at));
            find(rules, line, at, &mut places);
        }
        at += line.len();
    }
    let Some(begin) = begin else { return };
    find(rules, &lines[begin..], begin, &mut places);
    places.sort_unstable();
    places.dedup();
    let mut done = 0;
    for (from, to) in places {
        // The same, told apart in two ways.
        if from < done {
            continue;
        }
        done = to;
        if side == Side::Server {
            book.handed.note(&lines[from..to]);
        }
        book.pseudonyms.secret(&mut lines[from..to]);
    }
}

/// Where in JSON that begins at `at` something is to be masked.
fn find(rules: &MaskRules, json: &[u8], at: usize, places: &mut Vec<(usize, usize)>) {
    members(json, |name, string| {
        if is_token(name, string) || rules.http.names(name) {
            let from = at + string.as_ptr().addr() - json.as_ptr().addr();
            places.push((from, from + string.len()));
        }
    });
    if !rules.chat.numbers {
        return;
    }
    for (place, _) in json
        .windows(NAME.len())
        .enumerate()
        .filter(|(_, part)| *part == NAME)
    {
        let behind = &json[place + NAME.len()..];
        let blanks = behind
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        let digits = behind[blanks..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let from = at + place + NAME.len() + blanks;
        if is_number(&behind[blanks..blanks + digits]) {
            places.push((from, from + digits));
        }
    }
}

/// What was handed out, wherever it stands.
fn mask_handed(bytes: &mut [u8], handed: &Handed, pseudonyms: &Pseudonyms) {
    for run in bytes.split_mut(|byte| AROUND.contains(byte)) {
        if handed.has(run) {
            pseudonyms.secret(run);
            continue;
        }
        let value = run
            .iter()
            .position(|byte| b"=:".contains(byte))
            .map_or(0, |at| at + 1);
        if handed.has(&run[value..]) {
            pseudonyms.secret(&mut run[value..]);
            continue;
        }
        for part in run.split_mut(|byte| b"/:=|".contains(byte)) {
            if handed.has(part) {
                pseudonyms.secret(part);
            }
        }
    }
}
