//! Whole conversations by HTTP, made up: nothing of what was planted is left, and all is framed as it was.

use proptest::prelude::*;

use super::{Side, heard, secret, talk, text};
use crate::http::{Asked, Body, Framing, Head, Responses, blank_bytes};

/// What servers hand out, in letters alone, and what comes back everywhere.
const TOKEN: &str = "tokenlike-Zyxwvutsrq";

/// What is said of one person in an exchange.
#[derive(Clone, Debug)]
struct Person {
    word: String,
    number: u64,
}

/// How a body is framed.
#[derive(Clone, Copy, Debug)]
enum Framed {
    Length,
    /// In chunks of so many bytes.
    Chunks(usize),
}

/// One exchange.
#[derive(Clone, Debug)]
struct Exchange {
    person: Person,
    method: &'static str,
    status: &'static str,
    bodies: [(usize, Framed); 2],
}

impl Person {
    /// A body in one of the ways there are, and its type.
    fn body(&self, kind: usize) -> (&'static str, Vec<u8>) {
        let Self { word, number } = self;
        match kind {
            0 => ("application/json", format!(
                "{{\"name\":\"{word}\",\"n\":[{number}, -{number}.5e2],\"of\":{{\"{number}\":\"\\u0041{word}\\n\"}},\"\\u00eb{word}\":1,\"token\":\"{TOKEN}\"}}"
            ).into_bytes()),
            1 => ("application/x-www-form-urlencoded", format!("name={word}&n={number}&m=a%40{word}&t={TOKEN}&{word}").into_bytes()),
            2 => ("text/html; charset=utf-8", format!("<p>{word} {number}</p>").into_bytes()),
            3 => ("multipart/form-data; boundary=b", format!("--b\r\n\r\n{word}\r\n--b--").into_bytes()),
            4 => ("application/json", format!("{{\"broken\":\"{word}\" {word}: {number}}}\n{{\"a\":\"{word}\"}}").into_bytes()),
            5 => ("application/octet-stream", [&[0xff; 5_000][..], word.as_bytes(), &[0; 5_000]].concat()),
            6 => ("application/json\r\nContent-Encoding: gzip", format!("{{\"name\":\"{word}\"}}").into_bytes()),
            7 => ("application/json", format!("{{\"long\":\"{}\",\"b\":\"{word}\"}}", word.repeat(1_500)).into_bytes()),
            _ => ("text/plain", Vec::new()),
        }
    }
}

impl Framed {
    fn put(self, said: &mut Vec<u8>, word: &str, body: &[u8]) {
        match self {
            Self::Length => {
                said.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
                said.extend(body);
            }
            Self::Chunks(size) => {
                said.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in body.chunks(size) {
                    said.extend(format!("{:x};e={word}\r\n", chunk.len()).bytes());
                    said.extend(chunk);
                    said.extend(b"\r\n");
                }
                said.extend(format!("0\r\nX-Trailer: {word}\r\n\r\n").bytes());
            }
        }
    }
}

impl Exchange {
    fn said(&self) -> [Vec<u8>; 2] {
        let Person { word, number } = &self.person;
        let [(asked, asked_in), (told, told_in)] = self.bodies;
        let (kind, body) = self.person.body(asked);
        let mut client = format!(
            "{} /people/{number}/{word}%40example.org;v={number}/{TOKEN}/to/https://{word}%2540h/{number}?q={word};{word}&n={number}&{word}+{word}=1&t={TOKEN} HTTP/1.1\r\n\
            Host: a.example\r\nUser-Agent: bot/1 ({word}@example.org; {number})\r\nProxy-Authorization: {word} {word}\r\n\
            Authorization: Bearer {word}\r\nCookie: sid={word}; b={number}; {word}@h=1\r\nReferer: http://{word}@a.example/p/{number}?q={word}\r\n\
            X-Forwarded-For: 10.1.2.3, {word}\r\nX-Who: {word}\r\nX-Session: {TOKEN}\r\nContent-Type: {kind}\r\n",
            self.method
        ).into_bytes();
        asked_in.put(&mut client, word, &body);
        let (kind, body) = self.person.body(told);
        let mut server = match self.status {
            "100" => b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n".to_vec(),
            status => format!("HTTP/1.1 {status} {word}\r\n").into_bytes(),
        };
        server.extend(
            format!("Set-Cookie: sid={word}; Path=/p/{number}; for={word}\r\nLocation: /people/{number}?q={word}\r\nContent-Type: {kind}\r\n").bytes(),
        );
        if self.method == "HEAD" {
            server.extend(b"Content-Length: 10\r\n\r\n");
        } else if ["204", "304"].contains(&self.status) {
            server.extend(b"\r\n");
        } else {
            told_in.put(&mut server, word, &body);
        }
        [client, server]
    }
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let framed = || prop_oneof![Just(Framed::Length), (1..600_usize).prop_map(Framed::Chunks)];
    (
        ("[qxz][jvw][a-z]{8}", 1_000_000_u64..999_999_999_999),
        prop::sample::select(vec!["GET", "POST", "HEAD", "PUT", "DELETE"]),
        prop::sample::select(vec!["200", "204", "304", "404", "100"]),
        (0..9_usize, framed()),
        (0..9_usize, framed()),
    )
        .prop_map(|((word, number), method, status, asked, told)| Exchange {
            person: Person { word, number },
            method,
            status,
            bodies: [asked, told],
        })
}

/// The methods and the bodies' lengths of a client's stream, and the statuses and the bodies' lengths of its server's.
pub(super) fn framing([client, server]: &[Vec<u8>; 2]) -> Vec<(String, u64)> {
    let (mut all, mut responses) = (Vec::new(), Responses::default());
    let mut rest = &client[blank_bytes(client)..];
    while let Ok(Some(head)) = Head::parse(rest) {
        let mut length = 0;
        let mut body = Body::from(Framing::of_request(head));
        let end = head.bytes().len();
        responses.asked(Asked::of(head));
        let read = body.read(&rest[end..], |data| length += data.len() as u64);
        assert!(body.ended());
        all.push((text(head.method()), length));
        rest = &rest[end + read..];
    }
    assert!(rest.is_empty(), "{}", text(rest));
    responses.read(server, |response| {
        let head = Head::parse(response.head).unwrap().unwrap();
        all.push((head.status().to_string(), response.sent.bytes));
    });
    all
}

/// What both sides say, in pieces: each exchange by itself, or all requests first.
fn pieces(exchanges: &[Exchange], cuts: &[usize], pipelined: bool) -> Vec<(Side, Vec<u8>)> {
    let mut sayings: Vec<(Side, Vec<u8>)> = Vec::new();
    for exchange in exchanges {
        let [client, server] = exchange.said();
        sayings.extend([(Side::Client, client), (Side::Server, server)]);
    }
    if pipelined {
        sayings.sort_by_key(|(side, _)| *side as usize);
    }
    let mut cuts = cuts.iter().cycle();
    let mut pieces = Vec::new();
    for (side, said) in sayings {
        let mut rest = &said[..];
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            pieces.push((side, piece.to_vec()));
            rest = later;
        }
    }
    pieces
}

fn holds(said: &[u8], word: &str) -> bool {
    said.windows(word.len()).any(|part| part == word.as_bytes())
}

proptest! {
    #[test]
    fn nothing_planted_is_left_and_all_is_framed_as_it_was(
        exchanges in prop::collection::vec(exchange(), 1..5),
        cuts in prop::collection::vec(1..1_500_usize, 1..20),
        pipelined in any::<bool>(),
    ) {
        let pieces = pieces(&exchanges, &cuts, pipelined);
        let said: Vec<_> = pieces.iter().map(|(side, bytes)| (*side, &bytes[..])).collect();
        let found = heard("", usize::MAX, &talk(80, &said));
        prop_assert_eq!(found.figures, Default::default());
        for exchange in &exchanges {
            for side in &found.said {
                prop_assert!(!holds(side, &exchange.person.word), "{}", text(side));
                prop_assert!(!holds(side, &exchange.person.number.to_string()), "{}", text(side));
            }
        }
        let plain = [Side::Client, Side::Server].map(|one| {
            said.iter().filter(|(side, _)| *side == one).flat_map(|(_, bytes)| bytes.to_vec()).collect::<Vec<u8>>()
        });
        prop_assert_eq!(framing(&found.said), framing(&plain));
        // However it is cut, it becomes the same.
        let whole: Vec<_> = self::pieces(&exchanges, &[usize::MAX], pipelined);
        let whole: Vec<_> = whole.iter().map(|(side, bytes)| (*side, &bytes[..])).collect();
        prop_assert_eq!(&heard("", usize::MAX, &talk(80, &whole)).said, &found.said);
        // And what is masked once can be masked again.
        let sayings = [(Side::Client, &found.said[0][..]), (Side::Server, &found.said[1][..])];
        prop_assert_eq!(heard("", usize::MAX, &talk(80, &sayings)).figures, Default::default());
    }

    #[test]
    fn a_token_and_a_person_are_the_same_everywhere(exchange in exchange(), cuts in prop::collection::vec(1..1_500_usize, 1..20)) {
        let mut exchange = Exchange { method: "POST", status: "200", ..exchange };
        exchange.bodies[0].0 %= 2;
        exchange.bodies[1].0 = 0;
        // The second time it was handed out before.
        let exchanges = [exchange.clone(), exchange.clone()];
        let pieces = pieces(&exchanges, &cuts, false);
        let said: Vec<_> = pieces.iter().map(|(side, bytes)| (*side, &bytes[..])).collect();
        let [client, server] = heard("", usize::MAX, &talk(80, &said)).said.map(|side| text(&side));
        let number = exchange.person.number.to_string();
        let again = &client[client.len() / 2..];
        let plain = text(&exchange.said()[0]);
        prop_assert!(client.len() == 2 * plain.len());
        // What chunks cut is not found in one piece.
        if matches!(exchange.bodies[0].1, Framed::Length) {
            for word in [TOKEN, &number] {
                let fractions = plain.matches(&format!("-{word}")).count();
                prop_assert_eq!(again.matches(&secret(word)).count(), plain.matches(word).count() - fractions, "{}", again);
            }
        }
        let cookie = format!("Set-Cookie: sid={};", secret(&exchange.person.word));
        prop_assert!(server.contains(&cookie), "{}", server);
        if matches!(exchange.bodies[1].1, Framed::Length) {
            prop_assert!(server.contains(&format!("\"token\":\"{}\"", secret(TOKEN))), "{}", server);
        }
    }

    #[test]
    fn bytes_that_only_look_like_http_keep_their_lengths(
        said in prop::collection::vec((any::<bool>(), prop_oneof![
            prop::collection::vec(any::<u8>(), 1..600),
            "(GET /a HTTP/1.1\r\n|Content-Length: [0-9]{1,3}\r\n|Transfer-Encoding: chunked\r\n|\r\n|HTTP/1.1 200 OK\r\n|[0-9a-f]{1,2}\r\n|\\{\"a\":|\"x\"|\\}){1,9}".prop_map(String::into_bytes),
        ]), 0..30),
        waiting_max_bytes in 0..2_000_usize,
    ) {
        let mut pieces = vec![(Side::Client, &b"GET / HTTP/1.1\r\n"[..])];
        pieces.extend(said.iter().map(|(server, bytes)| (if *server { Side::Server } else { Side::Client }, &bytes[..])));
        // That it is handed on as it came is looked at in there.
        heard("", waiting_max_bytes, &talk(80, &pieces));
    }
}
