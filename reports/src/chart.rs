//! A plot: panels over one x axis, with phases and shocks marked, laid out as a scene.
//!
//! It knows points, axes and names; it does not know where a figure comes from.

mod axis;
mod label;
mod legend;
mod panel;

use crate::face::Face;
use crate::mark::Marks;
use crate::quantity::Unit;
use crate::scene::{Anchor, Scene};
use crate::series::Points;
use crate::theme::Ink;

use axis::Axis;
use label::Labels;

/// Width of every picture, in the scene's unit.
pub(crate) const WIDTH: f64 = 1_000.0;
/// The panels' sides.
const LEFT: f64 = 74.0;
const RIGHT: f64 = WIDTH - 30.0;
const TITLE_SIZE: f64 = 17.0;
const TEXT_SIZE: f64 = 12.0;
const SMALL_SIZE: f64 = 11.0;

/// A plot.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    /// The file's name, without its end.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// One sentence: what to look for.
    pub(crate) caption: &'static str,
    pub(crate) x: X,
    pub(crate) panels: Vec<Panel>,
    /// What is not drawn, and why.
    pub(crate) notes: Vec<String>,
}

/// What runs from left to right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum X {
    /// Run time, to so many seconds.
    Time(f64),
    /// Time since a capture's first packet, to so many seconds, which may be few milliseconds.
    Recorded(f64),
    /// Percentiles as 1 / (1 - p) on a log scale, to so much.
    Percentile(f64),
    /// A count, from and to.
    Count(f64, f64),
}

/// How a panel's values are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From zero.
    Linear,
    /// Decades.
    Log,
    /// From 0 to 100 %.
    Whole,
}

/// One set of values over the plot's x axis.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// Above it; empty where the plot's title says it all.
    pub(crate) title: &'static str,
    pub(crate) unit: Unit,
    pub(crate) scale: Scale,
    /// Of the part with the data, in the scene's unit.
    pub(crate) height: f64,
    /// Stacked from the ground up, all at the same x.
    pub(crate) bands: Vec<Band>,
    pub(crate) lines: Vec<Line>,
}

/// One layer of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    pub(crate) name: String,
    /// Which [`Ink::Series`].
    pub(crate) kind: usize,
    pub(crate) points: Points,
}

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) ink: Ink,
    pub(crate) width: f64,
    pub(crate) dashed: bool,
    pub(crate) points: Points,
}

impl Line {
    /// A measured line.
    pub(crate) fn solid(name: impl Into<String>, ink: Ink, points: Points) -> Self {
        Self {
            name: name.into(),
            ink,
            width: 2.0,
            dashed: false,
            points,
        }
    }

    /// What was planned.
    pub(crate) fn plan(name: impl Into<String>, points: Points) -> Self {
        Self {
            name: name.into(),
            ink: Ink::Plan,
            width: 1.25,
            dashed: true,
            points,
        }
    }

    /// A level that others reached, from end to end.
    pub(crate) fn reference(name: impl Into<String>, level: f64, from: f64, to: f64) -> Self {
        Self {
            name: name.into(),
            ink: Ink::Muted,
            width: 1.25,
            dashed: true,
            points: vec![(from, level), (to, level)],
        }
    }

    /// A broad, pale line of a kind, for what should agree with another that is drawn over it.
    pub(crate) fn broad(name: impl Into<String>, kind: usize, points: Points) -> Self {
        Self {
            name: name.into(),
            ink: Ink::Tint(kind),
            width: 7.0,
            dashed: false,
            points,
        }
    }
}

impl Panel {
    pub(crate) fn new(title: &'static str, unit: Unit, scale: Scale, height: f64) -> Self {
        Self {
            title,
            unit,
            scale,
            height,
            bands: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Adds a line if it has points.
    pub(crate) fn with(mut self, line: Line) -> Self {
        if !line.points.is_empty() {
            self.lines.push(line);
        }
        self
    }

    /// Adds a layer if it is ever above zero.
    pub(crate) fn stacked(mut self, band: Band) -> Self {
        if band.points.iter().any(|(_, value)| *value > 0.0) {
            self.bands.push(band);
        }
        self
    }

    /// Whether nothing was measured.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.bands.is_empty()
    }

    /// Whether everything that was measured was zero.
    pub(crate) fn is_zero(&self) -> bool {
        self.bands.is_empty()
            && self
                .lines
                .iter()
                .flat_map(|line| &line.points)
                .all(|(_, value)| *value == 0.0)
    }
}

impl Plot {
    /// Lays the plot out.
    pub(crate) fn scene(&self, marks: &Marks, face: &Face) -> Scene {
        let mut scene = Scene {
            width: WIDTH,
            height: 0.0,
            shapes: Vec::new(),
        };
        let x = Axis::across(self.x);
        let mut y = 16.0 + TITLE_SIZE;
        scene.text((LEFT, y), Anchor::Start, TITLE_SIZE, Ink::Text, self.title);
        y += 10.0;

        let none = Marks::default();
        let marks = if matches!(self.x, X::Time(_)) {
            marks
        } else {
            &none
        };
        let labels = Labels::of(&marks.marks, &x, face);
        for (index, panel) in self.panels.iter().enumerate() {
            y = legend::draw(&mut scene, panel, y, face) + 6.0;
            if index == 0 {
                y = labels.draw(&mut scene, y + 4.0);
                y = label::draw_phase_names(&mut scene, marks, &x, y, face);
            }
            panel::draw(&mut scene, panel, &x, marks, y, face);
            labels.draw_lines(&mut scene, index == 0, y, y + panel.height);
            panel::draw_lines(&mut scene, panel, &x, y);
            y += panel.height + if index + 1 < self.panels.len() { 14.0 } else { 0.0 };
        }
        y = draw_x_labels(&mut scene, &x, self.x, y, face);
        for note in self.notes.iter().chain(labels.note().as_ref()) {
            y += SMALL_SIZE + 6.0;
            scene.text((LEFT, y), Anchor::Start, SMALL_SIZE, Ink::Muted, note.as_str());
        }
        scene.height = (y + 16.0).ceil();
        scene
    }
}

fn draw_x_labels(scene: &mut Scene, x: &Axis, kind: X, y: f64, face: &Face) -> f64 {
    let baseline = y + 8.0 + SMALL_SIZE;
    let name = match kind {
        X::Time(_) => "run time, m:ss",
        X::Recorded(end_s) if axis::is_brief(end_s) => "time since the first packet, s",
        X::Recorded(end_s) if axis::is_long(end_s) => "time since the first packet, days",
        X::Recorded(_) => "time since the first packet, m:ss",
        X::Percentile(_) => "percentile",
        X::Count(..) => "connections online",
    };
    for tick in &x.ticks {
        let at = LEFT + x.place(tick.at) * (RIGHT - LEFT);
        scene.line(vec![(at, y), (at, y + 4.0)], 1.0, Ink::Base, false);
        scene.text(
            (at, baseline),
            Anchor::Middle,
            SMALL_SIZE,
            Ink::Muted,
            tick.label.as_str(),
        );
    }
    let below = baseline + SMALL_SIZE + 5.0;
    debug_assert!(face.width(name, SMALL_SIZE) < RIGHT - LEFT);
    scene.text((RIGHT, below), Anchor::End, SMALL_SIZE, Ink::Muted, name);
    below
}
