//! Where in JSON the values of members of certain names stand, in as much of it as is there.
//!
//! It masks nothing, and takes what breaks the grammar for what it looks like.

use std::ops::Range;

/// Tells where the strings and the numbers of such members stand, those within arrays and objects, too; of a number its exponent is left out.
pub(super) fn named(json: &[u8], is_named: impl Fn(&[u8]) -> bool, mut found: impl FnMut(Range<usize>)) {
    let (mut at, mut depth) = (0, 0_usize);
    // How deep the member stands whose value this is.
    let mut within = None;
    while at < json.len() {
        match json[at] {
            b'"' => {
                let text = at + 1..at + 1 + string(&json[at + 1..]);
                at = (text.end + 1).min(json.len());
                let blanks = run(&json[at..], |byte| byte.is_ascii_whitespace());
                if json.get(at + blanks) == Some(&b':') {
                    at += blanks + 1;
                    if within.is_none() && is_named(&json[text]) {
                        within = Some(depth);
                    }
                } else if within.is_some() {
                    found(text);
                }
                continue;
            }
            b'0'..=b'9' => {
                let digits = run(&json[at..], |byte| byte.is_ascii_digit() || byte == b'.');
                if within.is_some() {
                    found(at..at + digits);
                }
                at += digits;
                at += run(&json[at..], |byte| b"+-eE0123456789".contains(&byte));
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                within = within.filter(|member| *member != depth);
                depth = depth.saturating_sub(1);
            }
            b',' => within = within.filter(|member| *member != depth),
            _ => {}
        }
        at += 1;
    }
}

/// How long a string's text is.
fn string(text: &[u8]) -> usize {
    let mut escaped = false;
    run(text, |byte| {
        let goes_on = byte != b'"' || escaped;
        escaped = byte == b'\\' && !escaped;
        goes_on
    })
}

/// How many bytes are so from here on.
fn run(bytes: &[u8], mut is_so: impl FnMut(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !is_so(*byte)).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_arrays_and_objects_are_found_and_nothing_behind_them() {
        let json = br#"{"a":1,"pin": [12,{"b":"x\"y","c":3.5e7}],"d":"no","of":{"pin":-4},"e":5} {"pin":"z"#;
        let mut found = Vec::new();
        named(json, |name| name == b"pin", |place| found.push(&json[place]));
        assert_eq!(found, [&b"12"[..], br#"x\"y"#, b"3.5", b"4", b"z"]);
    }
}
