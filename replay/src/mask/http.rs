//! What of HTTP's lines names somebody: credentials in headers, and values of parameters.
//!
//! It knows lines only, not which of them are a head's: a line of a body that looks like a header is masked, too, which does no
//! harm.

use super::pseudonym::Pseudonyms;
use super::rules::HttpMask;

/// Masks whole lines in place.
pub(super) fn mask(rules: &HttpMask, lines: &mut [u8], pseudonyms: &Pseudonyms) {
    for line in lines.split_mut(|byte| *byte == b'\n') {
        let end = line.strip_suffix(b"\r").map_or(line.len(), <[u8]>::len);
        let line = &mut line[..end];
        let name = line.iter().position(|byte| *byte == b':').map(|at| &line[..at]);
        match name.and_then(|name| {
            rules
                .headers
                .iter()
                .find(|header| name.eq_ignore_ascii_case(header.as_bytes()))
        }) {
            Some(header) => mask_header(header, line, pseudonyms),
            None => mask_parameters(rules, line, pseudonyms),
        }
    }
}

/// What follows the colon: the credentials behind their scheme (RFC 9110, section 11.4), the values of cookies (RFC 6265, section
/// 4), or all of it.
fn mask_header(header: &str, line: &mut [u8], pseudonyms: &Pseudonyms) {
    let value = &mut line[header.len() + 1..];
    let blanks = value.iter().take_while(|byte| **byte == b' ').count();
    let value = &mut value[blanks..];
    match header.to_ascii_lowercase().as_str() {
        "authorization" | "proxy-authorization" => {
            let scheme = value.iter().position(|byte| *byte == b' ').map_or(0, |at| at + 1);
            pseudonyms.text(&mut value[scheme..]);
        }
        "cookie" => value
            .split_mut(|byte| *byte == b';')
            .for_each(|pair| mask_pair(pair, pseudonyms)),
        "set-cookie" => {
            if let Some(pair) = value.split_mut(|byte| *byte == b';').next() {
                mask_pair(pair, pseudonyms);
            }
        }
        _ => pseudonyms.text(value),
    }
}

/// What follows the equals sign.
fn mask_pair(pair: &mut [u8], pseudonyms: &Pseudonyms) {
    let value = pair.iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1);
    pseudonyms.text(&mut pair[value..]);
}

/// `name=value` between `?`, `&`, `;` and whatever cannot be in a query, in targets and in forms alike.
fn mask_parameters(rules: &HttpMask, line: &mut [u8], pseudonyms: &Pseudonyms) {
    for parameter in line.split_mut(|byte| b"?&; #\"".contains(byte)) {
        let Some(equals) = parameter.iter().position(|byte| *byte == b'=') else {
            continue;
        };
        let name = &parameter[..equals];
        if rules
            .query
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        {
            pseudonyms.text(&mut parameter[equals + 1..]);
        }
    }
}
