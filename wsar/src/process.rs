//! Processes under watch: CPU time, anonymous memory, threads.
//!
//! It does not know what a process does, and it starts and ends none. A label outlives its process: where one takes
//! another's place (a server killed and started again), the label's CPU time goes on from where it was.

use record::Sample;
use record::name::process as name;

use crate::host::{kilobytes, micros};
use crate::proc_file::{Buffer, ProcFile};

/// What a process's `stat` says (proc_pid_stat(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessStat {
    /// Its state: `R`, `S`, `Z` for one that ended and was not waited for, ...
    pub state: char,
    /// Its parent's number.
    pub parent: u32,
    /// User and system time of all its threads, ended ones too, in clock ticks.
    pub cpu_ticks: u64,
    /// Threads.
    pub threads: u64,
}

impl ProcessStat {
    /// Reads the text; `None` where a field is missing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // A program's name may hold blanks and parentheses; nothing after it does.
        let (_, after_name) = text.rsplit_once(')')?;
        let mut fields = after_name.split_ascii_whitespace();
        // The fields after the name count from 3 in the manual.
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let user: u64 = fields.nth(14 - 5)?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        let threads = fields.nth(20 - 16)?.parse().ok()?;
        Some(Self {
            state,
            parent,
            cpu_ticks: user.saturating_add(system),
            threads,
        })
    }

    /// Whether it has ended, though its parent may not have waited for it yet.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// Anonymous resident memory, bytes, from the text of a process's `status`. One that ended has none.
#[must_use]
pub fn rss_anon_bytes(status: &str) -> Option<u64> {
    kilobytes(status, "RssAnon")
}

/// A label and the process that bears it now.
#[derive(Debug)]
pub(crate) struct Watch {
    label: String,
    /// `None` once the process has vanished.
    process: Option<Process>,
    /// CPU time of the label, up to now and over all processes that bore it.
    cpu_us: u64,
    vanishing: bool,
}

impl Watch {
    pub(crate) fn new(label: String, pid: u32, buffer: &mut Buffer) -> Self {
        let mut watch = Self {
            label,
            process: None,
            cpu_us: 0,
            vanishing: false,
        };
        watch.follow(pid, buffer);
        watch
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Gives the label to a process. The one that bore it is no longer looked at, and is not called vanished.
    ///
    /// A child of ours is charged from its birth, since we started it for the run; any other (ourselves, a server that
    /// was there before) from now.
    pub(crate) fn follow(&mut self, pid: u32, buffer: &mut Buffer) {
        self.process = Process::open(pid, buffer);
        // Gone before it was looked at, or not ours to see: the next sample says so.
        self.vanishing = self.process.is_none();
    }

    /// Adds the process's figures to a sample; true where it has vanished since the last one.
    ///
    /// Its CPU time stays in every later sample, since a counter does not fall; its gauges end with it.
    pub(crate) fn fill(&mut self, sample: &mut Sample, buffer: &mut Buffer) -> bool {
        let mut vanished = std::mem::take(&mut self.vanishing);
        if let Some(process) = &mut self.process {
            let stat = process.stat(buffer);
            let spent_us = stat.map_or(0, |stat| process.newly_spent_us(&stat));
            self.cpu_us = self.cpu_us.saturating_add(spent_us);
            match stat.filter(|stat| !stat.has_ended()) {
                Some(stat) => {
                    sample
                        .gauges
                        .insert(name::threads(&self.label), stat.threads as f64);
                    if let Some(bytes) = process.rss_anon_bytes(buffer) {
                        sample
                            .gauges
                            .insert(name::rss_anon_bytes(&self.label), bytes as f64);
                    }
                }
                None => {
                    self.process = None;
                    vanished = true;
                }
            }
        }
        sample.counters.insert(name::cpu_us(&self.label), self.cpu_us);
        vanished
    }
}

/// The open files of a process.
#[derive(Debug)]
struct Process {
    stat: ProcFile,
    status: ProcFile,
    /// CPU ticks that are counted already, or were spent before the watch.
    counted_ticks: u64,
    ticks_per_second: u64,
}

impl Process {
    fn open(pid: u32, buffer: &mut Buffer) -> Option<Self> {
        let mut process = Self {
            stat: ProcFile::open(format!("/proc/{pid}/stat")).ok()?,
            status: ProcFile::open(format!("/proc/{pid}/status")).ok()?,
            counted_ticks: 0,
            ticks_per_second: rustix::param::clock_ticks_per_second(),
        };
        let stat = process.stat(buffer)?;
        if stat.parent != std::process::id() {
            process.counted_ticks = stat.cpu_ticks;
        }
        Some(process)
    }

    fn stat(&self, buffer: &mut Buffer) -> Option<ProcessStat> {
        ProcessStat::parse(&self.stat.read(buffer).ok()?)
    }

    fn rss_anon_bytes(&self, buffer: &mut Buffer) -> Option<u64> {
        rss_anon_bytes(&self.status.read(buffer).ok()?)
    }

    fn newly_spent_us(&mut self, stat: &ProcessStat) -> u64 {
        let spent = stat.cpu_ticks.saturating_sub(self.counted_ticks);
        self.counted_ticks = self.counted_ticks.max(stat.cpu_ticks);
        micros(spent, self.ticks_per_second)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use proptest::prelude::*;
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    use super::*;

    const STAT: &str = include_str!("../samples/pid_stat.txt");
    const STATUS: &str = include_str!("../samples/pid_status.txt");

    /// A child that lives until its standard input closes.
    fn child() -> Child {
        Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn fill(watch: &mut Watch) -> (Sample, bool) {
        let mut sample = Sample::default();
        let vanished = watch.fill(&mut sample, &mut Buffer::new());
        (sample, vanished)
    }

    #[test]
    fn the_samples_are_read() {
        let expected = ProcessStat {
            state: 'S',
            parent: 4_200,
            cpu_ticks: 1_234 + 5_678,
            threads: 5,
        };
        assert_eq!(ProcessStat::parse(STAT), Some(expected));
        assert_eq!(rss_anon_bytes(STATUS), Some(141_112 * 1_024));
    }

    #[test]
    fn ourselves_are_charged_from_now() {
        let mut watch = Watch::new("swarm".to_owned(), std::process::id(), &mut Buffer::new());
        let process = watch.process.as_ref().unwrap();
        let counted = process.counted_ticks;
        assert!(process.stat(&mut Buffer::new()).unwrap().cpu_ticks >= counted);
        let (sample, vanished) = fill(&mut watch);
        assert!(!vanished);
        assert!(sample.gauges["process.swarm.threads"] >= 1.0);
        assert!(sample.gauges["process.swarm.rss_anon_bytes"] > 0.0);
        assert!(sample.counters.contains_key("process.swarm.cpu_us"));
    }

    #[test]
    fn a_child_is_charged_from_birth_and_its_end_is_told_once() {
        let mut child = child();
        let mut watch = Watch::new("server".to_owned(), child.id(), &mut Buffer::new());
        assert_eq!(watch.process.as_ref().unwrap().counted_ticks, 0);
        assert!(!fill(&mut watch).1);
        drop(child.stdin.take());
        child.wait().unwrap();
        let (sample, vanished) = fill(&mut watch);
        assert!(vanished && sample.gauges.is_empty());
        let (sample, vanished) = fill(&mut watch);
        assert!(!vanished);
        assert!(
            sample.counters.contains_key("process.server.cpu_us"),
            "a counter stays"
        );
    }

    #[test]
    fn one_that_ended_and_was_not_waited_for_has_vanished() {
        let mut child = child();
        let mut watch = Watch::new("server".to_owned(), child.id(), &mut Buffer::new());
        drop(child.stdin.take());
        let pid = Pid::from_child(&child);
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
        assert!(fill(&mut watch).1);
        child.wait().unwrap();
    }

    #[test]
    fn a_label_goes_on_with_its_next_process() {
        let mut first = child();
        let mut watch = Watch::new("server".to_owned(), first.id(), &mut Buffer::new());
        watch.cpu_us = 700;
        drop(first.stdin.take());
        first.wait().unwrap();
        assert!(fill(&mut watch).1);
        let mut second = child();
        watch.follow(second.id(), &mut Buffer::new());
        let (sample, vanished) = fill(&mut watch);
        assert!(!vanished);
        assert!(sample.counters["process.server.cpu_us"] >= 700);
        assert!(sample.gauges.contains_key("process.server.threads"));
        second.kill().unwrap();
        second.wait().unwrap();
    }

    #[test]
    fn one_that_was_never_there_has_vanished() {
        // Above the highest number a process can have.
        let mut watch = Watch::new("storm".to_owned(), u32::MAX, &mut Buffer::new());
        assert!(fill(&mut watch).1);
        assert!(!fill(&mut watch).1);
    }

    #[test]
    fn ticks_count_once() {
        let mut buffer = Buffer::new();
        let mut process = Process::open(std::process::id(), &mut buffer).unwrap();
        process.counted_ticks = 100;
        process.ticks_per_second = 100;
        let stat = |cpu_ticks| ProcessStat {
            state: 'R',
            parent: 1,
            cpu_ticks,
            threads: 1,
        };
        assert_eq!(process.newly_spent_us(&stat(150)), 500_000);
        assert_eq!(process.newly_spent_us(&stat(140)), 0);
        assert_eq!(process.newly_spent_us(&stat(151)), 10_000);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "(?s).{0,200}", cut in 0..STAT.len()) {
            let _ = ProcessStat::parse(&text);
            let _ = ProcessStat::parse(&format!("1 (a){text}"));
            let _ = ProcessStat::parse(&STAT[..cut]);
            let _ = rss_anon_bytes(&text);
            let _ = rss_anon_bytes(&format!("RssAnon:{text}"));
        }

        #[test]
        fn any_name_leaves_the_fields_in_place(program in "[ -~\n]{0,15}") {
            let text = STAT.replace("teem) serve (1", &program);
            prop_assert_eq!(ProcessStat::parse(&text), ProcessStat::parse(STAT));
        }
    }
}
