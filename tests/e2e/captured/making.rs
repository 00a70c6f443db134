//! A run in a lab with tcpdump beside it, and what `teem replay inspect` says of the capture.
//!
//! It does not know what that should be.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::packets::Capture;
use super::{CHAT, Table, table};
use crate::home::{Done, Home, binary};
use crate::inspect::json;
use crate::run_folder::RunFolder;

/// How often a run is tried again whose generator found no CPU.
const ATTEMPTS: u32 = 3;

/// A capture, and what is known of it.
pub(super) struct Captured<'a> {
    pub(super) home: &'a Home,
    pub(super) pcap: PathBuf,
    pub(super) run: RunFolder,
    pub(super) packets: Capture,
}

/// Serves, listens and runs in a lab of its own; the listener ends once it has seen what was sent last.
fn script() -> String {
    let teem = binary().display();
    format!(
        "{teem} serve --json --listen 127.0.0.1:{CHAT} --http 127.0.0.1:7780 --admin 127.0.0.1:7790 --data recorded \
           --provisioned 3000 --secret-file secret > ready 2> serve.log & server=$!\n\
         until [ -s ready ]; do :; done\n\
         tcpdump -i lo -Z root --immediate-mode -U -B 65536 -w run.pcap 2> tcpdump.log & tap=$!\n\
         until grep -q 'listening on' tcpdump.log; do kill -0 $tap || exit 90; done\n\
         {teem} run smoke --connections 24 --quiet --out people --target 127.0.0.1:{CHAT} --target-http 127.0.0.1:7780 \
           --target-admin 127.0.0.1:7790 --secret-file secret --tls-cert recorded/tls-certificate.pem --keylog keys.log\n\
         status=$?\n\
         echo that-was-all > /dev/udp/127.0.0.1/9\n\
         until grep -q that-was-all run.pcap; do kill -0 $tap || exit 90; done\n\
         kill -INT $tap; wait $tap; kill -TERM $server; wait $server\n\
         exit $status\n"
    )
}

impl<'a> Captured<'a> {
    pub(super) fn make(home: &'a Home) -> Self {
        for attempt in 1.. {
            let done = home.teem(&["lab", "--connections", "1k", "--", "bash", "-c", &script()]);
            let run = RunFolder::at(&home.path("people"));
            if attempt == ATTEMPTS || !run.generator_fell_short() {
                return Self::of(home, run, done);
            }
            for name in ["ready", "keys.log", "run.pcap", "tcpdump.log"] {
                std::fs::remove_file(home.path(name)).unwrap();
            }
            for name in ["people", "recorded"] {
                std::fs::remove_dir_all(home.path(name)).unwrap();
            }
        }
        unreachable!("the last attempt returned");
    }

    fn of(home: &'a Home, run: RunFolder, done: Done) -> Self {
        done.code(0);
        let told = std::fs::read_to_string(home.path("tcpdump.log")).unwrap();
        assert!(told.contains("\n0 packets dropped by kernel"), "{told}");
        let pcap = home.path("run.pcap");
        let packets = Capture::read(&std::fs::read(&pcap).unwrap());
        Self {
            home,
            pcap,
            run,
            packets,
        }
    }

    /// Writes a spoilt capture, and inspects it.
    pub(super) fn inspect(&self, capture: &Capture, keys: bool) -> Table {
        let path = self.home.path("spoilt.pcap");
        std::fs::write(&path, capture.write()).unwrap();
        table(&self.document(&path, keys))
    }

    pub(super) fn document(&self, path: &Path, keys: bool) -> Value {
        let keys: &[&str] = if keys { &["--keys", "keys.log"] } else { &[] };
        let path = path.to_str().unwrap();
        json(self.home, &[&[path, "--port", CHAT][..], keys].concat())
    }
}
