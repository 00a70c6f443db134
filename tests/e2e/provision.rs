//! Accounts that a capture assumes are made first: chat's people register, and a rule's requests are made.

use std::io::{BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use record::Verdict;

use crate::crowd::talked;
use crate::home::Home;
use crate::message;
use crate::replay::{closes, replay};
use crate::serving::Serving;
use crate::visits::visited;

#[test]
fn people_register_before_they_are_driven() {
    let home = Home::new();
    let capture = talked(&home);
    // A server that knows nobody: neither its secret nor an account is there for anyone.
    let fresh = Serving::start(&home, &["--data", "fresh", "--sms", "file:pins.jsonl"]);
    let to = [
        capture.as_str(),
        "--target",
        &fresh.ready.listen,
        "--pins",
        "file:pins.jsonl",
    ];
    let (done, run) = replay(
        &home,
        "out",
        &[&to[..], &["--provision", "--clones", "3"]].concat(),
    );
    let figures = closes(&run.summary());
    assert_eq!(run.summary().verdict, Verdict::Pass, "{done:#?} {figures:#?}");
    assert_eq!(figures.sessions.finished, 60, "{figures:?}");
    let answers = &figures.answers;
    assert_eq!(
        (answers.different, answers.missing, answers.extra),
        (0, 0, 0),
        "{answers:?}"
    );
    // Without, nobody is let in: there is no secret to log in with.
    let (done, _) = replay(&home, "without", &to[..3]);
    done.code(1);
}

#[test]
fn a_server_of_the_replays_own_registers_people_too() {
    let home = Home::new();
    let capture = talked(&home);
    let (done, run) = replay(&home, "out", &[&capture, "--serve", "--provision"]);
    let figures = closes(&run.summary());
    assert_eq!(run.summary().verdict, Verdict::Pass, "{done:#?} {figures:#?}");
    assert_eq!(figures.sessions.finished, 20, "{figures:?}");
}

/// A server of HTTP that knows whoever signed up but for the first few, whom it refuses, and what was asked of it.
fn sign_ups(refused: usize) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let heard = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let heard = Arc::clone(&heard);
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while let Some((head, body)) = message::read(&mut reader) {
                    let line = head.lines().next().unwrap();
                    let asked = {
                        let mut heard = heard.lock().unwrap();
                        heard.push(format!("{line} {}", String::from_utf8(body).unwrap()));
                        heard.len()
                    };
                    let status = if asked > refused {
                        "200 OK"
                    } else {
                        "403 Forbidden"
                    };
                    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 9\r\n\r\nwell met\n");
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, asked)
}

#[test]
fn a_request_is_made_once_for_each_person_before_the_first_of_the_recording() {
    let home = Home::new();
    let capture = visited(&home, 2, 1);
    let rules = "[[provision]]\nrequest = \"POST /people\"\nbody = '{\"name\": \"visitor-{clone:02}\"}'\n";
    home.write("rules.toml", rules);
    let (target, asked) = sign_ups(0);
    let all = [
        "--target",
        &target,
        "--rules",
        "rules.toml",
        "--provision",
        "--clones",
        "5",
        "--causal",
    ];
    replay(&home, "out", &[&[capture.as_str()], &all[..]].concat());
    let asked = asked.lock().unwrap().clone();
    let mut first: Vec<&String> = asked.iter().take(5).collect();
    first.sort();
    let expected: Vec<String> = (0..5)
        .map(|clone| format!("POST /people HTTP/1.1 {{\"name\": \"visitor-{clone:02}\"}}"))
        .collect();
    assert_eq!(first, expected.iter().collect::<Vec<_>>(), "{asked:?}");
    assert_eq!(asked.len(), 5 + 5 * 2 * 2, "{asked:?}");
}

#[test]
fn requests_that_are_refused_are_told_and_where_all_are_nothing_is_driven() {
    let home = Home::new();
    let capture = visited(&home, 2, 1);
    home.write("rules.toml", "[[provision]]\nrequest = \"POST /people\"\n");
    let to = [
        "--rules",
        "rules.toml",
        "--provision",
        "--clones",
        "5",
        "--causal",
    ];
    let (target, asked) = sign_ups(2);
    let (done, run) = replay(
        &home,
        "out",
        &[&[&capture, "--target", &target], &to[..]].concat(),
    );
    let told = "2 of 5 requests were not granted";
    assert!(done.err.contains(told) && done.err.contains("403"), "{done:?}");
    assert!(run.events().iter().any(|event| event.detail.contains(told)));
    assert_eq!(asked.lock().unwrap().len(), 5 + 5 * 2 * 2);
    let (target, asked) = sign_ups(usize::MAX);
    home.teem(&[&["replay", &capture, "--target", &target], &to[..]].concat())
        .mistake(&["5 of 5 requests were not granted", "403"]);
    assert_eq!(
        asked.lock().unwrap().len(),
        5,
        "nothing of the recording was said"
    );
}

#[test]
fn who_gets_no_account_is_told() {
    let home = Home::new();
    let capture = talked(&home);
    let fresh = Serving::start(&home, &["--data", "fresh"]);
    let to = [
        "replay",
        &capture,
        "--target",
        &fresh.ready.listen,
        "--provision",
        "--pins",
        "nobody.jsonl",
    ];
    home.teem(&[&to[..], &["--patience", "200ms"]].concat())
        .mistake(&["20 of 20 people got no account", "--pins"]);
}
