//! Who watches whose presence. Only those who watch, or are watched, cost anything.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use wire::chat::{Code, WATCHES_MAX};

/// Watches over all connections at most.
const ALL_MAX: usize = 1_000_000;

/// Both directions, so that neither a change nor a log-out has to search.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    of: HashMap<u64, Vec<u64>, FixedState>,
    by: HashMap<u64, Vec<u64>, FixedState>,
    all: usize,
}

impl Watches {
    /// Begins a watch; watching twice is watching once.
    pub(crate) fn begin(&mut self, watcher: u64, watched: u64) -> Result<(), Code> {
        let mine = self.by.entry(watcher).or_default();
        if mine.contains(&watched) {
            return Ok(());
        }
        if mine.len() >= WATCHES_MAX || self.all >= ALL_MAX {
            return Err(Code::TooMany);
        }
        mine.push(watched);
        self.of.entry(watched).or_default().push(watcher);
        self.all += 1;
        Ok(())
    }

    /// Ends one watch.
    pub(crate) fn end(&mut self, watcher: u64, watched: u64) {
        if take(&mut self.by, watcher, watched) {
            take(&mut self.of, watched, watcher);
            self.all -= 1;
        }
    }

    /// Ends all of a watcher's.
    pub(crate) fn end_all(&mut self, watcher: u64) {
        for watched in self.by.remove(&watcher).unwrap_or_default() {
            take(&mut self.of, watched, watcher);
            self.all -= 1;
        }
    }

    /// Who watches a number.
    pub(crate) fn watchers(&self, watched: u64) -> &[u64] {
        self.of.get(&watched).map_or(&[], Vec::as_slice)
    }
}

fn take(map: &mut HashMap<u64, Vec<u64>, FixedState>, key: u64, value: u64) -> bool {
    let Some(list) = map.get_mut(&key) else {
        return false;
    };
    let Some(place) = list.iter().position(|&each| each == value) else {
        return false;
    };
    list.swap_remove(place);
    if list.is_empty() {
        map.remove(&key);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watches_end_on_both_sides() {
        let mut watches = Watches::default();
        watches.begin(1, 2).unwrap();
        watches.begin(1, 2).unwrap();
        watches.begin(3, 2).unwrap();
        assert_eq!(watches.watchers(2), [1, 3]);
        watches.end_all(1);
        watches.end(3, 2);
        watches.end(3, 2);
        assert!(watches.of.is_empty() && watches.by.is_empty() && watches.all == 0);
    }

    #[test]
    fn a_watcher_is_bounded() {
        let mut watches = Watches::default();
        (0..WATCHES_MAX as u64).for_each(|watched| watches.begin(1, 10 + watched).unwrap());
        assert_eq!(watches.begin(1, 9), Err(Code::TooMany));
    }
}
