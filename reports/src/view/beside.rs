//! Populations beside the people whom they were fitted to, as a table.
//!
//! It knows rows and words; the figures were compared when the load was planned.

use record::{Beside, BesideFigure, Run};

use crate::quantity::{Unit, grouped, short, trimmed};

/// A figure of a population.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) population: String,
    pub(crate) figure: &'static str,
    /// 5 %, median and 95 % of those who were observed.
    pub(crate) observed: String,
    /// The same of the plan.
    pub(crate) planned: String,
    pub(crate) count: String,
    pub(crate) distance: String,
}

/// The rows; none where no population was fitted.
pub(super) fn rows(run: &Run) -> Vec<Row> {
    let row = |beside: &Beside| Row {
        population: beside.population.clone(),
        figure: named(beside.figure),
        observed: told(&beside.observed, beside.figure),
        planned: told(&beside.planned, beside.figure),
        count: grouped(beside.count),
        distance: trimmed(beside.distance, 3),
    };
    run.plan.beside.iter().map(row).collect()
}

pub(crate) fn named(figure: BesideFigure) -> &'static str {
    match figure {
        BesideFigure::Bytes => "length of a message",
        BesideFigure::Gaps => "gap between messages",
        BesideFigure::Stays => "length of a connection",
    }
}

pub(crate) fn unit(figure: BesideFigure) -> Unit {
    match figure {
        BesideFigure::Bytes => Unit::Bytes,
        BesideFigure::Gaps | BesideFigure::Stays => Unit::Time,
    }
}

/// The quantiles at 5 %, 50 % and 95 %.
fn told(quantiles: &[f64], figure: BesideFigure) -> String {
    let Some(last) = quantiles.len().checked_sub(1) else {
        return "–".to_owned();
    };
    let at = |part: usize| short(quantiles[last * part / 20], unit(figure));
    format!("{} / {} / {}", at(1), at(10), at(19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_both_sides_in_the_figures_unit() {
        let quantiles: Vec<f64> = (0..=20).map(|step| f64::from(step) * 100.0).collect();
        assert_eq!(told(&quantiles, BesideFigure::Bytes), "100 B / 1 kB / 1.9 kB");
        assert_eq!(told(&quantiles, BesideFigure::Gaps), "100 ms / 1 s / 1.9 s");
        assert_eq!(told(&[], BesideFigure::Gaps), "–");
    }
}
