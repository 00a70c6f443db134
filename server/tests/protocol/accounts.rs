//! Registration by PIN, and what it does to devices that were there before.

use wire::chat::{ClientFrame, Code, Number};

use crate::house::{House, key, number};

#[test]
fn a_number_registers_by_the_pin_and_a_new_device_replaces_the_old() {
    let mut house = House::new();
    let carol = Number::new(4_915_112_345_678).unwrap();
    let mut ann = house.phone(1);
    ann.text(1, carol, "are you there?");
    assert_eq!(ann.next(), "Refused 1 NoSuchNumber");

    let mut first = house.guest();
    first.say(&ClientFrame::Register { number: carol });
    assert_eq!(first.next(), "PinSent");
    first.say(&ClientFrame::Register { number: carol });
    assert_eq!(first.next(), "Error RateLimited 0x01");
    let pin = house.pin(carol, None, &mut ann);
    let wrong = (pin + 1) % 1_000_000;
    first.say(&ClientFrame::Prove {
        number: carol,
        pin: wrong,
    });
    assert_eq!(first.next(), "Error BadPin 0x02");
    first.say(&ClientFrame::Prove { number: carol, pin });
    assert_eq!(first.next(), "NewKey");
    let old_key = first.key.unwrap();
    first.log_in(carol, &old_key);
    assert_eq!(first.next(), "Welcome 0 0");
    ann.text(1, carol, "hello");
    assert_eq!(first.next(), "Deliver 1/1 hello");
    assert_eq!(ann.next(), "Accepted 1");

    // A PIN serves once; the next device needs one of its own.
    let mut second = house.guest();
    second.say(&ClientFrame::Prove { number: carol, pin });
    assert_eq!(second.next(), "Error NoPin 0x02");
    second.say(&ClientFrame::Register { number: carol });
    assert_eq!(second.next(), "PinSent");
    let pin = house.pin(carol, Some(pin), &mut ann);
    second.say(&ClientFrame::Prove { number: carol, pin });
    assert_eq!(second.next(), "NewKey");
    first.ends_with(Code::Replaced);
    let new_key = second.key.unwrap();
    assert_ne!(old_key.0, new_key.0);

    // The old key is void, and stays so over a restart; the mailbox stayed the number's.
    drop((first, ann));
    house.stop();
    house.start();
    let mut stale = house.guest();
    stale.log_in(carol, &old_key);
    stale.ends_with(Code::BadProof);
    let mut third = house.guest();
    third.log_in(carol, &new_key);
    assert_eq!(third.next(), "Welcome 0 1");
    assert_eq!(third.next(), "Deliver 1/1 hello");
}

#[test]
fn a_provisioned_number_that_registers_leaves_its_derived_key() {
    let house = House::new();
    let mut pace = house.phone(2);
    let mut old = house.phone(1);
    let mut new = house.guest();
    new.say(&ClientFrame::Register { number: number(1) });
    assert_eq!(new.next(), "PinSent");
    let pin = house.pin(number(1), None, &mut pace);
    new.say(&ClientFrame::Prove {
        number: number(1),
        pin,
    });
    assert_eq!(new.next(), "NewKey");
    old.ends_with(Code::Replaced);
    let mut derived = house.guest();
    derived.log_in(number(1), &key(1));
    derived.ends_with(Code::BadProof);
}

#[test]
fn guessing_a_pin_voids_it() {
    let house = House::new();
    let mut pace = house.phone(2);
    let mut guest = house.guest();
    guest.say(&ClientFrame::Register { number: number(1) });
    assert_eq!(guest.next(), "PinSent");
    let pin = house.pin(number(1), None, &mut pace);
    let guess = |offset| ClientFrame::Prove {
        number: number(1),
        pin: (pin + offset) % 1_000_000,
    };
    for offset in 1..5 {
        guest.say(&guess(offset));
        assert_eq!(guest.next(), "Error BadPin 0x02");
    }
    for offset in [5, 0] {
        guest.say(&guess(offset));
        assert_eq!(guest.next(), "Error NoPin 0x02");
    }
}

#[test]
fn the_later_log_in_wins() {
    let house = House::new();
    let mut earlier = house.phone(1);
    let mut later = house.phone(1);
    earlier.ends_with(Code::Replaced);
    let mut bob = house.phone(2);
    bob.text(1, number(1), "where are you?");
    assert_eq!(later.next(), "Deliver 2/1 where are you?");
}
