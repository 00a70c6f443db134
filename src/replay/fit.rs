//! `teem replay fit`: a population fitted to a capture, as a table and as a scenario that `teem run` takes.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use replay::{FitBy, Fitted, Sample, Selection};
use scenarios::Scenario;

use super::arguments::{FitArgs, FitByArg};
use super::source;
use crate::exit::Outcome;

/// No scenario is longer, bytes; a capture may be of any length.
const SCENARIO_MAX_BYTES: u64 = 1 << 20;

/// Fits, tells, saves.
pub(super) fn fit(args: &FitArgs) -> Result<Outcome> {
    let recorded = source::recorded(&args.capture, args.keys.as_deref(), Selection::default())?;
    for note in recorded.notes() {
        errln!("note: {note}");
    }
    let by = match args.by {
        FitByArg::Service => FitBy::Service,
        FitByArg::Network => FitBy::Network,
    };
    let fitted = Fitted::of(&recorded.recording, by)?;
    if fitted.groups.iter().all(|group| group.messages == 0) {
        bail!(
            "{}: no client says anything that can be read, so there is nothing to fit to",
            args.capture.display()
        );
    }
    show(&fitted);
    if let Some(file) = &args.save {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let source = args.capture.file_name().unwrap_or_default().to_string_lossy();
        let text = fitted.scenario(&name(&stem), &source);
        spare(file)?;
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
        outln!("{}", file.display());
    }
    Ok(Outcome::Passed)
}

/// Refuses to write over what is no scenario, least of all the capture.
fn spare(file: &Path) -> Result<()> {
    let mut text = String::new();
    let there = File::open(file).and_then(|there| there.take(SCENARIO_MAX_BYTES).read_to_string(&mut text));
    let is_scenario = match there {
        Ok(_) => text.is_empty() || Scenario::parse("", &text).is_ok(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !is_scenario {
        bail!(
            "{} is there and is no scenario, so it is not written over; choose another name, or remove it first",
            file.display()
        );
    }
    Ok(())
}

/// A scenario's name from a file's.
fn name(stem: &str) -> String {
    let fits = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => c,
        _ => '-',
    };
    let name: String = stem.chars().take(64).map(fits).collect();
    if name.is_empty() {
        "fitted".to_owned()
    } else {
        name
    }
}

fn show(fitted: &Fitted) {
    outln!(
        "{:.1} s, {:.1} connections open on average{}",
        fitted.lasted_s,
        fitted.open_on_average(),
        match fitted.left_out {
            0 => String::new(),
            count => format!("; {count} connections cannot be read and are left out"),
        }
    );
    for group in &fitted.groups {
        outln!(
            "\n{}: {} connections ({} cut off by the capture's ends), {} messages",
            group.name,
            group.sessions,
            group.cut_off,
            group.messages
        );
        outln!(
            "  {:<22} {:>9} {:>10} {:>10} {:>10} {:>10}  {:<34} exponential off by",
            "",
            "seen",
            "5 %",
            "median",
            "95 %",
            "mean",
            "log-normal: median, sigma, off by"
        );
        for (what, sample) in [
            ("message, B", &group.bytes),
            ("gap, s", &group.gaps_s),
            ("connection, s", &group.stays_s),
            ("absence, s", &group.aways_s),
        ] {
            outln!("{}", row(what, sample));
        }
    }
}

fn row(what: &str, sample: &Sample) -> String {
    let [low, median, high] = [1, 10, 19].map(|step| {
        sample
            .quantiles
            .get(step)
            .map_or("-".to_owned(), |value| format!("{value:.3}"))
    });
    let log_normal = sample.log_normal.as_ref().map_or("-".to_owned(), |fitted| {
        format!(
            "{:.3}, {:.3}, {:.3}",
            fitted.median, fitted.sigma, fitted.distance
        )
    });
    let exponential = sample
        .exponential_distance
        .map_or("-".to_owned(), |distance| format!("{distance:.3}"));
    format!(
        "  {what:<22} {:>9} {low:>10} {median:>10} {high:>10} {:>10.3}  {log_normal:<34} {exponential}",
        sample.count, sample.mean
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use replay::{End, Event, Flow, Recording, RecordingWriter, Side, Sink as _, Start};
    use scenarios::Scenario;

    use super::*;

    /// A stretch of pseudo-random numbers, 0 to 1 (a linear congruential generator: enough for a test's people).
    struct Draws(u64);

    impl Draws {
        fn unit(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
        }

        fn exponential(&mut self, mean: f64) -> f64 {
            -mean * self.unit().ln()
        }
    }

    /// People who come for some seconds, go for some, and say things of two kinds of length.
    fn recording(seed: u64) -> Recording {
        let mut draws = Draws(seed);
        let mut events: Vec<(u64, usize, u64, usize)> = Vec::new();
        let mut flow = 0;
        for person in 0..200 {
            let mut at_s = draws.exponential(9.0);
            while at_s < 400.0 {
                let until_s = at_s + 15.0 + draws.exponential(15.0);
                events.push((ns(at_s), 0, flow, person));
                let mut now_s = at_s + draws.exponential(1.0);
                while now_s < until_s {
                    let bytes = match draws.unit() < 0.7 {
                        true => 20.0 + draws.exponential(30.0),
                        false => 500.0 + draws.exponential(300.0),
                    };
                    events.push((ns(now_s), 1, flow, bytes as usize));
                    now_s += draws.exponential(1.0);
                }
                events.push((ns(until_s), 2, flow, 0));
                at_s = until_s + 8.0 + draws.exponential(6.0);
                flow += 1;
            }
        }
        events.sort_unstable();
        // A capture numbers connections as they open.
        let opened = events.iter().filter(|(_, kind, ..)| *kind == 0);
        let numbers: HashMap<u64, u64> = opened.map(|(.., flow, _)| *flow).zip(0..).collect();
        let mut writer = RecordingWriter::memory();
        let long = vec![b'='; 10_000];
        let mut said = vec![[0, 0]; flow as usize];
        for (at_ns, kind, flow, what) in events {
            let flow = numbers[&flow];
            let offsets = &mut said[flow as usize];
            let mut data = |side: Side, bytes: &[u8], place: usize| {
                let (flow, offset) = (Flow(flow), offsets[place]);
                offsets[place] += bytes.len() as u64;
                writer.event(Event::Data {
                    flow,
                    side,
                    at_ns,
                    offset,
                    bytes,
                });
            };
            match kind {
                1 => {
                    data(Side::Client, &long[..what], 0);
                    data(Side::Server, b"ok", 1);
                }
                0 => writer.event(Event::Open {
                    flow: Flow(flow),
                    at_ns,
                    client: format!("10.0.0.{}:{}", what + 1, 1_024 + flow % 60_000)
                        .parse()
                        .unwrap(),
                    server: "10.9.0.1:7001".parse().unwrap(),
                    start: Start::Handshake,
                }),
                _ => writer.event(Event::Close {
                    flow: Flow(flow),
                    at_ns,
                    end: End::Finished(Side::Client),
                }),
            }
        }
        writer.finish().unwrap()
    }

    fn ns(seconds: f64) -> u64 {
        (seconds * 1e9) as u64
    }

    #[test]
    fn a_fitted_scenario_plans_people_like_those_who_were_recorded() {
        for seed in 1..=3 {
            let fitted = Fitted::of(&recording(seed), FitBy::Service).unwrap();
            let text = fitted.scenario("fitted", "a test");
            let scenario =
                Scenario::parse("fitted.toml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            let plan = scenario.plan().unwrap();
            let beside = plan.beside();
            assert_eq!(beside.len(), 3, "seed {seed}: {text}");
            // A person of a plan has one length of stay for good: so many draws there are. 0.1 % are further off (Smirnov, 1948).
            let stays = 1.95 / (plan.connections() as f64).sqrt();
            // Nobody writes in the second after he came and in the last before he goes: his gaps are that much shorter.
            for (row, most) in beside.iter().zip([0.02, 0.05, stays]) {
                assert!(
                    row.distance < most && row.count > 500,
                    "seed {seed}: {row:?}\n{text}"
                );
            }
            // As many messages, and as many connections at a time.
            let messages: u64 = fitted.groups.iter().map(|group| group.messages).sum();
            let curve = plan.curve();
            let held = &curve.messages[5..curve.messages.len() - 10];
            let a_second = held.iter().sum::<u64>() as f64 / held.len() as f64;
            let recorded = messages as f64 / fitted.lasted_s;
            assert!(
                (a_second / recorded - 1.0).abs() < 0.1,
                "seed {seed}: {a_second} {recorded}"
            );
            let open = curve.connections[20..100].iter().sum::<u64>() as f64 / 80.0;
            assert!(
                (open / fitted.open_on_average() - 1.0).abs() < 0.15,
                "seed {seed}: {open} {}",
                fitted.open_on_average()
            );
            // The resolved form says the same.
            let again = Scenario::parse("again.toml", &scenario.resolved().unwrap()).unwrap();
            assert_eq!(again, scenario);
        }
    }

    #[test]
    fn names_are_those_that_a_scenario_may_have() {
        assert_eq!(name("Night of the 3rd"), "night-of-the-3rd");
        assert_eq!(name(""), "fitted");
    }
}
