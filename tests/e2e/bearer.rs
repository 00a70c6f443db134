//! A server that wants back the tokens that its answers hand out: what a driven client learns from JSON, packed or not, and says
//! on the same connection and on the next.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use record::ReplaySummary;

use crate::home::Home;
use crate::replay::{closes, replay};
use crate::wiretap::Wiretap;

/// Recorded people.
const PEOPLE: u64 = 3;
/// Requests of each with a token, on the connection that it was handed out on, and on another.
const ASKED: [u64; 2] = [2, 3];

/// How a server packs its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Deflate,
    /// In a way that teem does not know.
    Other,
}

/// A server that hands out a token for bearers and a cookie at each log-in, and shows an account to nobody without both.
struct Vault {
    address: String,
    books: Arc<Books>,
}

#[derive(Default)]
struct Books {
    /// How often an account was shown, by the token that was handed out.
    shown: Mutex<BTreeMap<String, u64>>,
    refused: AtomicU64,
}

impl Vault {
    /// Its tokens begin with this.
    fn start(prefix: &'static str, packing: Packing) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let vault = Self {
            address: listener.local_addr().unwrap().to_string(),
            books: Arc::default(),
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
    fn shown(&self) -> Vec<u64> {
        self.books.shown.lock().unwrap().values().copied().collect()
    }

    /// Requests refused.
    fn refused(&self) -> u64 {
        self.books.refused.load(Ordering::Relaxed)
    }
}

impl Books {
    fn serve(&self, stream: TcpStream, prefix: &str, packing: Packing) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some((head, _)) = read_message(&mut reader) {
            let (status, field, body) = if head.starts_with("POST /login ") {
                self.log_in(prefix)
            } else if self.shows(&head) {
                ("200 OK", String::new(), r#"{"balance": 1200}"#.to_owned())
            } else {
                self.refused.fetch_add(1, Ordering::Relaxed);
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
    fn unpack(self, mut body: &[u8]) -> String {
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

/// A request or a response: its head, and its body as it is sent.
fn read_message(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return None;
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// A client's connection.
struct Visit {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Visit {
    fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Self { stream, reader }
    }

    fn ask(&mut self, request: &str) -> (String, Vec<u8>) {
        self.stream.write_all(request.as_bytes()).unwrap();
        read_message(&mut self.reader).unwrap()
    }

    /// Logs in: the token and the cookie.
    fn log_in(&mut self, user: u64, packing: Packing) -> (String, String) {
        let body = format!(r#"{{"user": "user-{user}"}}"#);
        let length = body.len();
        let (head, body) =
            self.ask(&format!("POST /login HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip, br\r\nContent-Length: {length}\r\n\r\n{body}"));
        let said = packing.unpack(&body);
        let token = said.split('"').nth(3).unwrap().to_owned();
        let cookie = head.lines().find_map(|line| line.strip_prefix("Set-Cookie: "));
        (token, cookie.unwrap().split(';').next().unwrap().to_owned())
    }

    fn ask_with(&mut self, (token, cookie): &(String, String), times: u64) {
        for time in 0..times {
            let (head, _) = self.ask(&format!(
                "GET /account?page={time} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nCookie: {cookie}\r\n\r\n"
            ));
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        }
    }
}

/// Some people, each of whom logs in on one connection and goes on by another, as a capture.
fn banked(home: &Home, packing: Packing) -> String {
    let vault = Vault::start("old", packing);
    let tap = Wiretap::before(&vault.address);
    let address = tap.address.to_string();
    for person in 0..PEOPLE {
        let mut first = Visit::to(&address);
        let handed_out = first.log_in(person, packing);
        first.ask_with(&handed_out, ASKED[0]);
        Visit::to(&address).ask_with(&handed_out, ASKED[1]);
    }
    let path = home.path("bank.pcap");
    tap.write(&path);
    path.to_str().unwrap().to_owned()
}

/// Drives the capture at a vault as so many people: none is refused, and each token is used by one alone.
#[track_caller]
fn each_has_a_token_of_its_own(home: &Home, capture: &str, vault: &Vault, clones: u64) {
    let people = (PEOPLE * clones) as usize;
    let name = vault.address.replace(':', "-");
    let clones = clones.to_string();
    let arguments = [
        capture,
        "--target",
        &vault.address,
        "--causal",
        "--clones",
        &clones,
    ];
    let (done, run) = replay(home, &name, &arguments);
    done.code(0);
    let figures = closes(&run.summary());
    let all: u64 = ASKED.iter().sum();
    assert_eq!(
        vault.refused(),
        0,
        "another's token was said, or one of the recording: {figures:?}"
    );
    assert_eq!(
        vault.shown(),
        vec![all; people],
        "a token each, used by one alone"
    );
    let answers = figures.answers;
    assert_eq!(
        (answers.different, answers.missing, answers.extra),
        (0, 0, 0),
        "{answers:?}"
    );
    assert_eq!(
        answers.identical + answers.masked,
        people as u64 * (1 + all),
        "{answers:?}"
    );
    assert_eq!(figures.sends.unlearned, 0);
}

#[test]
fn bearers_say_the_tokens_of_the_new_server_on_all_their_connections() {
    let home = Home::new();
    let capture = banked(&home, Packing::None);
    // Its tokens are longer than those of the recording.
    for clones in [1, 2] {
        let vault = Vault::start("fromnowon", Packing::None);
        each_has_a_token_of_its_own(&home, &capture, &vault, clones);
    }
}

#[test]
fn a_token_in_a_packed_answer_is_learned_however_the_new_server_packs() {
    let home = Home::new();
    let capture = banked(&home, Packing::Gzip);
    for (packing, clones) in [(Packing::Gzip, 2), (Packing::Deflate, 1)] {
        let vault = Vault::start("fromnowon", packing);
        each_has_a_token_of_its_own(&home, &capture, &vault, clones);
    }
}

/// Drives the capture at a vault that refuses all: the replay's figures.
#[track_caller]
fn refused(home: &Home, capture: &str, vault: &Vault, rules: &str) -> ReplaySummary {
    home.write("rules.toml", rules);
    let arguments = [
        capture,
        "--target",
        &vault.address,
        "--rules",
        "rules.toml",
        "--causal",
    ];
    let (done, run) = replay(home, "refused", &arguments);
    done.code(1);
    let figures = closes(&run.summary());
    let asked = PEOPLE * ASKED.iter().sum::<u64>();
    assert_eq!(vault.refused(), asked, "{figures:?}");
    assert!(figures.answers.different >= asked, "{figures:?}");
    figures
}

#[test]
fn who_learns_nothing_is_refused() {
    let home = Home::new();
    let read = banked(&home, Packing::None);
    let deaf = refused(
        &home,
        &read,
        &Vault::start("fromnowon", Packing::None),
        "[http]\ntokens = false\n",
    );
    assert_eq!(deaf.sends.unlearned, 0);
}

#[test]
fn a_token_in_an_answer_that_nobody_can_unpack_is_counted_as_unlearned() {
    let home = Home::new();
    let sealed = banked(&home, Packing::Other);
    let figures = refused(&home, &sealed, &Vault::start("fromnowon", Packing::Other), "");
    // All answers, the recorded ones and the target's, might have handed out something.
    let answers = PEOPLE * (1 + ASKED.iter().sum::<u64>());
    assert_eq!(figures.sends.unlearned, 2 * answers, "{figures:?}");
}
