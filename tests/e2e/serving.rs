//! `teem serve` beside a test.
//!
//! It does not know who talks to the server.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use crate::home::Home;

/// Any free ports of loopback.
pub(crate) const FREE_PORTS: [&str; 6] = [
    "--listen",
    "127.0.0.1:0",
    "--http",
    "127.0.0.1:0",
    "--admin",
    "127.0.0.1:0",
];

/// What a server says when it is ready.
#[derive(Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) listen: String,
    pub(crate) http: String,
    pub(crate) admin: String,
    pub(crate) pid: u32,
}

/// A server; it ends with the test.
pub(crate) struct Serving {
    child: Child,
    pub(crate) ready: Ready,
    log: PathBuf,
}

impl Serving {
    /// Starts one with these arguments and waits until it is ready.
    pub(crate) fn start(home: &Home, args: &[&str]) -> Self {
        let mut command = home.command(&["serve", "--json", "--plain"]);
        command.args(FREE_PORTS).args(args);
        Self::spawn(home, command)
    }

    /// Starts a command that becomes a server.
    pub(crate) fn spawn(home: &Home, mut command: Command) -> Self {
        let log = home.path("serve.log");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let Ok(ready) = serde_json::from_str(&line) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!(
                "no server: `{line}`; {}",
                std::fs::read_to_string(&log).unwrap_or_default()
            );
        };
        Self { child, ready, log }
    }

    /// The arguments that make `teem run` drive it.
    pub(crate) fn as_target<'a>(&'a self, secret_file: &'a str) -> [&'a str; 9] {
        [
            "--target",
            &self.ready.listen,
            "--target-http",
            &self.ready.http,
            "--target-admin",
            &self.ready.admin,
            "--secret-file",
            secret_file,
            "--plain",
        ]
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Stops it as an operator would.
    pub(crate) fn stop(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
