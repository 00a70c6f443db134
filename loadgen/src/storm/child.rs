//! The parent's side of a storm: starts the child, hears its outcome, ends it.
//!
//! It does not know goose. Everything it waits for is bounded in time, and everything it reads in size.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{LINE_MAX_BYTES, Said, StormConfig, StormError, StormOutcome};

/// How often a child that should end is looked at.
const REAP_POLL: Duration = Duration::from_millis(5);
/// How long a child may take to end once it told its outcome.
const REAP: Duration = Duration::from_secs(2);
/// What is kept of the child's standard error.
const STDERR_KEPT_BYTES: usize = 2 * 1024;
/// Proxies that goose's client would take from the environment: a storm goes where it is aimed.
const PROXIES: [&str; 6] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

/// A storm in a child process. Dropped, it ends the child.
#[derive(Debug)]
pub struct StormChild {
    child: Child,
    outcome: Receiver<Said>,
    stderr: Receiver<String>,
    end: Duration,
}

impl StormChild {
    /// Starts `exe storm` and gives it the configuration on its standard input. `exe` is this program, whose hidden
    /// subcommand `storm` calls [`serve`](super::serve).
    ///
    /// # Errors
    /// The configuration is wrong, or the child or a thread that reads from it cannot be started.
    pub fn start(exe: &Path, config: &StormConfig) -> Result<Self, StormError> {
        let mut command = Command::new(exe);
        command.arg("storm");
        Self::start_command(command, config)
    }

    /// Starts a command that behaves as `exe storm` does.
    fn start_command(mut command: Command, config: &StormConfig) -> Result<Self, StormError> {
        config.check()?;
        let mut line = serde_json::to_vec(config)?;
        line.push(b'\n');
        for name in PROXIES {
            command.env_remove(name);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = Started(Some(command.spawn()?));
        let taken = child
            .0
            .as_mut()
            .and_then(|child| Some((child.stdin.take()?, child.stdout.take()?, child.stderr.take()?)));
        let Some((mut stdin, stdout, stderr)) = taken else {
            return Err(io::Error::other("the child has no pipes").into());
        };
        let outcome = hear(stdout)?;
        let stderr = keep_end(stderr)?;
        // Fits a pipe, so that a child that never reads cannot block this; one that is gone already is told of by
        // its silence.
        match stdin.write_all(&line) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
            _ => drop(stdin),
        }
        let Some(child) = child.0.take() else {
            unreachable!("taken once, here")
        };
        Ok(Self {
            child,
            outcome,
            stderr,
            end: config.end(),
        })
    }

    /// The child's process id, for the sampler.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The outcome, if it is there by now; the child is to be [`finish`](Self::finish)ed all the same.
    #[must_use]
    pub fn is_over(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the outcome, at most `limit` and at most as long as a storm of this configuration can take, and for
    /// the child's end. One that has not ended is killed.
    ///
    /// # Errors
    /// The storm failed, ended without an outcome, or did not end in time.
    pub fn finish(mut self, limit: Duration) -> Result<StormOutcome, StormError> {
        self.hear(limit.min(self.end), REAP)
    }

    /// Ends the storm early: asks the child to stop (SIGTERM), gives it `grace` to tell the outcome so far and as
    /// long to end, and kills it then.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn stop(mut self, grace: Duration) -> Result<StormOutcome, StormError> {
        // The child is not reaped yet, so its id is nobody else's.
        if !self.is_over() {
            let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
            if let Some(pid) = pid {
                // One that ended in between needs no asking.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        self.hear(grace, grace)
    }

    /// Waits for the outcome, and then for the child's end.
    fn hear(&mut self, limit: Duration, end: Duration) -> Result<StormOutcome, StormError> {
        let said = self.outcome.recv_timeout(limit);
        // A child whose standard output ended is about to end itself.
        let reap = if matches!(said, Err(RecvTimeoutError::Timeout)) {
            Duration::ZERO
        } else {
            end
        };
        let status = self.reap(reap)?;
        match said {
            Ok(Said::Storm(outcome)) => Ok(outcome),
            Ok(Said::Failed(why)) => Err(StormError::Failed(why)),
            Err(RecvTimeoutError::Timeout) => Err(StormError::Overran(limit)),
            Err(RecvTimeoutError::Disconnected) => {
                let stderr = self.stderr.recv_timeout(REAP).unwrap_or_default();
                Err(StormError::Silent {
                    status: status.to_string(),
                    stderr,
                })
            }
        }
    }

    /// Waits for the child's end, and kills it after `limit`.
    fn reap(&mut self, limit: Duration) -> io::Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                self.child.kill()?;
                return self.child.wait();
            }
            thread::sleep(REAP_POLL);
        }
    }
}

impl Drop for StormChild {
    fn drop(&mut self) {
        // Nothing is left to tell it to: a child that cannot be killed has ended.
        let _ = self.reap(Duration::ZERO);
    }
}

/// A child that is killed if its start goes wrong half-way.
struct Started(Option<Child>);

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Reads the child's standard output to its end and passes on the first line that is an outcome. goose logs there too.
fn hear(stdout: ChildStdout) -> io::Result<Receiver<Said>> {
    let (sender, receiver) = sync_channel(1);
    thread::Builder::new()
        .name("teem-storm-out".into())
        .spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = Vec::new();
            loop {
                line.clear();
                // A longer line is read in pieces, none of which is an outcome.
                match stdout.by_ref().take(LINE_MAX_BYTES).read_until(b'\n', &mut line) {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {
                        if let Ok(said) = serde_json::from_slice(&line) {
                            // A second outcome finds the first still there, and is not wanted.
                            let _ = sender.try_send(said);
                        }
                    }
                }
            }
        })?;
    Ok(receiver)
}

/// Reads the child's standard error to its end and passes on its last words.
fn keep_end(mut stderr: ChildStderr) -> io::Result<Receiver<String>> {
    let (sender, receiver) = sync_channel(1);
    thread::Builder::new()
        .name("teem-storm-err".into())
        .spawn(move || {
            let mut kept = Vec::new();
            let mut buffer = [0; STDERR_KEPT_BYTES];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                kept.extend_from_slice(&buffer[..read]);
                kept.drain(..kept.len().saturating_sub(STDERR_KEPT_BYTES));
            }
            let _ = sender.try_send(String::from_utf8_lossy(&kept).trim().to_owned());
        })?;
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::config;
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A child that is a shell script.
    fn child(script: &str) -> StormChild {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        StormChild::start_command(command, &config()).unwrap()
    }

    fn outcome() -> StormOutcome {
        let mut outcome = StormOutcome {
            pins_missing: 3,
            ..StormOutcome::default()
        };
        outcome.storm.requests = 7;
        outcome
    }

    #[test]
    fn the_outcome_is_found_among_other_lines() {
        let line = serde_json::to_string(&Said::Storm(outcome())).unwrap();
        let child = child(&format!(
            "read config; echo noise; echo '{{\"a\":1}}'; echo '{line}'; echo more"
        ));
        assert!(child.pid() > 0);
        assert_eq!(child.finish(LONG).unwrap(), outcome());
    }

    #[test]
    fn the_child_gets_the_configuration() {
        let child =
            child("read config; echo \"{\\\"failed\\\":\\\"$(echo $config | cut -c 2-9 | tr -d '\"')\\\"}\"");
        assert_eq!(child.finish(LONG).unwrap_err().to_string(), "server");
    }

    #[test]
    fn a_child_that_says_nothing_is_told_of_with_its_last_words() {
        let error = child("read config; echo 'no such thing' >&2; exit 7")
            .finish(LONG)
            .unwrap_err();
        let StormError::Silent { status, stderr } = error else {
            panic!("{error}")
        };
        assert!(
            status.contains('7') && stderr == "no such thing",
            "{status}: {stderr}"
        );
    }

    #[test]
    fn a_child_that_hangs_is_killed() {
        let child = child("trap '' TERM; while :; do read nothing; done");
        let pid = Pid::from_raw(i32::try_from(child.pid()).unwrap()).unwrap();
        assert!(matches!(child.stop(Duration::ZERO), Err(StormError::Overran(_))));
        assert!(rustix::process::test_kill_process(pid).is_err());
    }

    #[test]
    fn a_child_asked_to_stop_may_still_tell() {
        let line = serde_json::to_string(&Said::Storm(outcome())).unwrap();
        // `ready` says that the trap is set: a signal before it would end the shell.
        let script = "trap 'echo \"$line\"; exit 0' TERM; : > \"$ready\"; while :; do sleep 0.02; done";
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready");
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", script])
            .env("line", &line)
            .env("ready", &ready);
        let mut child = StormChild::start_command(command, &config()).unwrap();
        while !ready.exists() {
            assert!(!child.is_over());
            thread::yield_now();
        }
        assert_eq!(child.stop(LONG).unwrap(), outcome());
    }

    #[test]
    fn nothing_is_started_with_a_wrong_configuration() {
        let config = StormConfig { users: 0, ..config() };
        let error = StormChild::start(Path::new("/nonexistent"), &config).unwrap_err();
        assert!(matches!(error, StormError::Config { .. }), "{error}");
        let error = StormChild::start(Path::new("/nonexistent"), &self::config()).unwrap_err();
        assert!(matches!(error, StormError::Io(_)), "{error}");
    }
}
