//! Replays as written to replays resolved: defaults, and the bounds of each key.
//!
//! It looks into no capture: whether there is one, and how long it lasts, is for whoever opens it.

use toml::Spanned;

use super::check::kept;
use crate::error::{Mistake, Place};
use crate::raw::RawReplay;
use crate::replay::{NamedFile, ReplaySettings};
use crate::unit::{Count, Span, Speed};

/// The most people of one replay: clones times loops.
const MOST_PEOPLE: u64 = 1 << 31;

/// `length` is the schedule's, on the scenario's clock.
pub(super) fn resolve(raw: Spanned<RawReplay>, length: Span) -> Result<ReplaySettings, Mistake> {
    let raw = raw.into_inner();
    let people = |count: &Count| (1..=MOST_PEOPLE).contains(&count.0);
    let clones = raw.clones.as_ref().map_or(Ok(Count(1)), |clones| {
        kept(clones, people, || {
            format!("`clones` must be from 1 to {MOST_PEOPLE}")
        })
    })?;
    let loops = raw.loops.as_ref().map_or(Ok(Count(1)), |loops| {
        kept(
            loops,
            |loops| people(loops) && loops.0.saturating_mul(clones.0) <= MOST_PEOPLE,
            || format!("`clones` times `loops` must be from 1 to {MOST_PEOPLE} people"),
        )
    })?;
    let at = raw.at.as_ref().map_or(Ok(Span(0)), |at| {
        kept(
            at,
            |at| at.0 < length.0,
            || format!("the replay begins after the schedule, which lasts {length}"),
        )
    })?;
    let target = raw.target.as_ref().map(|target| {
        kept(
            target,
            |target| {
                let port = target
                    .rsplit_once(':')
                    .filter(|(host, _)| !host.is_empty())
                    .and_then(|(_, port)| port.parse::<u16>().ok());
                port.is_some_and(|port| port > 0)
            },
            || format!("`{}` is no target; expected HOST:PORT", target.get_ref()),
        )
    });
    if let (Some(from), Some(until)) = (raw.from, &raw.until)
        && until.get_ref().0 <= from.0
    {
        return Err(Mistake::new(until.span(), "`until` must be later than `from`"));
    }
    Ok(ReplaySettings {
        capture: file(&raw.capture)?,
        keys: raw.keys.as_ref().map(file).transpose()?,
        rules: raw.rules.as_ref().map(file).transpose()?,
        at,
        clones,
        spread: raw.spread.unwrap_or_default(),
        loops,
        speed: raw.speed.unwrap_or(Speed::RECORDED),
        mode: raw.mode.unwrap_or_default(),
        target: target.transpose()?,
        from: raw.from,
        until: raw.until.map(Spanned::into_inner),
        ports: raw.ports,
        hosts: raw.hosts,
    })
}

fn file(path: &Spanned<String>) -> Result<NamedFile, Mistake> {
    let text = kept(
        path,
        |path| !path.trim().is_empty() && path != "-",
        || "expected the path of a file, relative to this one".to_owned(),
    )?;
    Ok(NamedFile {
        place: Place::at(path.span()),
        ..NamedFile::new(&text)
    })
}
