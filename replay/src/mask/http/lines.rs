//! Lines that stay as they are but for what names somebody for certain: parameters of certain names, tokens in JSON, and what was handed
//! out. They are those of bodies and targets that the rules leave.
//!
//! It knows lines only, not what they are of.

use super::members;
use crate::Side;
use crate::mask::book::Book;
use crate::mask::pseudonym::{Pseudonyms, is_number};
use crate::mask::rules::{HttpMask, MaskRules};
use crate::mask::spelling::Spelling;
use crate::rewrite::{self, is_token};

/// What a line of JSON begins with.
const JSON: &[u8] = b"{[\"}],";
/// The media's account (docs/protocol.md, Media by HTTP).
const ACCOUNTS: &[u8] = b"/v1/accounts/";
/// A number in JSON, which stands without quotes.
const NAME: &[u8] = b"\"number\":";

/// Masks whole lines in place, those of a form or any others.
pub(super) fn mask(rules: &MaskRules, side: Side, form: bool, lines: &mut [u8], book: &mut Book) {
    mask_json(rules, side, lines, book);
    for line in lines.split_mut(|byte| *byte == b'\n') {
        if form {
            for pair in line.split_mut(|byte| *byte == b'&') {
                mask_parameter(&rules.http, pair, &book.pseudonyms);
            }
        } else {
            mask_parameters(&rules.http, line, &book.pseudonyms);
        }
        if rules.chat.numbers {
            mask_account(line, &book.pseudonyms);
        }
    }
    book.handed(lines);
}

/// `name=value` between `?`, `&` and whatever cannot be in a query, in targets and in texts.
pub(super) fn mask_parameters(rules: &HttpMask, line: &mut [u8], pseudonyms: &Pseudonyms) {
    for parameter in line.split_mut(|byte| b"?& #\"".contains(byte)) {
        mask_parameter(rules, parameter, pseudonyms);
    }
}

/// A name may stand behind a semicolon; a value goes on behind one.
fn mask_parameter(rules: &HttpMask, parameter: &mut [u8], pseudonyms: &Pseudonyms) {
    let mut begin = 0;
    for part in parameter.split(|byte| *byte == b';') {
        let equals = part.iter().position(|byte| *byte == b'=');
        if let Some(equals) = equals.filter(|equals| rules.names(&part[..*equals])) {
            let value = &mut parameter[begin + equals + 1..];
            return Spelling::Form.mask(value, |value| pseudonyms.secret(value));
        }
        begin += part.len() + 1;
    }
}

/// A number in the path of its account.
pub(super) fn mask_account(line: &mut [u8], pseudonyms: &Pseudonyms) {
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
        // The same may be told apart in two ways.
        let from = from.max(done);
        if from >= to {
            continue;
        }
        done = to;
        let value = &mut lines[from..to];
        if side == Side::Server {
            book.handed.note(value);
        }
        Spelling::Json.mask(value, |value| book.pseudonyms.secret(value));
    }
}

/// Where in JSON that begins at `at` something is to be masked.
fn find(rules: &MaskRules, json: &[u8], at: usize, places: &mut Vec<(usize, usize)>) {
    rewrite::members(json, |name, string| {
        if is_token(name, string) {
            let from = at + string.as_ptr().addr() - json.as_ptr().addr();
            places.push((from, from + string.len()));
        }
    });
    let is_named = |name: &[u8]| rules.http.names(&Spelling::Json.decoded(name));
    members::named(json, is_named, |place| {
        places.push((at + place.start, at + place.end))
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
