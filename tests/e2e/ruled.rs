//! A file of rules at a protocol that nobody knows: frames behind their length, and a session id that the server hands out.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::home::Home;
use crate::replay::{closes, replay};
use crate::wiretap::Wiretap;

const PEOPLE: u64 = 3;
const JOBS: u64 = 4;

/// Learns the id, makes lengths right, and forgives that the welcome has another id and is of another length.
const RULES: &str = "\
[[rule]]
length = { width = 2 }
learn = [{ name = \"id\", from = 'id=([a-z0-9-]+);' }]
mask = ['WELCOME id=[a-z0-9-]+;']
";

/// A server of frames. It hands out an id a connection, and does what is asked under that one alone.
struct Office {
    address: String,
    done: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
}

impl Office {
    /// Its ids begin with this.
    fn start(prefix: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let office = Self {
            address: listener.local_addr().unwrap().to_string(),
            done: Arc::default(),
            refused: Arc::default(),
        };
        let (done, refused) = (Arc::clone(&office.done), Arc::clone(&office.refused));
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (done, refused) = (Arc::clone(&done), Arc::clone(&refused));
                let id = format!("{prefix}-{number:04}");
                thread::spawn(move || serve(stream.unwrap(), &id, &done, &refused));
            }
        });
        office
    }

    /// Jobs done, and requests refused.
    fn counts(&self) -> (u64, u64) {
        [&self.done, &self.refused]
            .map(|count| count.load(Ordering::Relaxed))
            .into()
    }
}

/// Serves until it is asked for something that it does not know, which it refuses.
fn serve(mut stream: TcpStream, id: &str, done: &AtomicU64, refused: &AtomicU64) {
    while let Some(asked) = read_frame(&mut stream) {
        let job = asked
            .strip_prefix("DO ")
            .map(|rest| rest.strip_prefix(id).unwrap_or("another's"));
        let answer = match job {
            None if asked == "HELLO" => format!("WELCOME id={id};"),
            Some(job) if job.starts_with(" job ") => {
                done.fetch_add(1, Ordering::Relaxed);
                format!("DONE{job}")
            }
            _ => {
                refused.fetch_add(1, Ordering::Relaxed);
                "REFUSED".to_owned()
            }
        };
        if write_frame(&mut stream, &answer).is_none() {
            return;
        }
    }
}

fn read_frame(stream: &mut TcpStream) -> Option<String> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut body).ok()?;
    Some(String::from_utf8_lossy(&body).into_owned())
}

fn write_frame(stream: &mut TcpStream, body: &str) -> Option<()> {
    let length = (body.len() as u16).to_be_bytes();
    stream.write_all(&[&length, body.as_bytes()].concat()).ok()
}

/// Some people, each with an id and some jobs, as a capture.
fn worked(home: &Home) -> String {
    let office = Office::start("old");
    let tap = Wiretap::before(&office.address);
    for _ in 0..PEOPLE {
        let mut stream = TcpStream::connect(tap.address).unwrap();
        write_frame(&mut stream, "HELLO").unwrap();
        let welcome = read_frame(&mut stream).unwrap();
        let id = welcome
            .strip_prefix("WELCOME id=")
            .and_then(|rest| rest.strip_suffix(';'));
        for job in 0..JOBS {
            write_frame(&mut stream, &format!("DO {} job {job}", id.unwrap())).unwrap();
            assert_eq!(read_frame(&mut stream).unwrap(), format!("DONE job {job}"));
        }
    }
    assert_eq!(office.counts(), (PEOPLE * JOBS, 0));
    let path = home.path("office.pcap");
    tap.write(&path);
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_id_that_rules_learn_is_said_in_frames_of_the_right_length() {
    let home = Home::new();
    let capture = worked(&home);
    home.write("rules.toml", RULES);
    // Its ids are longer than those of the recording.
    let fresh = Office::start("from-now-on-and-for-good");
    let arguments = [&capture, "--target", &fresh.address, "--causal"];
    let (done, run) = replay(
        &home,
        "ruled",
        &[&arguments[..], &["--rules", "rules.toml"]].concat(),
    );
    done.code(0);
    let figures = closes(&run.summary());
    assert_eq!(fresh.counts(), (PEOPLE * JOBS, 0), "{figures:?}");
    let answers = figures.answers;
    assert_eq!(
        (answers.identical, answers.masked),
        (PEOPLE * JOBS, PEOPLE),
        "{answers:?}"
    );
    assert_eq!(
        (answers.different, answers.missing, answers.extra),
        (0, 0, 0),
        "{answers:?}"
    );
    assert_eq!((figures.sends.sent, figures.sends.unlearned), (15, 0));
}

#[test]
fn without_the_rules_the_recorded_id_is_refused() {
    let home = Home::new();
    let capture = worked(&home);
    let fresh = Office::start("from-now-on-and-for-good");
    let (done, run) = replay(&home, "bare", &[&capture, "--target", &fresh.address, "--causal"]);
    done.code(1);
    let figures = closes(&run.summary());
    assert_eq!(fresh.counts(), (0, PEOPLE * JOBS), "{figures:?}");
    let answers = figures.answers;
    assert!(
        answers.different + answers.missing + answers.extra > 0,
        "{answers:?}"
    );
}

#[test]
fn an_id_of_another_length_in_a_frame_of_the_recorded_one_is_refused() {
    let home = Home::new();
    let capture = worked(&home);
    let lengthless: String = RULES
        .lines()
        .filter(|line| !line.starts_with("length"))
        .map(|line| format!("{line}\n"))
        .collect();
    home.write("rules.toml", &lengthless);
    let fresh = Office::start("from-now-on-and-for-good");
    let arguments = [capture.as_str(), "--target", &fresh.address, "--causal"];
    let hurry = ["--rules", "rules.toml", "--patience", "100ms"];
    let (done, _) = replay(&home, "lengthless", &[&arguments[..], &hurry].concat());
    done.code(1);
    let (jobs, refused) = fresh.counts();
    assert_eq!(jobs, 0);
    assert!(refused >= PEOPLE, "{refused}");
}
