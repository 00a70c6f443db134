//! The head of a request or a response: its first line and its fields.
//!
//! It keeps every byte as it stands: who writes a head again changes only what has to change.

use super::HEAD_MAX_BYTES;

/// A whole head, its last empty line included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    bytes: &'a [u8],
}

/// No head of HTTP/1: the stream is something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoHead;

impl<'a> Head<'a> {
    /// Takes a head off the front; `None` while it is incomplete.
    ///
    /// # Errors
    /// It is too long to be one, or its first line names no HTTP/1.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Option<Self>, NoHead> {
        let mut line_start = 0;
        let seen = &bytes[..bytes.len().min(HEAD_MAX_BYTES)];
        while let Some(length) = seen[line_start..].iter().position(|byte| *byte == b'\n') {
            let line = trimmed(&seen[line_start..line_start + length]);
            if line_start == 0 && !line.windows(7).any(|part| part == b"HTTP/1.") {
                return Err(NoHead);
            }
            line_start += length + 1;
            if line.is_empty() {
                return Ok(Some(Self {
                    bytes: &bytes[..line_start],
                }));
            }
        }
        if bytes.len() >= HEAD_MAX_BYTES {
            return Err(NoHead);
        }
        Ok(None)
    }

    /// All of it.
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The first line without its end.
    pub(crate) fn first(self) -> &'a [u8] {
        self.lines().next().map_or(&[], trimmed)
    }

    /// The lines with their ends: the first, the fields', the empty one.
    pub(crate) fn lines(self) -> impl Iterator<Item = &'a [u8]> {
        self.bytes.split_inclusive(|byte| *byte == b'\n')
    }

    /// The fields: names as they stand, values without the white space around them.
    pub(crate) fn fields(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.lines().skip(1).filter_map(field)
    }

    /// The first field of a name, in lower case.
    pub(crate) fn field(self, name: &str) -> Option<&'a [u8]> {
        self.fields()
            .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Whether one of a field's comma-separated words is `word`.
    pub(crate) fn says(self, name: &str, word: &str) -> bool {
        self.fields()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .flat_map(|(_, value)| value.split(|byte| *byte == b','))
            .any(|part| part.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    }

    /// The length that it gives its body, if any that can be read.
    pub(crate) fn content_length(self) -> Option<u64> {
        std::str::from_utf8(self.field("content-length")?)
            .ok()?
            .parse()
            .ok()
    }

    /// A response's status; 0 for what has none.
    pub(crate) fn status(self) -> u16 {
        let mut words = self.first().split(|byte| *byte == b' ');
        let status = words.nth(1).and_then(|word| std::str::from_utf8(word).ok());
        status.and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    /// A request's method.
    pub(crate) fn method(self) -> &'a [u8] {
        self.first().split(|byte| *byte == b' ').next().unwrap_or(&[])
    }
}

/// How many bytes of empty lines stand before a request, where some clients put them (RFC 9112, section 2.2).
pub(crate) fn blank_bytes(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match bytes[at..] {
            [b'\n', ..] => at += 1,
            [b'\r', b'\n', ..] => at += 2,
            _ => return at,
        }
    }
}

/// A line as a field: its name and its value.
pub(crate) fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

/// A line without its end.
fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_an_empty_line_and_not_before() {
        let request = b"GET /a HTTP/1.1\r\nHost: x\r\nCookie: a=1; b=2\r\n\r\nbody";
        for cut in 0..request.len() - 4 {
            assert!(Head::parse(&request[..cut]).unwrap().is_none(), "{cut}");
        }
        let head = Head::parse(request).unwrap().unwrap();
        assert_eq!(head.bytes().len(), request.len() - 4);
        assert_eq!(head.method(), b"GET");
        assert_eq!(head.field("cookie"), Some(&b"a=1; b=2"[..]));
        assert_eq!(head.field("content-length"), None);
        assert_eq!(Head::parse(b"*1\r\n$4\r\nPING\r\n").err(), Some(NoHead));
    }
}
