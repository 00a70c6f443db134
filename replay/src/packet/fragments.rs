//! Fragments of IP datagrams, put together (RFC 791, section 3.2; RFC 8200, section 4.5).
//!
//! It does not know what they carry. At most [`FRAGMENTS_MAX_BYTES`] wait; what is over that, or waits for longer than
//! 30 seconds of the packets' time, is given up and counted, the oldest first. An overlap gives the datagram up (RFC 5722).

use std::collections::{BTreeMap, HashMap};

use super::endpoint::{Endpoint, Path};
use super::ip::Carried;
use super::view::View;
use crate::skipped::Skip;

/// The most that fragments hold while they wait for others, bytes.
pub const FRAGMENTS_MAX_BYTES: usize = 4 << 20;
/// How long the first waits for the last, as Linux has it (`ipfrag_time`).
const PATIENCE_NS: u64 = 30_000_000_000;
/// No datagram is longer.
const DATAGRAM_MAX_BYTES: usize = 65_535;
/// What a datagram costs beside its bytes, and a span of it: an estimate that errs upwards.
const DATAGRAM_COST_BYTES: usize = 512;
const SPAN_COST_BYTES: usize = 16;

/// What the fragments of a datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FragmentKey {
    source: Endpoint,
    to: Endpoint,
    path: Path,
    protocol: u8,
    id: u32,
}

impl FragmentKey {
    pub(super) fn new(carried: &Carried<'_>, protocol: u8, id: u32) -> Self {
        Self {
            source: carried.source,
            to: carried.to,
            path: carried.path,
            protocol,
            id,
        }
    }
}

/// A piece of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) key: FragmentKey,
    pub(super) carried: Carried<'a>,
    /// Where in the datagram it belongs, bytes.
    pub(super) offset: usize,
    /// Whether others are behind it.
    pub(super) more: bool,
}

/// A datagram that is whole again.
#[derive(Debug)]
pub(super) struct Whole {
    key: FragmentKey,
    protocol: u8,
    bytes: Vec<u8>,
}

impl Whole {
    pub(super) fn carried(&self) -> Carried<'_> {
        Carried {
            protocol: self.protocol,
            source: self.key.source,
            to: self.key.to,
            path: self.key.path,
            view: View {
                bytes: &self.bytes,
                length: self.bytes.len(),
            },
        }
    }
}

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    numbers: HashMap<FragmentKey, u64>,
    /// By the number of their first fragment: the oldest is the first.
    waiting: BTreeMap<u64, Waiting>,
    next_number: u64,
    held_bytes: usize,
    dropped: u64,
    joined: u64,
}

/// A datagram that is not whole.
#[derive(Debug)]
struct Waiting {
    key: FragmentKey,
    began_ns: u64,
    packets: u64,
    bytes: Vec<u8>,
    /// What is there, in order and apart: from, to.
    spans: Vec<(u32, u32)>,
    /// Its length, once the last fragment came.
    end: Option<usize>,
    /// What it carries, once the first fragment came.
    protocol: Option<u8>,
}

/// What a fragment did to its datagram.
#[derive(PartialEq, Eq)]
enum Fit {
    Waits,
    Completes,
    Clashes,
}

impl Fragments {
    /// Keeps a fragment; the last one gives the datagram.
    pub(super) fn add(&mut self, fragment: &Fragment<'_>, at_ns: u64) -> Result<Option<Whole>, Skip> {
        let View { bytes, length } = fragment.carried.view;
        if bytes.len() < length {
            return Err(Skip::Snapped);
        }
        // All but the last are whole units of 8 bytes.
        let uneven = fragment.more && !length.is_multiple_of(8);
        if uneven || length == 0 || fragment.offset + length > DATAGRAM_MAX_BYTES {
            return Err(Skip::Malformed);
        }
        self.expire(at_ns);
        let number = self.number(fragment.key, at_ns);
        let Some(waiting) = self.waiting.get_mut(&number) else {
            return Err(Skip::Fragment);
        };
        let before = waiting.cost();
        let fit = waiting.take(fragment, bytes);
        self.held_bytes = self.held_bytes + waiting.cost() - before;
        match fit {
            Fit::Waits => {
                while self.held_bytes > FRAGMENTS_MAX_BYTES {
                    self.drop_oldest();
                }
                Ok(None)
            }
            Fit::Completes => Ok(self.remove(number).map(|whole| {
                self.joined += whole.packets;
                Whole {
                    key: whole.key,
                    protocol: whole.protocol.unwrap_or_default(),
                    bytes: whole.bytes,
                }
            })),
            Fit::Clashes => {
                // The clashing one is the caller's to count.
                let packets = self.remove(number).map_or(0, |clashed| clashed.packets - 1);
                self.dropped += packets;
                Err(Skip::Fragment)
            }
        }
    }

    /// Fragments given up, and those that still wait.
    pub(super) fn dropped(&self) -> u64 {
        let waiting: u64 = self.waiting.values().map(|waiting| waiting.packets).sum();
        self.dropped + waiting
    }

    /// Fragments of datagrams that became whole.
    pub(super) fn joined(&self) -> u64 {
        self.joined
    }

    fn number(&mut self, key: FragmentKey, at_ns: u64) -> u64 {
        if let Some(&number) = self.numbers.get(&key) {
            return number;
        }
        let number = self.next_number;
        self.next_number += 1;
        self.numbers.insert(key, number);
        let waiting = Waiting {
            key,
            began_ns: at_ns,
            packets: 0,
            bytes: Vec::new(),
            spans: Vec::new(),
            end: None,
            protocol: None,
        };
        self.held_bytes += waiting.cost();
        self.waiting.insert(number, waiting);
        number
    }

    fn remove(&mut self, number: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&number)?;
        self.numbers.remove(&waiting.key);
        self.held_bytes -= waiting.cost();
        Some(waiting)
    }

    fn expire(&mut self, at_ns: u64) {
        while let Some((_, oldest)) = self.waiting.first_key_value()
            && oldest.began_ns.saturating_add(PATIENCE_NS) < at_ns
        {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let oldest = self.waiting.first_key_value().map(|(&number, _)| number);
        if let Some(waiting) = oldest.and_then(|number| self.remove(number)) {
            self.dropped += waiting.packets;
        }
    }
}

impl Waiting {
    fn cost(&self) -> usize {
        DATAGRAM_COST_BYTES + self.bytes.capacity() + self.spans.capacity() * SPAN_COST_BYTES
    }

    fn take(&mut self, fragment: &Fragment<'_>, bytes: &[u8]) -> Fit {
        self.packets += 1;
        let (from, to) = (fragment.offset, fragment.offset + bytes.len());
        // Both fit: a datagram has at most 65,535 bytes.
        let span = (from as u32, to as u32);
        let place = self.spans.partition_point(|&(begins, _)| begins < span.0);
        if self.spans.get(place) == Some(&span) {
            return Fit::Waits; // the same again
        }
        let clashes_before = place > 0 && self.spans[place - 1].1 > span.0;
        let clashes_behind = self.spans.get(place).is_some_and(|&(begins, _)| begins < span.1);
        let clashes_end = match (fragment.more, self.end) {
            (false, Some(end)) => end != to,
            (false, None) => self.spans.last().is_some_and(|&(_, last)| last > span.1),
            (true, Some(end)) => to >= end,
            (true, None) => false,
        };
        if clashes_before || clashes_behind || clashes_end {
            return Fit::Clashes;
        }
        self.spans.insert(place, span);
        if self.bytes.len() < to {
            self.bytes.resize(to, 0);
        }
        self.bytes[from..to].copy_from_slice(bytes);
        if from == 0 {
            self.protocol = Some(fragment.carried.protocol);
        }
        if !fragment.more {
            self.end = Some(to);
        }
        let Some(end) = self.end else { return Fit::Waits };
        let there: u32 = self.spans.iter().map(|(begins, ends)| ends - begins).sum();
        if there as usize == end {
            Fit::Completes
        } else {
            Fit::Waits
        }
    }
}
