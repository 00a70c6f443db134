//! A panel's inside: phases' shades, gridlines, layers and lines.
//!
//! It knows values and where they go; names are the legend's business.

use super::axis::Axis;
use super::{LEFT, Panel, RIGHT, SMALL_SIZE};
use crate::face::Face;
use crate::mark::Marks;
use crate::scene::{Anchor, Place, Scene};
use crate::theme::Ink;

/// More points than this are drawn with a finer stroke, unless it is a broad one.
const DENSE: usize = 250;
const BROAD: f64 = 3.0;

/// Draws the panel's ground and its stack, its upper edge at `top`.
pub(crate) fn draw(scene: &mut Scene, panel: &Panel, x: &Axis, marks: &Marks, top: f64, face: &Face) {
    let bottom = top + panel.height;
    let across = |value: f64| LEFT + x.place(value) * (RIGHT - LEFT);
    for phase in marks.phases.iter().skip(1).step_by(2) {
        scene.rect(
            (across(phase.from_s), top),
            (across(phase.to_s), bottom),
            Ink::Phase,
        );
    }
    let axis = Axis::up(panel);
    let up = |value: f64| bottom - axis.place(value) * panel.height;
    for tick in &axis.ticks {
        let y = up(tick.at);
        scene.line(vec![(LEFT, y), (RIGHT, y)], 0.75, Ink::Grid, false);
        debug_assert!(
            face.width(&tick.label, SMALL_SIZE) < LEFT,
            "{} runs off the picture",
            tick.label
        );
        scene.text(
            (LEFT - 8.0, y + 0.36 * SMALL_SIZE),
            Anchor::End,
            SMALL_SIZE,
            Ink::Muted,
            tick.label.as_str(),
        );
    }
    if marks.phases.is_empty() && marks.marks.is_empty() {
        for tick in &x.ticks {
            scene.line(
                vec![(across(tick.at), top), (across(tick.at), bottom)],
                0.75,
                Ink::Grid,
                false,
            );
        }
    }
    draw_stack(scene, panel, &across, &up);
}

/// Draws the panel's lines, above the marks' lines.
pub(crate) fn draw_lines(scene: &mut Scene, panel: &Panel, x: &Axis, top: f64) {
    let bottom = top + panel.height;
    let axis = Axis::up(panel);
    let across = |value: f64| LEFT + x.place(value) * (RIGHT - LEFT);
    let up = |value: f64| bottom - axis.place(value) * panel.height;
    scene.line(vec![(LEFT, bottom), (RIGHT, bottom)], 1.0, Ink::Base, false);
    for line in &panel.lines {
        let places: Vec<Place> = line
            .points
            .iter()
            .map(|&(at, value)| (across(at), up(value)))
            .collect();
        // Many seconds side by side turn a full stroke into a smear.
        let width = if places.len() > DENSE {
            line.width.min(1.4)
        } else {
            line.width
        };
        let width = if line.width > BROAD { line.width } else { width };
        scene.line(thinned(&places), width, line.ink, line.dashed);
    }
}

fn draw_stack(scene: &mut Scene, panel: &Panel, across: &impl Fn(f64) -> f64, up: &impl Fn(f64) -> f64) {
    let Some(first) = panel.bands.first() else { return };
    let xs: Vec<f64> = first.points.iter().map(|(at, _)| across(*at)).collect();
    let mut ground = vec![0.0; xs.len()];
    let mut edges: Vec<(usize, Vec<Place>)> = Vec::new();
    for band in &panel.bands {
        let below: Vec<Place> = xs
            .iter()
            .zip(&ground)
            .map(|(x, value)| (*x, up(*value)))
            .collect();
        for (ground, (_, value)) in ground.iter_mut().zip(&band.points) {
            *ground += value.max(0.0);
        }
        let above: Vec<Place> = xs
            .iter()
            .zip(&ground)
            .map(|(x, value)| (*x, up(*value)))
            .collect();
        let (above, below) = (thinned(&above), thinned(&below));
        let outline = above.iter().copied().chain(below.into_iter().rev()).collect();
        scene.area(outline, Ink::Tint(band.kind));
        edges.push((band.kind, above));
    }
    for (kind, edge) in edges {
        scene.line(edge, 1.5, Ink::Series(kind), false);
    }
}

/// Of many points in a unit's width, the first, the lowest, the highest and the last, in their order: nothing that
/// could be seen is dropped, spikes least of all.
fn thinned(places: &[Place]) -> Vec<Place> {
    let mut kept = Vec::with_capacity(places.len());
    for column in places.chunk_by(|left, right| left.0.floor() == right.0.floor()) {
        if column.len() <= 4 {
            kept.extend_from_slice(column);
            continue;
        }
        let by_height = |left: &(usize, &Place), right: &(usize, &Place)| left.1.1.total_cmp(&right.1.1);
        let lowest = column
            .iter()
            .enumerate()
            .max_by(by_height)
            .map_or(0, |(index, _)| index);
        let highest = column
            .iter()
            .enumerate()
            .min_by(by_height)
            .map_or(0, |(index, _)| index);
        let mut picks = [0, lowest, highest, column.len() - 1];
        picks.sort_unstable();
        kept.extend(picks.iter().map(|&index| column[index]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn thinning_keeps_both_ends_and_every_extreme(heights in prop::collection::vec(0.0f64..400.0, 1..3_000)) {
            let places: Vec<Place> =
                heights.iter().enumerate().map(|(index, height)| (index as f64 / 50.0, *height)).collect();
            let kept = thinned(&places);
            prop_assert!(kept.len() <= 4 * (places.len() / 50 + 1));
            prop_assert_eq!((kept.first(), kept.last()), (places.first(), places.last()));
            let extreme = |of: &[Place], pick: fn(f64, f64) -> f64| of.iter().map(|place| place.1).reduce(pick);
            prop_assert_eq!(extreme(&kept, f64::max), extreme(&places, f64::max));
            prop_assert_eq!(extreme(&kept, f64::min), extreme(&places, f64::min));
        }
    }
}
