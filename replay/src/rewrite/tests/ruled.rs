//! Sessions of which only the rules know something.

use std::time::SystemTime;

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn without_rules_the_first_clone_says_what_was_said(
        stream in prop::collection::vec(any::<u8>(), 0..500),
        sizes in prop::collection::vec(0usize..50, 0..20),
    ) {
        for protocol in [Protocol::Unknown, Protocol::Redis, Protocol::Tls, Protocol::Postgres] {
            let mut rewriter = Rewriter::new(&Arc::default(), &session(protocol), 0, 1);
            prop_assert_eq!(&say_in_pieces(&mut rewriter, &stream, &sizes), &stream);
        }
    }

    #[test]
    fn pieces_change_nothing(
        stream in prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 0..300),
        sizes in prop::collection::vec(0usize..9, 0..60),
    ) {
        for rules in [
            "[[rule]]\nreplace = [{ find = \"ab\", with = \"x\" }, { find = \"abab\", with = \"y\" }, { find = \"bba\", with = \"\" }]",
            "[[rule]]\nunit = \"line\"\nregex = [{ find = 'a+(b+)', with = '<$1>' }]",
            "[[rule]]\nregex = [{ find = '(?s)a.*b', with = '{clone}' }]",
            "[[rule]]\nlength = { width = 1 }\nreplace = [{ find = \"b\", with = \"bbb\" }]",
        ] {
            let whole = say_in_pieces(&mut rewriter(rules, Protocol::Unknown, 3), &stream, &[]);
            let pieces = say_in_pieces(&mut rewriter(rules, Protocol::Unknown, 3), &stream, &sizes);
            prop_assert_eq!(whole, pieces, "{}", rules);
        }
    }

    #[test]
    fn a_length_in_front_stays_right(
        bodies in prop::collection::vec(prop::collection::vec(prop::sample::select(b"abc".to_vec()), 0..40), 1..6),
        sizes in prop::collection::vec(0usize..30, 0..20),
    ) {
        let rules = "[[rule]]\nlength = { offset = 1, width = 2, endian = \"little\", counts = \"all\" }\n\
                     replace = [{ find = \"ab\", with = \"clone {clone:3}\" }]\nregex = [{ find = 'c+', with = '' }]";
        let mut stream = Vec::new();
        for body in &bodies {
            stream.push(0xff);
            stream.extend_from_slice(&(body.len() as u16 + 3).to_le_bytes());
            stream.extend_from_slice(body);
        }
        let said = say_in_pieces(&mut rewriter(rules, Protocol::Unknown, 5), &stream, &sizes);
        let mut rest = said.as_slice();
        for body in &bodies {
            let text = String::from_utf8(body.clone()).unwrap();
            // What the finds put in is seen by the expression: its `c` goes as well.
            let expected = text.replace("ab", "clone 005").replace('c', "");
            let length = usize::from(u16::from_le_bytes([rest[1], rest[2]]));
            prop_assert_eq!(rest[0], 0xff);
            prop_assert_eq!(&rest[3..length], expected.as_bytes());
            rest = &rest[length..];
        }
        prop_assert!(rest.is_empty());
    }
}

const LEARNS: &str = "[[rule]]\nlearn = [{ name = \"sid\", from = 'sid=(\\w+)' }]";

#[test]
fn what_the_target_handed_out_takes_the_place_of_what_was_recorded() {
    let mut rewriter = rewriter(LEARNS, Protocol::Unknown, 0);
    assert_eq!(say(&mut rewriter, b"login\n"), b"login\n");
    rewriter.expected(b"ok si");
    rewriter.expected(b"d=recorded\n");
    assert!(waits(&mut rewriter, b"recorded wants\n"));
    rewriter.heard(b"ok sid=act");
    assert!(waits(&mut rewriter, b"recorded wants\n"), "it may go on");
    rewriter.heard(b"ual;\n");
    assert_eq!(say(&mut rewriter, b"recorded wants\n"), b"actual wants\n");
    assert_eq!(
        say(&mut rewriter, b"again reco"),
        b"again ",
        "the rest may be the value"
    );
    assert_eq!(say(&mut rewriter, b"rded, record\n"), b"actual, record\n");
    assert_eq!(rewriter.unlearned(), 0);
}

#[test]
fn nothing_is_learned_across_what_the_recording_lacks() {
    let mut rewriter = rewriter(LEARNS, Protocol::Unknown, 0);
    rewriter.expected(b"sid=first, sid=sec");
    rewriter.gap();
    rewriter.expected(b"ond\n");
    rewriter.heard(b"sid=one;");
    assert_eq!(say(&mut rewriter, b"second, sec\n"), b"second, sec\n");
    assert_eq!(say(&mut rewriter, b"first\n"), b"one\n", "it stood before that");
    assert_eq!(rewriter.unlearned(), 0);
}

#[test]
fn what_a_gap_left_alone_is_counted_and_shifts_nothing_behind_the_next_saying() {
    let mut rewriter = rewriter(LEARNS, Protocol::Unknown, 0);
    say(&mut rewriter, b"one\n");
    rewriter.gap();
    rewriter.expected(b"sid=whose?\n");
    rewriter.heard(b"sid=target1\n");
    say(&mut rewriter, b"two\n");
    rewriter.expected(b"sid=recorded2\n");
    assert!(waits(&mut rewriter, b"recorded2\n"));
    rewriter.heard(b"sid=target2\n");
    assert_eq!(say(&mut rewriter, b"recorded2\n"), b"target2\n");
    assert_eq!(rewriter.unlearned(), 1, "the target's first");
    // So is one that the target owes.
    rewriter.expected(b"sid=recorded3\n");
    rewriter.gap();
    assert_eq!(say(&mut rewriter, b"recorded3\n"), b"recorded3\n");
    assert_eq!(rewriter.unlearned(), 2);
}

#[test]
fn what_stands_before_a_wait_is_said_and_the_rest_can_be_said_again() {
    let mut rewriter = rewriter(LEARNS, Protocol::Unknown, 0);
    rewriter.expected(b"sid=recorded");
    let mut out = Vec::new();
    let said = rewriter.say(b"by recorded!", &mut out).unwrap();
    assert_eq!((said, out.as_slice()), (Said::Waits { taken: 3 }, &b"by "[..]));
    rewriter.heard(b"sid=another1");
    assert_eq!(rewriter.say(b"recorded!", &mut out), Ok(Said::Ready));
    assert_eq!(out, b"by another1!", "as long as the recorded one, it is whole");
}

#[test]
fn who_insists_says_it_as_it_was_recorded_and_that_is_counted() {
    let mut rewriter = rewriter(LEARNS, Protocol::Unknown, 0);
    rewriter.expected(b"sid=recorded\n");
    assert!(waits(&mut rewriter, b"recorded"));
    rewriter.insist();
    assert_eq!(say(&mut rewriter, b"recorded"), b"recorded");
    assert_eq!(rewriter.unlearned(), 1);
    assert!(waits(&mut rewriter, b"recorded"), "only once");
}

#[test]
fn a_template_knows_the_clone_the_session_and_what_was_learned() {
    let rules = "[[rule]]\nprotocol = \"irc\"\nlearn = [{ name = \"n\", from = 'id (\\d+)' }]\n\
                 regex = [{ find = '^NICK (\\w+)', with = 'NICK $1{clone:2}of{flow}' }, { find = 'ID \\d+', with = 'ID {n}' }]";
    let mut rewriter = rewriter(rules, Protocol::Irc, 4);
    assert_eq!(say(&mut rewriter, b"NICK ann\r\n"), b"NICK ann04of7\r\n");
    assert!(waits(&mut rewriter, b"ID 1\r\n"));
    rewriter.heard(b":srv id 99 \r\n");
    assert_eq!(say(&mut rewriter, b"ID 1\r\n"), b"ID 99\r\n");
}

#[test]
fn a_template_knows_the_time_and_counts_what_was_said() {
    let rules = "[[rule]]\nprotocol = \"irc\"\nlearn = [{ name = \"n\", from = 'id (\\d+)' }]\n\
                 regex = [{ find = '^SEQ \\d+', with = 'SEQ {count:3}' }, { find = 'AT \\d+', with = 'AT {now}' }, \
                 { find = 'MS \\d+', with = 'MS {now_ms}' }, { find = 'ID \\d+', with = 'ID {n}' }]";
    let mut rewriter = rewriter(rules, Protocol::Irc, 0);
    assert_eq!(say(&mut rewriter, b"SEQ 41\r\n"), b"SEQ 001\r\n");
    // What waits for a value is said again, and uses its number once.
    assert!(waits(&mut rewriter, b"SEQ 42 ID 1\r\n"));
    assert!(waits(&mut rewriter, b"SEQ 42 ID 1\r\n"));
    rewriter.heard(b":srv id 99 \r\n");
    assert_eq!(say(&mut rewriter, b"SEQ 42 ID 1\r\n"), b"SEQ 002 ID 99\r\n");
    let unix_s = || {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs()
    };
    let from = unix_s();
    let said = String::from_utf8(say(&mut rewriter, b"AT 1700000000 MS 1700000000123\r\n")).unwrap();
    let to = unix_s();
    let words: Vec<u64> = said
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    assert!(
        (from..=to).contains(&words[0]) && (from..=to).contains(&(words[1] / 1_000)),
        "{said}"
    );
}

#[test]
fn what_is_made_up_is_the_same_throughout_a_session_and_another_for_each_clone() {
    let rules = "[[rule]]\nreplace = [{ find = \"ID\", with = \"{random:12}\" }]";
    let made_up = |clone| say(&mut rewriter(rules, Protocol::Unknown, clone), b"IDID");
    let (one, other) = (made_up(0), made_up(1));
    assert_eq!((one.len(), &one[..12]), (24, &one[12..]));
    assert_ne!(one, other);
    assert_eq!(one, made_up(0));
}

#[test]
fn a_saying_is_kept_until_the_server_speaks() {
    let rules = "[[rule]]\nregex = [{ find = 'a.c', with = 'x' }]";
    let mut rewriter = rewriter(rules, Protocol::Unknown, 0);
    assert_eq!(say(&mut rewriter, b"1ab"), b"");
    let mut out = Vec::new();
    assert_eq!(rewriter.say(b"c2", &mut out), Ok(Said::Ready));
    assert_eq!(rewriter.rest(&mut out), Ok(Said::Ready));
    assert_eq!(out, b"1x2");
}

#[test]
fn what_a_length_cannot_tell_ends_the_session() {
    let rules = "[[rule]]\nlength = { width = 1 }\nregex = [{ find = 'a', with = 'aaaa' }]";
    let stream = [&[100][..], &[b'a'; 100]].concat();
    let said = rewriter(rules, Protocol::Unknown, 0).say(&stream, &mut Vec::new());
    assert_eq!(said, Err(RewriteError::TooLong { bytes: 400 }));
}
