//! Another server that nobody here wrote: ejabberd, whose clients log in over a path that loses one packet in a hundred.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;

/// Clients, so that a loss in a hundred packets is met.
const CLIENTS: u32 = 40;
/// `\0user\0password`, in base64 (RFC 4616, section 2).
const AUTH: &[u8] =
    b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHVzZXIAcGFzc3dvcmQ=</auth>";
const STREAM: &[u8] = b"<stream:stream to='localhost' xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
const BIND: &[u8] = b"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
/// What is waited for, and said then: a log-in (RFC 6120, sections 6 and 7).
const DIALOGUE: [(&[u8], &[u8]); 3] = [
    (b"</stream:features>", AUTH),
    (b"<success", STREAM),
    (b"</stream:features>", BIND),
];
/// What ends it: the name that the server has given.
const BOUND: &[u8] = b"</jid>";

/// Ends with the test.
struct Ejabberd(Child);

impl Drop for Ejabberd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The Erlang machine by itself: the package's control script would change user and start a name server. Any name and
/// password is taken.
fn start(folder: &Path, address: SocketAddr) -> Option<Ejabberd> {
    let libraries = PathBuf::from(format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH));
    if !Path::new("/usr/sbin/ejabberdctl").exists() {
        return None;
    }
    let config = folder.join("ejabberd.yml");
    let text = format!(
        "hosts: [localhost]\nloglevel: warning\nauth_method: [anonymous]\nanonymous_protocol: login_anon\n\
         allow_multiple_connections: true\nmodules: {{}}\naccess_rules: {{c2s: {{allow: all}}}}\n\
         listen:\n  - {{port: {}, ip: \"{}\", module: ejabberd_c2s, starttls: false}}\n",
        address.port(),
        address.ip()
    );
    std::fs::write(&config, text).unwrap();
    std::fs::create_dir(folder.join("spool")).unwrap();
    let spool = format!("\"{}\"", folder.join("spool").display());
    Command::new("erl")
        .args([
            "-noinput", "+sbwt", "none", "-mnesia", "dir", &spool, "-s", "ejabberd",
        ])
        .env("ERL_LIBS", libraries)
        .env("ERL_CRASH_DUMP", folder.join("crash"))
        .env("EJABBERD_CONFIG_PATH", &config)
        .env("EJABBERD_LOG_PATH", folder.join("ejabberd.log"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .ok()
        .map(Ejabberd)
}

/// Whether the words come in what was heard from a place on; the place after them.
fn after(heard: &[u8], from: usize, words: &[u8]) -> Option<usize> {
    heard[from..]
        .windows(words.len())
        .position(|window| window == words)
        .map(|at| from + at + words.len())
}

#[test]
fn clients_log_in_to_ejabberd_over_a_path_that_loses() {
    in_a_namespace(|| {
        let folder = tempfile::tempdir().unwrap();
        let address: SocketAddr = (SERVER, 5222).into();
        let Some(_ejabberd) = start(folder.path(), address) else {
            return skipped("there is no ejabberd: deploy/install-packages.sh test");
        };
        let faults = FaultOptions {
            loss: 0.01,
            seed: 12,
            ..FaultOptions::default()
        };
        let device = Faults::new(tun(|options| options.segment_offload = false), faults);
        let mut bench = Bench::new(device, |_| {});
        bench.until_listening(address);
        let ids: Vec<_> = (0..CLIENTS).map(|_| bench.connect(address)).collect();
        for id in &ids {
            bench.packet.send(*id, STREAM).unwrap();
        }
        let mut steps = vec![(0_usize, 0_usize); ids.len()];
        bench.until("logged in", |bench| {
            for (id, (step, read)) in ids.iter().zip(&mut steps) {
                let heard = bench.log.got.get(id).map_or(&[][..], |got| &got[..]);
                let Some((words, answer)) = DIALOGUE.get(*step) else {
                    continue;
                };
                if let Some(at) = after(heard, *read, words) {
                    (*step, *read) = (*step + 1, at);
                    bench.packet.send(*id, answer).unwrap();
                }
            }
            let bound = |(id, (_, read)): (&Id, &(usize, usize))| {
                bench
                    .log
                    .got
                    .get(id)
                    .is_some_and(|got| after(got, *read, BOUND).is_some())
            };
            ids.iter().zip(&steps).all(bound)
        });
        assert!(bench.log.closed.is_empty(), "{:?}", bench.log.closed);
        for id in ids {
            bench.packet.send(id, b"</stream:stream>").unwrap();
            bench.packet.close(id, Close::Graceful);
        }
        bench.empty();
        assert!(bench.packet.device().stats().lost > 0);
    });
}
