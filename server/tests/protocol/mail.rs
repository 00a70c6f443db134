//! Messages: ticks, mail for those away, repeats, groups, presence.

use record::name::server as name;
use wire::chat::{ClientFrame, Code, DELIVER_WINDOW, GroupId, ID_WINDOW, Members};

use crate::house::{House, number};
use crate::phone::End;

#[test]
fn a_message_gets_two_ticks() {
    let house = House::new();
    let (mut ann, mut bob) = (house.phone(1), house.phone(2));
    ann.text(42, number(2), "hello");
    assert_eq!(ann.next(), "Accepted 42");
    assert_eq!(bob.next(), "Deliver 1/42 hello");
    bob.ack();
    assert_eq!(ann.next(), "Delivered 42 by 2");
    // What is erased does not come again.
    drop(bob);
    let mut bob = house.guest();
    bob.log_in(number(2), &crate::house::key(2));
    assert_eq!(bob.next(), "Welcome 0 0");
}

#[test]
fn a_stop_without_a_farewell_resets_and_keeps_what_was_accepted() {
    let mut house = House::new();
    house.knobs.set("farewell_ms", "0").unwrap();
    let (mut ann, mut quiet) = (house.phone(1), house.phone(3));
    ann.text(1, number(2), "kept");
    assert_eq!(ann.next(), "Accepted 1");

    house.stop();
    assert_eq!(ann.read(), Err(End::Reset));
    assert_eq!(quiet.read(), Err(End::Reset));
    house.start();
    let mut bob = house.guest();
    bob.log_in(number(2), &crate::house::key(2));
    assert_eq!(bob.several(2), ["Welcome 0 1", "Deliver 1/1 kept"]);
}

#[test]
fn mail_for_someone_away_survives_a_restart_in_order_and_comes_once() {
    const ALL: u64 = 150;
    let mut house = House::new();
    let mut ann = house.phone(1);
    for id in 1..=ALL {
        ann.text(id, number(2), &format!("m{id}"));
    }
    let expected: Vec<_> = (1..=ALL).map(|id| format!("Accepted {id}")).collect();
    assert_eq!(ann.several(ALL as usize), expected);

    house.stop();
    ann.ends_with(Code::ShuttingDown);
    house.start();

    // Ann does not know what was taken, and sends the newest again: in the window, it is absorbed.
    let mut ann = house.guest();
    ann.log_in(number(1), &crate::house::key(1));
    assert_eq!(ann.next(), format!("Welcome {ALL} 0"));
    for id in ALL - 9..=ALL {
        ann.text(id, number(2), &format!("m{id}"));
    }
    let again: Vec<_> = (ALL - 9..=ALL).map(|id| format!("Accepted {id}")).collect();
    assert_eq!(ann.several(10), again);
    ann.text(ALL - ID_WINDOW - 1, number(2), "stale");
    assert_eq!(ann.next(), format!("Refused {} StaleId", ALL - ID_WINDOW - 1));
    let mut cid = house.phone(3);
    assert_eq!(cid.watch(number(1)), "Presence 1 Online");
    drop(ann);
    assert_eq!(cid.next(), "Presence 1 Away");

    let mut bob = house.guest();
    bob.log_in(number(2), &crate::house::key(2));
    assert_eq!(bob.next(), format!("Welcome 0 {ALL}"));
    let mut got = bob.several(usize::from(DELIVER_WINDOW));
    bob.round_trip();
    while got.len() < ALL as usize {
        bob.ack();
        let count = usize::from(DELIVER_WINDOW).min(ALL as usize - got.len());
        got.extend(bob.several(count));
    }
    let expected: Vec<_> = (1..=ALL).map(|id| format!("Deliver 1/{id} m{id}")).collect();
    assert_eq!(got, expected);
    bob.ack();
    assert_eq!(bob.watch(number(3)), "Presence 3 Online");

    // Her ticks waited meanwhile; they are in order, too, and want an acknowledgement.
    let mut ann = house.guest();
    ann.log_in(number(1), &crate::house::key(1));
    assert_eq!(ann.next(), format!("Welcome {ALL} {ALL}"));
    let mut ticks = ann.several(usize::from(DELIVER_WINDOW));
    while ticks.len() < ALL as usize {
        ann.ack();
        ticks.extend(ann.several(usize::from(DELIVER_WINDOW).min(ALL as usize - ticks.len())));
    }
    let expected: Vec<_> = (1..=ALL)
        .map(|id| format!("Delivered {id} by 2 stored"))
        .collect();
    assert_eq!(ticks, expected);
    assert_eq!(house.counter("server.repeats_absorbed"), 10);
}

#[test]
fn what_was_not_acknowledged_comes_again() {
    let house = House::new();
    let (mut ann, mut bob) = (house.phone(1), house.phone(2));
    (1..=3).for_each(|id| ann.text(id, number(2), "m"));
    ann.several(3);
    bob.next();
    bob.ack();
    assert_eq!(ann.next(), "Delivered 1 by 2");
    bob.several(2);
    drop(bob);
    let mut bob = house.guest();
    bob.log_in(number(2), &crate::house::key(2));
    assert_eq!(bob.several(3), ["Welcome 0 2", "Deliver 1/2 m", "Deliver 1/3 m"]);
}

#[test]
fn a_group_gets_a_copy_and_gives_a_tick_each() {
    let mut house = House::new();
    let (mut ann, mut bob, mut cid) = (house.phone(1), house.phone(2), house.phone(3));
    let members: Vec<u8> = [2, 3, 4]
        .iter()
        .flat_map(|index| number(*index).value().to_be_bytes())
        .collect();
    ann.say(&ClientFrame::SetGroup {
        tag: 3,
        members: Members::parse(&members).unwrap(),
    });
    assert_eq!(ann.next(), "Group 4");
    let group = GroupId::new(number(1), 3).unwrap();
    bob.text_group(1, group, "all");
    assert_eq!(bob.next(), "Accepted 1");
    assert_eq!(house.counter(name::COPIES_ACCEPTED), 3);
    for phone in [&mut ann, &mut cid] {
        assert_eq!(phone.next(), "Deliver 2/1 group all");
        phone.ack();
    }
    let mut ticks = bob.several(2);
    ticks.sort();
    assert_eq!(ticks, ["Delivered 1 by 1", "Delivered 1 by 3"]);
    cid.say(&ClientFrame::LeaveGroup { group });
    assert_eq!(cid.next(), "Group 3");
    cid.text_group(1, group, "let me in");
    assert_eq!(cid.next(), "Refused 1 NotAMember");
    // Of how many copies it would have been is not for the server to say.
    assert_eq!(house.counter(name::MESSAGES_REFUSED), 1);
    assert_eq!(house.counter(name::COPIES_ACCEPTED), 3);

    // The group and the copy for the one who was away survive a restart.
    drop((ann, bob, cid));
    house.stop();
    house.start();
    let mut dan = house.guest();
    dan.log_in(number(4), &crate::house::key(4));
    assert_eq!(dan.several(2), ["Welcome 0 1", "Deliver 2/1 group all"]);
    dan.text_group(1, group, "late");
    assert_eq!(dan.next(), "Accepted 1");
}

#[test]
fn typing_and_presence_reach_those_who_are_there() {
    let house = House::new();
    let mut ann = house.phone(1);
    assert_eq!(ann.watch(number(2)), "Presence 2 Away");
    let mut bob = house.phone(2);
    assert_eq!(ann.next(), "Presence 2 Online");
    bob.say(&ClientFrame::Typing {
        to: number(1),
        on: true,
    });
    bob.say(&ClientFrame::Typing {
        to: number(1),
        on: false,
    });
    assert_eq!(ann.several(2), ["Typing 2 true", "Typing 2 false"]);
    ann.say(&ClientFrame::Typing {
        to: number(3),
        on: true,
    });
    drop(bob);
    assert_eq!(ann.next(), "Presence 2 Away");
}

#[test]
fn a_stop_says_so_to_everybody() {
    let mut house = House::new();
    let mut phones: Vec<_> = (0..200).map(|index| house.phone(index)).collect();
    phones.push(house.guest());
    let address = house.address();
    house.stop();
    for phone in &mut phones {
        assert_eq!(phone.next(), "Bye ShuttingDown");
        assert_eq!(phone.read(), Err(End::Fin));
    }
    assert!(crate::phone::Phone::open(address).is_err());
}

#[test]
fn a_client_that_has_said_its_last_still_gets_its_answers() {
    const ALL: u64 = 200;
    let house = House::new();
    let mut ann = house.phone(1);
    (1..=ALL).for_each(|id| ann.text(id, number(2), "last words"));
    ann.stream.shutdown(std::net::Shutdown::Write).unwrap();
    let expected: Vec<_> = (1..=ALL).map(|id| format!("Accepted {id}")).collect();
    assert_eq!(ann.several(ALL as usize), expected);
    assert_eq!(ann.read(), Err(End::Fin));
    // It is away now.
    let mut cid = house.phone(3);
    assert_eq!(cid.watch(number(1)), "Presence 1 Away");
}
