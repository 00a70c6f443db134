//! Lines: those that are missing, and those that were not recorded.

use super::*;

#[test]
fn lines_pair_up_and_the_first_difference_is_readable() {
    let one = compared(
        "",
        Protocol::Redis,
        b"+OK\r\n:1\r\n$-1\r\n",
        b"+OK\r\n:2\r\n$-1\r\n+PONG\r\n",
    );
    assert_eq!(tally(&one), [2, 0, 1, 0, 1]);
    let expected = "answer 1, line: differs at byte 1\n- :1\\r\\n\n- 3a 31 0d 0a\n+ :2\\r\\n\n+ 3a 32 0d 0a";
    assert_eq!(one.first.unwrap().to_string(), expected);
    let mask = "[[rule]]\nmask = ['^:\\d+']";
    assert_eq!(
        tally(&compared(
            mask,
            Protocol::Redis,
            b":1\r\n:7\r\n+A\r\n",
            b":2\r\n:7\r\n"
        )),
        [1, 1, 0, 1, 0]
    );
}

#[test]
fn who_is_far_ahead_is_given_up() {
    let mut comparison = comparison("", Protocol::Redis, 0);
    for _ in 0..1000 {
        comparison.actual(b"+OK\r\n");
    }
    comparison.recorded(b"+OK\r\n");
    assert_eq!(tally(&comparison.finish()), [1, 0, 0, 0, 999]);
}

#[test]
fn one_that_is_missing_or_one_too_many_makes_none_after_it_different() {
    let recorded = b"+one\r\n+two\r\n+three\r\n+four\r\n";
    for (actual, expected) in [
        (&b"+one\r\n+three\r\n+four\r\n"[..], [3, 0, 0, 1, 0]),
        (b"+one\r\n+what\r\n+two\r\n+three\r\n+four\r\n", [4, 0, 0, 0, 1]),
        (b"+one\r\n+2\r\n+three\r\n+four\r\n", [3, 0, 1, 0, 0]),
        (b"+two\r\n+3\r\n+what\r\n+four\r\n", [2, 0, 1, 1, 1]),
        (b"+four\r\n", [1, 0, 0, 3, 0]),
        (b"", [0, 0, 0, 4, 0]),
    ] {
        let one = compared("", Protocol::Redis, recorded, actual);
        assert_eq!(tally(&one), expected, "{}", String::from_utf8_lossy(actual));
        // The other way round, with who is ahead.
        let mut comparison = comparison("", Protocol::Redis, 0);
        comparison.actual(actual);
        comparison.recorded(recorded);
        assert_eq!(tally(&comparison.finish()), expected);
    }
}

proptest! {
    /// Whatever was left out or put in, every answer is judged once, and what is left of the recording's order is found.
    #[test]
    fn every_answer_is_judged_once(
        edits in prop::collection::vec(0u8..12, 0..60),
        ahead in any::<bool>(),
    ) {
        let (mut recorded, mut actual, mut counts) = (Vec::new(), Vec::new(), [0u64; 2]);
        for (place, edit) in edits.iter().enumerate() {
            let line = format!("+line {place}\r\n");
            if *edit != 0 {
                recorded.extend_from_slice(line.as_bytes());
                counts[0] += 1;
            }
            if *edit != 1 {
                actual.extend_from_slice(line.as_bytes());
                counts[1] += 1;
            }
        }
        let mut comparison = comparison("", Protocol::Redis, 0);
        if ahead {
            comparison.actual(&actual);
            comparison.recorded(&recorded);
        } else {
            comparison.recorded(&recorded);
            comparison.actual(&actual);
        }
        let compared = comparison.finish();
        let [identical, masked, different, missing, extra] = tally(&compared);
        prop_assert_eq!(identical + masked + different + missing, counts[0]);
        prop_assert_eq!(identical + masked + different + extra, counts[1]);
    }
}
