//! At most one item a number in a window: the first at once, the latest of the rest when the window ends.
//!
//! Pure: time comes in as an argument. The last item of a window is kept rather than dropped, since the phone may have
//! come and gone in between: dropped, nothing would tell it of what came after.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use wire::chat::Number;

use super::Item;

/// The most numbers whose windows are open at once; beyond it items pass ungathered, which costs notices, not memory.
const WINDOWS_MAX: usize = 65_536;

/// The open windows.
#[derive(Debug)]
pub(super) struct Coalescer<T> {
    window: Duration,
    windows_max: usize,
    /// The latest item of each open window after its first.
    open: HashMap<Number, Option<T>>,
    /// When each window ends. All are equally long, so the order of opening is the order of ending.
    ends: VecDeque<(Instant, Number)>,
}

impl<T: Item> Coalescer<T> {
    pub(super) fn new(window: Duration) -> Self {
        Self {
            window,
            windows_max: WINDOWS_MAX,
            open: HashMap::new(),
            ends: VecDeque::new(),
        }
    }

    /// Takes an item; gives it back where it goes out now. `gathered` grows by an item that a later one replaced.
    pub(super) fn offer(&mut self, item: T, now: Instant, gathered: &mut u64) -> Option<T> {
        let Some(number) = item.coalesces() else {
            return Some(item);
        };
        if let Some(latest) = self.open.get_mut(&number) {
            *gathered += u64::from(latest.replace(item).is_some());
            return None;
        }
        if self.open.len() < self.windows_max {
            self.begin(number, now);
        }
        Some(item)
    }

    /// The next item whose window is over; its number's next window begins.
    pub(super) fn expired(&mut self, now: Instant) -> Option<T> {
        while self.ends.front().is_some_and(|(end, _)| *end <= now) {
            let (_, number) = self.ends.pop_front()?;
            if let Some(Some(latest)) = self.open.remove(&number) {
                self.begin(number, now);
                return Some(latest);
            }
        }
        None
    }

    /// When the next window ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.ends.front().map(|(end, _)| *end)
    }

    /// Everything that still waits, its windows cut short.
    pub(super) fn flush(&mut self) -> impl Iterator<Item = T> {
        self.ends.clear();
        self.open.drain().filter_map(|(_, latest)| latest)
    }

    fn begin(&mut self, number: Number, now: Instant) {
        self.open.insert(number, None);
        self.ends.push_back((now + self.window, number));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Notice;
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    fn notice(number: u64, queued: u64) -> Notice {
        let number = Number::new(number).unwrap();
        Notice {
            number,
            from: number,
            queued,
        }
    }

    #[test]
    fn the_first_goes_at_once_and_the_latest_when_the_window_ends() {
        let (mut coalescer, start, mut gathered) = (Coalescer::new(WINDOW), Instant::now(), 0);
        assert_eq!(
            coalescer.offer(notice(1, 1), start, &mut gathered),
            Some(notice(1, 1))
        );
        assert_eq!(coalescer.offer(notice(1, 2), start, &mut gathered), None);
        assert_eq!(coalescer.offer(notice(1, 3), start, &mut gathered), None);
        assert_eq!(
            coalescer.offer(notice(2, 1), start, &mut gathered),
            Some(notice(2, 1))
        );
        assert_eq!(gathered, 1);
        assert_eq!(coalescer.deadline(), Some(start + WINDOW));
        assert_eq!(coalescer.expired(start), None);
        assert_eq!(coalescer.expired(start + WINDOW), Some(notice(1, 3)));
        assert_eq!(coalescer.expired(start + WINDOW), None);
        // A second window began with what went out; nothing more came, so its end frees the number.
        assert_eq!(coalescer.expired(start + 2 * WINDOW), None);
        assert_eq!((coalescer.deadline(), coalescer.open.len()), (None, 0));
    }

    #[test]
    fn beyond_the_bound_items_pass_ungathered() {
        let (mut coalescer, start, mut gathered) = (Coalescer::new(WINDOW), Instant::now(), 0);
        coalescer.windows_max = 1;
        for queued in 1..4 {
            coalescer.offer(notice(1, queued), start, &mut gathered);
            assert_eq!(
                coalescer.offer(notice(2, queued), start, &mut gathered),
                Some(notice(2, queued))
            );
        }
        assert_eq!((coalescer.open.len(), coalescer.ends.len()), (1, 1));
        assert_eq!(coalescer.flush().collect::<Vec<_>>(), [notice(1, 3)]);
    }

    proptest! {
        #[test]
        fn nothing_vanishes_and_a_number_is_told_once_a_window(
            offers in prop::collection::vec((1..4u64, 0..8u64), 1..60),
        ) {
            let (mut coalescer, start, mut gathered) = (Coalescer::new(WINDOW), Instant::now(), 0);
            let (mut now, mut out) = (start, Vec::new());
            let total = offers.len() as u64;
            for (queued, (number, step_s)) in offers.into_iter().enumerate() {
                now += Duration::from_secs(step_s);
                while let Some(item) = coalescer.expired(now) {
                    out.push((now, item));
                }
                let item = coalescer.offer(notice(number, queued as u64), now, &mut gathered);
                out.extend(item.map(|item| (now, item)));
            }
            let told: Vec<_> = out.clone();
            let rest = coalescer.flush().count() as u64;
            prop_assert_eq!(out.len() as u64 + rest + gathered, total);
            for (index, (at, item)) in told.iter().enumerate() {
                let before = told[..index].iter().rev().find(|(_, other)| other.number == item.number);
                if let Some((before, _)) = before {
                    prop_assert!(*at >= *before + WINDOW);
                }
            }
        }
    }
}
