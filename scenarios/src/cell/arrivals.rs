//! The arrivals of one kind in a cell: a process for each population, and the stream they all draw from.
//!
//! It knows instants and parts; it does not know who sends or what arrives.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::intensity::{ArrivalCursor, Intensity};
use crate::load::{Outgoing, Part};
use crate::random::Stream;

/// A process a population, 40 B each, and which of them is due next.
pub(super) struct CellArrivals {
    /// By population.
    cursors: Vec<ArrivalCursor>,
    /// When each of them is due, and its population; of those due at once the first.
    due: BinaryHeap<Reverse<(u64, u32)>>,
    pub(super) stream: Stream,
}

impl CellArrivals {
    /// One process for each intensity, of which the cell has that weight. With a phase they are evenly spaced, else Poisson.
    pub(super) fn new(
        intensities: &[&Intensity],
        weights: &[f64],
        even_phase: Option<f64>,
        mut stream: Stream,
    ) -> Self {
        let (mut cursors, mut due) = (Vec::new(), BinaryHeap::new());
        for (index, (intensity, weight)) in (0u32..).zip(intensities.iter().zip(weights)) {
            let mut cursor = ArrivalCursor::new(*weight, even_phase, &mut stream);
            due.extend(cursor.due(intensity).map(|at_us| Reverse((at_us, index))));
            cursors.push(cursor);
        }
        Self { cursors, due, stream }
    }

    /// When the next is due, microseconds; `None` after the last.
    pub(super) fn due(&self) -> Option<u64> {
        self.due.peek().map(|Reverse((at_us, _))| *at_us)
    }

    /// Whose arrival is due, as the index of the population, and which of its parts it belongs to.
    pub(super) fn arrived<'a>(&mut self, load: &'a [Outgoing]) -> Option<(usize, &'a Outgoing, &'a Part)> {
        let Reverse((_, index)) = self.due.peek()?;
        let band = *index as usize;
        let outgoing = load.get(band)?;
        let part = self.cursors[band].part(outgoing.arrivals(), self.stream.unit());
        Some((band, outgoing, outgoing.parts.get(part)?))
    }

    /// Moves on to the next.
    pub(super) fn advance<'a>(&mut self, mut intensities: impl Iterator<Item = &'a Intensity>) {
        let Some(mut first) = self.due.peek_mut() else {
            return;
        };
        let Reverse((_, index)) = *first;
        let cursor = &mut self.cursors[index as usize];
        cursor.advance(&mut self.stream);
        match intensities.nth(index as usize).and_then(|of| cursor.due(of)) {
            Some(next_us) => *first = Reverse((next_us, index)),
            None => {
                std::collections::binary_heap::PeekMut::pop(first);
            }
        }
    }
}
