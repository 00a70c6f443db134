//! Captures driven into TLS, and out of it: at `openssl s_server`, which wants to know who its clients are.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use record::Verdict;

use crate::home::{Home, until};
use crate::replay::{closes, replay};
use crate::wiretap::Wiretap;

/// Says every line backwards, as `openssl s_server -rev` does.
fn reversing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                    let Ok(line) = line else { return };
                    let backwards: String = line.chars().rev().collect();
                    if stream.write_all(format!("{backwards}\n").as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Has lines said backwards, one after the other.
fn converse(address: &str, lines: &[&str]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for line in lines {
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        reader.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim_end().chars().rev().collect::<String>(), *line);
    }
    stream.shutdown(Shutdown::Both).unwrap();
}

/// `openssl`, run to its end.
fn openssl(home: &Home, args: &[&str]) {
    let done = Command::new("openssl")
        .args(args)
        .current_dir(home.path(""))
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// An authority, and a certificate of its for each of these names, in files named so.
fn certified(home: &Home, names: &[&str]) {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let authority = [
        "req",
        "-x509",
        "-subj",
        "/CN=authority",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ];
    openssl(home, &[&authority[..], &key].concat());
    for name in names {
        let (subject, alternative) = (format!("/CN={name}"), format!("subjectAltName=DNS:{name}"));
        let [key_file, request, certificate] = ["key", "csr", "pem"].map(|kind| format!("{name}.{kind}"));
        let asked = [
            "req",
            "-subj",
            &subject,
            "-addext",
            &alternative,
            "-keyout",
            &key_file,
            "-out",
            &request,
        ];
        openssl(home, &[&asked[..], &key].concat());
        let signed = [
            "x509", "-req", "-in", &request, "-CA", "ca.pem", "-CAkey", "ca.key",
        ];
        let rest = ["-copy_extensions", "copy", "-days", "30", "-out", &certificate];
        openssl(home, &[&signed[..], &rest].concat());
    }
}

/// `openssl s_server -rev`; it ends with the test.
struct SServer {
    child: Child,
    address: String,
}

impl SServer {
    fn start(home: &Home, name: &str, more: &[&str]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let child = Command::new("openssl")
            .args(["s_server", "-rev", "-tls1_3", "-accept", &address])
            .args(["-cert", &format!("{name}.pem"), "-key", &format!("{name}.key")])
            .args(more)
            .current_dir(home.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It is asked by nobody whether it listens: it serves one after the other, and would wait for who asked.
        let port = address.rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
        let listens = format!("0100007F:{port:04X} 00000000:0000 0A");
        until("s_server listens", || {
            std::fs::read_to_string("/proc/net/tcp")
                .unwrap()
                .contains(&listens)
                .then_some(())
        });
        Self { child, address }
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether there is an `openssl`.
fn has_openssl() -> bool {
    let found = Path::new("/usr/bin/openssl").exists();
    if !found {
        testbed::skipped("openssl is not installed");
    }
    found
}

#[test]
fn two_recorded_servers_go_to_two_targets_one_of_them_under_tls_and_with_a_certificate_of_ours() {
    if !has_openssl() {
        return;
    }
    let home = Home::new();
    certified(&home, &["api.test", "client.test", "default.test"]);
    let (clear, veiled) = (reversing(), reversing());
    let tap = Wiretap::before(&clear);
    let other = tap.also_before(&veiled).to_string();
    converse(&tap.address.to_string(), &["the first line", "and another"]);
    converse(&other, &["this goes into TLS", "and so does this", "the last"]);
    converse(&other, &["once more"]);
    let capture = home.path("lines.pcap");
    tap.write(&capture);
    // Who does not ask for it by name (SNI) is shown another's certificate.
    let asks = ["-Verify", "1", "-verify_return_error", "-CAfile", "ca.pem"];
    let named = [
        "-servername",
        "api.test",
        "-cert2",
        "api.test.pem",
        "-key2",
        "api.test.key",
    ];
    let server = SServer::start(&home, "default.test", &[&asks[..], &named].concat());
    let targets = [
        format!("{clear}=tcp://{}", reversing()),
        format!("{veiled}=tls://api.test@{}", server.address),
    ];
    let to = [
        "--target",
        &targets[0],
        "--target",
        &targets[1],
        "--tls-ca",
        "ca.pem",
        "--causal",
    ];
    let shown = [
        "--client-cert",
        "client.test.pem",
        "--client-key",
        "client.test.key",
    ];
    let all = [&[capture.to_str().unwrap()], &to[..], &shown].concat();
    let (done, run) = replay(&home, "out", &all);
    let figures = closes(&run.summary());
    assert_eq!(run.summary().verdict, Verdict::Pass, "{done:#?} {figures:#?}");
    assert_eq!(
        (figures.sends.sent, figures.answers.identical),
        (6, 6),
        "{figures:#?}"
    );
    // Who does not say who it is, or asks for somebody else, is not served.
    let nobody = [&[capture.to_str().unwrap()], &to[..]].concat();
    let (_, run) = replay(&home, "nobody", &nobody);
    let figures = closes(&run.summary());
    assert_eq!(
        (figures.sessions.finished, figures.sessions.failed),
        (1, 2),
        "{figures:#?}"
    );
    let wrong = format!("{veiled}=tls://other.test@{}", server.address);
    let to = [
        "--target",
        &targets[0],
        "--target",
        &wrong,
        "--tls-ca",
        "ca.pem",
        "--causal",
    ];
    let (_, run) = replay(
        &home,
        "wrong",
        &[&[capture.to_str().unwrap()], &to[..], &shown].concat(),
    );
    let figures = closes(&run.summary());
    assert_eq!(figures.sessions.failed_by.get("tls"), Some(&2), "{figures:#?}");
}

#[test]
fn a_capture_of_tls_is_opened_and_driven_in_one_step() {
    if !has_openssl() {
        return;
    }
    let home = Home::new();
    certified(&home, &["api.test"]);
    let server = SServer::start(&home, "api.test", &["-keylogfile", "keys.log"]);
    let tap = Wiretap::before(&server.address);
    let mut client = Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-no_ign_eof",
            "-connect",
            &tap.address.to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut input, output) = (client.stdin.take().unwrap(), client.stdout.take().unwrap());
    let mut output = BufReader::new(output);
    for line in ["nobody can read this", "nor this"] {
        input.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim_end().chars().rev().collect::<String>(), line);
    }
    drop(input);
    client.wait().unwrap();
    let capture = home.path("tls.pcap");
    tap.write(&capture);
    let capture = capture.to_str().unwrap();
    // Into the clear, and into TLS again.
    for (name, target, trust) in [
        ("clear", format!("tcp://{}", reversing()), None),
        (
            "again",
            format!("tls://api.test@{}", server.address),
            Some("ca.pem"),
        ),
    ] {
        let mut all = vec![capture, "--keys", "keys.log", "--target", &target, "--causal"];
        all.extend(trust.iter().flat_map(|file| ["--tls-ca", file]));
        let (done, run) = replay(&home, name, &all);
        let figures = closes(&run.summary());
        assert_eq!(run.summary().verdict, Verdict::Pass, "{done:#?} {figures:#?}");
        assert_eq!(
            (figures.sends.sent, figures.answers.identical),
            (2, 2),
            "{figures:#?}"
        );
    }
    let sealed = home.teem(&["replay", capture, "--target", &server.address, "--out", "sealed"]);
    sealed.mistake(&["no session is left", "1 cannot be"]);
}

#[test]
fn mistakes_in_targets_say_what_was_expected() {
    let home = Home::new();
    let capture = crate::visits::visited(&home, 1, 1);
    let told = |args: &[&str], words: &[&str]| {
        home.teem(&[&["replay", capture.as_str()], args].concat())
            .mistake(words);
    };
    told(
        &["--target", "ftp://127.0.0.1:1"],
        &["ftp://", "tls:// or tcp://"],
    );
    told(&["--target", "tls://127.0.0.1:1"], &["TLS needs", "--tls-ca"]);
    told(
        &["--target", "127.0.0.1:1", "--tls-ca", "nowhere.pem"],
        &["nowhere.pem", "cannot read"],
    );
}
