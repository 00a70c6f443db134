//! What tests of several rooms ask of the host: a network of their own, and how a test that cannot be made says so.
//!
//! It does not know what is tested. Nothing but tests depends on it.
//!
//! The test harness knows no skipped test: one that cannot be made passes. So it says so where the harness does not hide it, and
//! is counted: each adds a line to the file that `TEEM_SKIPS` names, which `make test` shows at its end. Where `TEEM_NO_SKIP`
//! is set, as in `.ci/run`, it fails.

mod namespace;

use std::fs::OpenOptions;
use std::io::{self, Write as _};

pub use namespace::in_a_namespace;

/// The running test cannot be made on this host.
///
/// # Panics
/// `TEEM_NO_SKIP` is set.
pub fn skipped(why: &str) {
    assert!(std::env::var_os("TEEM_NO_SKIP").is_none(), "{why}");
    skipped_anywhere(why);
}

/// The running test cannot be made on this host, nor in the gate, which lacks what it takes: it is counted and never fails.
pub fn skipped_anywhere(why: &str) {
    let thread = std::thread::current();
    let line = format!("{}: {why}\n", thread.name().unwrap_or("a test"));
    // Past the harness, which shows what a test prints only if it fails.
    let _ = io::stderr().write_all(format!("SKIPPED {line}").as_bytes());
    if let Some(path) = std::env::var_os("TEEM_SKIPS") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        // One write a line: tests of several processes append to it.
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    const INNER: &str = "tests::one_that_cannot_be_made";

    /// Run by the next one, which says how; by itself it is any test that passes.
    #[test]
    fn one_that_cannot_be_made() {
        if std::env::var_os("TEEM_TEST_SKIPS").is_some() {
            super::skipped("there is no such thing here");
        }
    }

    #[test]
    fn a_skip_is_seen_and_counted_or_fails() {
        let skips = std::env::temp_dir().join(format!("teem-skips-{}", std::process::id()));
        let run = |forbidden: bool| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", INNER]).env("TEEM_TEST_SKIPS", "1");
            command.env("TEEM_SKIPS", &skips).env_remove("TEEM_NO_SKIP");
            if forbidden {
                command.env("TEEM_NO_SKIP", "1");
            }
            command.output().unwrap()
        };
        let skipped = run(false);
        let line = format!("{INNER}: there is no such thing here\n");
        assert!(skipped.status.success());
        assert!(String::from_utf8_lossy(&skipped.stderr).contains(&format!("SKIPPED {line}")));
        assert!(!run(true).status.success());
        assert_eq!(
            std::fs::read_to_string(&skips).unwrap(),
            line,
            "the one that failed is not counted"
        );
        std::fs::remove_file(&skips).unwrap();
    }
}
