//! The web server that replays are driven at: nginx, with one answer from memory.
//!
//! It does not know what drives it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddrV4, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::child::Server;
use crate::process::Cpus;

/// What it is asked.
pub(in crate::figure) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: recorded.test\r\n\r\n";

/// nginx with one worker that answers everything from memory.
pub(in crate::figure) fn nginx(
    nginx: &Path,
    folder: &Path,
    address: SocketAddrV4,
    cpus: Cpus,
) -> anyhow::Result<Server> {
    let configuration = format!(
        "master_process off;\ndaemon off;\npid {0}/nginx.pid;\nerror_log stderr;\nevents {{ worker_connections 4096; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; client_body_temp_path {0};\n\
         proxy_temp_path {0}; fastcgi_temp_path {0}; uwsgi_temp_path {0}; scgi_temp_path {0};\n\
         server {{ listen {address}; location / {{ return 200 \"well met\"; }} }} }}\n",
        folder.display()
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, configuration)?;
    let mut command = Command::new(nginx);
    command.arg("-p").arg(folder).arg("-c").arg(&file);
    let mut server = Server::start("nginx", command, folder, Some(cpus.server))?;
    server.listening(address)?;
    Ok(server)
}

/// One answer of the server, as it comes.
pub(in crate::figure) fn answer(address: SocketAddrV4) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(REQUEST)?;
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}
