//! A capture of HTTP that is full of somebody, masked: nothing of her is in the file, and what it holds is driven at a server that hands
//! out tokens of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use record::Verdict;

use crate::home::Home;
use crate::inspect::json;
use crate::message;
use crate::replay::{closes, replay};
use crate::wiretap::Wiretap;

/// What is said of one person, in bodies, paths, queries and fields.
const NAMES: [&str; 9] = [
    "Lovelace",
    "4155550001",
    "ada%40engine",
    "ada@engine",
    "hunter2-and-more",
    "dinner at eight",
    "differences",
    "10.77.3.4",
    "analytical",
];

/// A server with accounts: who logs in is given a token, and has to show it in a path, a field and a body.
struct Accounts {
    address: String,
    refused: Arc<AtomicU64>,
}

impl Accounts {
    fn start(first_token: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let accounts = Self {
            address: listener.local_addr().unwrap().to_string(),
            refused: Arc::default(),
        };
        let (refused, tokens) = (
            Arc::clone(&accounts.refused),
            Arc::new(AtomicU64::new(first_token)),
        );
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (refused, tokens) = (Arc::clone(&refused), Arc::clone(&tokens));
                thread::spawn(move || serve(stream.unwrap(), &refused, &tokens));
            }
        });
        accounts
    }
}

fn serve(mut stream: TcpStream, refused: &AtomicU64, tokens: &AtomicU64) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut token = String::new();
    while let Some((head, body)) = message::read(&mut reader) {
        let body = String::from_utf8_lossy(&body);
        let answer = if head.starts_with("POST /login ") {
            token = format!("Tok-{:016x}-en", tokens.fetch_add(77, Ordering::Relaxed));
            let body = format!(
                "{{\"session_token\":\"{token}\",\"user\":{{\"id\":4155550001,\"name\":\"Ada Lovelace\"}}}}"
            );
            format!(
                "HTTP/1.1 200 OK\r\nX-Served-For: Lovelace\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        } else {
            let shown =
                head.contains(&format!("/in/{token}/")) && head.contains(&format!("X-Session: {token}\r\n"));
            if token.is_empty()
                || !shown
                || (!body.is_empty() && !body.contains(&format!("\"token\":\"{token}\"")))
            {
                refused.fetch_add(1, Ordering::Relaxed);
            }
            let body = ["{\"messages\":[\"din", "ner at eight\",\"from 4155550001\"]}"];
            let chunks = body
                .map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len()))
                .concat();
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
        };
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Logs in, reads, and writes in two packets.
fn visit(address: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let login = "{\"name\":\"Ada Lovelace\",\"phone\":\"4155550001\",\"mail\":\"ada@engine.example\",\"password\":\"hunter2-and-more\"}";
    say(
        &mut stream,
        &format!(
            "POST /login HTTP/1.1\r\nHost: {address}\r\nX-Forwarded-For: 10.77.3.4\r\nContent-Length: {}\r\n\r\n{login}",
            login.len()
        ),
    );
    let answer = hear(&mut reader);
    let token = answer.split('"').nth(3).unwrap();
    say(
        &mut stream,
        &format!(
            "GET /users/4155550001/in/{token}/mail?of=ada%40engine.example&q=differences&page=2 HTTP/1.1\r\nHost: {address}\r\n\
        X-Session: {token}\r\nX-Machine: analytical\r\n\r\n"
        ),
    );
    hear(&mut reader);
    let note = format!("{{\"token\":\"{token}\",\"to\":4155550001,\"text\":\"dinner at eight, Lovelace\"}}");
    let request = format!(
        "POST /in/{token}/notes HTTP/1.1\r\nHost: {address}\r\nX-Session: {token}\r\nContent-Length: {}\r\n\r\n{note}",
        note.len()
    );
    let (first, rest) = request.split_at(request.len() - 30);
    say(&mut stream, first);
    say(&mut stream, rest);
    hear(&mut reader);
}

fn say(stream: &mut TcpStream, said: &str) {
    stream.write_all(said.as_bytes()).unwrap();
}

/// An answer: by its length, or by the end of its chunks.
fn hear(reader: &mut BufReader<TcpStream>) -> String {
    let (mut head, mut length) = (String::new(), None);
    while !head.ends_with("\r\n\r\n") {
        let from = head.len();
        assert!(reader.read_line(&mut head).unwrap() > 0);
        if let Some(value) = head[from..].strip_prefix("Content-Length: ") {
            length = Some(value.trim().parse::<usize>().unwrap());
        }
    }
    let mut body = String::new();
    match length {
        Some(length) => {
            let mut bytes = vec![0; length];
            reader.read_exact(&mut bytes).unwrap();
            body = String::from_utf8(bytes).unwrap();
        }
        None => {
            while !body.ends_with("0\r\n\r\n") {
                reader.read_line(&mut body).unwrap();
            }
        }
    }
    body
}

/// All that is said in a file of sessions, in the order of its events, and the turns: who, when, how much.
fn said(home: &Home, file: &str) -> (String, Vec<(bool, u64, usize)>) {
    let (mut all, mut turns) = (Vec::new(), Vec::new());
    let bytes = std::fs::read(home.path(file)).unwrap();
    let mut sink = |event: ::replay::Event<'_>| {
        if let ::replay::Event::Data {
            side, at_ns, bytes, ..
        } = event
        {
            all.extend_from_slice(bytes);
            turns.push((side == ::replay::Side::Client, at_ns, bytes.len()));
        }
    };
    ::replay::play(&bytes[..], &mut sink).unwrap();
    (String::from_utf8_lossy(&all).into_owned(), turns)
}

#[test]
fn somebody_is_taken_out_of_a_capture_and_her_sessions_are_still_driven() {
    let home = Home::new();
    let server = Accounts::start(1 << 60);
    let tap = Wiretap::before(&server.address);
    for _ in 0..3 {
        visit(&tap.address.to_string());
    }
    assert_eq!(server.refused.load(Ordering::Relaxed), 0);
    tap.write(&home.path("night.pcap"));
    home.teem(&["replay", "inspect", "night.pcap", "--save", "plain.teem"])
        .code(0);
    let masked = home.teem(&[
        "replay",
        "inspect",
        "night.pcap",
        "--save",
        "night.teem",
        "--mask",
    ]);
    assert_eq!(masked.code(0).err, "");

    let (plain, turns) = said(&home, "plain.teem");
    let (masked, masked_turns) = said(&home, "night.teem");
    assert_eq!(masked_turns, turns, "when, by whom and how much");
    for name in NAMES {
        // What a chunk cuts is not planted in one piece.
        assert!(plain.contains(name), "{name}");
        assert!(!masked.contains(name), "{name}: {masked}");
    }
    for token in plain.split('"').filter(|word| word.starts_with("Tok-")) {
        assert!(!masked.contains(token), "{token}");
    }
    for kept in [
        "POST /login HTTP/1.1",
        "&page=2 HTTP/1.1",
        "\"session_token\":\"",
        "{\"messages\":[\"",
    ] {
        assert_eq!(
            masked.matches(kept).count(),
            plain.matches(kept).count(),
            "{kept}: {masked}"
        );
    }
    // Once in each login, path, answer and note: one person.
    let number = |said: &str| said.split("\"phone\":\"").nth(1).unwrap()[..10].to_owned();
    let (person, pseudonym) = (number(&plain), number(&masked));
    let spoken = plain.matches(&format!("from {person}")).count();
    assert_eq!(
        masked.matches(&pseudonym).count(),
        plain.matches(&person).count() - spoken
    );
    let json = json(&home, &["night.teem"]).to_string();
    assert!(NAMES.iter().all(|name| !json.contains(name)), "{json}");

    let fresh = Accounts::start(1 << 61);
    let (done, run) = replay(
        &home,
        "out",
        &["night.teem", "--target", &fresh.address, "--causal"],
    );
    let summary = run.summary();
    let figures = closes(&summary);
    assert_eq!(summary.verdict, Verdict::Pass, "{done:?} {figures:?}");
    assert_eq!((figures.sessions.finished, figures.sends.unlearned), (3, 0));
    assert_eq!(
        (figures.answers.masked, figures.answers.different),
        (9, 0),
        "{figures:?}"
    );
    assert_eq!(
        fresh.refused.load(Ordering::Relaxed),
        0,
        "a token of the recording was said"
    );
    for part in ["report.html", "samples.jsonl", "summary.json"] {
        let text = String::from_utf8_lossy(&run.bytes(part)).into_owned();
        assert!(!text.contains("Lovelace"), "{part}");
    }
}

#[test]
fn what_the_rules_leave_is_told() {
    let home = Home::new();
    let server = Accounts::start(1 << 60);
    let tap = Wiretap::before(&server.address);
    visit(&tap.address.to_string());
    tap.write(&home.path("night.pcap"));
    home.write("mask.toml", "[http]\nbodies = false\npaths = false\n");
    let left = home
        .teem(&[
            "replay",
            "inspect",
            "night.pcap",
            "--save",
            "night.teem",
            "--mask",
            "mask.toml",
        ])
        .code(0)
        .err;
    for what in ["bodies of 1 of http, but for tokens", "paths of 1 of http"] {
        assert!(left.contains(what), "{left}");
    }
    let masked = said(&home, "night.teem").0;
    for stays in ["dinner at eight, Lovelace", "/users/4155550001/in/"] {
        assert!(masked.contains(stays), "{masked}");
    }
    assert!(
        !masked.contains("Tok-1") && !masked.contains("hunter2-and-more") && !masked.contains("10.77.3.4")
    );
}
