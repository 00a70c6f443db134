//! Frames that a rule tells, and sayings of which nothing is known.

use super::*;

#[test]
fn frames_of_a_rule_are_compared_one_by_one() {
    let rules = "[[rule]]\nlength = { width = 1 }\nmask = ['[0-9]']";
    let one = compared(
        rules,
        Protocol::Unknown,
        b"\x02a1\x01b\x01c",
        b"\x02a2\x01b\x01d\x05x",
    );
    assert_eq!(tally(&one), [1, 1, 1, 0, 1]);
}

#[test]
fn a_frame_that_may_differ_may_be_of_another_length() {
    let rules = "[[rule]]\nlength = { width = 2 }\nmask = ['id=[a-z]+;']";
    let one = compared(
        rules,
        Protocol::Unknown,
        b"\x00\x06id=ab;\x00\x03abc\x00\x08id=ab;ok",
        b"\x00\x88id="
            .iter()
            .chain(&[b'x'; 132])
            .chain(b";\x00\x04abcd\x00\x08id=ab;no")
            .copied()
            .collect::<Vec<u8>>()
            .as_slice(),
    );
    // An id of another length; something else; the same id, and something else behind it.
    assert_eq!(tally(&one), [0, 1, 2, 0, 0]);
}

#[test]
fn an_unknown_answer_is_late_or_another_one() {
    let mut comparison = comparison("", Protocol::Unknown, 0);
    comparison.recorded(b"one");
    comparison.actual(b"on");
    comparison.said(b"?");
    comparison.actual(b"e");
    comparison.recorded(b"two");
    comparison.actual(b"too bad");
    comparison.said(b"?");
    comparison.recorded(b"three");
    comparison.actual(b"three");
    comparison.said(b"?");
    comparison.recorded(b"four");
    let compared = comparison.finish();
    assert_eq!(tally(&compared), [2, 0, 1, 1, 0]);
    assert_eq!(compared.first.unwrap().what, "answer: differs at byte 1");
}
