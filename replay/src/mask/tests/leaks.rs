//! What once went through a mask, a row each: what was planted is gone, all is as long as it was, and framed as it was.

use super::streams::framing;
use super::{Side, heard, masked, talk, text};

/// Bodies and paths stay, but for what names somebody for certain.
const LEFT: &str = "[http]\nbodies = false\npaths = false\n";
const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// A request for a target, with fields and a body.
fn asked(target: &str, fields: &str, body: &str) -> [String; 2] {
    let length = body.len();
    let request =
        format!("POST {target} HTTP/1.1\r\nHost: h\r\n{fields}Content-Length: {length}\r\n\r\n{body}");
    [request, NO_CONTENT.to_owned()]
}

/// A response with fields.
fn told(fields: &str) -> [String; 2] {
    let response = format!("HTTP/1.1 204 No Content\r\n{fields}\r\n");
    ["GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), response]
}

/// What an exchange becomes, which keeps its lengths and its framing.
fn exchanged(rules: &str, said: &[String; 2]) -> String {
    let pieces = [
        (Side::Client, said[0].as_bytes()),
        (Side::Server, said[1].as_bytes()),
    ];
    let found = heard(rules, usize::MAX, &talk(80, &pieces));
    assert_eq!(found.figures, Default::default(), "{said:?}");
    let plain = [said[0].clone().into_bytes(), said[1].clone().into_bytes()];
    assert_eq!(found.said[0].len(), plain[0].len());
    assert_eq!(found.said[1].len(), plain[1].len());
    assert_eq!(framing(&found.said), framing(&plain));
    text(&found.said.concat())
}

fn gone(rules: &str, rows: &[([String; 2], &[&str])]) {
    for (said, planted) in rows {
        let found = exchanged(rules, said);
        for word in *planted {
            assert!(said.concat().contains(word), "{word} was not planted in {said:?}");
            assert!(!found.contains(word), "{word} is left: {found}");
        }
    }
}

#[test]
fn targets_lose_all_that_looks_personal() {
    let target = |target: &str| asked(target, "", "");
    let field = |field: &str| asked("/", field, "");
    gone(
        "",
        &[
            (
                target("/users/4415550001/ada@example.org/fetch/https://cdn.test/x"),
                &["4415550001", "ada"],
            ),
            (target("/fetch/https://4415550002.people.test/x"), &["4415550002"]),
            (
                target("/to/http://zelda:pw9@x.test/4415550001"),
                &["zelda", "pw9", "4415550001"],
            ),
            (target("http://zelda:p?w@host/x"), &["zelda", "p?w"]),
            (target("http://zelda:p/w@host/x"), &["zelda", "w@"]),
            (target("https://zelda%40example.org/"), &["zelda", "example.org"]),
            (field("Referer: https://zelda%40example.org/\r\n"), &["zelda"]),
            (field("Referer: /4415550001/x://y\r\n"), &["4415550001"]),
            (
                told("Location: https://h.test/u/4415550001/next/https://zelda@x.test/\r\n"),
                &["zelda", "4415550001"],
            ),
            (
                target("/s?q=Zelda;Lovelace;tomorrow&x=1"),
                &["Zelda", "Lovelace", "tomorrow"],
            ),
            (target("/s?Zelda+Lovelace"), &["Zelda", "Lovelace"]),
            (target("/u/zel%2540b.c"), &["zel%"]),
            (target("/u/zel%252540b.c"), &["zel%"]),
            (target("/u/zel%25252540b.c"), &["zel%"]),
        ],
    );
    let kept = exchanged("", &target("http://h.example:8443/a/how-to?page=1&sort=asc"));
    assert!(
        kept.starts_with("POST http://h.example:8443/a/how-to?page=1&sort=asc "),
        "{kept}"
    );
    let kept = exchanged("", &target("/to/https://cdn.test/x"));
    assert!(kept.starts_with("POST /to/https://cdn.test/x "), "{kept}");
}

#[test]
fn forms_and_names_of_json_lose_what_is_said() {
    gone(
        "",
        &[
            (asked("/", FORM, "hunter-secret"), &["hunter"]),
            (asked("/", FORM, "Zelda+Lovelace=on"), &["Zelda", "Lovelace"]),
            (asked("/", FORM, "a=1&zelda%2540example.org=on"), &["zelda"]),
            (
                asked(
                    "/",
                    "Content-Type: application/json\r\n",
                    r#"{"Zo\u00eb":"x","n":true}"#,
                ),
                &["Zo", "u00eb"],
            ),
        ],
    );
    gone(
        LEFT,
        &[
            (
                asked(
                    "/",
                    "",
                    "{\"password\":12345678,\n\"pin\":[1234,\n{\"a\":\"zelda\"}],\"ema\\u0069l\":\"z\\\\e@b.c\",\"x\":7}",
                ),
                &["12345678", "1234", "zelda", "e@b"],
            ),
            (
                asked(
                    "/",
                    FORM,
                    "user[password]=zel1&password%5b%5d=zel2&pass%77ord=zel3&password=zel;da4&pin=a+\"zel5",
                ),
                &["zel", "da4"],
            ),
            (
                asked("/a?pass%77ord=zelda&email=ada;byron", "", ""),
                &["zelda", "ada", "byron"],
            ),
        ],
    );
    let kept = exchanged(
        LEFT,
        &asked("/", "", "{\"pin\":[1234],\"x\":12345,\"y\":\"stays\"}"),
    );
    assert!(kept.contains("],\"x\":12345,\"y\":\"stays\"}"), "{kept}");
}

#[test]
fn fields_lose_what_does_not_belong_there() {
    let field = |field: &str| asked("/", field, "");
    gone(
        "",
        &[
            (
                told("Set-Cookie: sid=abcdefgh12345; Path=/users/4415550003; Domain=zelda.people.test; user=zelda@example.org; Expires=Ada; Secure=Byron\r\n"),
                &["4415550003", "zelda@", "example.org", "Ada", "Byron", "abcdefgh"],
            ),
            (
                field("Cookie: login_4415550004=1; zelda@example.org=2; byron\r\n"),
                &["4415550004", "zelda", "byron"],
            ),
            (field("Authorization: apikey=S3CR3Tvalue9, user=zz\r\n"), &["S3CR3T"]),
            (field("Authorization: 4415550005 sig\r\n"), &["4415550005"]),
            (field("Proxy-Authorization: Ada Lovelace\r\n"), &["Ada", "Lovelace"]),
            (
                field("User-Agent: bot/1 (zelda@example.org; id=4415550006)\r\n"),
                &["zelda", "4415550006"],
            ),
            (
                field("Content-Type: text/plain; name=\"Zelda Lovelace.pdf\"\r\n"),
                &["Zelda", "Lovelace"],
            ),
            (
                field("Sec-CH-User: zelda\r\nAccess-Control-User: byron\r\nSec-CH-4415550007: 1\r\n"),
                &["zelda", "byron", "4415550007"],
            ),
            (
                field("Connection: keep-alive, zelda@example.org\r\nPragma: byron@example.org\r\n"),
                &["zelda", "byron"],
            ),
            (told("Access-Control-Expose-Headers: X-4415550001, ETag\r\n"), &["4415550001"]),
            (told("Cache-Control: private=\"zelda@example.org\", max-age=31536001\r\n"), &["zelda"]),
            (
                [
                    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-4415550008\r\n\r\n\
                    3;who=zelda\r\nabc\r\n0\r\nX-4415550008: zelda\r\nCookie: a4415550009=1\r\n\r\n"
                        .to_owned(),
                    NO_CONTENT.to_owned(),
                ],
                &["4415550008", "zelda", "a4415550009"],
            ),
        ],
    );
    for kept in [
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0\r\n",
        "Content-Type: multipart/form-data; boundary=1234567890; charset=utf-8\r\n",
        "Connection: keep-alive\r\nCache-Control: max-age=31536000\r\n",
        "Sec-CH-UA: \"Chromium\";v=\"120\"\r\nSec-Fetch-Mode: cors\r\n",
    ] {
        assert!(exchanged("", &field(kept)).contains(kept), "{kept}");
    }
    let cookie = "; Path=/a; Domain=h.test; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Max-Age=1234567; Secure; HttpOnly; SameSite=Lax\r\n";
    assert!(exchanged("", &told(&format!("Set-Cookie: a=b{cookie}"))).contains(cookie));
}

#[test]
fn what_changes_its_protocol_is_blanked_unless_a_pattern_can_find_it() {
    let upgrade = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n";
    let granted = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n";
    let said = [
        (Side::Client, upgrade.as_bytes()),
        (Side::Server, granted.as_bytes()),
        (Side::Client, b"zelda"),
        (Side::Server, b"zelda"),
    ];
    let rules = "[[pattern]]\nfind = 'mail=(\\S+)'\nprotocols = ['websocket']\n";
    let found = heard(rules, usize::MAX, &talk(80, &said));
    assert_eq!(found.figures.blanked.changed, 1);
    for side in found.said {
        assert!(!text(&side).contains("zelda"));
    }
}

#[test]
fn tls_that_was_not_decrypted_keeps_its_first_bytes_alone() {
    let hello = b"\x16\x03\x01\x00\x2a\x01\x00\x00\x26\x03\x03zelda.people.test";
    let said = [
        (Side::Client, &hello[..]),
        (Side::Server, b"\x16\x03\x03\x00\x2a\x02zelda"),
        (Side::Client, b"GET /zelda HTTP/1.1\r\n\r\n"),
    ];
    let [client, server] = masked("", 443, &said);
    assert!(client.starts_with(&hello[..6]) && client.len() == hello.len() + 23);
    assert!(!text(&client).contains("zelda") && !text(&server).contains("zelda"));
    let [client, _] = masked("[tls]\nkeep = true\n", 443, &said);
    assert!(client.starts_with(hello));
}

#[test]
fn a_body_in_chunks_of_a_byte_is_masked_and_framed() {
    let chunked = |body: &str| -> String {
        let chunks: String = body.chars().map(|byte| format!("1\r\n{byte}\r\n")).collect();
        format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
    };
    let data = |said: &str| -> String {
        let behind = said.split_once("\r\n\r\n").unwrap().1;
        behind.split("\r\n").skip(1).step_by(2).collect()
    };
    let short = format!("[{}1]", "\"zelda\",".repeat(400));
    let found = exchanged("", &[chunked(&short), NO_CONTENT.to_owned()]);
    assert!(
        data(&found).starts_with("[\"") && !data(&found).contains("zelda"),
        "{found}"
    );
    // Of one value in too many chunks nothing is known.
    let long = chunked(&format!("[\"{}\"]", "zelda".repeat(200)));
    let pieces = [(Side::Client, long.as_bytes())];
    let [client, _] = masked("", 80, &pieces);
    assert_eq!(client.len(), long.len());
    assert!(!text(&client).contains("z\r\n1\r\ne\r\n1\r\nl\r\n1\r\nd"));
}
