//! What looks as if it named somebody, where what names somebody stands beside what does not: segments of paths, names in JSON and forms.
//!
//! It looks at one word; it knows no list of names. A name in plain letters does not look like one: `docs/sessions.md` says so.

/// So many digits are a number of somebody's.
const DIGITS_FEWEST: usize = 4;
/// A word so long with two digits in it was made up by a machine.
const MIXED_FEWEST_BYTES: usize = 16;
/// A word so long that nothing parts was, too.
const UNPARTED_FEWEST_BYTES: usize = 24;

/// Whether a word looks personal: an e-mail address, four digits or more, a UUID, a token, text with blanks, what is not ASCII.
pub(super) fn is_personal(word: &[u8]) -> bool {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let speaks = |byte: &u8| !byte.is_ascii_graphic() || *byte == b'@';
    digits >= DIGITS_FEWEST || (digits >= 2 && word.len() >= MIXED_FEWEST_BYTES) || word.iter().any(speaks)
}

/// Whether it is a long word that is not made of others.
pub(super) fn is_token(word: &[u8]) -> bool {
    word.len() >= UNPARTED_FEWEST_BYTES && !word.iter().any(|byte| b"-_.+:,~".contains(byte))
}

/// Whether a value says nothing of anybody: a small number, or a word that a great many say.
pub(super) fn is_plain(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 14] = [
        b"all", b"asc", b"csv", b"desc", b"false", b"html", b"json", b"no", b"none", b"off", b"on", b"true",
        b"xml", b"yes",
    ];
    (value.len() < DIGITS_FEWEST && value.iter().all(u8::is_ascii_digit)) || WORDS.contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_addresses_and_tokens_look_personal_and_words_do_not() {
        for word in [
            "4242",
            "u-42-42",
            "ada@example.org",
            "550e8400-e29b-41d4-a716-446655440000",
            "eyJhbGciOiJIUzI1NiJ9",
            "Ada Lovelace",
            "Zoë",
        ] {
            assert!(is_personal(word.as_bytes()), "{word}");
        }
        for word in [
            "users",
            "v1",
            "index.html",
            "how-to-cook-pasta-in-ten-minutes",
            "access_token",
            "",
        ] {
            assert!(
                !is_personal(word.as_bytes()) && !is_token(word.as_bytes()),
                "{word}"
            );
        }
        assert!(is_token(b"dGhpcyBpcyBhIHRva2VuIG9m"));
        assert!(
            is_plain(b"12") && is_plain(b"") && is_plain(b"desc") && !is_plain(b"1234") && !is_plain(b"Ada")
        );
    }
}
