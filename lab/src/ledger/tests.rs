//! Labs that come, go and are killed, on a host made of files.

use super::*;
use crate::host::tests::Tree;

const FILES: &str = "fs.file-max";
const MEMORY: &str = "net.ipv4.tcp_mem";

/// A process that has certainly ended.
fn dead() -> Identity {
    let me = Identity::mine();
    Identity {
        start_ticks: me.start_ticks - 1,
        ..me
    }
}

struct Desk {
    tree: Tree,
    ledger: Ledger,
}

impl Desk {
    fn new() -> Self {
        let tree = Tree::reference();
        let ledger = Ledger::at(tree.0.path().join("run/teem"));
        Self { tree, ledger }
    }

    fn now(&self, name: &str) -> String {
        self.tree.host().sysctl(name).unwrap()
    }

    fn is_kept(&self) -> bool {
        self.tree.0.path().join("run/teem/labs.json").exists()
    }
}

#[test]
fn the_last_lab_to_leave_puts_everything_back() {
    let desk = Desk::new();
    let host = desk.tree.host();
    let (first, second) = (Identity::mine(), Identity::of(1).unwrap());
    let mut held = desk.ledger.hold().unwrap();
    held.enter(first).unwrap();
    assert_eq!(held.change(&host, FILES, "3000000").unwrap(), "2466170");
    held.change(&host, MEMORY, "1 2 700000").unwrap();
    drop(held);
    let mut held = desk.ledger.hold().unwrap();
    assert_eq!(held.recover(&host).unwrap(), None, "the first is alive");
    held.enter(second).unwrap();
    held.change(&host, FILES, "9000000").unwrap();
    assert_eq!(held.leave(&host, first).unwrap(), Settled::default());
    assert_eq!(desk.now(FILES), "9000000");
    let settled = held.leave(&host, second).unwrap();
    assert_eq!(
        (settled.restored.clone(), settled.left_alone()),
        (vec![FILES.to_owned(), MEMORY.to_owned()], None)
    );
    assert_eq!(desk.now(FILES), "2466170", "as it was before the first");
    assert_eq!(desk.now(MEMORY), "287898 383867 575796");
    assert!(!desk.is_kept());
}

#[test]
fn who_comes_next_cleans_up_after_the_killed() {
    let desk = Desk::new();
    let host = desk.tree.host();
    assert_eq!(desk.ledger.recover(&host).unwrap(), None);
    assert!(!desk.tree.0.path().join("run").exists(), "looking makes nothing");
    let mut held = desk.ledger.hold().unwrap();
    held.enter(dead()).unwrap();
    held.change(&host, FILES, "3000000").unwrap();
    drop(held);
    let found = desk.ledger.recover(&host).unwrap().unwrap();
    assert_eq!(
        (found.labs, found.settled.restored.as_slice()),
        (1, &[FILES.to_owned()][..])
    );
    assert_eq!(desk.now(FILES), "2466170");
    assert!(!desk.is_kept());
}

/// Killed between writing it down and writing it, or refused by the kernel: the value before is still a lab's.
#[test]
fn a_change_that_did_not_come_about_hides_none_that_did() {
    let desk = Desk::new();
    let host = desk.tree.host();
    let (first, second) = (Identity::mine(), Identity::of(1).unwrap());
    let mut held = desk.ledger.hold().unwrap();
    held.enter(first).unwrap();
    held.change(&host, FILES, "3000000").unwrap();
    held.enter(second).unwrap();
    for wanted in ["9000000", "8000000"] {
        let now = host.sysctl(FILES).unwrap();
        held.note(FILES, &now, wanted).unwrap();
        assert_eq!(held.pages.settings[FILES].changed, ["3000000", wanted]);
    }
    held.leave(&host, second).unwrap();
    assert_eq!(held.leave(&host, first).unwrap().restored, [FILES]);
    assert_eq!(desk.now(FILES), "2466170");
    assert!(!desk.is_kept());
}

/// The only lab's only change did not come about: there is nothing to put back, and nobody else to name.
#[test]
fn a_setting_that_was_not_changed_yet_is_as_it_was() {
    let desk = Desk::new();
    let host = desk.tree.host();
    let mut held = desk.ledger.hold().unwrap();
    held.enter(dead()).unwrap();
    held.note(FILES, "2466170", "3000000").unwrap();
    drop(held);
    let found = desk.ledger.recover(&host).unwrap().unwrap();
    assert_eq!(found.settled, Settled::default());
    assert_eq!(desk.now(FILES), "2466170");
    assert!(!desk.is_kept());
}

#[test]
fn what_somebody_else_wrote_is_left_alone_and_told() {
    let desk = Desk::new();
    let host = desk.tree.host();
    let mut held = desk.ledger.hold().unwrap();
    held.enter(dead()).unwrap();
    held.change(&host, FILES, "3000000").unwrap();
    drop(held);
    host.set_sysctl(FILES, "4000000").unwrap();
    let found = desk.ledger.recover(&host).unwrap().unwrap();
    assert!(found.settled.restored.is_empty());
    assert!(
        found
            .to_string()
            .ends_with("left alone, as no lab wrote what it is now: fs.file-max = 4000000"),
        "{found}"
    );
    assert_eq!(desk.now(FILES), "4000000", "somebody else's");
}

#[test]
fn another_boot_has_its_settings_afresh() {
    let desk = Desk::new();
    let host = desk.tree.host();
    let mut held = desk.ledger.hold().unwrap();
    held.enter(dead()).unwrap();
    held.change(&host, FILES, "3000000").unwrap();
    held.pages.boot = "another".to_owned();
    held.write().unwrap();
    drop(held);
    assert_eq!(desk.ledger.recover(&host).unwrap(), None);
    assert_eq!(desk.now(FILES), "3000000");
}

#[test]
fn what_cannot_be_put_back_stays_on_record() {
    let desk = Desk::new();
    let host = desk.tree.host();
    let mut held = desk.ledger.hold().unwrap();
    held.enter(dead()).unwrap();
    held.change(&host, FILES, "3000000").unwrap();
    held.change(&host, MEMORY, "1 2 3").unwrap();
    held.put_back(&host, MEMORY).unwrap();
    assert_eq!(desk.now(MEMORY), "287898 383867 575796");
    drop(held);
    let refused = held_but_not_writable(&desk);
    assert!(refused.is_err() && desk.is_kept());
}

/// A setting that this host has not.
fn held_but_not_writable(desk: &Desk) -> Result<Option<Recovered>, LabError> {
    let mut held = desk.ledger.hold().unwrap();
    held.note("fs.absent", "1", "2").unwrap();
    held.recover(&desk.tree.host())
}

#[test]
fn a_ledger_that_is_none_is_told() {
    let desk = Desk::new();
    desk.tree.write("run/teem/labs.json", "{");
    let error = desk.ledger.recover(&desk.tree.host()).unwrap_err().to_string();
    assert!(
        error.contains("labs.json") && error.contains("TEEM_STATE_DIR"),
        "{error}"
    );
}
