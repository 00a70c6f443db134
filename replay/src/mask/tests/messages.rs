//! What becomes of HTTP's heads and bodies.

use super::{Side, heard, masked, pseudonyms, secret, talk, text};

/// Bodies and paths stay, but for what names somebody for certain.
const LEFT: &str = "[http]\nbodies = false\npaths = false\n";

/// A request, or a response, with a body.
fn message(first: &str, fields: &str, body: &str) -> String {
    format!("{first}\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// What the two sides of one exchange become.
fn exchanged(rules: &str, request: &str, response: &str) -> [String; 2] {
    let said = [
        (Side::Client, request.as_bytes()),
        (Side::Server, response.as_bytes()),
    ];
    masked(rules, 80, &said).map(|side| text(&side))
}

const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const GET: &str = "GET / HTTP/1.1\r\n\r\n";

#[test]
fn a_head_loses_its_credentials_and_keeps_its_form() {
    let request = "GET /inbox?token=s3cret&page=2 HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer abc.DEF\r\n\
        Cookie: sid=k33p-it; theme=dark\r\nX-Customer: Lovelace\r\nAccept: text/html\r\nAccept: a\rX: Byron\r\n\r\n";
    let response = message(
        "HTTP/1.1 200 Fine by Ada",
        "Set-Cookie: sid=k33p-it; Path=/; HttpOnly\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\n",
        "ok",
    );
    let [client, server] = exchanged("", request, &response);
    for kept in [
        "GET /inbox?token=",
        "&page=2 HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer ",
        "Cookie: sid=",
        "\r\nX-Customer: ",
        "\r\nAccept: text/html\r\nAccept: ",
    ] {
        assert!(client.contains(kept), "{client}");
    }
    for gone in [
        "s3cret",
        "abc.DEF",
        "k33p",
        "dark",
        "Lovelace",
        "Fine",
        "Ada",
        "\r\n\r\nok",
    ] {
        assert!(
            !client.contains(gone) && !server.contains(gone),
            "{gone}: {client}{server}"
        );
    }
    let cookie = format!("sid={};", secret("k33p-it"));
    assert!(
        client.contains(&cookie)
            && server.contains(&format!("{cookie} Path=/; HttpOnly\r\nDate: Sun, 22 Nov"))
    );
    let kept = "[http]\nkeep = ['X-Customer', 'Cookie']\nheaders = ['accept']\n";
    let [client, _] = exchanged(kept, request, &response);
    for kept in ["X-Customer: Lovelace\r\n", "Cookie: sid=k33p-it; theme=dark\r\n"] {
        assert!(client.contains(kept), "{client}");
    }
    assert!(
        !client.contains("text/html") && !client.contains("abc.DEF"),
        "{client}"
    );
}

#[test]
fn a_target_keeps_its_words_and_loses_what_looks_personal() {
    let request = "GET http://h.example/users/4155550001/mail/ada%40example.org;v=12345/how-to?q=Ada+L%C3%B6w&n=7&4155550001 HTTP/1.1\r\n\
        Referer: https://ada:pw@h.example/users/4155550001?email=ada@example.org#4155550001\r\n\r\n";
    let [client, _] = exchanged("", request, OK);
    let number = secret("4155550001");
    let mail = secret("ada@example.org");
    for kept in [
        format!(
            "GET http://h.example/users/{number}/mail/{}",
            mail.replace('@', "%40")
        ),
        format!("&n=7&{number} HTTP/1.1\r\n"),
        format!("@h.example/users/{number}?email={mail}#{number}\r\n"),
        "/how-to?q=".to_owned(),
    ] {
        assert!(client.contains(&kept), "{kept}: {client}");
    }
    assert!(
        !client.contains("Ada") && !client.contains("12345") && !client.contains("ada:"),
        "{client}"
    );
    let [client, _] = exchanged("[http]\npaths = false\n", request, OK);
    assert!(
        client.contains("/users/4155550001/mail/ada%40example.org;v=12345/how-to?q=Ada"),
        "{client}"
    );
    assert!(
        client.contains("?email=") && !client.contains("email=ada@"),
        "{client}"
    );
}

#[test]
fn json_stays_json_and_the_same_stays_the_same() {
    let body = r#"{"name":"Ada \"L\u00f6w\"","id":4155550001,"ids":[4155550001,-7.25e3,0],"on":true,"none":null,
        "map":{"4155550001":"4155550001","mail":"ada@example.org"},"mail":"ada@example.org","at":"550e8400-e29b-41d4-a716-446655440000"} {"lines":"more"}"#;
    let response = message("HTTP/1.1 200 OK", "Content-Type: application/json\r\n", body);
    let [_, server] = exchanged("", GET, &response);
    let said = server.split_once("\r\n\r\n").unwrap().1;
    let number = secret("4155550001");
    for kept in [
        format!("\"id\":{number},\"ids\":[{number},-"),
        format!(
            "\"map\":{{\"{number}\":\"{number}\",\"mail\":\"{}\"}}",
            secret("ada@example.org")
        ),
        format!("\"at\":\"{}\"", secret("550e8400-e29b-41d4-a716-446655440000")),
        "e3,0],\"on\":true,\"none\":null,\n".to_owned(),
    ] {
        assert!(said.contains(&kept), "{kept}: {said}");
    }
    for gone in ["Ada", "u00f6", "7.25", "more", "415555"] {
        assert!(!said.contains(gone), "{gone}: {said}");
    }
    assert_eq!(said.len(), body.len());
    let shape = |json: &str| -> Vec<char> { json.chars().filter(|c| "{}[]:,\"\\".contains(*c)).collect() };
    assert_eq!(shape(said), shape(body));
}

#[test]
fn what_is_no_json_and_no_form_is_other_bytes() {
    for (kind, body) in [
        ("application/json", "{\"a\":1} Ada Lovelace"),
        ("application/json", "{'Ada':'Lovelace'}"),
        ("text/plain", "[Ada Lovelace]"),
        ("application/json", "[1e4155550001, \"Ada\"]"),
        ("text/html", "<p>Ada Lovelace</p>"),
        (
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=Ada\r\n\r\nLovelace",
        ),
        (
            "application/json\r\nContent-Encoding: gzip",
            "{\"Ada\":\"Lovelace\"}",
        ),
    ] {
        let response = message("HTTP/1.1 200 OK", &format!("Content-Type: {kind}\r\n"), body);
        let said = [
            (Side::Client, GET.as_bytes()),
            (Side::Server, response.as_bytes()),
        ];
        let server = masked("", 80, &said)[1].clone();
        let behind = &server[server.len() - body.len()..];
        for gone in [&b"Ada"[..], b"Lovelace", b"<p>", b"415555"] {
            assert!(
                !behind.windows(gone.len()).any(|part| part == gone),
                "{body}: {}",
                text(behind)
            );
        }
        assert_eq!(masked("", 80, &said)[1], server, "the same body becomes the same");
    }
    let form = "name=Ada+L%C3%B6w&mail=ada%40example.org&page=2&4155550001=x";
    let request = message(
        "POST / HTTP/1.1",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        form,
    );
    let [client, _] = exchanged("", &request, OK);
    assert!(
        !client.contains("Ada") && client.contains("\r\n\r\nname="),
        "{client}"
    );
    let mail = secret("ada@example.org").replace('@', "%40");
    assert!(
        client.contains(&format!("&mail={mail}&page=2&{}=", secret("4155550001"))),
        "{client}"
    );
}

#[test]
fn a_token_is_one_wherever_it_stands() {
    let token = "eyJhbGciOi.J9-abcd_EFGH";
    let answer = message(
        "HTTP/1.1 200 OK",
        "Content-Type: application/json\r\n",
        &format!(
            "{{\"user\":{{\"name\":\"visible\"}},\n  \"access_token\" :\n \"{token}\",\"password\":\"hunter2\",\"n\":1}}"
        ),
    );
    let request = message(
        &format!("POST /in/{token}/x?a={token} HTTP/1.1"),
        &format!("Authorization: Bearer {token}\r\nX-Session: {token}\r\nX-Form: v={token}\r\n"),
        &format!("{{\"refresh_token\":\"{token}\",\"with\":\"Bearer {token}\"}}"),
    );
    let said = [
        (Side::Client, GET.as_bytes()),
        (Side::Server, answer.as_bytes()),
        (Side::Client, request.as_bytes()),
    ];
    for rules in ["", LEFT] {
        let [client, server] = masked(rules, 80, &said).map(|side| text(&side));
        let mut found = Vec::new();
        let body = server.split_once("\r\n\r\n").unwrap().1;
        crate::rewrite::tokens(body.as_bytes(), |_, token| found.push(text(token)));
        assert_eq!(found, [secret(token)]);
        for gone in [token, "hunter2"] {
            assert!(
                !client.contains(gone) && !server.contains(gone),
                "{client}\n{server}"
            );
        }
        assert_eq!(client.matches(&secret(token)).count(), 7, "{client}");
        let is_left = server.contains("\"name\":\"visible\"") && server.ends_with("\"n\":1}");
        assert_eq!(is_left, rules == LEFT, "{server}");
    }
}

#[test]
fn the_medias_credential_stays_its_persons() {
    let token = "03fd0046b1ef989a8cee70e94307119d";
    let request = format!(
        "PUT /v1/media HTTP/1.1\r\nAuthorization: Bearer 4415550001:{token}\r\n\r\n\
        GET /v1/accounts/4415550001 HTTP/1.1\r\n\r\n"
    );
    let body = format!("{{\"number\": 4415550001, \"media_token\": \"{token}\"}}");
    let proved = message("HTTP/1.1 200 OK", "", &body);
    for rules in ["", LEFT] {
        let [client, server] = exchanged(rules, &request, &proved);
        let number = pseudonyms().number(4_415_550_001);
        let mut bytes: Vec<u8> = (0..16)
            .map(|at| u8::from_str_radix(&token[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        // As in the chat's own frames.
        pseudonyms().opaque(&mut bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(client.contains(&format!("Bearer {number}:{hex}\r\n")), "{client}");
        assert!(
            client.contains(&format!("GET /v1/accounts/{number} ")),
            "{client}"
        );
        assert!(
            server.contains(&format!("\"number\": {number}, \"media_token\": \"{hex}\"")),
            "{server}"
        );
    }
}

#[test]
fn patterns_find_what_was_said_and_not_what_became_of_it() {
    let rules = "[[pattern]]\nfind = 'h-(\\w+)\\.example'\n";
    let request = "GET /?u=h-duck.example HTTP/1.1\r\nHost: h-duck.example\r\n\r\n";
    let [client, _] = exchanged(rules, request, OK);
    assert!(
        client.contains(&format!("Host: h-{}.example\r\n", secret("duck"))),
        "{client}"
    );
    assert!(!client.contains("duck"), "{client}");
    let rules = format!("{LEFT}{rules}");
    let response = message("HTTP/1.1 200 OK", "", "<p>h-duck.example</p>\n");
    let [_, server] = exchanged(&rules, GET, &response);
    assert!(
        server.ends_with(&format!("<p>h-{}.example</p>\n", secret("duck"))),
        "{server}"
    );
}

#[test]
fn a_value_longer_than_any_is_masked_in_pieces() {
    let long = "Ada Lovelace ".repeat(3_000);
    let body = format!("{{\"a\":\"{long}\",\"b\":\"kept\"}}");
    let response = message("HTTP/1.1 200 OK", "", &body);
    let form = message(
        "POST / HTTP/1.1",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        &format!("a={long}&page=2"),
    );
    let events = talk(
        80,
        &[
            (Side::Client, form.as_bytes()),
            (Side::Server, response.as_bytes()),
        ],
    );
    let [client, server] = heard("", 100_000, &events).said.map(|side| text(&side));
    assert!(!client.contains("Love") && client.ends_with("&page=2"));
    assert!(!server.contains("Love") && server.contains("\",\"b\":\"") && server.ends_with("\"}"));
}
