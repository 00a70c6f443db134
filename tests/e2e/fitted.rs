//! People fitted to a capture whose truth is known: two groups of them, drawn from distributions, and what `teem replay fit` and a
//! report make of them.

mod town;

use record::{Beside, BesideFigure, Run};

use crate::home::Home;
use town::{Truth, lived};

/// Quantiles from the least to the most, every 5 %.
const STEPS: usize = 20;

/// A quantile of ascending values, linear between neighbours.
fn quantile(values: &[f64], step: usize) -> f64 {
    let at = (values.len() - 1) as f64 * step as f64 / STEPS as f64;
    let (below, part) = (at as usize, at.fract());
    let above = (below + 1).min(values.len() - 1);
    values[below] * (1.0 - part) + values[above] * part
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// How far off the exponential distribution of the same mean ascending values are (Kolmogorov and Smirnov). Those that are alike
/// are one step.
fn off_exponential(values: &[f64]) -> f64 {
    let (count, mean) = (values.len() as f64, mean(values));
    let off = |value: &f64| {
        let expected = 1.0 - (-value / mean).exp();
        let below = values.partition_point(|other| other < value) as f64 / count;
        let until = values.partition_point(|other| other <= value) as f64 / count;
        (expected - below).abs().max((until - expected).abs())
    };
    values.iter().map(off).fold(0.0, f64::max)
}

/// A row of a group in the table that `teem replay fit` prints: its numbers.
fn row(table: &str, group: &str, what: &str) -> Vec<f64> {
    let of_group = table.split("\n\n").find(|part| part.starts_with(group)).unwrap();
    let line = of_group
        .lines()
        .find(|line| line.trim_start().starts_with(what))
        .unwrap();
    let numbers = line.trim_start().strip_prefix(what).unwrap();
    numbers
        .split_whitespace()
        .map(|word| word.trim_end_matches(',').parse().unwrap_or(f64::NAN))
        .collect()
}

/// Asserts that the table has what was drawn.
#[track_caller]
fn is_told(table: &str, group: &str, truth: &Truth, seed: u64) {
    let head = format!(
        "{group}: {} connections (0 cut off by the capture's ends), {} messages",
        truth.connections,
        truth.bytes.len()
    );
    assert!(table.contains(&head), "seed {seed}: no `{head}` in\n{table}");
    for (what, values) in [
        ("message, B", &truth.bytes),
        ("gap, s", &truth.gaps_s),
        ("connection, s", &truth.stays_s),
        ("absence, s", &truth.aways_s),
    ] {
        let told = row(table, group, what);
        let expected = [
            values.len() as f64,
            quantile(values, 1),
            quantile(values, 10),
            quantile(values, 19),
            mean(values),
        ];
        let alike = |told: &f64, expected: &f64| (told - expected).abs() < 0.001;
        assert!(
            told.iter()
                .zip(&expected)
                .all(|(told, expected)| alike(told, expected)),
            "seed {seed}, {group}, {what}: {told:?} {expected:?}"
        );
        let (told, expected) = (told.last().unwrap(), off_exponential(values));
        assert!(
            alike(told, &expected),
            "seed {seed}, {group}, {what}: {told} {expected}"
        );
    }
}

#[test]
fn groups_are_told_apart_and_what_is_told_of_each_is_what_was_drawn() {
    for seed in [1, 2] {
        let home = Home::new();
        let (capture, [talkers, sensors]) = lived(&home, seed);
        for (by, names) in [
            ("service", ["port-5000", "port-6000"]),
            ("network", ["10.1.0.0", "10.2.0.0"]),
        ] {
            let told = home.teem(&["replay", "fit", capture, "--by", by]).code(0).out;
            is_told(&told, names[0], &talkers, seed);
            is_told(&told, names[1], &sensors, seed);
            // What was drawn from a family is found to be of that family, and what was not is not.
            let [.., median, sigma, off, _] = row(&told, names[0], "message, B")[..] else {
                panic!("{told}")
            };
            assert!(
                (median / 120.0 - 1.0).abs() < 0.03 && (sigma - 0.5).abs() < 0.02 && off < 0.02,
                "seed {seed}: {median} {sigma} {off}"
            );
            assert!(
                *row(&told, names[0], "gap, s").last().unwrap() < 0.03,
                "seed {seed}\n{told}"
            );
            assert!(
                *row(&told, names[1], "gap, s").last().unwrap() > 0.3,
                "seed {seed}\n{told}"
            );
        }
    }
}

/// What a run's plan has of a population's figure.
fn beside<'a>(run: &'a Run, population: &str, figure: BesideFigure) -> &'a Beside {
    let is = |row: &&Beside| row.population == population && row.figure == figure;
    run.plan.beside.iter().find(is).unwrap()
}

#[test]
fn a_report_sets_each_group_beside_what_was_seen_of_it_and_the_distance_is_theirs() {
    let home = Home::new();
    let (capture, truths) = lived(&home, 3);
    home.teem(&["replay", "fit", capture, "--save", "town.toml"])
        .code(0);
    // So many that a part of the plan, as a comparison draws it, has some hundred people.
    let plan = |name: &str, file: &str| {
        home.teem(&[
            "run",
            file,
            "--connections",
            "40k",
            "--dry-run",
            "--quiet",
            "--out",
            name,
        ])
        .code(0);
        Run::read(&home.path(name)).unwrap()
    };
    let run = plan("town", "town.toml");
    assert_eq!(run.plan.beside.len(), 6);
    for (name, truth) in ["port-5000", "port-6000"].into_iter().zip(&truths) {
        // A plan's gaps are those of a Poisson process, so they are as far off as what was seen is from one; and shorter by a tenth,
        // for nobody writes in the second after he came and in the last before he goes. Each person has one length of stay for
        // good: some hundred are off by 0.12 once in a thousand times (Smirnov, 1948).
        let poisson = off_exponential(&truth.gaps_s);
        for (figure, values, unit, off, most) in [
            (BesideFigure::Bytes, &truth.bytes, 1.0, 0.0, 0.02),
            (BesideFigure::Gaps, &truth.gaps_s, 1e3, poisson, 0.08),
            (BesideFigure::Stays, &truth.stays_s, 1e3, 0.0, 0.12),
        ] {
            let row = beside(&run, name, figure);
            for (step, seen) in row.observed.iter().enumerate() {
                let expected = quantile(values, step) * unit;
                assert!(
                    (seen - expected).abs() <= 0.501,
                    "{name}, {figure:?}: {seen} {expected}"
                );
            }
            assert!(
                (row.distance - off).abs() < most && row.count > 1_000,
                "{row:?}, {off}"
            );
        }
    }
    // Sensors that are planned to say 500 to 700 bytes where 400 to 600 were seen are off by a half.
    let text = std::fs::read_to_string(home.path("town.toml")).unwrap();
    let (talkers, sensors) = text.split_once("name = \"port-6000\"").unwrap();
    let line = sensors.lines().find(|line| line.starts_with("bytes = ")).unwrap();
    let other = sensors.replacen(line, "bytes = { quantiles = [500, 700] }", 1);
    home.write("other.toml", &format!("{talkers}name = \"port-6000\"{other}"));
    let run = plan("other", "other.toml");
    let off = beside(&run, "port-6000", BesideFigure::Bytes).distance;
    assert!((off - 0.5).abs() < 0.03, "{off}");
    assert!(beside(&run, "port-5000", BesideFigure::Bytes).distance < 0.02);
    is_shown(&home, &run, "other");
}

/// Asserts that the table and the plot have all that the plan has beside what was seen.
#[track_caller]
fn is_shown(home: &Home, run: &Run, name: &str) {
    let file = |path: &str| std::fs::read_to_string(home.path(name).join(path)).unwrap();
    let (page, plot) = (file("report.html"), file("plots/people-beside.svg"));
    let (_, table) = page.split_once("beside those who were observed</h2>").unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    let rows: Vec<&str> = table.split("<tr>").filter(|row| row.contains("port-")).collect();
    assert_eq!(rows.len(), run.plan.beside.len(), "{table}");
    for (row, beside) in rows.iter().zip(&run.plan.beside) {
        let distance = format!("{:.3}", beside.distance);
        let cell = format!(">{}</td>", distance.trim_end_matches('0').trim_end_matches('.'));
        assert!(
            row.contains(&beside.population) && row.contains(&cell),
            "{row}\n{beside:?}"
        );
    }
    for line in ["port-5000, observed", "port-6000, observed"] {
        assert!(plot.contains(line), "no `{line}` in the plot");
    }
}
