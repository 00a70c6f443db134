//! A panel's title and legend: one row above the data, wrapped where it is long, never over the data.
//!
//! It knows names and inks, not values.

use super::{LEFT, Panel, RIGHT, TEXT_SIZE};
use crate::face::Face;
use crate::scene::{Anchor, Scene};
use crate::theme::Ink;

const ROW_HEIGHT: f64 = TEXT_SIZE + 8.0;
/// Width of a line's sample and of a layer's.
const STROKE: f64 = 20.0;
const BOX: f64 = 11.0;
/// Between a sample and its name, and between entries.
const NEAR: f64 = 6.0;
const FAR: f64 = 20.0;

enum Sample {
    Line { ink: Ink, width: f64, dashed: bool },
    Layer(usize),
}

/// Draws the row below `y`; returns where it ends.
pub(crate) fn draw(scene: &mut Scene, panel: &Panel, y: f64, face: &Face) -> f64 {
    let mut x = LEFT;
    let mut baseline = y + ROW_HEIGHT - 5.0;
    if !panel.title.is_empty() {
        scene.text((x, baseline), Anchor::Start, TEXT_SIZE, Ink::Text, panel.title);
        x += face.width(panel.title, TEXT_SIZE) + FAR + 4.0;
    }
    // A stack reads from its top.
    let layers = panel
        .bands
        .iter()
        .rev()
        .map(|band| (band.name.as_str(), Sample::Layer(band.kind)));
    let lines = panel.lines.iter().map(|line| {
        (
            line.name.as_str(),
            Sample::Line {
                ink: line.ink,
                width: line.width,
                dashed: line.dashed,
            },
        )
    });
    let entries: Vec<(&str, Sample)> = lines.chain(layers).filter(|(name, _)| !name.is_empty()).collect();
    for (name, sample) in entries {
        let sample_width = if matches!(sample, Sample::Layer(_)) {
            BOX
        } else {
            STROKE
        };
        let width = sample_width + NEAR + face.width(name, TEXT_SIZE);
        if x + width > RIGHT && x > LEFT {
            x = LEFT;
            baseline += ROW_HEIGHT;
        }
        let middle = baseline - 0.36 * TEXT_SIZE;
        match sample {
            Sample::Line { ink, width, dashed } => {
                scene.line(vec![(x, middle), (x + STROKE, middle)], width, ink, dashed);
            }
            Sample::Layer(kind) => {
                scene.rect(
                    (x, middle - BOX / 2.0),
                    (x + BOX, middle + BOX / 2.0),
                    Ink::Tint(kind),
                );
                scene.rect(
                    (x, middle - BOX / 2.0),
                    (x + BOX, middle - BOX / 2.0 + 2.5),
                    Ink::Series(kind),
                );
            }
        }
        scene.text(
            (x + sample_width + NEAR, baseline),
            Anchor::Start,
            TEXT_SIZE,
            Ink::Soft,
            name,
        );
        x += width + FAR;
    }
    baseline + 5.0
}
