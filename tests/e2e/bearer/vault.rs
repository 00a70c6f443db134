//! A server that hands out a token for bearers and a cookie at each log-in, and packs what it answers. Its news may be long in coming.
//!
//! It does not know who asks.

use std::collections::BTreeMap;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::message;

/// How a server packs its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Deflate,
    /// In a way that teem does not know.
    Other,
}

/// A server that hands out a token for bearers and a cookie at each log-in, and shows an account to nobody without both.
pub(super) struct Vault {
    pub(super) address: String,
    books: Arc<Books>,
}

#[derive(Default)]
struct Books {
    /// How often an account was shown, by the token that was handed out.
    shown: Mutex<BTreeMap<String, u64>>,
    refused: Mutex<u64>,
    refusal: Condvar,
    /// Its news is that somebody was refused; else there is none, at once.
    waits_for_news: bool,
}

impl Vault {
    /// Its tokens begin with this.
    pub(super) fn start(prefix: &'static str, packing: Packing) -> Self {
        Self::serving(prefix, packing, Books::default())
    }

    /// One that answers who asks for the news when it has refused somebody, and not before.
    pub(super) fn with_news(prefix: &'static str) -> Self {
        let books = Books {
            waits_for_news: true,
            ..Books::default()
        };
        Self::serving(prefix, Packing::None, books)
    }

    fn serving(prefix: &'static str, packing: Packing, books: Books) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let vault = Self {
            address: listener.local_addr().unwrap().to_string(),
            books: Arc::new(books),
        };
        let books = Arc::clone(&vault.books);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let books = Arc::clone(&books);
                thread::spawn(move || books.serve(stream.unwrap(), prefix, packing));
            }
        });
        vault
    }

    /// How often each token opened an account.
    pub(super) fn shown(&self) -> Vec<u64> {
        self.books.shown.lock().unwrap().values().copied().collect()
    }

    /// Requests refused.
    pub(super) fn refused(&self) -> u64 {
        *self.books.refused.lock().unwrap()
    }
}

impl Books {
    fn serve(&self, stream: TcpStream, prefix: &str, packing: Packing) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some((head, _)) = message::read(&mut reader) {
            let (status, field, body) = if head.starts_with("POST /login ") {
                self.log_in(prefix)
            } else if head.starts_with("GET /news ") {
                let refused = self.refused.lock().unwrap();
                let news = self
                    .refusal
                    .wait_while(refused, |refused| self.waits_for_news && *refused == 0);
                drop(news.unwrap());
                ("200 OK", String::new(), r#"{"news": "none"}"#.to_owned())
            } else if self.shows(&head) {
                ("200 OK", String::new(), r#"{"balance": 1200}"#.to_owned())
            } else {
                *self.refused.lock().unwrap() += 1;
                self.refusal.notify_all();
                (
                    "401 Unauthorized",
                    String::new(),
                    r#"{"error": "who are you?"}"#.to_owned(),
                )
            };
            let (coding, body) = packing.pack(body.as_bytes());
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{coding}{field}Content-Length: {}\r\n\r\n",
                body.len()
            );
            if stream.write_all(&[head.as_bytes(), &body].concat()).is_err() {
                return;
            }
        }
    }

    /// Hands out a token, and a cookie that is good with it alone.
    fn log_in(&self, prefix: &str) -> (&'static str, String, String) {
        let mut shown = self.shown.lock().unwrap();
        let number = shown.len();
        let token = format!("{prefix}-{number:04}");
        let body = format!(r#"{{"access_token": "{token}", "expires_in": 3600}}"#);
        shown.insert(token, 0);
        (
            "200 OK",
            format!("Set-Cookie: jar={prefix}+{number:04}; Path=/\r\n"),
            body,
        )
    }

    /// Whether a request bears a token that was handed out, and its cookie.
    fn shows(&self, head: &str) -> bool {
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let (token, cookie) = (field("Authorization: Bearer "), field("Cookie: jar="));
        let mut shown = self.shown.lock().unwrap();
        match token.and_then(|token| Some((token, shown.get_mut(token)?))) {
            Some((token, count)) if cookie == Some(&token.replace('-', "+")) => {
                *count += 1;
                true
            }
            _ => false,
        }
    }
}

impl Packing {
    /// A body as it is sent, and the line of the head that says how.
    fn pack(self, body: &[u8]) -> (&'static str, Vec<u8>) {
        match self {
            Self::None => ("", body.to_vec()),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(body).unwrap();
                ("Content-Encoding: gzip\r\n", encoder.finish().unwrap())
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(body).unwrap();
                ("Content-Encoding: deflate\r\n", encoder.finish().unwrap())
            }
            Self::Other => ("Content-Encoding: br\r\n", turned(body)),
        }
    }

    /// What was packed.
    pub(super) fn unpack(self, mut body: &[u8]) -> String {
        let mut said = String::new();
        match self {
            Self::None => body.read_to_string(&mut said),
            Self::Gzip => GzDecoder::new(body).read_to_string(&mut said),
            Self::Deflate => ZlibDecoder::new(body).read_to_string(&mut said),
            Self::Other => turned(body).as_slice().read_to_string(&mut said),
        }
        .unwrap();
        said
    }
}

/// Other bytes, and again the same.
fn turned(body: &[u8]) -> Vec<u8> {
    body.iter().map(|byte| !byte).collect()
}
