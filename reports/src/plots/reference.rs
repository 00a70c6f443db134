//! The old climb's levels on a climb's plots: a dashed line, or a note where it would flatten what was measured.
//!
//! It knows levels and the highest that was drawn; it does not know what they measure.

use record::Run;

use crate::chart::{Line, Panel, Plot};
use crate::climb::old;
use crate::quantity::{Unit, short};

/// A line is drawn where what was measured reaches this share of it.
const VISIBLE_SHARE: f64 = 0.2;

/// A level, and what it is: `the old climb's top, 2.8M`.
pub(super) struct Level {
    pub(super) name: String,
    pub(super) at: f64,
}

impl Level {
    pub(super) fn new(name: &str, at: f64, unit: Unit) -> Self {
        Self {
            name: format!("{name}, {}", short(at, unit)),
            at,
        }
    }
}

/// The old climb's rate, in all and on as many CPUs as are here.
pub(super) fn by_cpus(run: &Run, at: f64, unit: Unit) -> [Level; 2] {
    let cpus = run.manifest.host.cpus.max(1);
    let here = at / old::CPUS * f64::from(cpus);
    [
        Level::new(&format!("the old climb's on {cpus} CPUs"), here, unit),
        Level::new(&format!("the old climb's on its {}", old::CPUS), at, unit),
    ]
}

/// Marks levels on a climb's panel, from one x to another; the words of those that are too far above what was `highest`.
pub(super) fn mark(
    run: &Run,
    mut panel: Panel,
    (from, to): (f64, f64),
    highest: f64,
    levels: impl IntoIterator<Item = Level>,
) -> (Panel, Vec<String>) {
    let mut above = Vec::new();
    if run.manifest.steps.is_empty() || highest <= 0.0 {
        return (panel, above);
    }
    for level in levels {
        if highest >= level.at * VISIBLE_SHARE {
            panel = panel.with(Line::reference(level.name, level.at, from, to));
        } else {
            above.push(level.name);
        }
    }
    (panel, above)
}

/// The plot, with a note of the levels that are above it.
pub(super) fn noted(mut plot: Plot, above: &[String]) -> Plot {
    if !above.is_empty() {
        plot.notes.push(format!("Far above: {}.", above.join("; ")));
    }
    plot
}
