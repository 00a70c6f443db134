//! What people do to the store, and what the model makes of it: messages, ticks, acknowledgements.

use super::*;

impl World {
    pub(super) fn send(&mut self) {
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

    pub(super) fn put(&mut self, to: &[u64], known: Known) {
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

    pub(super) fn tick(&mut self) {
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

    pub(super) fn acknowledge(&mut self) {
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
}
