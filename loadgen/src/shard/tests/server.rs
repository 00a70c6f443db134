//! A chat server in memory, on a virtual clock, whose network cuts connections and whose faults can be asked for.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use reactor::Id;
use wire::chat::{
    Address, Body, ClientFrame, Code, GroupId, Kind, MediaToken, Number, Secret, ServerFrame, VERSION,
};

/// What the server does wrong, once, at its 40th opportunity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Delivers a message twice.
    Duplicate,
    /// Accepts a message and loses it.
    Lose,
    /// Flips a bit of a body.
    Corrupt,
    /// Delivers a message after a later one.
    Misorder,
    /// Delivers a message to somebody else.
    Misdirect,
    /// Refuses a message and delivers it.
    Contradict,
    /// Keeps a second tick back.
    LoseTick,
}

/// What comes over the network to a shard.
pub(crate) enum Arrival {
    Opened,
    Bytes(Vec<u8>),
    Closed,
}

/// A connection, as the server has it.
struct Conn {
    number: Option<Number>,
    nonce: [u8; 16],
    /// Nothing overtakes: arrivals are no earlier than the last.
    last_us: u64,
    /// Cut in the middle: nothing passes any more, and neither end knows.
    dead: bool,
}

#[derive(Clone)]
struct Item {
    seq: u64,
    from: Number,
    group: Option<GroupId>,
    id: u64,
    body: Option<(Kind, Vec<u8>)>,
}

#[derive(Default)]
struct Account {
    conn: Option<(usize, Id)>,
    mailbox: VecDeque<Item>,
    next_seq: u64,
    last_id: u64,
    accepted: HashSet<u64>,
}

pub(crate) struct Server {
    secret: Secret,
    pub(crate) now_us: u64,
    rng: ChaCha8Rng,
    conns: HashMap<(usize, Id), Conn>,
    accounts: HashMap<Number, Account>,
    groups: HashMap<GroupId, Vec<Number>>,
    arrivals: BTreeMap<(u64, u64), (usize, Id, Arrival)>,
    next_arrival: u64,
    fault: Fault,
    chances: u32,
    held: Option<(Number, Item)>,
    /// Chance of a refusal, in a thousand.
    pub(crate) refusals: u32,
    /// The longest way one way, microseconds.
    pub(crate) delay_us: u64,
    pub(crate) copies_accepted: u64,
    pub(crate) repeats: u64,
    /// Whether it sends second ticks at all.
    pub(crate) ticks: bool,
}

impl Server {
    pub(crate) fn new(secret: Secret, seed: u64, fault: Fault) -> Self {
        Self {
            secret,
            now_us: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
            conns: HashMap::new(),
            accounts: HashMap::new(),
            groups: HashMap::new(),
            arrivals: BTreeMap::new(),
            next_arrival: 0,
            fault,
            chances: 40,
            held: None,
            refusals: 0,
            delay_us: 40_000,
            copies_accepted: 0,
            repeats: 0,
            ticks: true,
        }
    }

    /// The next arrival that is due before the given time, or at it.
    pub(crate) fn next(&mut self, until_us: u64) -> Option<(u64, usize, Id, Arrival)> {
        let entry = self
            .arrivals
            .first_entry()
            .filter(|entry| entry.key().0 <= until_us)?;
        let at_us = entry.key().0;
        let (shard, id, arrival) = entry.remove();
        Some((at_us, shard, id, arrival))
    }

    /// Messages that wait for their recipients.
    pub(crate) fn queued(&self) -> u64 {
        let messages = |account: &Account| account.mailbox.iter().filter(|item| item.body.is_some()).count();
        self.accounts
            .values()
            .map(|account| messages(account) as u64)
            .sum()
    }

    pub(crate) fn connect(&mut self, shard: usize, id: Id) {
        let nonce = self.rng.random();
        self.conns.insert(
            (shard, id),
            Conn {
                number: None,
                nonce,
                last_us: 0,
                dead: false,
            },
        );
        self.arrive(shard, id, Arrival::Opened);
        self.send(
            shard,
            id,
            &ServerFrame::Hello {
                version: VERSION,
                nonce,
            },
        );
    }

    /// The client closed its end.
    pub(crate) fn close(&mut self, shard: usize, id: Id) {
        if let Some(Conn {
            number: Some(number), ..
        }) = self.conns.remove(&(shard, id))
        {
            let account = self.accounts.entry(number).or_default();
            account.conn = account.conn.filter(|conn| *conn != (shard, id));
        }
    }

    /// Cuts one connection: from now on nothing passes, and the client learns it later.
    pub(crate) fn cut_one(&mut self) {
        let mut all: Vec<_> = self
            .conns
            .iter()
            .filter(|(_, conn)| !conn.dead)
            .map(|(key, _)| *key)
            .collect();
        all.sort_by_key(|(shard, id)| (*shard, id.to_bits()));
        if all.is_empty() {
            return;
        }
        let (shard, id) = all[self.rng.random_range(0..all.len())];
        // What is on its way to the client is lost with it, or only what the client answers to that.
        if self.rng.random() {
            self.arrivals
                .retain(|_, (to_shard, to, _)| (*to_shard, *to) != (shard, id));
        }
        self.arrive(shard, id, Arrival::Closed);
        if let Some(conn) = self.conns.get_mut(&(shard, id)) {
            conn.dead = true;
        }
    }

    /// Takes whole frames, and returns how many bytes they were.
    pub(crate) fn receive(&mut self, shard: usize, id: Id, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some((frame, length)) = ClientFrame::decode(&bytes[taken..]).unwrap() {
            let Some(conn) = self.conns.get(&(shard, id)).filter(|conn| !conn.dead) else {
                return bytes.len();
            };
            let (number, nonce) = (conn.number, conn.nonce);
            match (frame, number) {
                (ClientFrame::Login { number, proof }, None) => {
                    assert!(self.secret.key(number).verify(&nonce, number, &proof));
                    self.login(shard, id, number);
                }
                (ClientFrame::Send { id, to, body }, Some(number)) => self.take(number, id, to, body),
                (ClientFrame::Ack { seq }, Some(number)) => self.acknowledge(number, seq),
                (ClientFrame::SetGroup { tag, members }, Some(number)) => {
                    self.groups
                        .insert(GroupId::new(number, tag).unwrap(), members.iter().collect());
                }
                (ClientFrame::Ping { token }, Some(_)) => self.send(shard, id, &ServerFrame::Pong { token }),
                (ClientFrame::Typing { .. }, Some(_)) => {}
                (frame, number) => panic!("{frame:?} from {number:?}"),
            }
            taken += length;
        }
        taken
    }

    fn login(&mut self, shard: usize, id: Id, number: Number) {
        let account = self.accounts.entry(number).or_default();
        // A session that was cut without the server's noticing gives way.
        if let Some(old) = account.conn.replace((shard, id)) {
            self.conns.remove(&old);
        }
        let queued = account.mailbox.clone();
        let last_id = account.last_id;
        self.conns.get_mut(&(shard, id)).unwrap().number = Some(number);
        let media_token = MediaToken([0; 16]);
        self.send(
            shard,
            id,
            &ServerFrame::Welcome {
                last_id,
                queued: queued.len() as u32,
                media_token,
            },
        );
        queued.iter().for_each(|item| self.deliver(number, item));
    }

    fn take(&mut self, from: Number, id: u64, to: Address, body: Body<'_>) {
        let account = self.accounts.entry(from).or_default();
        if account.accepted.contains(&id) {
            self.repeats += 1;
            return self.answer(from, &ServerFrame::Accepted { id });
        }
        let (group, recipients) = match to {
            Address::Person(number) => (None, vec![number]),
            Address::Group(group) => {
                let members = self.groups.get(&group).cloned().unwrap_or_default();
                (
                    Some(group),
                    members.into_iter().filter(|member| *member != from).collect(),
                )
            }
        };
        let online = |to: &Number| {
            self.accounts
                .get(to)
                .is_some_and(|account| account.conn.is_some())
        };
        let heard = !recipients.is_empty() && recipients.iter().all(online);
        let contradicts = self.fault == Fault::Contradict && heard && self.is_the_moment();
        if recipients.is_empty() || contradicts || self.rng.random_range(0..1_000) < self.refusals {
            self.answer(from, &ServerFrame::Refused { id, code: Code::Busy });
            if !contradicts {
                return;
            }
        } else {
            let account = self.accounts.entry(from).or_default();
            account.accepted.insert(id);
            account.last_id = account.last_id.max(id);
            self.copies_accepted += recipients.len() as u64;
            self.answer(from, &ServerFrame::Accepted { id });
        }
        for mut recipient in recipients {
            if self.fault == Fault::Lose && self.is_the_moment() {
                continue;
            }
            if self.fault == Fault::Misdirect && self.is_the_moment() {
                recipient = Number::new(recipient.value() ^ 1).unwrap();
            }
            self.post(recipient, from, group, id, Some((body.kind, body.bytes.to_vec())));
        }
    }

    fn post(
        &mut self,
        to: Number,
        from: Number,
        group: Option<GroupId>,
        id: u64,
        body: Option<(Kind, Vec<u8>)>,
    ) {
        let account = self.accounts.entry(to).or_default();
        account.next_seq += 1;
        let item = Item {
            seq: account.next_seq,
            from,
            group,
            id,
            body,
        };
        account.mailbox.push_back(item.clone());
        self.deliver(to, &item);
    }

    fn deliver(&mut self, to: Number, item: &Item) {
        let is_message = item.body.is_some();
        if is_message && self.fault == Fault::Misorder && self.held.is_none() && self.is_the_moment() {
            self.held = Some((to, item.clone()));
            return;
        }
        self.write_item(to, item, is_message && self.fault == Fault::Corrupt);
        if is_message && self.fault == Fault::Duplicate && self.is_the_moment() {
            self.write_item(to, item, false);
        }
        let overtakes =
            |(held_to, held): &(Number, Item)| *held_to == to && held.from == item.from && is_message;
        if self.held.as_ref().is_some_and(overtakes)
            && let Some((to, held)) = self.held.take()
        {
            self.fault = Fault::None;
            self.write_item(to, &held, false);
        }
    }

    fn write_item(&mut self, to: Number, item: &Item, may_corrupt: bool) {
        let mut item = item.clone();
        let frame = match &mut item.body {
            None => ServerFrame::Delivered {
                seq: item.seq,
                id: item.id,
                by: item.from,
            },
            Some((kind, bytes)) => {
                if may_corrupt && self.is_the_moment() {
                    let last = bytes.len() - 1;
                    bytes[last] ^= 4;
                }
                let body = Body { kind: *kind, bytes };
                let (seq, from, group, id) = (item.seq, item.from, item.group, item.id);
                ServerFrame::Deliver {
                    seq,
                    from,
                    group,
                    id,
                    time_ms: 0,
                    body,
                }
            }
        };
        self.answer(to, &frame);
    }

    fn acknowledge(&mut self, number: Number, seq: u64) {
        let account = self.accounts.entry(number).or_default();
        let Some(at) = account.mailbox.iter().position(|item| item.seq == seq) else {
            return;
        };
        let item = account.mailbox.remove(at).unwrap();
        let is_lost = self.fault == Fault::LoseTick && item.body.is_some() && self.is_the_moment();
        if item.body.is_some() && self.ticks && !is_lost {
            self.post(item.from, number, None, item.id, None);
        }
    }

    fn is_the_moment(&mut self) -> bool {
        self.chances = self.chances.saturating_sub(1);
        self.chances == 0 && {
            self.chances = u32::MAX;
            true
        }
    }

    /// Writes to a number's connection, if it has one.
    fn answer(&mut self, to: Number, frame: &ServerFrame<'_>) {
        if let Some((shard, id)) = self.accounts.entry(to).or_default().conn {
            self.send(shard, id, frame);
        }
    }

    fn send(&mut self, shard: usize, id: Id, frame: &ServerFrame<'_>) {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        // Now and then a frame comes in two parts.
        if self.rng.random_range(0..4) == 0 {
            let rest = bytes.split_off(bytes.len() / 2);
            self.arrive(shard, id, Arrival::Bytes(bytes));
            bytes = rest;
        }
        self.arrive(shard, id, Arrival::Bytes(bytes));
    }

    fn arrive(&mut self, shard: usize, id: Id, arrival: Arrival) {
        let delay_us = self.rng.random_range(1..=self.delay_us);
        let Some(conn) = self.conns.get_mut(&(shard, id)).filter(|conn| !conn.dead) else {
            return;
        };
        conn.last_us = conn.last_us.max(self.now_us + delay_us);
        self.next_arrival += 1;
        self.arrivals
            .insert((conn.last_us, self.next_arrival), (shard, id, arrival));
    }
}
