//! The office through its parcels and outboxes, as a shard would speak to it.

mod mail;
mod people;
mod trouble;

use rand::SeedableRng as _;
use reactor::Id;
use wire::chat::{
    Address, BODY_MAX_BYTES, Body, ClientFrame, DELIVER_WINDOW, GroupId, ID_WINDOW, Key, Kind, Members,
    Presence, Proof,
};

use super::*;
use crate::parcel::Act;
use crate::source::Source;
use crate::store::{Durability, Options, SimulatedDisk};

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
        Self::with(store, "memory")
    }

    /// On a disk, with small segments and commits.
    fn on(disk: &SimulatedDisk) -> Self {
        let options = Options {
            durability: Durability::Commit,
            segment_bytes: 8 * 1024,
            mailbox_max_items: 1000,
            ..Options::default()
        };
        Self::with(disk.store(&options, 0), "commit")
    }

    fn with(store: Store, durability: &str) -> Self {
        let knobs = Knobs::default();
        knobs.set("durability", durability).unwrap();
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
        let outboxes = self.office.finish();
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

/// The messages a connection was sent.
fn delivered_to(mail: &Mail, conn: u32) -> Vec<String> {
    let frames = mail.iter().filter(|(to, _)| *to == conn);
    frames
        .map(|(_, frame)| frame.trim_start_matches("+ ").to_owned())
        .filter(|frame| frame.starts_with("Deliver "))
        .collect()
}
