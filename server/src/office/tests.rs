//! The office through its parcels and outboxes, as a shard would speak to it.

use rand::SeedableRng as _;
use reactor::Id;
use wire::chat::{
    Address, BODY_MAX_BYTES, Body, DELIVER_WINDOW, GroupId, ID_WINDOW, Key, Kind, Members, Presence, Proof,
};

use super::*;
use crate::parcel::Act;
use crate::store::Options;

const BASE: u64 = 15_550_000_000;

/// An office with one shard; connection `n` is index `n`.
struct Town {
    office: Office,
    parcel: Parcel,
    now_ms: u64,
    /// Sequence numbers delivered so far, in order.
    seqs: Vec<u64>,
}

/// What one connection was sent: frames as text, and whether it was closed.
type Mail = Vec<(u32, String)>;

fn number(index: u64) -> Number {
    Number::new(BASE + index).unwrap()
}

fn id(index: u32) -> Id {
    Id { index, generation: 0 }
}

fn text(bytes: &[u8]) -> Body<'_> {
    Body {
        kind: Kind::Text,
        bytes,
    }
}

impl Town {
    fn new(mailbox_max_items: usize) -> Self {
        let options = Options {
            durability: Durability::Memory,
            mailbox_max_items,
            ..Options::default()
        };
        let (store, _) = Store::open(options, 0).unwrap();
        let knobs = Knobs::default();
        knobs.set("durability", "memory").unwrap();
        let office = Office::new(Parts {
            store,
            accounts: Accounts::open(None).unwrap(),
            secret: Secret::new(b"secret"),
            second_ticks: true,
            provisioned: Provisioned {
                base: BASE,
                count: 1000,
            },
            apart: Some(Provisioned { base: BASE, count: 2 }),
            knobs,
            figures: Arc::default(),
            health: http::Health::default(),
            sms: Sink::discard("sms"),
            push: Sink::discard("push"),
            rng: ChaCha12Rng::seed_from_u64(7),
            shards: 1,
        });
        Self {
            office,
            parcel: Parcel::default(),
            now_ms: 1_000_000,
            seqs: Vec::new(),
        }
    }

    fn say(&mut self, conn: u32, who: Number, frame: &ClientFrame<'_>) {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        self.parcel.frame(id(conn), who.value(), &bytes);
    }

    fn enter(&mut self, conn: u32, who: Number, key: Key) {
        let nonce = [conn as u8; 16];
        let mut bytes = Vec::new();
        ClientFrame::Login {
            number: who,
            proof: key.prove(&nonce, who),
        }
        .encode(&mut bytes);
        self.parcel.login(id(conn), &nonce, &bytes);
    }

    /// Connection `index` logs in as provisioned number `index`, and what it gets is dropped.
    fn online(&mut self, index: u32) -> Number {
        let who = number(u64::from(index));
        self.enter(index, who, Secret::new(b"secret").key(who));
        let mail = self.work();
        assert!(
            mail.iter().any(|(_, frame)| frame.starts_with("+ Welcome")),
            "{mail:?}"
        );
        who
    }

    fn leave(&mut self, conn: u32, who: Number) {
        self.parcel.closed(id(conn), who.value());
    }

    /// Works the parcel off; returns what each connection was sent, in order. Closing shows as `x `, a log-in as `+ `.
    fn work(&mut self) -> Mail {
        self.now_ms += 1;
        self.office.begin(self.now_ms);
        self.office.process(&self.parcel);
        self.parcel.clear();
        let outboxes = self.office.finish().unwrap();
        let mut mail = Vec::new();
        for reply in &outboxes[0].replies {
            let mut bytes = outboxes[0].frames(reply);
            while let Ok(Some((frame, length))) = ServerFrame::decode(bytes) {
                if let ServerFrame::Deliver { seq, .. } | ServerFrame::Delivered { seq: seq @ 1.., .. } =
                    frame
                {
                    self.seqs.push(seq);
                }
                let mark = match reply.act {
                    Act::Send => "",
                    Act::LoggedIn(_) => "+ ",
                    Act::Close => "x ",
                };
                mail.push((reply.to.index, format!("{mark}{}", brief(&frame))));
                bytes = &bytes[length..];
            }
        }
        outboxes[0].clear();
        mail
    }
}

/// A frame in a few words.
fn brief(frame: &ServerFrame<'_>) -> String {
    match frame {
        ServerFrame::Welcome { last_id, queued, .. } => format!("Welcome {last_id} {queued}"),
        ServerFrame::Accepted { id } => format!("Accepted {id}"),
        ServerFrame::Refused { id, code } => format!("Refused {id} {code:?}"),
        ServerFrame::Deliver {
            from,
            id,
            group,
            body,
            ..
        } => {
            let group = if group.is_some() { " group" } else { "" };
            format!(
                "Deliver {}/{id}{group} {}",
                from.value() - BASE,
                String::from_utf8_lossy(body.bytes)
            )
        }
        ServerFrame::Delivered { seq, id, by } => {
            format!(
                "Delivered {id} by {}{}",
                by.value() - BASE,
                if *seq > 0 { " stored" } else { "" }
            )
        }
        ServerFrame::Presence { number, presence } => {
            format!("Presence {} {presence:?}", number.value() - BASE)
        }
        ServerFrame::Bye { code } => format!("Bye {code:?}"),
        ServerFrame::Error { code, about } => format!("Error {code:?} about {about:#04x}"),
        ServerFrame::Typing { from, on } => format!("Typing {} {on}", from.value() - BASE),
        ServerFrame::Group { members, .. } => format!("Group of {members}"),
        ServerFrame::PinSent { .. } => "PinSent".to_owned(),
        ServerFrame::NewKey { .. } => "NewKey".to_owned(),
        other => format!("{other:?}"),
    }
}

fn send<'a>(id: u64, to: Number, body: &'a [u8]) -> ClientFrame<'a> {
    ClientFrame::Send {
        id,
        to: Address::Person(to),
        body: text(body),
    }
}

fn mail(expected: &[(u32, &str)]) -> Mail {
    expected
        .iter()
        .map(|(conn, frame)| (*conn, (*frame).to_owned()))
        .collect()
}

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

#[test]
fn a_wrong_key_and_an_unknown_number_are_told_apart_by_nobody() {
    let mut town = Town::new(100);
    town.enter(1, number(1), Key([0; 32]));
    let stranger = Number::new(BASE + 5000).unwrap();
    town.enter(2, stranger, Secret::new(b"secret").key(stranger));
    assert_eq!(town.work(), mail(&[(1, "x Bye BadProof"), (2, "x Bye BadProof")]));
}

#[test]
fn a_proof_serves_for_its_own_nonce_only() {
    let mut town = Town::new(100);
    let who = number(1);
    let proof = Secret::new(b"secret").key(who).prove(&[9; 16], who);
    let mut bytes = Vec::new();
    ClientFrame::Login { number: who, proof }.encode(&mut bytes);
    town.parcel.login(id(1), &[8; 16], &bytes);
    assert_eq!(town.work(), mail(&[(1, "x Bye BadProof")]));
    let Proof(_) = proof;
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
fn a_new_device_voids_the_key_and_dismisses_the_old_one() {
    let mut town = Town::new(100);
    let ann = town.online(1);
    town.office.begin(town.now_ms);
    let pin = town
        .office
        .registrar
        .issue(ann, &mut ChaCha12Rng::seed_from_u64(1), town.now_ms)
        .unwrap();
    town.say(
        2,
        number(0),
        &ClientFrame::Prove {
            number: ann,
            pin: pin ^ 1,
        },
    );
    assert_eq!(town.work(), mail(&[(2, "Error BadPin about 0x02")]));
    town.say(2, number(0), &ClientFrame::Prove { number: ann, pin });
    assert_eq!(town.work(), mail(&[(2, "NewKey"), (1, "x Bye Replaced")]));
    town.enter(3, ann, Secret::new(b"secret").key(ann));
    assert_eq!(
        town.work(),
        mail(&[(3, "x Bye BadProof")]),
        "the derived key is void"
    );
    let key = Key(town.office.parts.accounts.account(ann.value()).unwrap().key);
    town.enter(4, ann, key);
    assert_eq!(town.work(), mail(&[(4, "+ Welcome 0 0")]));
}

#[test]
fn the_later_log_in_stays_when_the_earlier_connection_ends() {
    let mut town = Town::new(100);
    let ann = town.online(1);
    town.enter(2, ann, Secret::new(b"secret").key(ann));
    assert_eq!(town.work(), mail(&[(1, "x Bye Replaced"), (2, "+ Welcome 0 0")]));
    town.leave(1, ann);
    town.say(2, ann, &send(1, ann, b"note to self"));
    assert_eq!(
        town.work(),
        mail(&[(2, "Deliver 1/1 note to self"), (2, "Accepted 1")])
    );
}

#[test]
fn presence_is_told_to_those_who_watch() {
    let mut town = Town::new(100);
    let (ann, bob) = (town.online(1), number(2));
    town.say(
        1,
        ann,
        &ClientFrame::Watch {
            number: bob,
            on: true,
        },
    );
    assert_eq!(
        town.work(),
        mail(&[(1, &format!("Presence 2 {:?}", Presence::Away))])
    );
    town.enter(2, bob, Secret::new(b"secret").key(bob));
    assert_eq!(
        town.work(),
        mail(&[(2, "+ Welcome 0 0"), (1, "Presence 2 Online")])
    );
    town.say(2, bob, &ClientFrame::Typing { to: ann, on: true });
    assert_eq!(town.work(), mail(&[(1, "Typing 2 true")]));
    town.leave(2, bob);
    assert_eq!(town.work(), mail(&[(1, "Presence 2 Away")]));
    town.say(
        1,
        ann,
        &ClientFrame::Watch {
            number: bob,
            on: false,
        },
    );
    town.enter(2, bob, Secret::new(b"secret").key(bob));
    assert_eq!(town.work(), mail(&[(2, "+ Welcome 0 0")]));
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
fn nobody_speaks_before_a_log_in() {
    let mut town = Town::new(2);
    let mut bytes = Vec::new();
    send(1, number(2), b"hi").encode(&mut bytes);
    town.parcel.frame(id(1), 0, &bytes);
    assert_eq!(town.work(), mail(&[(1, "Error NotLoggedIn about 0x04")]));
}

#[test]
fn a_replaced_connection_is_not_heard_and_draws_no_mail() {
    let mut town = Town::new(1000);
    let (ann, bob) = (town.online(1), town.online(2));
    let all = u64::from(DELIVER_WINDOW) + 10;
    (1..=all).for_each(|id| town.say(1, ann, &send(id, bob, b"m")));
    town.work();
    let seq = town.seqs[9];
    town.enter(3, bob, Secret::new(b"secret").key(bob));
    // These were on their way when the later log-in came.
    town.say(2, bob, &ClientFrame::Ack { seq });
    town.say(2, bob, &send(1, ann, b"from the old device"));
    let got = town.work();
    assert_eq!(
        got.iter().filter(|(conn, _)| *conn == 2).collect::<Vec<_>>(),
        [&(2, "x Bye Replaced".to_owned())]
    );
    assert!(
        !got.contains(&(1, "Deliver 2/1 from the old device".to_owned())),
        "{got:?}"
    );
    // The new connection gets everything, in order, by its own acknowledgements.
    let mut delivered = delivered_to(&got, 3);
    while delivered.len() < all as usize {
        let seq = *town.seqs.last().unwrap();
        town.say(3, bob, &ClientFrame::Ack { seq });
        let more = delivered_to(&town.work(), 3);
        assert!(!more.is_empty(), "stuck after {}", delivered.len());
        delivered.extend(more);
    }
    let expected: Vec<_> = (1..=all).map(|id| format!("Deliver 1/{id} m")).collect();
    assert_eq!(delivered, expected);
}

/// The messages a connection was sent.
fn delivered_to(mail: &Mail, conn: u32) -> Vec<String> {
    let frames = mail.iter().filter(|(to, _)| *to == conn);
    frames
        .map(|(_, frame)| frame.trim_start_matches("+ ").to_owned())
        .filter(|frame| frame.starts_with("Deliver "))
        .collect()
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
