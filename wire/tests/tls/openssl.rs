//! Against `openssl s_server` and `s_client`, over loopback.

use std::io::{BufRead as _, BufReader, PipeReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use wire::tls::{Alert, Fault, Handshake, Identity, PeerFault, Trust, certificates};

use crate::wired::{Wired, client, server};

/// A running tool, ended with the test.
struct Tool {
    child: Child,
    /// Its output and its complaints, as they come.
    says: BufReader<PipeReader>,
}

impl Tool {
    fn start(arguments: &[&str]) -> Self {
        let (says, speaks) = std::io::pipe().unwrap();
        let child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(speaks.try_clone().unwrap())
            .stderr(speaks)
            .spawn()
            .expect("openssl's command line tool is installed");
        Self {
            child,
            says: BufReader::new(says),
        }
    }

    /// Types a line. The tools look for a command at the start of what they read at once, and drop the rest: who types
    /// one waits for its effect.
    fn types(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(line.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Reads until a line that holds `text`.
    fn says(&mut self, text: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(
                self.says.read_line(&mut line).unwrap(),
                0,
                "it ended without saying \"{text}\""
            );
            if line.contains(text) {
                return line;
            }
        }
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with a certificate for localhost and its key.
struct Files {
    _folder: tempfile::TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (
            folder.path().join("certificate.pem"),
            folder.path().join("key.pem"),
        );
        let mut tool = Tool::start(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-out",
            text(&certificate),
            "-keyout",
            text(&key),
        ]);
        assert!(tool.child.wait().unwrap().success());
        Self {
            _folder: folder,
            certificate,
            key,
        }
    }

    fn identity(&self) -> Identity {
        Identity::from_pem(
            &std::fs::read(&self.certificate).unwrap(),
            &std::fs::read(&self.key).unwrap(),
        )
        .unwrap()
    }

    fn trust(&self) -> Trust {
        Trust::Roots(certificates(&std::fs::read(&self.certificate).unwrap()).unwrap())
    }

    /// Starts a server and returns it with its address.
    fn s_server(&self, more: &[&str]) -> (Tool, String) {
        let certificate = ["-cert", text(&self.certificate), "-key", text(&self.key)];
        let mut tool = Tool::start(
            &[
                &["s_server", "-accept", "127.0.0.1:0", "-tls1_3"],
                &certificate[..],
                more,
            ]
            .concat(),
        );
        let line = tool.says("ACCEPT");
        (tool, line.trim_start_matches("ACCEPT").trim().to_owned())
    }

    fn s_client(&self, address: &str, more: &[&str]) -> Tool {
        let common = [
            "s_client",
            "-connect",
            address,
            "-tls1_3",
            "-servername",
            "localhost",
        ];
        let trust = ["-CAfile", text(&self.certificate), "-verify_return_error"];
        Tool::start(&[&common[..], &trust[..], more].concat())
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_client_talks_to_s_server_and_both_renew_their_keys() {
    let files = Files::make();
    for more in [
        &["-alpn", "chat"][..],
        &[
            "-alpn",
            "chat",
            "-ciphersuites",
            "TLS_CHACHA20_POLY1305_SHA256",
            "-groups",
            "P-256",
        ],
        &["-alpn", "chat", "-max_send_frag", "512", "-record_padding", "300"],
    ] {
        let (mut tool, address) = files.s_server(more);
        let tls = client(files.trust(), false);
        let stream = patient(TcpStream::connect(&address).unwrap());
        let mut wired = Wired::new(stream, Handshake::client(&tls).unwrap()).unwrap();
        assert_eq!(wired.alpn.as_deref(), Some(&b"chat"[..]));
        wired.send("first\n");
        tool.says("first");
        tool.types("one\n");
        assert_eq!(wired.read_to("one\n").unwrap(), "one\n");
        // Theirs, and a request for ours: it goes before the next data.
        for (at, command) in ["K\n", "k\n", "K\n", "K\n"].into_iter().enumerate() {
            tool.types(command);
            wired.read_control().unwrap();
            tool.types(&format!("after {at}\n"));
            assert_eq!(wired.read_to("\n").unwrap(), format!("after {at}\n"));
            wired.send(&format!("answer {at}\n"));
            tool.says(&format!("answer {at}"));
        }
        // Ours, and a request for theirs.
        for requests in [false, true] {
            wired.update(requests);
            wired.send("renewed\n");
            tool.says("renewed");
            tool.types("theirs\n");
            assert_eq!(wired.read_to("theirs\n").unwrap(), "theirs\n");
        }
        assert!(wired.is_idle());
        let long = "x".repeat(70_000) + "\n";
        wired.send(&long);
        tool.says(&long);
        wired.close();
        tool.says("DONE");
    }
}

#[test]
fn s_client_talks_to_a_server_and_both_renew_their_keys() {
    let files = Files::make();
    let tls = server(&files.identity(), 0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut tool = files.s_client(
        &address,
        &[
            "-alpn",
            "chat",
            "-keymatexport",
            "EXPORTER-teem",
            "-keymatexportlen",
            "40",
        ],
    );
    let stream = patient(listener.accept().unwrap().0);
    let mut wired = Wired::new(stream, Handshake::server(&tls).unwrap()).unwrap();
    assert_eq!(wired.alpn.as_deref(), Some(&b"chat"[..]));
    let exported: String = wired.exported.iter().map(|byte| format!("{byte:02X}")).collect();
    tool.says(&exported);
    for (at, command) in ["K\n", "k\n", "K\n"].into_iter().enumerate() {
        tool.types(command);
        tool.says("KEYUPDATE");
        tool.types(&format!("after {at}\n"));
        assert_eq!(wired.read_to("\n").unwrap(), format!("after {at}\n"));
        wired.send(&format!("answer {at}\n"));
        tool.says(&format!("answer {at}"));
        wired.update(at == 1);
        wired.send("renewed\n");
        tool.says("renewed");
    }
    tool.types("Q\n");
    wired.read_out().unwrap();
}

#[test]
fn s_client_resumes_with_a_ticket_of_ours() {
    let files = Files::make();
    let tls = server(&files.identity(), 2);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ticket = files.key.with_file_name("ticket");
    for (option, resumed) in [("-sess_out", false), ("-sess_in", true)] {
        let mut tool = files.s_client(&address, &[option, text(&ticket)]);
        let stream = patient(listener.accept().unwrap().0);
        let mut wired = Wired::new(stream, Handshake::server(&tls).unwrap()).unwrap();
        assert_eq!(wired.resumed, resumed);
        // Its data shows that it has read the tickets, which came before ours.
        wired.send("hello\n");
        tool.says("hello");
        tool.types("Q\n");
        wired.read_out().unwrap();
        assert!(tool.child.wait().unwrap().success());
    }
}

#[test]
fn a_client_resumes_with_a_ticket_of_s_servers() {
    let files = Files::make();
    let (mut tool, address) = files.s_server(&[]);
    let tls = client(files.trust(), true);
    for resumed in [false, true, true] {
        let stream = patient(TcpStream::connect(&address).unwrap());
        let mut wired = Wired::new(stream, Handshake::client(&tls).unwrap()).unwrap();
        assert_eq!(wired.resumed, resumed);
        assert!(!wired.is_idle(), "it waits for its tickets");
        wired.send("hello\n");
        tool.says("hello");
        tool.types("answer\n");
        wired.read_to("answer\n").unwrap();
        assert!(wired.is_idle(), "and no longer than to the first data");
        wired.close();
        tool.says("DONE");
    }
}

#[test]
fn s_client_says_that_it_does_not_trust_us() {
    let (files, others) = (Files::make(), Files::make());
    let tls = server(&others.identity(), 0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _tool = files.s_client(&listener.local_addr().unwrap().to_string(), &[]);
    let stream = patient(listener.accept().unwrap().0);
    let fault = Wired::new(stream, Handshake::server(&tls).unwrap())
        .err()
        .unwrap();
    // Self-signed and unknown: OpenSSL says that the authority is unknown.
    assert_eq!(fault, Fault::Peer(PeerFault::Alerted(Alert(48))));
}

#[test]
fn a_client_does_not_trust_another_certificate_or_name() {
    let (files, others) = (Files::make(), Files::make());
    let (_tool, address) = others.s_server(&[]);
    for trust in [files.trust(), pinned(&files)] {
        let stream = patient(TcpStream::connect(&address).unwrap());
        let tls = client(trust, false);
        let fault = Wired::new(stream, Handshake::client(&tls).unwrap())
            .err()
            .unwrap();
        assert!(matches!(fault, Fault::Peer(PeerFault::Untrusted(_))), "{fault}");
    }
    let stream = patient(TcpStream::connect(&address).unwrap());
    assert!(
        Wired::new(
            stream,
            Handshake::client(&client(pinned(&others), false)).unwrap()
        )
        .is_ok()
    );
}

/// A stream that ends the test rather than wait for ever.
fn patient(stream: TcpStream) -> TcpStream {
    stream
        .set_read_timeout(Some(std::time::Duration::from_secs(60)))
        .unwrap();
    stream
}

fn pinned(files: &Files) -> Trust {
    Trust::Pinned(files.identity().certificate().unwrap().clone())
}
