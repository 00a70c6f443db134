//! The labels of marks, staggered so that none covers another or is crossed by another's line; phases' names.
//!
//! It knows names and widths; what a mark means is written in the timeline.

use super::axis::Axis;
use super::{LEFT, RIGHT, SMALL_SIZE, WIDTH};
use crate::face::Face;
use crate::mark::{Mark, Marks};
use crate::scene::{Anchor, Scene};
use crate::theme::Ink;

/// Rows of labels at most: more marks than fit go without, and a note says how many.
const ROWS: usize = 4;
const ROW_HEIGHT: f64 = SMALL_SIZE + 4.0;
/// Between one label and the next, and between a label and a line.
const GAP: f64 = 6.0;

/// The labels of a plot's marks, and where they go.
pub(crate) struct Labels {
    placed: Vec<Label>,
    rows: usize,
    unlabelled: usize,
}

struct Label {
    name: String,
    ink: Ink,
    /// The line's.
    x: f64,
    /// The text's left and right.
    left: f64,
    right: f64,
    /// From the data up; nothing where there was no room.
    row: Option<usize>,
    alarm: bool,
}

impl Labels {
    /// Places the labels.
    pub(crate) fn of(marks: &[Mark], x: &Axis, face: &Face) -> Self {
        let near = Self::placed(marks, x, face, false);
        // Where that leaves names out, the ones that the edge pushed back may make room by going to the top.
        if near.unlabelled == 0 {
            return near;
        }
        let far = Self::placed(marks, x, face, true);
        if far.unlabelled < near.unlabelled {
            far
        } else {
            near
        }
    }

    /// Places the labels, the latest first, each in the lowest row that is free.
    ///
    /// A label stands at its line and runs to the right. Its line runs up from the data, through the rows below its
    /// own, so a label must be above every later one whose line its text would cross.
    fn placed(marks: &[Mark], x: &Axis, face: &Face, pushed_on_top: bool) -> Self {
        let mut placed: Vec<Label> = Vec::with_capacity(marks.len());
        for mark in marks.iter().rev() {
            let at = LEFT + x.place(mark.at_s) * (RIGHT - LEFT);
            let width = face.width(&mark.name, SMALL_SIZE);
            let left = (at - 1.0).min(WIDTH - 6.0 - width);
            let ink = if mark.alarm { Ink::Alarm } else { Ink::Mark };
            let name = mark.name.clone();
            let mut label = Label {
                name,
                ink,
                x: at,
                left,
                right: left + width,
                row: None,
                alarm: mark.alarm,
            };
            // One that the edge pushed back stands over earlier lines.
            let pushed = left < at - 1.0;
            label.row = if pushed && pushed_on_top {
                (0..ROWS).rev().find(|row| label.fits(*row, &placed))
            } else {
                (0..ROWS).find(|row| label.fits(*row, &placed))
            };
            placed.push(label);
        }
        let unlabelled = placed.iter().filter(|label| label.row.is_none()).count();
        let mut used: Vec<usize> = placed.iter().filter_map(|label| label.row).collect();
        used.sort_unstable();
        used.dedup();
        for label in &mut placed {
            label.row = label
                .row
                .and_then(|row| used.iter().position(|other| *other == row));
        }
        Self {
            placed,
            rows: used.len(),
            unlabelled,
        }
    }

    /// Writes the labels below `y`; returns where the rows end.
    pub(crate) fn draw(&self, scene: &mut Scene, y: f64) -> f64 {
        let bottom = y + self.rows as f64 * ROW_HEIGHT;
        for label in &self.placed {
            let Some(row) = label.row else { continue };
            let baseline = bottom - row as f64 * ROW_HEIGHT - 4.0;
            scene.text(
                (label.left, baseline),
                Anchor::Start,
                SMALL_SIZE,
                label.ink,
                label.name.as_str(),
            );
            scene.line(
                vec![(label.x, baseline + 3.5), (label.x, bottom)],
                1.0,
                label.line_ink(),
                false,
            );
        }
        bottom
    }

    /// Draws the marks' lines over a panel; in the first, up to the labels.
    pub(crate) fn draw_lines(&self, scene: &mut Scene, first: bool, top: f64, bottom: f64) {
        for label in &self.placed {
            let top = if first && label.row.is_some() {
                top - PHASE_HEIGHT
            } else {
                top
            };
            scene.line(
                vec![(label.x, top), (label.x, bottom)],
                1.0,
                label.line_ink(),
                false,
            );
        }
    }

    /// Says how many marks have no label.
    pub(crate) fn note(&self) -> Option<String> {
        match self.unlabelled {
            0 => None,
            1 => Some("One more mark has no room for its name: see the timeline.".to_owned()),
            more => Some(format!(
                "{more} more marks have no room for their names: see the timeline."
            )),
        }
    }
}

impl Label {
    fn line_ink(&self) -> Ink {
        if self.alarm { Ink::Alarm } else { Ink::MarkLine }
    }

    fn fits(&self, row: usize, others: &[Self]) -> bool {
        others.iter().all(|other| {
            let Some(other_row) = other.row else { return true };
            let apart = self.right + GAP <= other.left || other.right + GAP <= self.left;
            let crosses = |line: f64, text: &Self| line > text.left - 2.0 && line < text.right + GAP;
            match row.cmp(&other_row) {
                std::cmp::Ordering::Equal => apart,
                // The other's line runs through this row.
                std::cmp::Ordering::Less => !crosses(other.x, self),
                std::cmp::Ordering::Greater => !crosses(self.x, other),
            }
        })
    }
}

/// Height of the strip with the phases' names.
pub(crate) const PHASE_HEIGHT: f64 = SMALL_SIZE + 6.0;

/// Writes the phases' names where they fit; returns where the strip ends.
pub(crate) fn draw_phase_names(scene: &mut Scene, marks: &Marks, x: &Axis, y: f64, face: &Face) -> f64 {
    if marks.phases.is_empty() {
        return y + if marks.marks.is_empty() { 0.0 } else { PHASE_HEIGHT };
    }
    let bottom = y + PHASE_HEIGHT;
    for (index, phase) in marks.phases.iter().enumerate() {
        let from = LEFT + x.place(phase.from_s) * (RIGHT - LEFT);
        let to = LEFT + x.place(phase.to_s) * (RIGHT - LEFT);
        if index % 2 == 1 {
            scene.rect((from, y), (to, bottom), Ink::Phase);
        }
        let width = face.width(&phase.name, SMALL_SIZE);
        // A mark's line must not run through the name: move the name behind it, if there is room.
        let mut left = from + 5.0;
        for mark in &marks.marks {
            let line = LEFT + x.place(mark.at_s) * (RIGHT - LEFT);
            if line > left - 4.0 && line < left + width + 4.0 {
                left = line + 5.0;
            }
        }
        if left + width + 4.0 <= to {
            scene.text(
                (left, bottom - 5.0),
                Anchor::Start,
                SMALL_SIZE,
                Ink::Muted,
                phase.name.as_str(),
            );
        }
    }
    bottom
}
