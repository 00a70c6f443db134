//! Files of rules that are taken, and the mistakes of those that are not.

use super::*;
use crate::Side;
use crate::drive::testing::{recorded, said};

fn mistake(text: &str) -> String {
    Rules::parse(text, "r.toml").unwrap_err().to_string()
}

#[test]
fn each_mistake_is_told_with_its_place_and_what_was_expected() {
    for (text, expected) in [
        (
            "[chat]\nsecrt = \"00\"",
            "r.toml:2:1: unknown key `secrt`; did you mean `secret`?",
        ),
        (
            "[[rule]]\nprotocol = \"htp\"",
            "r.toml:2:12: unknown protocol `htp`; did you mean `http`?",
        ),
        (
            "[[target]]\nsni = \"x\"",
            "r.toml:1:1: the key `address` is missing",
        ),
        (
            "[[target]]\naddress = \"host\"",
            "r.toml:2:11: `host` is no target; expected `host:port`",
        ),
        (
            "[[target]]\naddress = \"h:1\"\nkey = \"k\"",
            "r.toml:3:7: a `key` without its `certificate`",
        ),
        (
            "[chat]\nsecret = \"0\"",
            "r.toml:2:10: expected pairs of hexadecimal digits, such as \"00 ff\"",
        ),
        (
            "[chat]\nstride = 0",
            "r.toml:2:10: a stride is 1 to 999999999999999",
        ),
        (
            "[[rule]]\nmask = ['(']",
            "r.toml:2:9: no regular expression: unclosed group",
        ),
        (
            "[[rule]]\nunit = \"lime\"",
            "r.toml:2:8: unknown value `lime`; did you mean `line`?",
        ),
        (
            "[[rule]]\nlearn = [{ name = \"a\", from = 'x' }]",
            "r.toml:2:31: expected a group in the expression, such as `sid=([0-9a-f]+)`: it is what is learned",
        ),
        (
            "[[rule]]\nregex = [{ find = 'x', with = '{sod}' }]\nlearn = [{ name = \"sid\", from = '(x)' }]",
            "r.toml:2:31: nothing is learned as `sod`; did you mean `sid`?",
        ),
        (
            "[[rule]]\nreplace = [{ find = \"a\" }]",
            "r.toml:2:12: expected one of `with` and `with_hex`",
        ),
        (
            "[[rule]]\nlength = { width = 9 }",
            "r.toml:2:20: a length is 1 to 8 bytes wide, at an offset of at most 1024",
        ),
    ] {
        assert_eq!(mistake(text), expected);
    }
}

#[test]
fn a_rule_is_chosen_by_protocol_and_server_and_a_target_by_server() {
    let rules = Rules::parse(
        r#"
        [[target]]
        server = ":80"
        address = "localhost:8080"
        [[target]]
        address = "other:1"
        tls = true
        [[rule]]
        protocol = "redis"
        [[rule]]
        server = "10.0.0.1:80"
        [[rule]]
        "#,
        "r.toml",
    )
    .unwrap();
    let server = |text: &str| text.parse().unwrap();
    assert_eq!(rules.choose(Protocol::Redis, server("10.0.0.1:80")), 0b111);
    assert_eq!(rules.choose(Protocol::Http, server("10.0.0.2:80")), 0b100);
    assert_eq!(rules.chosen(0b101).count(), 2);
    assert_eq!(
        rules.target(server("10.9.9.9:80")).unwrap().address,
        "localhost:8080"
    );
    assert_eq!(rules.target(server("10.9.9.9:81")).unwrap().address, "other:1");
    assert_eq!(Rules::default().target(server("10.9.9.9:81")), None);
}

#[test]
fn the_examples_of_the_page_are_rules() {
    let page = include_str!("../../../docs/replay-rules.md");
    let examples: Vec<_> = page
        .split("```toml\n")
        .skip(1)
        .filter_map(|behind| behind.split_once("```"))
        .map(|(example, _)| example)
        .collect();
    assert!(examples.len() >= 9);
    for example in &examples {
        Rules::parse(example, "docs/replay-rules.md").unwrap_or_else(|error| panic!("{error}\n{example}"));
    }
    let all = examples.concat();
    for key in [
        "server",
        "sni",
        "ca",
        "certificate",
        "key",
        "secret",
        "stride",
        "host",
        "tokens",
        "protocol",
        "replace",
        "regex",
        "learn",
        "mask",
        "unit",
        "length",
        "find_hex",
        "with_hex",
        "endian",
        "counts",
    ] {
        assert!(all.contains(&format!("{key} =")), "no example of `{key}`");
    }
}

#[test]
fn a_rule_that_is_for_no_session_is_known_by_its_line() {
    let rules = "# of a test\n[[rule]]\nserver = \":80\"\n\n[[rule]]\nprotocol = \"redis\"\n[[rule]]\nserver = \"10.0.0.8\"\n";
    let rules = Rules::parse(rules, "r.toml").unwrap();
    let says: &[_] = &[said(Side::Client, 10, b"hello")];
    let recording = recorded(&[
        (0, "10.0.0.1:1000", "10.0.0.9:80", says),
        (5, "10.0.0.1:1001", "10.0.0.8:81", says),
    ]);
    for (sessions, lines) in [
        (&[0, 1][..], &[5][..]),
        (&[0], &[5, 7]),
        (&[1], &[2, 5]),
        (&[], &[2, 5, 7]),
    ] {
        assert_eq!(rules.unfitting(&recording, sessions), lines, "{sessions:?}");
    }
}
