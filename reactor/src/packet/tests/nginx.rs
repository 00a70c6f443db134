//! A server that nobody here wrote: nginx, over a path that loses one packet in a hundred.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;

const FILE_BYTES: usize = 300_000;
const FETCHES: usize = 30;

/// Ends with the test.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(folder: &Path, address: SocketAddr) -> Option<Nginx> {
    let folder = folder.display();
    let config = format!(
        "daemon off; master_process off; user root; pid {folder}/pid; error_log {folder}/log; events {{}}
         http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
         fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
         server {{ listen {address}; root {folder}; }} }}"
    );
    std::fs::write(format!("{folder}/conf"), config).unwrap();
    Command::new("nginx")
        .args(["-c", &format!("{folder}/conf"), "-e", &format!("{folder}/log")])
        .stdin(Stdio::null())
        .spawn()
        .ok()
        .map(Nginx)
}

#[test]
fn nginx_serves_files_whole_over_a_path_that_loses() {
    in_a_namespace(|| {
        let folder = tempfile::tempdir().unwrap();
        let body = pattern(FILE_BYTES, 9);
        std::fs::write(folder.path().join("file"), &body).unwrap();
        let address: SocketAddr = (SERVER, 8080).into();
        let Some(_nginx) = start(folder.path(), address) else {
            return skipped("there is no nginx: deploy/install-packages.sh test");
        };
        let faults = FaultOptions {
            loss: 0.01,
            seed: 11,
            ..FaultOptions::default()
        };
        let device = Faults::new(tun(|options| options.segment_offload = false), faults);
        let mut bench = Bench::new(device, |_| {});
        bench.until_listening(address);
        let ids: Vec<_> = (0..FETCHES).map(|_| bench.connect(address)).collect();
        for id in &ids {
            bench.packet.send(*id, b"GET /file HTTP/1.0\r\n\r\n").unwrap();
        }
        bench.until("fetched", |bench| {
            ids.iter().all(|id| bench.log.closed.contains_key(id))
        });
        for id in ids {
            assert_eq!(bench.log.closed[&id], Closed::Peer);
            let got = &bench.log.got[&id];
            assert!(got.starts_with(b"HTTP/1.1 200 OK\r\n"));
            assert!(got.ends_with(&body), "the file is not whole");
        }
        bench.empty();
        assert!(bench.packet.device().stats().lost > 0);
    });
}
