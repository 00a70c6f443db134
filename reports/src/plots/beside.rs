//! Populations beside the people whom they were fitted to: quantile by quantile.

use record::{Beside, BesideFigure, Run};

use super::{FIRST, OTHER};
use crate::chart::{Line, Panel, Plot, Scale, X};
use crate::series::Points;
use crate::theme::Ink;
use crate::view::{figure_name, figure_unit};

/// Populations drawn: more would be a tangle.
const DRAWN_MAX: usize = 3;
/// The axis is 1 / (1 - share); quantiles come every 5 %, so that 95 % is the last before the most.
const MOST: f64 = 20.0;

pub(super) fn people(run: &Run) -> Plot {
    let figures = [BesideFigure::Bytes, BesideFigure::Gaps, BesideFigure::Stays];
    let panels = figures.into_iter().enumerate().map(|(place, figure)| {
        let height = if place == 0 { FIRST } else { OTHER };
        let panel = Panel::new(figure_name(figure), figure_unit(figure), Scale::Log, height);
        let rows = run.plan.beside.iter().filter(|beside| beside.figure == figure);
        rows.take(DRAWN_MAX)
            .enumerate()
            .fold(panel, |panel, (kind, beside)| with(panel, kind, beside))
    });
    Plot {
        id: "people-beside",
        title: "The plan's people beside those who were observed",
        caption: "Each line reads “this share of all was less than that”. The dashed lines are what was observed in the capture that \
                  the populations were fitted to, the others what the plan has: they should be one.",
        x: X::Percentile(MOST),
        panels: panels.collect(),
        notes: Vec::new(),
    }
}

fn with(panel: Panel, kind: usize, beside: &Beside) -> Panel {
    let observed = Line {
        name: format!("{}, observed", beside.population),
        ink: Ink::Series(kind),
        width: 1.5,
        dashed: true,
        points: points(&beside.observed),
    };
    let planned = Line::solid(&beside.population, Ink::Series(kind), points(&beside.planned));
    panel.with(observed).with(planned)
}

fn points(quantiles: &[f64]) -> Points {
    let last = quantiles.len().saturating_sub(1).max(1) as f64;
    let at = |(place, value): (usize, &f64)| (1.0 / (1.0 - place as f64 / last), *value);
    quantiles
        .iter()
        .enumerate()
        .map(at)
        .filter(|(x, _)| *x <= MOST + 1e-6)
        .collect()
}
