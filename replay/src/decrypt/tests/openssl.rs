//! OpenSSL at both ends, over a relay on loopback that keeps what went by: what it has and rustls has not.
//!
//! Where there is no `openssl` these tests are left out, and say so.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use super::*;

/// How long a peer may take to say what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a process printed so far, and a bell that rings at more.
type Printed = Arc<(Mutex<Vec<u8>>, Condvar)>;

/// A process of ours, ended with its owner.
struct Peer {
    child: Child,
    stdin: Option<ChildStdin>,
    printed: Printed,
}

impl Peer {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = Printed::default();
        keep(child.stdout.take().unwrap(), &printed);
        keep(child.stderr.take().unwrap(), &printed);
        Self {
            stdin: child.stdin.take(),
            child,
            printed,
        }
    }

    fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Waits until it has printed this, and takes what it printed up to there.
    fn hear(&self, what: &str) -> String {
        let (printed, bell) = &*self.printed;
        let at = |printed: &Vec<u8>| printed.windows(what.len()).position(|it| it == what.as_bytes());
        let (mut printed, timeout) = bell
            .wait_timeout_while(printed.lock().unwrap(), PATIENCE, |printed| at(printed).is_none())
            .unwrap();
        let all = String::from_utf8_lossy(&printed).into_owned();
        assert!(!timeout.timed_out(), "no {what:?} in {all}");
        let end = at(&printed).unwrap() + what.len();
        String::from_utf8_lossy(&printed.drain(..end).collect::<Vec<_>>()).into_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(mut from: impl Read + Send + 'static, into: &Printed) {
    let into = Arc::clone(into);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            into.0.lock().unwrap().extend_from_slice(&buffer[..length]);
            into.1.notify_all();
        }
    });
}

/// What went by: who said what.
type Turns = Vec<(Side, Vec<u8>)>;

/// Takes one connection to `port`, and keeps what goes by.
fn relay(port: u16) -> (u16, JoinHandle<Turns>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let carrier = thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let turns = Arc::new(Mutex::new(Vec::new()));
        let carry = |side, mut from: TcpStream, mut to: TcpStream| {
            let turns = Arc::clone(&turns);
            thread::spawn(move || {
                let mut buffer = [0; 3000];
                while let Ok(length @ 1..) = from.read(&mut buffer) {
                    turns.lock().unwrap().push((side, buffer[..length].to_vec()));
                    if to.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
                let _ = to.shutdown(Shutdown::Write);
            })
        };
        let carriers = [
            carry(
                Side::Client,
                client.try_clone().unwrap(),
                server.try_clone().unwrap(),
            ),
            carry(Side::Server, server, client),
        ];
        carriers.into_iter().for_each(|carrier| carrier.join().unwrap());
        Arc::into_inner(turns).unwrap().into_inner().unwrap()
    });
    (own, carrier)
}

/// A folder with a certificate, its key, and the server's key log; `None` where there is no OpenSSL.
fn folder() -> Option<tempfile::TempDir> {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("there is no openssl: left out");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["teem.example".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let pem = key.serialize_pem() + &certificate.pem();
    std::fs::write(folder.path().join("server.pem"), pem).unwrap();
    Some(folder)
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

/// A server, its port, and the port of a relay to it.
fn server(folder: &Path, options: &[&str]) -> (Peer, u16) {
    let (pem, log) = (path(folder, "server.pem"), path(folder, "log"));
    let fixed = [
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-cert",
        &pem,
        "-key",
        &pem,
        "-keylogfile",
        &log,
    ];
    let server = Peer::start(&[&fixed, options].concat());
    server.hear("ACCEPT ");
    let line = server.hear("\n");
    let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
    (server, port)
}

fn client(port: u16, options: &[&str]) -> Peer {
    let to = format!("127.0.0.1:{port}");
    let fixed = ["s_client", "-connect", &to, "-servername", "teem.example"];
    Peer::start(&[&fixed, options].concat())
}

/// A line that no end takes for a command, of digits: long enough for several records.
fn line(seed: u32) -> String {
    let digits = (0..2_000).map(|at| (at * seed).to_string());
    format!("{}.\n", digits.collect::<String>())
}

/// A conversation: each says a line three times, and the client closes.
fn talk(server: &mut Peer, client: &mut Peer, between: impl Fn(u32, &mut Peer, &mut Peer)) -> [Vec<u8>; 2] {
    let mut said = [Vec::new(), Vec::new()];
    for turn in 1..4 {
        let (question, answer) = (line(turn), line(turn + 10));
        client.say(&question);
        server.hear(&question[question.len() - 40..]);
        server.say(&answer);
        client.hear(&answer[answer.len() - 40..]);
        said[0].extend_from_slice(question.as_bytes());
        said[1].extend_from_slice(answer.as_bytes());
        between(turn, server, client);
    }
    client.stdin = None;
    let _ = client.child.wait();
    said
}

/// A conversation with these options, decrypted in pieces of some sizes.
fn check(server_options: &[&str], client_options: &[&str], between: impl Fn(u32, &mut Peer, &mut Peer)) {
    let Some(folder) = folder() else { return };
    let (mut server, port) = server(folder.path(), server_options);
    let (port, carrier) = relay(port);
    let mut client = client(port, client_options);
    let said = talk(&mut server, &mut client, between);
    let turns = carrier.join().unwrap();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    for piece in [1, 700, 1 << 20] {
        let (heard, report) = decrypt(&log, &turns, piece);
        let about = &report.flows[0];
        assert_eq!(about.undecrypted, None, "{client_options:?} {about:?}");
        assert!(heard.said == said, "{client_options:?} in pieces of {piece}");
    }
}

#[test]
fn block_ciphers_are_decrypted_whichever_way_they_authenticate() {
    for cipher in [
        "AES128-SHA",
        "AES256-SHA256",
        "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES256-SHA384",
        "DHE-RSA-AES256-SHA",
    ] {
        let options = ["-tls1_2", "-cipher", cipher];
        check(&options, &options, |_, _, _| {});
        check(
            &options,
            &[options.as_slice(), &["-no_etm"]].concat(),
            |_, _, _| {},
        );
    }
}

#[test]
fn a_static_key_exchange_is_decrypted() {
    for cipher in ["AES128-GCM-SHA256", "AES256-GCM-SHA384"] {
        let options = ["-tls1_2", "-cipher", cipher];
        check(&options, &options, |_, _, _| {});
    }
}

#[test]
fn keys_renewed_on_command_are_followed() {
    check(&["-tls1_3"], &["-tls1_3"], |turn, server, client| {
        client.say(if turn == 1 { "k\n" } else { "K\n" });
        client.hear("KEYUPDATE");
        if turn == 2 {
            // It is read before the next question, which is awaited before the next answer.
            server.say("K\n");
        }
    });
}

#[test]
fn what_a_session_file_resumes_is_decrypted() {
    let Some(folder) = folder() else { return };
    let session = path(folder.path(), "session");
    for (version, tickets) in [("-tls1_2", true), ("-tls1_2", false), ("-tls1_3", true)] {
        let options = if tickets {
            vec![version]
        } else {
            vec![version, "-no_ticket"]
        };
        let (mut server, port) = server(folder.path(), &options);
        for (option, resumed) in [("-sess_out", false), ("-sess_in", true)] {
            let (relayed, carrier) = relay(port);
            let mut client = client(relayed, &[version, option, &session]);
            let said = talk(&mut server, &mut client, |_, _, _| {});
            let turns = carrier.join().unwrap();
            let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
            let (heard, report) = decrypt(&log, &turns, 1460);
            assert_eq!(report.flows[0].undecrypted, None, "{version}, resumed {resumed}");
            assert!(heard.said == said, "{version}, resumed {resumed}");
        }
    }
}

#[test]
fn a_renegotiation_is_refused_with_its_reason() {
    let Some(folder) = folder() else { return };
    let (mut server, port) = server(folder.path(), &["-tls1_2"]);
    let (relayed, carrier) = relay(port);
    let mut client = client(relayed, &["-tls1_2"]);
    let question = line(1);
    client.say(&question);
    server.hear(&question[question.len() - 40..]);
    server.say("r\n");
    server.hear("SSL_do_handshake");
    server.say("1 after it\n");
    client.hear("1 after it\n");
    client.stdin = None;
    let _ = client.child.wait();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let (heard, report) = decrypt(&log, &carrier.join().unwrap(), 999);
    assert_eq!(report.flows[0].undecrypted, Some(Undecrypted::Renegotiated));
    assert!(heard.said[0].starts_with(question.as_bytes()) && heard.missing[0] > 0);
    assert!(
        heard.said[1].iter().all(|byte| *byte == 0),
        "nothing of the second session is shown"
    );
}
