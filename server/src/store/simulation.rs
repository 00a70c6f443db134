//! The store against a simple model, on the simulated disk: random work, crashes, failures and full disks.

mod afresh;
mod work;

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
