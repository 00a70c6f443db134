//! Messages: ticks, repeats, windows, groups, and what bounds them.

use super::*;

#[test]
fn two_ticks() {
    let mut town = Town::new(100);
    let (ann, bob) = (town.online(1), town.online(2));
    town.say(1, ann, &send(1, bob, b"hi"));
    assert_eq!(town.work(), mail(&[(2, "Deliver 1/1 hi"), (1, "Accepted 1")]));
    town.say(2, bob, &ClientFrame::Ack { seq: u64::MAX });
    assert_eq!(town.work(), mail(&[(1, "Delivered 1 by 2")]));
    assert_eq!(town.office.parts.store.stats().items, 0);
    town.say(2, bob, &ClientFrame::Ack { seq: u64::MAX });
    assert_eq!(town.work(), mail(&[]), "what is erased is not ticked again");
}

#[test]
fn a_repeated_id_is_accepted_once_and_a_stale_one_refused() {
    let mut town = Town::new(1000);
    let (ann, bob) = (town.online(1), town.online(2));
    for _ in 0..3 {
        town.say(1, ann, &send(5, bob, b"once"));
    }
    let got = town.work();
    assert_eq!(
        got.iter()
            .filter(|(_, frame)| frame.starts_with("Deliver"))
            .count(),
        1
    );
    assert_eq!(got.iter().filter(|(_, frame)| frame == "Accepted 5").count(), 3);
    town.say(1, ann, &send(5 + ID_WINDOW + 1, bob, b"later"));
    town.say(1, ann, &send(5, bob, b"once"));
    let got = town.work();
    assert!(got.contains(&(1, "Refused 5 StaleId".to_owned())), "{got:?}");
}

#[test]
fn mail_waits_in_order_and_comes_by_the_window() {
    let mut town = Town::new(1000);
    let ann = town.online(1);
    let bob = number(2);
    let all = u64::from(DELIVER_WINDOW) + 10;
    for id in 1..=all {
        town.say(1, ann, &send(id, bob, b"m"));
    }
    assert_eq!(town.work().len() as u64, all, "accepted, delivered to nobody");

    town.enter(2, bob, Secret::new(b"secret").key(bob));
    let mut expected = vec![(2, format!("+ Welcome 0 {all}"))];
    expected.extend((1..=u64::from(DELIVER_WINDOW)).map(|id| (2, format!("+ Deliver 1/{id} m"))));
    assert_eq!(town.work(), expected);

    // The connection breaks after ten were acknowledged; the rest comes again, from the first unacknowledged.
    let seq = town.seqs[9];
    town.say(2, bob, &ClientFrame::Ack { seq });
    let got = town.work();
    assert_eq!(
        got.iter()
            .filter(|(conn, frame)| *conn == 1 && frame.starts_with("Delivered"))
            .count(),
        10
    );
    assert_eq!(
        got.iter()
            .filter(|(conn, frame)| *conn == 2 && frame.starts_with("Deliver "))
            .count(),
        10
    );
    town.leave(2, bob);
    town.enter(3, bob, Secret::new(b"secret").key(bob));
    let got = town.work();
    assert_eq!(got[1], (3, "+ Deliver 1/11 m".to_owned()));
    assert_eq!(got.len() as u64, 1 + DELIVER_WINDOW.min(all as u16 - 10) as u64);
}

#[test]
fn what_was_not_sent_is_not_erased_whatever_is_acknowledged() {
    const ALL: u64 = 100;
    let mut town = Town::new(1000);
    let (ann, bob) = (town.online(1), number(2));
    (1..=ALL).for_each(|id| town.say(1, ann, &send(id, bob, b"m")));
    town.work();
    town.enter(2, bob, Secret::new(b"secret").key(bob));
    assert_eq!(delivered_to(&town.work(), 2).len(), usize::from(DELIVER_WINDOW));
    town.say(2, bob, &ClientFrame::Ack { seq: u64::MAX });
    let got = town.work();
    let ticks = got
        .iter()
        .filter(|(to, frame)| *to == 1 && frame.starts_with("Delivered"));
    assert_eq!(ticks.count(), usize::from(DELIVER_WINDOW));
    let rest: Vec<_> = (u64::from(DELIVER_WINDOW) + 1..=ALL)
        .map(|id| format!("Deliver 1/{id} m"))
        .collect();
    assert_eq!(delivered_to(&got, 2), rest);
    // Nor on a connection that was sent nothing yet, as after a repeated log-in whose mail had no room.
    town.office.parts.store.set_sent(bob.value(), 0, 0);
    town.say(2, bob, &ClientFrame::Ack { seq: u64::MAX });
    town.work();
    assert_eq!(town.office.parts.store.mailbox_len(bob.value()), rest.len());
}

#[test]
fn a_new_message_never_overtakes_those_that_wait() {
    let mut town = Town::new(1000);
    let (ann, bob) = (town.online(1), town.online(2));
    for id in 1..=u64::from(DELIVER_WINDOW) + 1 {
        town.say(1, ann, &send(id, bob, b"m"));
    }
    town.work();
    let seq = town.seqs[0];
    town.say(2, bob, &ClientFrame::Ack { seq });
    town.say(1, ann, &send(100, bob, b"last"));
    let delivered: Vec<_> = town.work().into_iter().filter(|(conn, _)| *conn == 2).collect();
    assert_eq!(delivered, [(2, format!("Deliver 1/{} m", DELIVER_WINDOW + 1))]);
}

#[test]
fn a_tick_waits_for_a_sender_who_is_away() {
    let mut town = Town::new(100);
    let (ann, bob) = (town.online(1), town.online(2));
    town.say(1, ann, &send(1, bob, b"hi"));
    town.work();
    town.leave(1, ann);
    let seq = town.seqs[0];
    town.say(2, bob, &ClientFrame::Ack { seq });
    town.work();
    town.enter(3, ann, Secret::new(b"secret").key(ann));
    assert_eq!(
        town.work(),
        mail(&[(3, "+ Welcome 1 1"), (3, "+ Delivered 1 by 2 stored")])
    );
    let seq = town.seqs[1];
    town.say(3, ann, &ClientFrame::Ack { seq });
    assert_eq!(town.work(), mail(&[]));
    assert_eq!(town.office.parts.store.stats().items, 0);
}

#[test]
fn a_group_message_is_a_copy_and_a_tick_each() {
    let mut town = Town::new(100);
    let (ann, bob, cid) = (town.online(1), town.online(2), town.online(3));
    let dan = number(4);
    let members: Vec<u8> = [bob, cid, dan]
        .iter()
        .flat_map(|member| member.value().to_be_bytes())
        .collect();
    town.say(
        1,
        ann,
        &ClientFrame::SetGroup {
            tag: 9,
            members: Members::parse(&members).unwrap(),
        },
    );
    assert_eq!(town.work(), mail(&[(1, "Group of 4")]));
    let group = GroupId::new(ann, 9).unwrap();
    let to_group = |id| ClientFrame::Send {
        id,
        to: Address::Group(group),
        body: text(b"all"),
    };
    town.say(2, bob, &to_group(1));
    let got = town.work();
    assert_eq!(
        got,
        mail(&[
            (1, "Deliver 2/1 group all"),
            (3, "Deliver 2/1 group all"),
            (2, "Accepted 1")
        ]),
        "not to the sender; one waits for the fourth"
    );
    assert_eq!(town.office.parts.store.mailbox_len(dan.value()), 1);
    town.say(3, cid, &ClientFrame::Ack { seq: u64::MAX });
    assert_eq!(town.work(), mail(&[(2, "Delivered 1 by 3")]));

    town.say(3, cid, &ClientFrame::LeaveGroup { group });
    town.say(3, cid, &to_group(1));
    assert_eq!(
        town.work(),
        mail(&[(3, "Group of 3"), (3, "Refused 1 NotAMember")])
    );
    town.say(
        1,
        ann,
        &ClientFrame::SetGroup {
            tag: 9,
            members: Members::parse(&[]).unwrap(),
        },
    );
    town.say(1, ann, &to_group(1));
    assert_eq!(
        town.work(),
        mail(&[(1, "Group of 0"), (1, "Refused 1 NoSuchGroup")])
    );
}

#[test]
fn groups_are_bounded_in_all_and_can_always_be_left() {
    let mut town = Town::new(100);
    let ann = town.online(1);
    let set = |town: &mut Town, tag, others: u64| {
        let members: Vec<u8> = (2..2 + others)
            .flat_map(|index| number(index).value().to_be_bytes())
            .collect();
        let members = Members::parse(&members).unwrap();
        town.say(1, ann, &ClientFrame::SetGroup { tag, members });
        town.work()
    };
    town.office.groups_max = 30;
    assert_eq!(set(&mut town, 1, 10), mail(&[(1, "Group of 11")]));
    assert_eq!(set(&mut town, 2, 10), mail(&[(1, "Error Busy about 0x08")]));
    assert_eq!(set(&mut town, 2, 3), mail(&[(1, "Group of 4")]));
    town.office.groups_max = 0;
    assert_eq!(set(&mut town, 1, 11), mail(&[(1, "Error Busy about 0x08")]));
    assert_eq!(set(&mut town, 1, 9), mail(&[(1, "Group of 10")]));
    assert_eq!(set(&mut town, 1, 0), mail(&[(1, "Group of 0")]));
}

#[test]
fn what_cannot_be_delivered_is_refused_with_its_code() {
    let mut town = Town::new(2);
    let ann = town.online(1);
    let nobody = Number::new(BASE + 5000).unwrap();
    town.say(1, ann, &send(1, nobody, b"?"));
    (2..=4).for_each(|id| town.say(1, ann, &send(id, number(2), &[b'x'; BODY_MAX_BYTES])));
    town.say(
        1,
        ann,
        &ClientFrame::Send {
            id: 5,
            to: Address::Group(GroupId::new(ann, 0).unwrap()),
            body: text(b"?"),
        },
    );
    let expected = [
        "Refused 1 NoSuchNumber",
        "Accepted 2",
        "Accepted 3",
        "Refused 4 MailboxFull",
        "Refused 5 NoSuchGroup",
    ];
    assert_eq!(town.work(), mail(&expected.map(|frame| (1, frame))));
}

#[test]
fn a_full_outbox_leaves_mail_for_the_next_batch() {
    let window = u64::from(DELIVER_WINDOW);
    let crowd = (OUTBOX_MAX_BYTES / (DELIVER_WINDOW as usize * BODY_MAX_BYTES)) as u32 + 10;
    let mut town = Town::new(1000);
    let ann = town.online(1);
    let body = [b'x'; BODY_MAX_BYTES];
    let mut next = 1;
    for who in 2..2 + crowd {
        for _ in 0..window {
            town.say(1, ann, &send(next, number(u64::from(who)), &body));
            next += 1;
        }
        town.work();
    }
    for conn in 2..2 + crowd {
        let who = number(u64::from(conn));
        town.enter(conn, who, Secret::new(b"secret").key(who));
    }
    let first = town.work();
    // Offered while it waits: it must come after what waits, and once.
    let last = number(u64::from(1 + crowd));
    town.say(1, ann, &send(next, last, b"newest"));
    let got = |mail: &Mail| {
        (2..2 + crowd)
            .map(|conn| delivered_to(mail, conn).len())
            .sum::<usize>()
    };
    assert!(got(&first) < (u64::from(crowd) * window) as usize, "all at once");
    assert!(town.office.has_more());
    let mut sum = got(&first);
    while town.office.has_more() {
        sum += got(&town.work());
    }
    assert_eq!(sum, (u64::from(crowd) * window) as usize);
    let seq = *town.seqs.last().unwrap();
    town.say(1 + crowd, last, &ClientFrame::Ack { seq });
    assert_eq!(
        delivered_to(&town.work(), 1 + crowd),
        [format!("Deliver 1/{next} newest")]
    );
}

#[test]
fn the_mailbox_knob_holds_at_once() {
    let mut town = Town::new(100);
    let ann = town.online(1);
    town.office.parts.knobs.set("mailbox_max_items", "1").unwrap();
    (1..=2).for_each(|id| town.say(1, ann, &send(id, number(2), b"m")));
    assert_eq!(
        town.work(),
        mail(&[(1, "Accepted 1"), (1, "Refused 2 MailboxFull")])
    );
    town.office.parts.knobs.set("mailbox_max_items", "2").unwrap();
    town.say(1, ann, &send(2, number(2), b"m"));
    assert_eq!(town.work(), mail(&[(1, "Accepted 2")]));
}

#[test]
fn copies_for_the_first_numbers_are_counted_apart_as_well() {
    let mut town = Town::new(100);
    // Numbers 0 and 1 are a replay's.
    let people = [0, 1, 2].map(|index| town.online(index));
    for (conn, from, to) in [(0, 0, 1), (1, 1, 0), (2, 2, 1), (0, 0, 2)] {
        let id = 10 * (conn + 1) + to as u64;
        town.say(conn as u32, people[from], &send(id, people[to], b"hi"));
    }
    town.work();
    let figures = Arc::clone(&town.office.parts.figures);
    assert_eq!(
        (
            figures.copies_accepted.total(),
            figures.copies_accepted_apart.total()
        ),
        (4, 3)
    );
    for (conn, who) in (0..).zip(people) {
        town.say(conn, who, &ClientFrame::Ack { seq: u64::MAX });
    }
    town.work();
    assert_eq!(
        (
            figures.copies_acknowledged.total(),
            figures.copies_acknowledged_apart.total()
        ),
        (4, 3)
    );
}
