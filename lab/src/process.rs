//! Processes that outlive names: an identity that a number used again does not fake, and a lab's members.
//!
//! It knows `/proc` and signals, not why somebody is to end.

use std::fs;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::LAB_VARIABLE;

/// How long a killed process may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// A process: its number, and when it started, since numbers are given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since the host did (proc(5), `stat`, field 22).
    pub start_ticks: u64,
}

impl Identity {
    /// The process that has this number now, unless it has ended and is only waited for.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (state, start_ticks) = parse_stat(&stat)?;
        (!matches!(state, 'Z' | 'X')).then_some(Self { pid, start_ticks })
    }

    /// This process.
    #[must_use]
    pub fn mine() -> Self {
        let pid = std::process::id();
        Self::of(pid).unwrap_or(Self { pid, start_ticks: 0 })
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid) == Some(*self)
    }

    /// What its lab's members carry in their environment; no other lab since the host started has the same.
    #[must_use]
    pub fn mark(&self) -> String {
        format!("{}-{}", self.pid, self.start_ticks)
    }

    /// Ends it with SIGKILL and waits until it is gone. Whether it was there and is not any more.
    pub fn kill(&self) -> bool {
        let Some(pid) = Pid::from_raw(self.pid as i32) else {
            return false;
        };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            return false;
        };
        // The handle is some process's of that number; only now is it known whose.
        if !self.is_alive() || pidfd_send_signal(&handle, Signal::KILL).is_err() {
            return false;
        }
        let within = Timespec {
            tv_sec: GONE_WITHIN.as_secs() as i64,
            tv_nsec: 0,
        };
        let mut watched = [PollFd::new(&handle, PollFlags::IN)];
        matches!(poll(&mut watched, Some(&within)), Ok(1))
    }
}

/// The processes that carry a lab's mark, but for this one.
#[must_use]
pub fn members(mark: &str) -> Vec<Identity> {
    let wanted = format!("{LAB_VARIABLE}={mark}");
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse().ok())
        .filter(|pid| *pid != std::process::id())
        .filter(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|line| line == wanted.as_bytes())
        })
        .filter_map(Identity::of)
        .collect()
}

/// Whether a key pressed on the terminal signals this process's group: its children there have the signal already.
#[must_use]
pub fn is_in_foreground() -> bool {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
    // State, parent, group, session, terminal, the terminal's group; -1 is none.
    let fields: Vec<_> = fields.into_iter().flatten().take(6).collect();
    fields.len() == 6 && fields[2] == fields[5]
}

/// State and start of a `stat` line. The name, in parentheses, may hold anything.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_name_may_look_like_fields() {
        let stat = "42 (a) Z 1) S 1 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0";
        assert_eq!(parse_stat(stat), Some(('S', 777)));
        assert_eq!(parse_stat("42 (a"), None);
    }

    #[test]
    fn a_number_used_again_is_somebody_else() {
        let me = Identity::mine();
        assert!(me.is_alive());
        let former = Identity {
            start_ticks: me.start_ticks - 1,
            ..me
        };
        assert!(!former.is_alive() && !former.kill());
    }

    #[test]
    fn members_are_found_by_their_mark_and_ended() {
        let mark = format!("test-{}", std::process::id());
        let mut child = Command::new("sh")
            .args(["-c", "echo begun; read -r word"])
            .env(LAB_VARIABLE, &mark)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Before it has begun, its environment is this process's; while it becomes another program, it has none at all.
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let found = members(&mark);
        assert_eq!(
            found.iter().map(|member| member.pid).collect::<Vec<_>>(),
            [child.id()]
        );
        assert!(members("test").is_empty(), "a mark is no prefix");
        assert!(found[0].kill());
        assert!(!child.wait().unwrap().success());
    }
}
