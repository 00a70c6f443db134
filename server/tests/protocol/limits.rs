//! Bounds: what each of them refuses, with which code, and that it passes again.

use std::time::Instant;

use record::name::server as name;
use wire::chat::{Address, BODY_MAX_BYTES, ClientFrame, Code, DELIVER_WINDOW};

use crate::house::{House, PATIENCE, key, number};
use crate::phone::{End, Phone, encoded, text_to};

#[test]
fn the_silent_are_dismissed_logged_in_or_not() {
    let house = House::new();
    let (mut ann, mut guest) = (house.phone(1), house.guest());
    house.knobs.set("idle_timeout_s", "1").unwrap();
    ann.ends_with(Code::Idle);
    guest.ends_with(Code::Idle);
    assert_eq!(house.counter("server.idle_closed"), 2);
}

#[test]
fn one_connection_too_many_is_told_and_room_is_found_again() {
    let house = House::new();
    house.knobs.set("connections_max", "2").unwrap();
    let (mut ann, mut bob) = (house.phone(1), house.phone(2));
    // An answer to a ping comes from a turn after that which published the connection.
    ann.round_trip();
    bob.round_trip();
    let mut third = Phone::open(house.address()).unwrap();
    third.ends_with(Code::ConnectionLimit);
    assert_eq!(house.counter(name::CONNECTIONS_REFUSED), 1);
    drop(ann);
    let until = Instant::now() + PATIENCE;
    loop {
        let said = Phone::open(house.address()).unwrap().next();
        if said == "Hello 1" {
            break;
        }
        assert_eq!(said, "Bye ConnectionLimit");
        assert!(Instant::now() < until, "never again");
    }
}

#[test]
fn a_fast_sender_is_refused_and_keeps_the_connection() {
    const ALL: u64 = 200;
    let house = House::new();
    house.knobs.set("messages_per_second", "3").unwrap();
    let mut ann = house.phone(1);
    let burst: Vec<u8> = (1..=ALL)
        .flat_map(|id| encoded(&text_to(id, Address::Person(number(2)), b"m")))
        .collect();
    ann.raw(&burst);
    let mut said = ann.several(ALL as usize);
    let accepted = said.iter().filter(|said| said.starts_with("Accepted")).count();
    assert!((3..ALL as usize).contains(&accepted), "{accepted}");
    said.retain(|said| !said.starts_with("Accepted"));
    assert!(said.iter().all(|said| said.ends_with("RateLimited")), "{said:?}");
    house.knobs.set("messages_per_second", "0").unwrap();
    ann.text(ALL, number(2), "m");
    assert_eq!(ann.next(), format!("Accepted {ALL}"));
}

#[test]
fn a_full_mailbox_refuses_until_it_is_read() {
    let house = House::new();
    house.knobs.set("mailbox_max_items", "3").unwrap();
    let mut ann = house.phone(1);
    (1..=4).for_each(|id| ann.text(id, number(2), "m"));
    let mut said = ann.several(4);
    said.sort();
    assert_eq!(
        said,
        ["Accepted 1", "Accepted 2", "Accepted 3", "Refused 4 MailboxFull"]
    );
    let mut bob = house.phone(2);
    bob.several(3);
    bob.ack();
    ann.several(3);
    ann.text(4, number(2), "m");
    assert_eq!(ann.next(), "Accepted 4");
    assert_eq!(bob.next(), "Deliver 1/4 m");
}

#[test]
fn a_slow_reader_is_cut_off_and_loses_nothing() {
    let house = House::new();
    let (mut ann, mut bob) = (house.phone(1), house.phone(2));
    ann.text(1, number(2), "safe");
    assert_eq!(ann.next(), "Accepted 1");
    let typing = encoded(&ClientFrame::Typing {
        to: number(2),
        on: true,
    });
    let flood = typing.repeat(4096);
    let until = Instant::now() + PATIENCE;
    while house.counter(name::SLOW_READERS_CUT) == 0 {
        ann.raw(&flood);
        ann.round_trip();
        assert!(Instant::now() < until, "never cut off");
    }
    assert_eq!(bob.next(), "Deliver 1/1 safe");
    let end = loop {
        match bob.read() {
            Ok(said) if said == "Bye SlowReader" => {}
            Ok(said) => assert_eq!(said, "Typing 1 true"),
            Err(end) => break end,
        }
    };
    assert!(matches!(end, End::Fin | End::Reset));
    let mut bob = house.guest();
    bob.log_in(number(2), &key(2));
    assert_eq!(bob.several(2), ["Welcome 0 1", "Deliver 1/1 safe"]);
}

/// Floods somebody's phone, which does not read, until something is so.
fn flood(ann: &mut Phone, to: u64, is_so: impl Fn() -> bool) {
    let typing = encoded(&ClientFrame::Typing {
        to: number(to),
        on: true,
    });
    let typing = typing.repeat(4096);
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        ann.raw(&typing);
        ann.round_trip();
        assert!(Instant::now() < until, "never");
    }
}

/// A house of one shard where a little waits for Cid and the rest for Bob, and how much together.
fn with_two_slow_readers() -> (House, Phone, [Phone; 2], u64) {
    let house = House::with(|config| config.shards = Some(1));
    house.knobs.set("unread_max_bytes", "1073741824").unwrap();
    let (mut ann, bob, cid) = (house.phone(1), house.phone(2), house.phone(3));
    let waiting = || house.gauge(name::OUTPUT_WAITING_BYTES);
    flood(&mut ann, 3, || waiting() > 0);
    let (cids, more) = (waiting(), 16 << 20);
    flood(&mut ann, 2, || waiting() > 4 * cids + more);
    assert_eq!(house.counter(name::SLOW_READERS_CUT), 0);
    let all = waiting();
    (house, ann, [bob, cid], all)
}

#[test]
fn where_too_much_waits_for_all_the_slowest_reader_goes() {
    let (house, mut ann, [mut bob, mut cid], all) = with_two_slow_readers();
    house
        .knobs
        .set("unread_total_max_bytes", &all.to_string())
        .unwrap();
    let cut = || house.counter(name::OUTPUT_READERS_CUT);
    flood(&mut ann, 2, || cut() > 0);
    let end = loop {
        match bob.read() {
            Ok(said) if said == "Bye SlowReader" => {}
            Ok(said) => assert_eq!(said, "Typing 1 true"),
            Err(end) => break end,
        }
    };
    assert!(matches!(end, End::Fin | End::Reset));
    assert_eq!((cut(), house.counter(name::SLOW_READERS_CUT)), (1, 1));
    assert!(house.counter("server.output.bytes_cut") > all / 2);
    // Cid, for whom less waited, gets all of it.
    ann.text(1, number(3), "the last");
    while cid.next() != "Deliver 1/1 the last" {}
}

#[test]
fn who_was_cut_off_and_still_takes_nothing_is_reset_where_that_is_too_much() {
    let (house, mut ann, readers, _) = with_two_slow_readers();
    house.knobs.set("unread_total_max_bytes", "1024").unwrap();
    let until = Instant::now() + PATIENCE;
    while house.counter("server.output.leavers_reset") < 2 {
        ann.round_trip();
        assert!(Instant::now() < until, "never reset");
    }
    for mut reader in readers {
        while reader.read().is_ok() {}
    }
    assert_eq!(house.counter(name::OUTPUT_READERS_CUT), 2);
    while house.gauge(name::OUTPUT_WAITING_BYTES) > 0 {
        ann.round_trip();
        assert!(Instant::now() < until, "something waits still");
    }
}

#[test]
fn a_window_of_the_longest_messages_waits_for_a_reader_who_pauses() {
    let house = House::new();
    let (mut ann, mut bob) = (house.phone(1), house.phone(2));
    let body = [b'x'; BODY_MAX_BYTES];
    let all = 3 * u64::from(DELIVER_WINDOW);
    for id in 1..=all {
        ann.say(&text_to(id, Address::Person(number(2)), &body));
        assert_eq!(ann.next(), format!("Accepted {id}"));
    }
    // Only now does Bob begin to read: what was ahead of him is one window.
    for id in 1..=all {
        assert!(bob.next().starts_with(&format!("Deliver 1/{id} x")));
        bob.ack();
    }
    assert_eq!(house.counter(name::SLOW_READERS_CUT), 0);
}

#[test]
fn a_full_store_refuses_keeps_delivering_and_recovers() {
    // Six segments, the least there is; messages may fill what is not held in reserve.
    let mut house = House::with(|config| config.store_quota_bytes = Some(6 * (16 << 20)));
    let (mut ann, body) = (house.phone(1), [b'x'; BODY_MAX_BYTES]);
    assert_eq!(house.health(), 200);
    let mut taken = 0;
    let refused = 'full: loop {
        assert!(taken < 20_000, "never full");
        let first = taken + 1;
        (first..first + 32).for_each(|id| ann.say(&text_to(id, Address::Person(number(2)), &body)));
        for said in ann.several(32) {
            match said.strip_prefix("Refused ") {
                Some(said) => {
                    let (id, code) = said.split_once(' ').unwrap();
                    assert_eq!(code, "StorageFull");
                    break 'full id.parse::<u64>().unwrap();
                }
                None => taken += 1,
            }
        }
    };
    assert_eq!(refused, taken + 1);
    drop(ann);
    assert_eq!(house.health(), 503);

    // Full over a restart, too; reading and acknowledging go on, and make room.
    house.stop();
    house.start();
    let mut bob = house.phone(2);
    for id in 1..=taken {
        assert!(bob.next().starts_with(&format!("Deliver 1/{id} ")));
        if id % 32 == 0 || id == taken {
            bob.ack();
        }
    }
    bob.round_trip();
    let mut cid = house.phone(3);
    let until = Instant::now() + PATIENCE;
    loop {
        cid.text(1, number(2), "room?");
        match cid.next().as_str() {
            "Accepted 1" => break,
            said => assert_eq!(said, "Refused 1 StorageFull"),
        }
        assert!(Instant::now() < until, "no room again");
    }
    assert_eq!(bob.next(), "Deliver 3/1 room?");
    while house.health() != 200 {
        assert!(Instant::now() < until, "never well again");
    }
}

#[test]
fn a_folder_has_one_server_and_what_that_accepts_is_safe_from_others() {
    let mut house = House::new();
    let mut ann = house.phone(1);
    ann.text(1, number(2), "before");
    assert_eq!(ann.next(), "Accepted 1");
    let error = house.start_another().map(drop).unwrap_err().to_string();
    assert!(error.starts_with("another server uses "), "{error}");
    ann.text(2, number(2), "after");
    assert_eq!(ann.next(), "Accepted 2");
    house.stop();
    house.start();
    let mut bob = house.phone(2);
    assert_eq!(bob.several(2), ["Deliver 1/1 before", "Deliver 1/2 after"]);
}
