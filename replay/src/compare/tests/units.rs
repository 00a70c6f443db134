//! Frames that a rule tells, and sayings of which nothing is known.

use super::*;

/// Frames beside others: how wide the lengths in front are, and what may differ.
fn framed(width: u8, mask: &str, recorded: &[u8], actual: &[u8]) -> [u64; 5] {
    let rules = format!("[[rule]]\nlength = {{ width = {width} }}\nmask = ['{mask}']");
    tally(&compared(&rules, Protocol::Unknown, recorded, actual))
}

#[test]
fn frames_of_a_rule_are_compared_one_by_one() {
    let verdicts = framed(1, "[0-9]", b"\x02a1\x01b\x01c", b"\x02a2\x01b\x01d\x05x");
    assert_eq!(verdicts, [1, 1, 1, 0, 1]);
}

#[test]
fn a_frame_that_may_differ_may_be_of_another_length() {
    let recorded = b"\x00\x06id=ab;\x00\x03abc\x00\x08id=ab;ok";
    let actual = [
        &b"\x00\x88id="[..],
        &[b'x'; 132],
        b";\x00\x04abcd\x00\x08id=ab;no",
    ];
    // An id of another length; something else; the same id, and something else behind it.
    assert_eq!(
        framed(2, "id=[a-z]+;", recorded, &actual.concat()),
        [0, 1, 2, 0, 0]
    );
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
