//! Ends and new beginnings: closed, killed, crashed; and what must be there afterwards.

use super::*;

impl World {
    pub(super) fn restart(&mut self) {
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

    pub(super) fn crash(&mut self) {
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
    pub(super) fn reopen(&mut self) {
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
