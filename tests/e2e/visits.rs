//! A small web server, its visitors, and captures of them.
//!
//! It does not know what becomes of a capture.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::home::Home;
use crate::message;
use crate::wiretap::Wiretap;

/// A small HTTP/1.1 server: it greets a visitor with a token of its own, and wants it back. It dies after so many answers.
pub(crate) struct Visits {
    pub(crate) address: String,
    first_token: u64,
    tokens: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    answers: Arc<AtomicU64>,
}

impl Visits {
    /// How many requests came with another visitor's token, or none.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many visitors were given a token.
    pub(crate) fn greeted(&self) -> u64 {
        (self.tokens.load(Ordering::Relaxed) - self.first_token) / 7
    }

    /// How many requests it answered.
    pub(crate) fn answered(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    pub(crate) fn start(dies_after: u64, first_token: u64) -> Self {
        Self::answering("well met\n", dies_after, first_token)
    }

    /// One that lives, and says this to everybody.
    pub(crate) fn saying(body: &'static str, first_token: u64) -> Self {
        Self::answering(body, u64::MAX, first_token)
    }

    fn answering(body: &'static str, dies_after: u64, first_token: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let visits = Self {
            address: listener.local_addr().unwrap().to_string(),
            first_token,
            tokens: Arc::new(AtomicU64::new(first_token)),
            refused: Arc::default(),
            answers: Arc::default(),
        };
        let (tokens, refused) = (Arc::clone(&visits.tokens), Arc::clone(&visits.refused));
        let answers = Arc::clone(&visits.answers);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (tokens, refused) = (Arc::clone(&tokens), Arc::clone(&refused));
                let answers = Arc::clone(&answers);
                thread::spawn(move || serve(stream.unwrap(), body, &tokens, &refused, &answers, dies_after));
            }
        });
        visits
    }
}

fn serve(
    stream: TcpStream,
    body: &str,
    tokens: &AtomicU64,
    refused: &AtomicU64,
    answers: &AtomicU64,
    dies_after: u64,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    let mut token = String::new();
    while let Some((head, _)) = message::read(&mut reader) {
        if answers.fetch_add(1, Ordering::Relaxed) >= dies_after {
            return;
        }
        let greeting = if head.starts_with("GET /hello") {
            token = format!("visit-{:016x}", tokens.fetch_add(7, Ordering::Relaxed));
            format!("Set-Cookie: visit={token}; Path=/\r\n")
        } else {
            if !head.contains(&format!("Cookie: visit={token}\r\n")) {
                refused.fetch_add(1, Ordering::Relaxed);
            }
            String::new()
        };
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nDate: Sun, 22 Nov 2026 00:00:{:02} GMT\r\n{greeting}\r\n{body}",
            body.len(),
            answers.load(Ordering::Relaxed) % 60
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Visits a server: a greeting, then some requests with the token it gave.
pub(crate) fn visit(address: &str, requests: usize) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut cookie = String::new();
    for request in 0..=requests {
        let path = if request == 0 {
            "/hello".to_owned()
        } else {
            format!("/page/{request}")
        };
        let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{cookie}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let (answer, _) = message::read(&mut reader).unwrap();
        let handed_out = answer.lines().find_map(|line| line.strip_prefix("Set-Cookie: "));
        if let Some(value) = handed_out {
            cookie = format!("Cookie: {}\r\n", value.split(';').next().unwrap());
        }
    }
}

/// A capture of some visitors.
pub(crate) fn visited(home: &Home, visitors: usize, requests: usize) -> String {
    let server = Visits::start(u64::MAX, 1);
    let tap = Wiretap::before(&server.address);
    let address = tap.address.to_string();
    let all: Vec<_> = (0..visitors)
        .map(|_| {
            let address = address.clone();
            thread::spawn(move || visit(&address, requests))
        })
        .collect();
    all.into_iter().for_each(|visitor| visitor.join().unwrap());
    assert_eq!(server.refused(), 0);
    let path = home.path("visits.pcap");
    tap.write(&path);
    path.to_str().unwrap().to_owned()
}
