//! The order between two people: which copies from one to the other are under way.
//!
//! A pair is kept only while something is under way between the two; numbers of copies rise with the order of sending.

use hashbrown::HashMap;

/// All pairs with copies under way.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    pairs: HashMap<(u32, u32), Pair>,
}

#[derive(Debug, Default)]
struct Pair {
    /// Sent, neither arrived nor refused, in order. Most pairs have one, which then costs no allocation.
    under_way: UnderWay,
    /// The highest that arrived.
    highest: u64,
    /// Arrived before their *sent* was observed.
    early: u32,
}

#[derive(Debug, Default)]
enum UnderWay {
    #[default]
    None,
    One(u64),
    Many(Vec<u64>),
}

impl Pairs {
    /// A copy was sent. Returns whether a later one has arrived already.
    pub(super) fn send(&mut self, sender: u32, recipient: u32, copy: u64) -> bool {
        let pair = self.pairs.entry((sender, recipient)).or_default();
        pair.under_way.push(copy);
        pair.highest > copy
    }

    /// The *sent* of an early copy was observed.
    pub(super) fn caught_up(&mut self, sender: u32, recipient: u32) {
        if let Some(pair) = self.pairs.get_mut(&(sender, recipient)) {
            pair.early -= 1;
            self.drop_idle(sender, recipient);
        }
    }

    /// A copy was refused.
    pub(super) fn withdraw(&mut self, sender: u32, recipient: u32, copy: u64) {
        if let Some(pair) = self.pairs.get_mut(&(sender, recipient)) {
            pair.under_way.remove(copy);
            self.drop_idle(sender, recipient);
        }
    }

    /// A copy arrived, before its *sent* was observed or after. Names the earlier ones that are still under way, and
    /// returns whether a later one had arrived before.
    pub(super) fn deliver(
        &mut self,
        sender: u32,
        recipient: u32,
        copy: u64,
        early: bool,
        overtaken: impl FnMut(u64),
    ) -> bool {
        let pair = self.pairs.entry((sender, recipient)).or_default();
        pair.under_way.remove(copy);
        pair.early += u32::from(early);
        let is_overtaken = pair.highest > copy;
        pair.highest = pair.highest.max(copy);
        pair.under_way.before(copy).iter().copied().for_each(overtaken);
        self.drop_idle(sender, recipient);
        is_overtaken
    }

    /// Gives memory back after a peak.
    pub(super) fn shrink(&mut self) {
        if self.pairs.capacity() > 4 * self.pairs.len() + 1_024 {
            self.pairs.shrink_to(2 * self.pairs.len());
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    fn drop_idle(&mut self, sender: u32, recipient: u32) {
        let idle = |pair: &Pair| pair.early == 0 && matches!(pair.under_way, UnderWay::None);
        if self.pairs.get(&(sender, recipient)).is_some_and(idle) {
            self.pairs.remove(&(sender, recipient));
        }
    }
}

impl UnderWay {
    fn push(&mut self, copy: u64) {
        match self {
            Self::None => *self = Self::One(copy),
            Self::One(first) => *self = Self::Many(vec![*first, copy]),
            Self::Many(copies) => copies.push(copy),
        }
    }

    fn remove(&mut self, copy: u64) {
        match self {
            Self::One(only) if *only == copy => *self = Self::None,
            Self::Many(copies) => {
                if let Ok(at) = copies.binary_search(&copy) {
                    copies.remove(at);
                }
                if copies.is_empty() {
                    *self = Self::None;
                }
            }
            _ => {}
        }
    }

    fn before(&self, copy: u64) -> &[u64] {
        let copies = match self {
            Self::None => &[],
            Self::One(only) => std::slice::from_ref(only),
            Self::Many(copies) => copies,
        };
        &copies[..copies.partition_point(|under_way| *under_way < copy)]
    }
}
