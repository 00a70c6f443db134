//! Splits a stream of stanzas and finds attributes and texts in them.
//!
//! It trusts the server under test to write well-formed XML without comments, sections or processing instructions
//! other than the declaration, which XMPP forbids anyway (RFC 6120, section 11.1).

/// Splits the first top-level item off: the XML declaration, the stream's opening tag, or a whole stanza; with its
/// length. `None` while it is incomplete. White space between stanzas is a keep-alive and is taken with the next one.
pub(super) fn split(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let (mut at, mut depth) = (start, 0usize);
    loop {
        let end = tag_end(bytes, at)?;
        let tag = &bytes[at..=end];
        if at == start && (tag.starts_with(b"<?") || tag.starts_with(b"<stream:stream")) {
            return Some((tag, end + 1));
        }
        if tag.starts_with(b"</") {
            depth = depth.saturating_sub(1);
        } else if !tag.ends_with(b"/>") {
            depth += 1;
        }
        if depth == 0 {
            return Some((&bytes[start..=end], end + 1));
        }
        at = end + 1 + bytes[end + 1..].iter().position(|&byte| byte == b'<')?;
    }
}

/// Where the tag that starts at `start` ends, quotes respected.
fn tag_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut quote = None;
    for (place, &byte) in bytes.iter().enumerate().skip(start) {
        match (quote, byte) {
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'>') => return Some(place),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// The value of an attribute of the first tag.
pub(super) fn attribute<'a>(stanza: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let tag = &stanza[..tag_end(stanza, 0).unwrap_or(stanza.len())];
    let mut from = 0;
    loop {
        let place = from + find(&tag[from..], name.as_bytes())?;
        let rest = &tag[place + name.len()..];
        let before = place.checked_sub(1).map(|before| tag[before]);
        if let ([b'=', quote @ (b'\'' | b'"'), value @ ..], Some(b' ')) = (rest, before) {
            let end = value.iter().position(|byte| byte == quote)?;
            return Some(&value[..end]);
        }
        from = place + name.len();
    }
}

/// What stands between the first `open` and the next `close` after it.
pub(super) fn between<'a>(stanza: &'a [u8], open: &[u8], close: &[u8]) -> Option<&'a [u8]> {
    let start = find(stanza, open)? + open.len();
    let end = find(&stanza[start..], close)?;
    Some(&stanza[start..start + end])
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_splits_into_its_stanzas_at_any_cut() {
        let parts = [
            "<?xml version='1.0'?>",
            "<stream:stream id='1' x='a>b'>",
            "<a h='1'/>",
            "<message to='u1' id='7'><body>a</body><x><y z=\"/>\"/></x></message>",
        ];
        let stream = parts.concat();
        let (mut at, mut found) = (0, Vec::new());
        for end in 0..=stream.len() {
            while let Some((stanza, length)) = split(&stream.as_bytes()[at..end]) {
                found.push(String::from_utf8(stanza.to_vec()).unwrap());
                at += length;
            }
        }
        assert_eq!(found, parts);
    }

    #[test]
    fn white_space_between_stanzas_is_skipped() {
        assert_eq!(split(b" \n<r/>"), Some((&b"<r/>"[..], 6)));
        assert_eq!(split(b" \n"), None);
    }

    #[test]
    fn attributes_are_found_by_their_whole_name() {
        let stanza = b"<message xid='1' id='2' type=\"chat\"><x id='3'/></message>";
        assert_eq!(attribute(stanza, "id"), Some(&b"2"[..]));
        assert_eq!(attribute(stanza, "type"), Some(&b"chat"[..]));
        assert_eq!(attribute(stanza, "h"), None);
        assert_eq!(between(stanza, b"<x", b">"), Some(&b" id='3'/"[..]));
    }
}
