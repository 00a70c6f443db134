//! A server that wants back the tokens that its answers hand out: what a driven client learns from JSON, packed or not, and says
//! on the same connection and on the next.

mod vault;

use std::io::{BufReader, Write as _};
use std::net::TcpStream;

use record::ReplaySummary;

use crate::home::Home;
use crate::message;
use crate::replay::{closes, replay};
use crate::wiretap::Wiretap;
use vault::{Packing, Vault};

/// Recorded people.
const PEOPLE: u64 = 3;
/// Requests of each with a token, on the connection that it was handed out on, and on another.
const ASKED: [u64; 2] = [20, 3];

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
        message::read(&mut self.reader).unwrap()
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
    let handed_out: Vec<_> = (0..PEOPLE)
        .map(|person| {
            let mut first = Visit::to(&address);
            let handed_out = first.log_in(person, packing);
            first.ask_with(&handed_out, ASKED[0]);
            handed_out
        })
        .collect();
    for handed_out in &handed_out {
        Visit::to(&address).ask_with(handed_out, ASKED[1]);
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
        // Connections begin at their time: a log-in is made long before another connection needs what it handed out.
        "--connect-speed",
        "0.1",
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
    let sends = figures.sends;
    assert_eq!((sends.unlearned, sends.early, sends.forgotten), (0, 0, 0));
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

/// Somebody who reads the news, logs in, and shows the token on another connection once, as a capture.
fn informed(home: &Home) -> String {
    let vault = Vault::start("old", Packing::None);
    let tap = Wiretap::before(&vault.address);
    let address = tap.address.to_string();
    let mut first = Visit::to(&address);
    first.ask("GET /news HTTP/1.1\r\nHost: a\r\n\r\n");
    let handed_out = first.log_in(0, Packing::None);
    drop(first);
    Visit::to(&address).ask_with(&handed_out, 1);
    let path = home.path("news.pcap");
    tap.write(&path);
    path.to_str().unwrap().to_owned()
}

#[test]
fn who_shows_a_token_before_it_is_handed_out_is_refused_and_counted_as_early() {
    let home = Home::new();
    let capture = informed(&home);
    // It has news once it has refused somebody, and who logs in reads the news first.
    let vault = Vault::with_news("fromnowon");
    let hasty = [&capture, "--target", &vault.address, "--speed", "max"];
    let (done, run) = replay(&home, "hasty", &hasty);
    done.code(1);
    let figures = closes(&run.summary());
    assert_eq!(vault.refused(), 1, "{figures:?}");
    assert_eq!(figures.answers.different, 1, "{figures:?}");
    let sends = figures.sends;
    assert_eq!(sends.early, 2, "the token and the cookie: {sends:?}");
    assert_eq!((sends.unlearned, sends.forgotten), (0, 0), "{sends:?}");

    let vault = Vault::start("fromnowon", Packing::None);
    let patient = [
        &capture,
        "--target",
        &vault.address,
        "--causal",
        "--connect-speed",
        "0.1",
    ];
    let (done, run) = replay(&home, "patient", &patient);
    done.code(0);
    assert_eq!((vault.refused(), vault.shown()), (0, vec![1]));
    assert_eq!(closes(&run.summary()).sends.early, 0);
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
