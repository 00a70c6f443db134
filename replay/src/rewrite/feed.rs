//! What is said in pieces, cut into what can be rewritten at a time.
//!
//! It does not know what that is; it keeps what is unfinished, and nothing where nothing is.

use super::Said;

/// What became of the front of what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many bytes are done with; never 0.
    Took(usize),
    /// More has to be said first.
    Partial,
    /// More has to be heard first.
    Waits,
}

/// Steps through `held` and `said`; afterwards `held` is what was unfinished.
pub(super) fn feed<E>(
    held: &mut Vec<u8>,
    said: &[u8],
    mut step: impl FnMut(&[u8]) -> Result<Step, E>,
) -> Result<Said, E> {
    let mut kept = std::mem::take(held);
    if !kept.is_empty() {
        kept.extend_from_slice(said);
    }
    let bytes = if kept.is_empty() { said } else { &kept };
    let mut at = 0;
    let waits = loop {
        if at == bytes.len() {
            break false;
        }
        match step(&bytes[at..])? {
            Step::Took(length) => at += length,
            Step::Partial => break false,
            Step::Waits => break true,
        }
    };
    // Who waits need not keep what can be said again.
    let back = if waits {
        said.len().min(bytes.len() - at)
    } else {
        0
    };
    let left = at..bytes.len() - back;
    if at == 0 && !kept.is_empty() {
        kept.truncate(left.end);
        *held = kept;
    } else {
        *held = bytes[left].to_vec();
    }
    Ok(if waits {
        Said::Waits {
            taken: said.len() - back,
        }
    } else {
        Said::Ready
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_said_again_from_where_it_stopped() {
        let mut held = Vec::new();
        let mut out = Vec::new();
        let mut run = |held: &mut Vec<u8>, said: &[u8], open: bool| {
            feed(held, said, |bytes| {
                Ok::<_, ()>(match bytes {
                    [b'!', ..] if !open => Step::Waits,
                    [_, _, ..] => {
                        out.extend_from_slice(&bytes[..2]);
                        Step::Took(2)
                    }
                    _ => Step::Partial,
                })
            })
            .unwrap()
        };
        assert_eq!(run(&mut held, b"abc", false), Said::Ready);
        assert_eq!(held, b"c");
        assert_eq!(run(&mut held, b"d!e!", false), Said::Waits { taken: 1 });
        assert_eq!(held, b"");
        assert_eq!(run(&mut held, b"!", false), Said::Waits { taken: 0 });
        assert_eq!(run(&mut held, b"!e!", true), Said::Ready);
        assert_eq!(run(&mut held, b"", true), Said::Ready);
        assert_eq!(held, b"!");
        assert_eq!(run(&mut held, b"x", false), Said::Waits { taken: 0 });
        assert_eq!(run(&mut held, b"x", true), Said::Ready);
        assert_eq!(out, b"abcd!e!x");
    }
}
