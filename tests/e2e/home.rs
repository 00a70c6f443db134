//! A folder that a test has to itself, and `teem` started in it.
//!
//! It does not know what is run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::run_folder::RunFolder;

/// No command takes this long, on however busy a host; one that does hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// How often a run is tried again whose generator found no CPU: such a run says nothing, by teem's own word.
const ATTEMPTS: u32 = 3;

/// A folder of its own.
pub(crate) struct Home(TempDir);

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self(TempDir::with_prefix("teem-e2e-").unwrap())
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file into it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// What is in it, sorted.
    pub(crate) fn entries(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// `teem` with these arguments, to be started here.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(args);
        self.settle(&mut command);
        command
    }

    /// Gives a command this folder and a plain environment.
    pub(crate) fn settle(&self, command: &mut Command) {
        command
            .current_dir(self.0.path())
            .env("NO_COLOR", "1")
            // Its own labs' ledger, and no lab of whoever runs the test.
            .env("TEEM_STATE_DIR", self.path("state"))
            .env_remove("TEEM_LAB")
            .env_remove("TEEM_LOG")
            .env_remove("TEEM_ADMIN_TOKEN");
    }

    /// Runs `teem` to its end.
    pub(crate) fn teem(&self, args: &[&str]) -> Done {
        self.finish(self.command(args))
    }

    /// Runs a command to its end.
    pub(crate) fn finish(&self, command: Command) -> Done {
        let mut command = assert_cmd::Command::from_std(command);
        let output = command.timeout(PATIENCE).output().unwrap();
        Done {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs `teem run ... --out NAME`, and again where the generator itself fell short: a busy host's fault, not teem's.
    pub(crate) fn run(&self, name: &str, args: &[&str]) -> (Done, RunFolder) {
        let folder = self.path(name);
        let mut whole = vec!["run"];
        whole.extend(args);
        whole.extend(["--quiet", "--out", name]);
        for attempt in 1.. {
            let done = self.teem(&whole);
            let run = RunFolder::at(&folder);
            if attempt == ATTEMPTS || !run.generator_fell_short() {
                return (done, run);
            }
            eprintln!(
                "attempt {attempt}: {:?}: once more",
                run.summary().invalid_because
            );
            fs::remove_dir_all(&folder).unwrap();
        }
        unreachable!("the last attempt returned");
    }
}

impl Done {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{self:#?}");
        self
    }

    /// Asserts that it was a mistake told in one line on standard error, in which all these words occur.
    #[track_caller]
    pub(crate) fn mistake(self, words: &[&str]) -> Self {
        let done = self.code(2);
        let errors: Vec<&str> = done
            .err
            .lines()
            .filter(|line| line.starts_with("error:"))
            .collect();
        assert_eq!(errors.len(), 1, "{done:#?}");
        for word in words {
            assert!(errors[0].contains(word), "`{word}` is not in {done:#?}");
        }
        done
    }
}

/// The binary under test.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_teem"))
}

/// Looks until something is so.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
