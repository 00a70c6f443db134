//! Actions in time: the merge of what the sources of some cells yield.
//!
//! It knows instants only; what is drawn, each cell draws for itself, so a merge over other cells changes nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::action::Action;
use crate::cell::{Cell, SourceKind};
use crate::plan::Plan;

/// The actions of some cells, in time; see [`Plan::actions`].
pub struct Actions {
    plan: Plan,
    cells: Vec<Cell>,
    /// What is due when: instant, cell, source, index of the cell. Cells and sources decide ties, always alike.
    due: BinaryHeap<Reverse<(u64, u32, SourceKind, usize)>>,
}

impl Actions {
    pub(crate) fn new(plan: &Plan, cells: impl Iterator<Item = u32>) -> Self {
        Self::of_sources(plan, cells, &SourceKind::ALL)
    }

    pub(crate) fn of_sources(plan: &Plan, cells: impl Iterator<Item = u32>, kinds: &[SourceKind]) -> Self {
        let mut numbers: Vec<u32> = cells.collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut cells: Vec<Cell> = numbers
            .into_iter()
            .map(|number| Cell::new(&plan.inner, number))
            .collect();
        let mut due = BinaryHeap::with_capacity(cells.len() * kinds.len());
        for (index, cell) in cells.iter_mut().enumerate() {
            for kind in kinds {
                if let Some(at_us) = cell.due(&plan.inner, *kind) {
                    due.push(Reverse((at_us, cell.number, *kind, index)));
                }
            }
        }
        Self {
            plan: plan.clone(),
            cells,
            due,
        }
    }

    /// When the next action is due at the earliest, microseconds since the run began.
    #[must_use]
    pub fn next_due_us(&self) -> Option<u64> {
        self.due.peek().map(|Reverse((at_us, ..))| *at_us)
    }
}

impl std::fmt::Debug for Actions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Actions")
            .field("cells", &self.cells.len())
            .field("next_due_us", &self.next_due_us())
            .finish()
    }
}

impl Iterator for Actions {
    type Item = Action;

    fn next(&mut self) -> Option<Action> {
        let end_us = self.plan.duration_us();
        loop {
            let mut first = self.due.peek_mut()?;
            let Reverse((at_us, number, kind, index)) = *first;
            if at_us >= end_us {
                std::collections::binary_heap::PeekMut::pop(first);
                continue;
            }
            let cell = &mut self.cells[index];
            // A source may find that nothing comes of an instant: nobody to send, a cut that has yet to be listed.
            let action = cell.fire(&self.plan.inner, kind, at_us);
            match cell.due(&self.plan.inner, kind) {
                Some(next_us) => *first = Reverse((next_us.max(at_us), number, kind, index)),
                None => {
                    std::collections::binary_heap::PeekMut::pop(first);
                }
            }
            if action.is_some() {
                return action;
            }
        }
    }
}
