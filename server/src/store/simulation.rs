//! The store against a simple model, on the simulated disk: random work, crashes, failures and full disks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::disk::Disk;
use super::keeper::Keeper;
use super::simulated::SimulatedDisk;
use super::*;

const MARKER: u64 = 0xfeed_c0de_dead_beef;
const SEGMENT: usize = 8 * 1024;
const ERASE_WITHIN_MS: u64 = 10_000;
const PEOPLE: u64 = 12;

fn options() -> Options {
    Options {
        durability: Durability::Commit,
        segment_bytes: SEGMENT,
        erase_within_ms: ERASE_WITHIN_MS,
        quota_bytes: 64 * SEGMENT as u64,
        mailbox_max_items: 200,
        windows_max: 1000,
        ..Options::default()
    }
}

fn start(disk: &SimulatedDisk, options: &Options, now_ms: u64) -> Result<(Store, Recovery), Error> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Store::start(options, Some(disk.clone()), Some(Keeper::inline(disk)), now_ms)
}

/// A body that is recognised wherever 16 bytes of it remain.
fn body(unique: u64, bytes: usize) -> Vec<u8> {
    let pattern = [MARKER.to_le_bytes(), unique.to_le_bytes()].concat();
    pattern
        .into_iter()
        .cycle()
        .take(bytes.next_multiple_of(16))
        .collect()
}

#[derive(Clone, Debug, PartialEq)]
struct Known {
    tick: bool,
    from: u64,
    id: u64,
    group: u64,
    kind: u8,
    unique: u64,
    body_bytes: usize,
}

/// How sure the model is of something.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sure {
    Pending,
    Committed,
}

struct World {
    seed: u64,
    random: ChaCha8Rng,
    disk: SimulatedDisk,
    options: Options,
    store: Store,
    now_ms: u64,
    /// Items that wait, by recipient and sequence.
    live: BTreeMap<(u64, u64), (Known, Sure)>,
    /// Items that were acknowledged, and whether the acknowledgement is safe.
    gone: BTreeMap<(u64, u64), (Known, Sure)>,
    ids: BTreeMap<(u64, u64), Sure>,
    next_ids: BTreeMap<u64, u64>,
    /// Since when a body has no recipient left.
    dead: BTreeMap<u64, u64>,
    unique: u64,
    troubled: bool,
    last_seq: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let disk = SimulatedDisk::new(seed);
        let options = options();
        let (store, _) = start(&disk, &options, 1).unwrap();
        Self {
            seed,
            random: ChaCha8Rng::seed_from_u64(seed),
            disk,
            options,
            store,
            now_ms: 1,
            live: BTreeMap::new(),
            gone: BTreeMap::new(),
            ids: BTreeMap::new(),
            next_ids: BTreeMap::new(),
            dead: BTreeMap::new(),
            unique: 0,
            troubled: false,
            last_seq: 0,
        }
    }

    fn person(&mut self) -> u64 {
        self.random.random_range(1..=PEOPLE)
    }

    fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..45 => self.send(),
            45..50 => self.tick(),
            50..72 => self.acknowledge(),
            72..90 => self.commit_and_maintain(),
            90..95 => self.read_one(),
            95 => self.make_trouble(),
            96 => self.end_trouble(),
            97 => self.repeat(),
            98 => self.restart(),
            _ => self.crash(),
        }
    }

    fn send(&mut self) {
        let from = self.person();
        let next = self.next_ids.entry(from).or_insert(1);
        let id = *next;
        *next += self.random.random_range(1..4);
        self.unique += 1;
        let known = Known {
            tick: false,
            from,
            id,
            group: 0,
            kind: self.random.random(),
            unique: self.unique,
            // Some are longer than two sectors, so that a crash can cut the body and leave the rest.
            body_bytes: if self.random.random_bool(0.1) {
                1600
            } else {
                self.random.random_range(1..20) * 16
            },
        };
        let mut to: BTreeSet<u64> = BTreeSet::new();
        let members = if self.random.random_bool(0.3) {
            self.random.random_range(2..8)
        } else {
            1
        };
        while to.len() < members {
            to.insert(self.person());
        }
        self.put(&to.into_iter().collect::<Vec<_>>(), known);
    }

    fn put(&mut self, to: &[u64], known: Known) {
        let full: Vec<u64> = to
            .iter()
            .copied()
            .filter(|to| !self.store.has_room(*to))
            .collect();
        let body = body(known.unique, known.body_bytes);
        let message = NewMessage {
            from: known.from,
            group: known.group,
            id: known.id,
            time_ms: self.now_ms,
            kind: known.kind,
            body: &body,
        };
        if self.store.check(known.from, known.id) != Seen::New {
            return;
        }
        match self.store.put_group_message(to, &message) {
            Ok(first) => {
                assert!(full.is_empty(), "seed {}", self.seed);
                assert!(
                    first > self.last_seq,
                    "seed {}: a sequence was used twice",
                    self.seed
                );
                self.store.accept(known.from, known.id, self.now_ms);
                assert_eq!(self.store.check(known.from, known.id), Seen::Repeated);
                self.ids.insert((known.from, known.id), Sure::Pending);
                for (to, seq) in to.iter().zip(first..) {
                    self.live.insert((*to, seq), (known.clone(), Sure::Pending));
                    self.last_seq = seq;
                }
            }
            Err(Error::MailboxFull { to }) => assert_eq!(full.first(), Some(&to)),
            Err(Error::Full | Error::Failed { .. }) => {
                let is_near = self.store.stats().space_bytes + 2 * SEGMENT as u64 > self.options.quota_bytes;
                let log = &self.store.log;
                assert!(
                    self.troubled || is_near,
                    "seed {}: {:?} {:?} reserves {} preparing {} retired {} removing {} starved {:?} now {} {}",
                    self.seed,
                    self.store.health(),
                    self.store.stats(),
                    log.reserves.len(),
                    log.preparing,
                    log.retired.len(),
                    log.removing,
                    log.starved_since_ms,
                    self.now_ms,
                    log.now_ms
                );
            }
            Err(error) => panic!("seed {}: {error}", self.seed),
        }
    }

    fn tick(&mut self) {
        let (to, by, id) = (self.person(), self.person(), self.random.random());
        if let Ok(seq) = self.store.put_tick(to, by, id, 7) {
            let known = Known {
                tick: true,
                from: by,
                id,
                group: 7,
                kind: 0,
                unique: 0,
                body_bytes: 0,
            };
            self.live.insert((to, seq), (known, Sure::Pending));
            self.last_seq = seq;
        }
    }

    fn acknowledge(&mut self) {
        let to = self.person();
        let waiting: Vec<u64> = self
            .live
            .range((to, 0)..=(to, u64::MAX))
            .map(|((_, seq), _)| *seq)
            .collect();
        let Some(last) = waiting.len().checked_sub(1) else {
            return;
        };
        let last = if self.random.random_bool(0.5) {
            last
        } else {
            self.random.random_range(0..=last)
        };
        // Sometimes a number from the future, which must not touch later items.
        let through = if last + 1 == waiting.len() && self.random.random_bool(0.1) {
            u64::MAX
        } else {
            waiting[last]
        };
        let mut erased = Vec::new();
        self.store.ack(to, through, |item| erased.push(item));
        assert_eq!(
            erased.iter().map(|item| item.seq).collect::<Vec<_>>(),
            waiting[..=last],
            "seed {}",
            self.seed
        );
        for item in erased {
            let (known, _) = self.live.remove(&(to, item.seq)).unwrap();
            let found = (item.tick, item.from, item.id, item.group, item.kind);
            assert_eq!(found, (known.tick, known.from, known.id, known.group, known.kind));
            if !known.tick && !self.live.values().any(|(other, _)| other.unique == known.unique) {
                self.dead.insert(known.unique, self.now_ms);
            }
            self.gone.insert((to, item.seq), (known, Sure::Pending));
        }
    }

    fn commit_and_maintain(&mut self) {
        let pending = self.store.needs_commit();
        if self.store.commit(self.now_ms).is_ok() {
            if pending {
                let unlogged = self.store.stats().acks_unlogged > 0;
                for (_, sure) in self.gone.values_mut().filter(|_| !unlogged) {
                    *sure = Sure::Committed;
                }
            }
            self.live
                .values_mut()
                .for_each(|(_, sure)| *sure = Sure::Committed);
            self.ids.values_mut().for_each(|sure| *sure = Sure::Committed);
        } else {
            assert!(self.troubled, "seed {}", self.seed);
        }
        self.now_ms += self.random.random_range(1..400);
        self.store.maintain(self.now_ms);
        let stats = self.store.stats();
        assert!(stats.space_bytes <= self.options.quota_bytes);
        assert_eq!(stats.items, self.live.len());
        assert_eq!(stats.damaged_segments, 0);
        if self.troubled {
            self.restart_deadlines();
        } else if self.random.random_bool(0.2) {
            self.check_erasure();
        }
    }

    fn restart_deadlines(&mut self) {
        let now_ms = self.now_ms;
        self.dead.values_mut().for_each(|since| *since = now_ms);
    }

    fn check_erasure(&mut self) {
        let shown = self.disk.marked(MARKER);
        let now_ms = self.now_ms;
        self.dead.retain(|unique, since| {
            let due = *since + ERASE_WITHIN_MS < now_ms;
            assert!(
                !due || !shown.contains(unique),
                "seed {}: body {unique} is still there",
                self.seed
            );
            !due
        });
    }

    fn read_one(&mut self) {
        let to = self.person();
        if !self.troubled {
            self.compare(to);
        }
    }

    /// Compares a mailbox with the model, item by item.
    fn compare(&mut self, to: u64) {
        let expected: Vec<_> = self
            .live
            .range((to, 0)..=(to, u64::MAX))
            .map(|(key, (known, _))| (key.1, known.clone()))
            .collect();
        assert_eq!(self.read(to), expected, "seed {}", self.seed);
        assert_eq!(self.store.mailbox_len(to), expected.len());
    }

    fn read(&mut self, to: u64) -> Vec<(u64, Known)> {
        let mut items = Vec::new();
        let mut out = Vec::new();
        let mut after = 0;
        while let Some(item) = self.store.next(to, after, &mut out).unwrap() {
            assert!(item.seq > after);
            after = item.seq;
            let bytes = &out[item.body.clone()];
            let unique = bytes
                .get(8..16)
                .map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
            assert_eq!(bytes, body(unique, bytes.len()), "seed {}", self.seed);
            let known = Known {
                tick: item.tick,
                from: item.from,
                id: item.id,
                group: item.group,
                kind: item.kind,
                unique,
                body_bytes: bytes.len(),
            };
            items.push((item.seq, known));
        }
        items
    }

    fn make_trouble(&mut self) {
        self.troubled = true;
        match self.random.random_range(0..4) {
            0 => self.disk.fail(true, false),
            1 => self.disk.fail(false, true),
            2 => self
                .disk
                .limit(self.disk.used() + self.random.random_range(0..3) * SEGMENT),
            _ => self.disk.stop_after(self.random.random_range(0..60)),
        }
    }

    fn end_trouble(&mut self) {
        if !self.troubled {
            return;
        }
        if !self.disk.mend() {
            return self.crash();
        }
        self.store.commit(self.now_ms).unwrap();
        self.commit_and_maintain();
        self.now_ms += 2000;
        self.commit_and_maintain();
        assert_eq!(self.store.health(), Health::Good, "seed {}", self.seed);
        self.troubled = false;
        self.restart_deadlines();
    }

    /// A sender repeats an id of the last few.
    fn repeat(&mut self) {
        let from = self.person();
        let Some(((_, id), _)) = self.ids.range((from, 0)..=(from, u64::MAX)).next_back() else {
            return;
        };
        assert_eq!(self.store.check(from, *id), Seen::Repeated, "seed {}", self.seed);
    }

    fn restart(&mut self) {
        if self.troubled {
            return;
        }
        let (stand_in, _) = Store::open(
            Options {
                durability: Durability::Memory,
                ..Options::default()
            },
            0,
        )
        .unwrap();
        std::mem::replace(&mut self.store, stand_in).close().unwrap();
        self.live
            .values_mut()
            .for_each(|(_, sure)| *sure = Sure::Committed);
        self.ids.values_mut().for_each(|sure| *sure = Sure::Committed);
        if self.store.stats().acks_unlogged == 0 {
            self.gone
                .values_mut()
                .for_each(|(_, sure)| *sure = Sure::Committed);
        }
        self.reopen();
    }

    fn crash(&mut self) {
        if self.random.random_bool(0.5) {
            self.disk.kill();
        } else {
            self.disk.crash();
        }
        self.disk.limit(usize::MAX);
        self.troubled = false;
        if self.random.random_bool(0.3) {
            self.disk.stop_after(self.random.random_range(0..40));
            let half = start(&self.disk, &self.options, self.now_ms);
            if let Ok((mut store, _)) = half {
                store.maintain(self.now_ms + 1);
            }
            self.disk.crash();
        }
        self.reopen();
    }

    /// Opens again and compares what came back with what may and what must.
    fn reopen(&mut self) {
        self.now_ms += 1000;
        self.store = start(&self.disk, &self.options, self.now_ms).unwrap().0;
        let seed = self.seed;
        let before = std::mem::take(&mut self.live);
        for to in 1..=PEOPLE {
            for (seq, known) in self.read(to) {
                let allowed = before.get(&(to, seq)).or_else(|| {
                    self.gone
                        .get(&(to, seq))
                        .filter(|(_, sure)| *sure == Sure::Pending)
                });
                assert_eq!(
                    allowed.map(|(known, _)| known),
                    Some(&known),
                    "seed {seed}: {to} {seq}"
                );
                self.dead.remove(&known.unique);
                self.gone.remove(&(to, seq));
                self.live.insert((to, seq), (known, Sure::Committed));
            }
        }
        for (key, (known, sure)) in &before {
            let is_back = self.live.contains_key(key);
            assert!(
                is_back || *sure == Sure::Pending,
                "seed {seed}: {key:?} {known:?} was lost"
            );
        }
        let present: BTreeSet<(u64, u64)> = self
            .live
            .values()
            .filter(|(known, _)| !known.tick)
            .map(|(known, _)| (known.from, known.id))
            .collect();
        let acknowledged: BTreeSet<(u64, u64)> = self
            .gone
            .values()
            .filter(|(known, _)| !known.tick)
            .map(|(known, _)| (known.from, known.id))
            .collect();
        self.ids.retain(|(from, id), sure| {
            let seen = self.store.check(*from, *id);
            if *sure == Sure::Committed || present.contains(&(*from, *id)) {
                assert_ne!(seen, Seen::New, "seed {seed}: {id} of {from} was forgotten");
            } else if !acknowledged.contains(&(*from, *id)) {
                assert_ne!(
                    seen,
                    Seen::Repeated,
                    "seed {seed}: {id} of {from} is absorbed but not there"
                );
            }
            *sure = Sure::Committed;
            seen == Seen::Repeated
        });
        // A group's message comes back whole or not at all.
        for ((to, seq), (known, _)) in &before {
            if !known.tick && present.contains(&(known.from, known.id)) {
                assert!(
                    self.live.contains_key(&(*to, *seq)),
                    "seed {seed}: half of a group has {known:?}"
                );
            }
        }
        // What was never acknowledged and did not come back was not committed: its remains must go too.
        for (known, _) in before.values().filter(|(known, _)| !known.tick) {
            if !present.contains(&(known.from, known.id)) {
                self.dead.insert(known.unique, self.now_ms);
            }
        }
        self.restart_deadlines();
    }
}

fn simulate(seeds: std::ops::Range<u64>, steps: usize) {
    for seed in seeds {
        let mut world = World::new(seed);
        for _ in 0..steps {
            world.step();
        }
        world.end_trouble();
        for to in 1..=PEOPLE {
            world.compare(to);
            world.store.ack(to, u64::MAX, |_| {});
        }
        for _ in 0..200 {
            world.now_ms += 100;
            world.store.commit(world.now_ms).unwrap();
            world.store.maintain(world.now_ms);
        }
        let stats = world.store.stats();
        assert_eq!(
            (stats.items, stats.live_bytes, stats.longest_mailbox),
            (0, 0, 0),
            "seed {seed}"
        );
        assert!(world.disk.marked(MARKER).is_empty(), "seed {seed}: bodies remain");
        assert!(stats.space_bytes <= 12 * SEGMENT as u64, "seed {seed}: {stats:?}");
    }
}

#[test]
fn committed_messages_survive_everything_exactly_once() {
    simulate(0..60, 1500);
}

#[test]
fn long_lives_too() {
    simulate(1000..1004, 15_000);
}
