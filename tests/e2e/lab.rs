//! The lab and the doctor: what they make, what they leave behind, and what a killed lab leaves to the next command.
//!
//! Labs change the host, so these tests take turns. Where the privilege is missing they are skipped.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::home::{Home, binary, until};
use crate::interrupt::{assert_gone, state_and_parent};
use crate::run_folder::RunFolder;

/// One lab at a time: each asserts that the host is as it was.
static TURN: Mutex<()> = Mutex::new(());

/// What a lab for three million raises on most hosts.
const WATCHED: [&str; 4] = [
    "fs/file-max",
    "net/ipv4/tcp_mem",
    "net/ipv4/tcp_max_orphans",
    "net/ipv4/tcp_child_ehash_entries",
];

/// A turn, and what the host was at its begin; `None` where there can be no lab.
pub(crate) struct Turn {
    _turn: MutexGuard<'static, ()>,
    home: Home,
    before: Vec<String>,
}

impl Turn {
    pub(crate) fn take() -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let home = Home::new();
        let before = settings();
        let tried = home.teem(&["lab", "--connections", "1k", "--", "true"]);
        if tried.code == Some(0) {
            return Some(Self {
                _turn: turn,
                home,
                before,
            });
        }
        testbed::skipped(&format!("no lab here: {}", tried.err.trim()));
        None
    }

    /// Where its labs are started.
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// The host is as it was, and nobody remembers a lab.
    pub(crate) fn assert_undone(&self) {
        assert_eq!(settings(), self.before);
        assert!(!self.home.path("state/labs.json").exists());
    }

    /// Starts a shell's script in a lab and waits until it has written this file.
    fn start(&self, connections: &str, script: &str, file: &str) -> Child {
        let mut child = self
            .home
            .command(&["lab", "--connections", connections, "--", "sh", "-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let written = self.home.path(file);
        until("the script's begin", || {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            fs::read_to_string(&written)
                .is_ok_and(|text| text.ends_with('\n'))
                .then_some(())
        });
        child
    }
}

/// Waits for a lab's end; its exit code.
fn ended(lab: &mut Child) -> Option<i32> {
    until("the lab's end", || lab.try_wait().unwrap()).code()
}

fn settings() -> Vec<String> {
    let read = |name: &&str| fs::read_to_string(format!("/proc/sys/{name}")).unwrap_or_default();
    WATCHED.iter().map(read).collect()
}

/// `teem` with these arguments and no capability.
pub(crate) fn powerless(home: &Home, args: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--bounding-set=-all", "--inh-caps=-all"])
        .arg(binary())
        .args(args);
    home.settle(&mut command);
    command
}

#[test]
fn a_lab_has_a_network_of_its_own_and_ends_with_its_command() {
    let Some(turn) = Turn::take() else { return };
    let script = "cat /proc/sys/net/ipv4/tcp_ehash_entries /proc/sys/net/core/somaxconn; \
                  echo $TEEM_LAB_ADDRESS; grep -c : /proc/net/dev; exit 7";
    let done = turn
        .home
        .teem(&[
            "lab",
            "--connections",
            "3M",
            "--transport",
            "packet",
            "--",
            "sh",
            "-c",
            script,
        ])
        .code(7);
    assert_eq!(done.out, "4194304\n65535\n198.19.255.254\n1\n", "{done:#?}");
    assert!(
        done.err.starts_with("lab: ") && done.err.lines().count() == 1,
        "{done:#?}"
    );
    turn.assert_undone();
    let lab = |script: &str| turn.home.teem(&["lab", "--", "sh", "-c", script]);
    lab("kill -9 $$").code(137);
    let nested = format!("exec {} lab -- true", binary().display());
    lab(&nested).mistake(&["a lab already", "TEEM_LAB"]);
    turn.home
        .teem(&["lab", "--", "no-such-command"])
        .mistake(&["`no-such-command`"]);
    turn.assert_undone();
}

#[test]
fn a_server_in_a_lab_is_reached_at_its_address() {
    let Some(turn) = Turn::take() else { return };
    // It is still running when the shell ends, and goes with the lab.
    let script = format!(
        "mkfifo says; \
         {} serve --listen $TEEM_LAB_ADDRESS:7700 --http $TEEM_LAB_ADDRESS:7780 --admin 127.0.0.1:7790 --json > says & \
         read -r said < says; printf '%s' \"$said\" > ready; {} knob durability",
        binary().display(),
        binary().display()
    );
    let done = turn.home.teem(&["lab", "--", "sh", "-c", &script]).code(0);
    assert!(done.out.contains("commit"), "{done:#?}");
    let ready: Value = serde_json::from_str(&fs::read_to_string(turn.home.path("ready")).unwrap()).unwrap();
    assert_eq!(ready["listen"], "198.19.255.254:7700");
    let server = ready["pid"].as_u64().unwrap() as u32;
    assert_gone(vec![server]);
    turn.assert_undone();
}

/// Not even `kill -9` leaves anything behind, once somebody looks.
#[test]
fn the_next_command_cleans_up_after_a_killed_lab() {
    let Some(turn) = Turn::take() else { return };
    let script = "sleep 1000 & echo $$ $! > pids; wait";
    let mut child = turn.start("3M", script, "pids");
    let raised = settings();
    let pids: Vec<u32> = fs::read_to_string(turn.home.path("pids"))
        .unwrap()
        .split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_gone(pids[..1].to_vec());
    assert_eq!(settings(), raised, "nobody was left to undo it");
    assert!(
        state_and_parent(pids[1]).is_some(),
        "what the command started is left, too"
    );
    let next = turn.home.teem(&["doctor", "--connections", "100"]);
    assert!(next.err.contains("cleaned up after 1 killed lab"), "{next:#?}");
    assert!(next.err.contains("1 process(es) ended"), "{next:#?}");
    assert_gone(pids);
    turn.assert_undone();
    let again = turn.home.teem(&["doctor", "--connections", "100"]);
    assert!(again.err.is_empty(), "{again:#?}");
}

#[test]
fn an_interrupt_is_the_command_s_and_the_lab_cleans_up() {
    let Some(turn) = Turn::take() else { return };
    for (signal, code) in [(Signal::INT, 9), (Signal::TERM, 10)] {
        let script = "trap 'exit 9' INT; trap 'exit 10' TERM; sleep 1000 & echo > ready; wait";
        let mut child = turn.start("3M", script, "ready");
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(ended(&mut child), Some(code));
        turn.assert_undone();
        fs::remove_file(turn.home.path("ready")).unwrap();
    }
}

/// Two at once share what is raised; the last to leave puts it back.
#[test]
fn two_labs_share_the_host() {
    let Some(turn) = Turn::take() else { return };
    let mut first = turn.start("3M", "echo > first; sleep 1000 & wait", "first");
    let raised = settings();
    let mut second = turn.start("2M", "echo > second; sleep 1000 & wait", "second");
    kill_process(Pid::from_child(&first), Signal::TERM).unwrap();
    assert_eq!(ended(&mut first), Some(143));
    assert_eq!(settings(), raised, "the second still needs it");
    kill_process(Pid::from_child(&second), Signal::TERM).unwrap();
    assert_eq!(ended(&mut second), Some(143));
    turn.assert_undone();
}

#[test]
fn a_run_passes_inside() {
    let Some(turn) = Turn::take() else { return };
    let (done, run) = turn.home.run("out", &["smoke", "--lab", "always"]);
    assert!(done.err.contains("lab: "), "{done:#?}");
    done.code(0);
    assert_eq!(run.summary().connections.failed, 0);
    turn.assert_undone();
}

/// A namespace whose listeners could hold but a few: a run that is not told of it makes a lab by itself.
#[test]
fn a_run_chooses_the_lab_where_the_host_is_short() {
    let Some(turn) = Turn::take() else { return };
    let script = format!(
        "echo 16 > /proc/sys/net/core/somaxconn; exec env -u TEEM_LAB {} run smoke --quiet --out out",
        binary().display()
    );
    let done = turn
        .home
        .teem(&["lab", "--connections", "2k", "--", "sh", "-c", &script]);
    let labs = done.err.lines().filter(|line| line.starts_with("lab: ")).count();
    assert_eq!(labs, 2, "{done:#?}");
    let run = RunFolder::at(&turn.home.path("out"));
    assert!(done.code == Some(0) || run.generator_fell_short(), "{done:#?}");
    turn.assert_undone();
}

#[test]
fn what_a_lab_lacks_is_one_sentence() {
    let home = Home::new();
    let refused = |args: &[&str], words: &[&str]| {
        home.finish(powerless(&home, args)).mistake(words);
        assert!(home.entries().is_empty(), "{args:?} left something behind");
    };
    let words = ["CAP_NET_ADMIN", "CAP_SYS_ADMIN", "root"];
    refused(&["lab", "--", "touch", "file"], &words);
    refused(&["run", "smoke", "--lab", "always", "--out", "out"], &words);
    let target = ["--target", "127.0.0.1:1", "--secret-file", "none"];
    let args = [&["run", "smoke", "--lab", "always"], &target[..]].concat();
    home.teem(&args).mistake(&["--lab always", "--target"]);
}

/// A limit that no lab raises: said before anything starts, with its name and what raises it.
#[test]
fn what_no_lab_raises_is_one_sentence() {
    let home = Home::new();
    // Nothing starts: its folder is taken.
    home.write("taken", "");
    let run = "ulimit -n 700; exec \"$0\" run climb --connections 2M --plain --out .";
    let mut command = Command::new("sh");
    command.args(["-c", run]).arg(binary());
    home.settle(&mut command);
    let done = home.finish(command).code(2);
    let note = done.err.lines().find(|line| line.contains("which no lab raises"));
    let note = note.unwrap_or_else(|| panic!("{done:#?}"));
    for word in ["RLIMIT_NOFILE is 700", "kernel sockets instead of packets"] {
        assert!(note.contains(word), "{note}");
    }
}

#[test]
fn the_doctor_lists_limits_and_judges() {
    let home = Home::new();
    let fine = home.teem(&["doctor", "--connections", "100"]).code(0);
    assert!(
        fine.out.contains("RLIMIT_NOFILE") && !fine.out.contains("  short"),
        "{fine:#?}"
    );
    assert!(!fine.out.contains('\x1b'), "colour is for terminals");
    let short = home.teem(&["doctor", "--connections", "900M", "--json"]).code(1);
    let report: Value = serde_json::from_str(&short.out).unwrap();
    let limits = report["limits"].as_array().unwrap();
    let memory = limits.iter().find(|limit| limit["limit"] == "memory").unwrap();
    assert_eq!(memory["short"], true);
    assert!(memory["needed"].as_u64() > memory["now"].as_u64());
    assert!(memory["sum"].as_str().unwrap().starts_with("900,000,000 x ("));
    for limit in limits {
        assert!(!limit["command"].as_str().unwrap().is_empty(), "{limit}");
    }
    // The transport is what a run would take.
    for (connections, transport) in [("999k", "kernel"), ("1M", "packet")] {
        let judged = home.teem(&["doctor", "--connections", connections, "--json"]);
        let report: Value = serde_json::from_str(&judged.out).unwrap();
        assert_eq!(report["transport"], transport, "{connections}");
    }
    home.teem(&["doctor", "--connections", "many"]).code(2);
    home.teem(&["doctor", "--plain", "--tls"]).code(2);
}

/// Inside a lab, where what is raised is gone afterwards.
#[test]
fn the_doctor_raises_what_can_be_raised() {
    let Some(turn) = Turn::take() else { return };
    let doctor = format!("{} doctor --connections 20k", binary().display());
    let script = format!(
        "echo 16 > /proc/sys/net/core/somaxconn; {doctor} --json; echo = $?; {doctor} --fix; echo = $?; \
         cat /proc/sys/net/core/somaxconn; ulimit -n 500; {doctor} --fix > /dev/null; echo = $?"
    );
    let done = turn
        .home
        .teem(&["lab", "--connections", "20k", "--", "sh", "-c", &script])
        .code(0);
    let codes: Vec<&str> = done.out.lines().filter(|line| line.starts_with("= ")).collect();
    assert_eq!(codes, ["= 1", "= 0", "= 1"], "{done:#?}");
    assert!(done.out.contains("\n200\n"), "{done:#?}");
    assert!(done.err.contains("set net.core.somaxconn to 200"), "{done:#?}");
    assert!(done.err.contains("cannot raise RLIMIT_NOFILE"), "{done:#?}");
    turn.assert_undone();
}
