//! Who watches whose presence. Only those who watch, or are watched, cost anything.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use wire::chat::{Code, WATCHES_MAX};

/// Watches over all connections at most.
pub(crate) const ALL_MAX: usize = 1_000_000;
/// Watchers of one number at most: as many are told when it comes or goes, and the end of a watch looks for itself among
/// so many, in 8 KB.
pub(crate) const WATCHERS_MAX: usize = 1_000;

/// Both directions, so that neither a change nor a log-out has to search all.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    of: HashMap<u64, Vec<u64>, FixedState>,
    by: HashMap<u64, Vec<u64>, FixedState>,
    all: usize,
}

impl Watches {
    /// Begins a watch; watching twice is watching once.
    ///
    /// # Errors
    /// [`Code::TooMany`] where the watcher has too many, [`Code::Busy`] where others have.
    pub(crate) fn begin(&mut self, watcher: u64, watched: u64) -> Result<(), Code> {
        let mine = self.by.get(&watcher).map_or(&[][..], Vec::as_slice);
        if mine.contains(&watched) {
            return Ok(());
        }
        if mine.len() >= WATCHES_MAX {
            return Err(Code::TooMany);
        }
        if self.all >= ALL_MAX || self.watchers(watched).len() >= WATCHERS_MAX {
            return Err(Code::Busy);
        }
        self.by.entry(watcher).or_default().push(watched);
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

    #[test]
    fn a_crowd_is_bounded_and_who_finds_no_room_leaves_no_trace() {
        let mut watches = Watches::default();
        let crowd = 1..=WATCHERS_MAX as u64;
        crowd
            .clone()
            .for_each(|watcher| watches.begin(watcher, 0).unwrap());
        let late = WATCHERS_MAX as u64 + 1;
        assert_eq!(watches.begin(late, 0), Err(Code::Busy));
        assert_eq!(watches.by.len(), WATCHERS_MAX);
        watches.end_all(1);
        watches.begin(late, 0).unwrap();
        watches.all = ALL_MAX;
        assert_eq!(watches.begin(late, 5), Err(Code::Busy));
        assert!(!watches.of.contains_key(&5));
    }
}
