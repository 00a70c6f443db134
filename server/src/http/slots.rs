//! Places for what takes its time: bounded for all together, and for each source.
//!
//! It does not know what takes place there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use wire::chat::Code;

use crate::source::Source;

/// The places.
#[derive(Debug)]
pub(super) struct Slots {
    most: usize,
    most_a_source: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// None has an entry without a place.
    sources: HashMap<Source, usize, RandomState>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    source: Source,
}

impl Slots {
    pub(super) fn new(most: usize, most_a_source: usize) -> Self {
        Self {
            most,
            most_a_source,
            taken: Mutex::default(),
        }
    }

    /// A place for a source.
    ///
    /// # Errors
    /// [`Code::Busy`] where all are taken, [`Code::RateLimited`] where the source has as many as it may.
    pub(super) fn take(self: &Arc<Self>, source: Source) -> Result<Slot, Code> {
        let mut taken = self.lock();
        if taken.all >= self.most {
            return Err(Code::Busy);
        }
        let theirs = taken.sources.get(&source).copied().unwrap_or(0);
        if theirs >= self.most_a_source {
            return Err(Code::RateLimited);
        }
        taken.sources.insert(source, theirs + 1);
        taken.all += 1;
        Ok(Slot {
            slots: Arc::clone(self),
            source,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        taken.all -= 1;
        if let Some(theirs) = taken.sources.get_mut(&self.source) {
            *theirs -= 1;
            if *theirs == 0 {
                taken.sources.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn one_source_cannot_take_all_and_gives_back_what_it_took() {
        let source = |index| Source::of(Ipv4Addr::from_bits(index).into());
        let slots = Arc::new(Slots::new(3, 2));
        let (one, two) = (slots.take(source(1)).unwrap(), slots.take(source(1)).unwrap());
        assert_eq!(slots.take(source(1)).unwrap_err(), Code::RateLimited);
        let other = slots.take(source(2)).unwrap();
        assert_eq!(slots.take(source(3)).unwrap_err(), Code::Busy);
        drop(one);
        let again = slots.take(source(1)).unwrap();
        drop((two, other, again));
        assert_eq!(slots.lock().all, 0);
        assert!(slots.lock().sources.is_empty(), "nobody is remembered");
    }
}
