//! Damaged items and files that cannot be written: nobody is silenced.

use super::*;

#[test]
fn a_damaged_item_does_not_stop_its_mailbox() {
    let disk = SimulatedDisk::new(11);
    let mut town = Town::on(&disk);
    let (ann, bob) = (town.online(1), number(2));
    for id in 1..=3 {
        town.say(1, ann, &send(id, bob, format!("to be read {id}").as_bytes()));
    }
    // Enough for others to close the segment, so that it is read from the disk.
    (4..=60).for_each(|id| town.say(1, ann, &send(id, number(3), &[b'x'; 200])));
    town.work();
    disk.damage_at(b"to be read 2");
    town.enter(2, bob, Secret::new(b"secret").key(bob));
    assert_eq!(
        town.work(),
        mail(&[
            (2, "+ Welcome 0 3"),
            (2, "+ Deliver 1/1 to be read 1"),
            (2, "+ Deliver 1/3 to be read 3"),
        ])
    );
    let seq = *town.seqs.last().unwrap();
    town.say(2, bob, &ClientFrame::Ack { seq });
    assert_eq!(
        town.work(),
        mail(&[(1, "Delivered 1 by 2"), (1, "Delivered 3 by 2")]),
        "the sender learns that one did not arrive by its missing tick"
    );
    let figures = &town.office.parts.figures;
    let counted = (
        figures.copies_accepted.total(),
        figures.copies_acknowledged.total(),
        figures.copies_queued.level(),
        figures.copies_set_aside.total(),
    );
    assert_eq!(
        counted,
        (60, 2, 57, 1),
        "accepted = acknowledged + queued + set aside"
    );
}

#[test]
fn files_that_cannot_be_written_silence_nobody() {
    let disk = SimulatedDisk::new(12);
    let mut town = Town::on(&disk);
    let (ann, bob, cid) = (town.online(1), town.online(2), number(3));
    town.say(1, ann, &send(1, cid, b"safe"));
    town.work();
    disk.fail(true, true);
    town.say(1, ann, &send(2, bob, b"not safe"));
    town.say(1, ann, &send(3, cid, b"nor this"));
    town.say(2, bob, &ClientFrame::Typing { to: ann, on: true });
    town.enter(3, cid, Secret::new(b"secret").key(cid));
    assert_eq!(
        town.work(),
        mail(&[
            (1, "Typing 2 true"),
            (3, "+ Welcome 0 2"),
            (3, "+ Deliver 1/1 safe"),
        ]),
        "what is safe goes out, and nothing else"
    );
    // New messages are refused; a repeat is neither accepted nor refused before it is safe.
    town.say(1, ann, &send(4, bob, b"new"));
    town.say(1, ann, &send(2, bob, b"not safe"));
    // A second log-in gets what is safe, and not more.
    town.enter(4, cid, Secret::new(b"secret").key(cid));
    assert_eq!(
        town.work(),
        mail(&[
            (1, "Refused 4 StorageFull"),
            (3, "x Bye Replaced"),
            (4, "+ Welcome 0 2"),
            (4, "+ Deliver 1/1 safe"),
        ])
    );
    let seq = *town.seqs.last().unwrap();
    town.say(4, cid, &ClientFrame::Ack { seq });
    assert_eq!(
        town.work(),
        mail(&[(1, "Delivered 1 by 3")]),
        "acknowledgements land"
    );
    assert!(town.office.is_in_trouble());
    disk.fail(false, false);
    town.now_ms += 1000;
    let got = town.work();
    for frame in [
        (1, "Accepted 2"),
        (1, "Accepted 3"),
        (2, "Deliver 1/2 not safe"),
        (4, "Deliver 1/3 nor this"),
    ] {
        let frame = (frame.0, frame.1.to_owned());
        assert!(got.contains(&frame), "{frame:?} in {got:?}");
    }
    assert!(!town.office.is_in_trouble());
    town.say(1, ann, &send(4, bob, b"new"));
    assert_eq!(town.work(), mail(&[(2, "Deliver 1/4 new"), (1, "Accepted 4")]));
}
