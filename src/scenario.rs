//! `teem scenarios`: the library, and files of the user's own.

use std::path::Path;

use anyhow::{Context as _, Result};
use scenarios::Scenario;

use crate::cli::{ScenariosAction, ScenariosArgs};
use crate::exit::Outcome;
use crate::run::replays::{check, folder_of};

/// Lists, shows or checks.
pub(crate) fn scenarios(args: &ScenariosArgs) -> Result<Outcome> {
    match &args.action {
        None => list(args.json)?,
        Some(ScenariosAction::Show { name }) => {
            let _ = Scenario::by_name(name)?;
            let text = Scenario::library()
                .iter()
                .find(|(known, _)| known == name)
                .map_or("", |(_, text)| text);
            outln!("{}", text.trim_end());
        }
        Some(ScenariosAction::Check { file }) => {
            let scenario = read(&file.to_string_lossy())?;
            check(&scenario)?;
            let plan = scenario.plan()?;
            outln!(
                "{}: fine: {} connections, {:.0} s on the run's clock, about {:.0} messages",
                file.display(),
                plan.connections(),
                plan.duration_us() as f64 / 1e6,
                plan.expected_messages(),
            );
        }
    }
    Ok(Outcome::Passed)
}

fn list(json: bool) -> Result<()> {
    let mut rows = Vec::new();
    for (name, _) in Scenario::library() {
        let scenario = Scenario::by_name(name)?;
        let plan = scenario.plan()?;
        rows.push((
            *name,
            plan.connections(),
            plan.duration_us() / 1_000_000,
            scenario.title.clone(),
        ));
    }
    if json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(name, connections, seconds, title)| {
                serde_json::json!({"name": name, "title": title, "connections": connections, "duration_s": seconds})
            })
            .collect();
        outln!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    outln!("{:<12} {:>11} {:>8}  what it is", "name", "connections", "run");
    for (name, connections, seconds, title) in rows {
        outln!("{name:<12} {connections:>11} {seconds:>6} s  {title}");
    }
    outln!("\nteem scenarios show NAME prints one: a file to start from. teem run NAME --dry-run plots one.");
    Ok(())
}

/// A scenario by its name in the library, or from a file.
pub(crate) fn read(name: &str) -> Result<Scenario> {
    let is_file = name.ends_with(".toml") || name.contains('/');
    if !is_file {
        return Ok(Scenario::by_name(name)?);
    }
    let text = std::fs::read_to_string(Path::new(name)).with_context(|| format!("cannot read {name}"))?;
    Ok(Scenario::parse(name, &text)?.in_folder(folder_of(name)))
}
