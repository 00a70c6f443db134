//! A server that the benchmark started: found, watched, stopped by its id.

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::{Family, pinned};

/// How long a server may take to listen.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a server may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// How much of a failed server's last words is shown.
const LAST_WORDS_BYTES: usize = 2_000;

/// A running server. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a command, pinned to a processor where given; its output goes to a file in `folder`.
    ///
    /// # Errors
    /// There is no such program.
    pub(crate) fn start(
        name: &str,
        command: Command,
        folder: &Path,
        cpu: Option<usize>,
    ) -> anyhow::Result<Self> {
        let mut command = bound_to_us(&command);
        let log = folder.join("output.log");
        let output = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = pinned(cpu, || {
            command
                .spawn()
                .with_context(|| format!("cannot start {:?}", command.get_program()))
        })?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// Waits until somebody accepts at the address.
    ///
    /// # Errors
    /// The server ended, or a minute passed; its last words are in the error.
    pub(crate) fn listening(&mut self, address: SocketAddrV4) -> anyhow::Result<()> {
        let until = Instant::now() + START_LIMIT;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended at its start ({status}): {}",
                    self.name,
                    self.last_words()
                );
            }
            if Instant::now() > until {
                bail!(
                    "{} does not listen on {address}: {}",
                    self.name,
                    self.last_words()
                );
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Waits for a command that ends by itself; its exit code, unless a signal ended it.
    ///
    /// # Errors
    /// It took longer than `limit`.
    pub(crate) fn exit_code(&mut self, limit: Duration) -> anyhow::Result<Option<i32>> {
        let until = Instant::now() + limit;
        loop {
            match self.child.try_wait()? {
                Some(status) => return Ok(status.code()),
                None if Instant::now() > until => bail!("{} takes longer than {limit:?}", self.name),
                None => std::thread::sleep(POLL),
            }
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub(crate) fn ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The process and its descendants, as of now.
    pub(crate) fn family(&self) -> Family {
        Family::of(self.child.id())
    }

    /// The end of what it printed.
    pub(crate) fn last_words(&self) -> String {
        let mut words = Vec::new();
        if let Ok(mut log) = File::open(&self.log) {
            // What cannot be read is not shown.
            let _ = log.read_to_end(&mut words);
        }
        let from = words.len().saturating_sub(LAST_WORDS_BYTES);
        String::from_utf8_lossy(&words[from..]).trim().to_owned()
    }

    /// Asks it to stop, and kills it where it does not.
    pub(crate) fn stop(mut self) {
        self.signal(Signal::TERM);
        let until = Instant::now() + STOP_LIMIT;
        while !self.ended() && Instant::now() < until {
            std::thread::sleep(POLL);
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.child.id() as i32) {
            // One that has ended is not waited for yet, so the id is still its own.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.ended() {
            // It may have ended meanwhile: then there is nothing to kill.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The same command, ended by the kernel should this process be ended (prctl(2), `PR_SET_PDEATHSIG`), where util-linux
/// has the program for that. It replaces itself by the command, so that the process id is the server's.
fn bound_to_us(command: &Command) -> Command {
    let Ok(setpriv) = program("setpriv", "util-linux") else {
        return copied(command, Command::new(command.get_program()));
    };
    let mut bound = Command::new(setpriv);
    bound
        .args(["--pdeathsig", "KILL", "--"])
        .arg(command.get_program());
    copied(command, bound)
}

/// Gives one command another's arguments, variables and folder.
fn copied(from: &Command, mut to: Command) -> Command {
    to.args(from.get_args());
    for (name, value) in from.get_envs() {
        match value {
            Some(value) => to.env(name, value),
            None => to.env_remove(name),
        };
    }
    if let Some(folder) = from.get_current_dir() {
        to.current_dir(folder);
    }
    to
}

/// Finds a program on `PATH` or where Debian puts servers.
///
/// # Errors
/// It is not there; the error names the package.
pub(crate) fn program(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("`{name}` is not installed: apt-get install {package}"))
}

/// A loopback address with a port that nobody has now.
///
/// # Errors
/// No port is free.
pub(crate) fn free_address() -> anyhow::Result<SocketAddrV4> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?;
    Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, probe.local_addr()?.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_at_its_start_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such thing >&2; exit 3"]);
        let mut server = Server::start("it", command, folder.path(), None).unwrap();
        let error = server.listening(free_address().unwrap()).unwrap_err().to_string();
        assert!(error.contains("no such thing"), "{error}");
    }

    #[test]
    fn a_server_keeps_its_arguments_variables_and_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $WORD in $(pwd)"])
            .env("WORD", "here")
            .current_dir(folder.path());
        let mut server = Server::start("it", command, folder.path(), None).unwrap();
        assert_eq!(server.exit_code(START_LIMIT).unwrap(), Some(0));
        let expected = format!("here in {}", folder.path().canonicalize().unwrap().display());
        assert_eq!(server.last_words(), expected);
    }

    #[test]
    fn a_missing_program_names_its_package() {
        let error = program("no-such-program", "some-package")
            .unwrap_err()
            .to_string();
        assert!(error.contains("apt-get install some-package"), "{error}");
    }
}
