//! Shocks as written to shocks resolved: defaults, and the keys that belong to each kind.

use std::ops::Range;

use toml::Spanned;

use super::MINUTE_US;
use super::check::{kept, positive, within};
use crate::error::{Mistake, suggest};
use crate::raw::{RawShock, ShockKind};
use crate::scenario::PopulationGroup;
use crate::shock::{Earthquake, Football, Shock};
use crate::unit::{Factor, Share, Span};

pub(super) fn resolve(raw: Spanned<RawShock>, population: &[PopulationGroup]) -> Result<Shock, Mistake> {
    let place = raw.span();
    let raw = raw.into_inner();
    match raw.kind {
        ShockKind::Football => {
            refuse(earthquake_keys(&raw), "an earthquake", "a football match")?;
            football(raw, population).map(Shock::Football)
        }
        ShockKind::Earthquake => {
            refuse(football_keys(&raw), "a football match", "an earthquake")?;
            earthquake(raw, place, population).map(Shock::Earthquake)
        }
    }
}

fn refuse(keys: Vec<(&str, Option<Range<usize>>)>, owner: &str, kind: &str) -> Result<(), Mistake> {
    match keys.into_iter().find_map(|(key, span)| Some((key, span?))) {
        None => Ok(()),
        Some((key, span)) => Err(Mistake::new(
            span,
            format!("`{key}` belongs to {owner}, and this is {kind}"),
        )),
    }
}

fn span_of<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
    value.as_ref().map(Spanned::span)
}

fn football_keys(raw: &RawShock) -> Vec<(&'static str, Option<Range<usize>>)> {
    vec![
        ("share_of_day", span_of(&raw.share_of_day)),
        ("to_groups", span_of(&raw.to_groups)),
        ("audience", span_of(&raw.audience)),
        ("goals", span_of(&raw.goals)),
        ("goals_drawn", span_of(&raw.goals_drawn)),
        ("goal_decay", span_of(&raw.goal_decay)),
        ("whistle_decay", span_of(&raw.whistle_decay)),
        ("build_up", span_of(&raw.build_up)),
        ("kick_off", span_of(&raw.kick_off)),
        ("play", span_of(&raw.play)),
        ("goal", span_of(&raw.goal)),
        ("half_time", span_of(&raw.half_time)),
        ("whistle", span_of(&raw.whistle)),
    ]
}

fn earthquake_keys(raw: &RawShock) -> Vec<(&'static str, Option<Range<usize>>)> {
    vec![
        ("region", span_of(&raw.region)),
        ("step", span_of(&raw.step)),
        ("decay", span_of(&raw.decay)),
        ("into", span_of(&raw.into)),
        ("cut", span_of(&raw.cut)),
        ("cut_over", span_of(&raw.cut_over)),
        ("cut_for", span_of(&raw.cut_for)),
        ("reconnect_within", span_of(&raw.reconnect_within)),
        ("omori_k", span_of(&raw.omori_k)),
        ("omori_c", span_of(&raw.omori_c)),
        ("omori_p", span_of(&raw.omori_p)),
        ("aftershock", span_of(&raw.aftershock)),
    ]
}

fn football(raw: RawShock, population: &[PopulationGroup]) -> Result<Football, Mistake> {
    let factor = |value: &Option<Spanned<Factor>>, default| {
        value.as_ref().map_or(Factor(default), |value| *value.get_ref())
    };
    let names: Vec<&str> = population.iter().map(|group| group.name.as_str()).collect();
    has_a_match(&raw, &names)?;
    let mut goals = raw.goals.map(Spanned::into_inner).unwrap_or_default();
    goals.sort_unstable();
    let football = Football {
        name: raw.name.unwrap_or_else(|| "football".to_owned()),
        at: raw.at,
        share_of_day: raw.share_of_day.as_ref().map_or(Ok(Share(0.35)), |share| {
            kept(
                share,
                |share| share.0 > 0.0 && share.0 <= 0.9,
                || "`share_of_day` must be above 0% and at most 90%".to_owned(),
            )
        })?,
        to_groups: raw.to_groups.map_or(Share(0.5), Spanned::into_inner),
        audience: match raw.audience {
            Some(audience) => audience
                .into_inner()
                .into_iter()
                .map(Spanned::into_inner)
                .collect(),
            None => names.into_iter().map(str::to_owned).collect(),
        },
        goals,
        goals_drawn: raw
            .goals_drawn
            .map_or(Ok(0.0), |drawn| within(&drawn, "goals_drawn", 0.0, 20.0))?,
        goal_decay: raw
            .goal_decay
            .map_or(Ok(Span(6 * MINUTE_US)), |span| positive(&span, "goal_decay"))?,
        whistle_decay: raw
            .whistle_decay
            .map_or(Ok(Span(25 * MINUTE_US)), |span| positive(&span, "whistle_decay"))?,
        build_up: factor(&raw.build_up, 0.4),
        kick_off: factor(&raw.kick_off, 0.5),
        play: factor(&raw.play, 0.5),
        goal: factor(&raw.goal, 1.0),
        half_time: factor(&raw.half_time, 0.8),
        whistle: factor(&raw.whistle, 1.5),
    };
    has_a_weight(&football, span_of(&raw.whistle))?;
    Ok(football)
}

/// Whether goals are either listed or drawn, and the audience is of people that there are.
fn has_a_match(raw: &RawShock, names: &[&str]) -> Result<(), Mistake> {
    if let (Some(_), Some(drawn)) = (&raw.goals, &raw.goals_drawn) {
        return Err(Mistake::new(
            drawn.span(),
            "`goals` lists them and `goals_drawn` draws them; expected one",
        ));
    }
    for name in raw.audience.iter().flat_map(Spanned::get_ref) {
        known(name, names, "population")?;
    }
    if let Some(audience) = raw
        .audience
        .as_ref()
        .filter(|audience| audience.get_ref().is_empty())
    {
        return Err(Mistake::new(
            audience.span(),
            "a match without an `audience` causes nothing; leave the key out for everybody",
        ));
    }
    Ok(())
}

/// Whether anything of the match has a share of the day.
fn has_a_weight(football: &Football, whistle: Option<Range<usize>>) -> Result<(), Mistake> {
    let weights = [
        football.build_up,
        football.kick_off,
        football.play,
        football.half_time,
        football.whistle,
    ];
    if weights.iter().all(|weight| weight.0 == 0.0) {
        let span = whistle.unwrap_or(0..0);
        return Err(Mistake::new(
            span,
            "every weight of the match is 0; nothing could be its share of the day",
        ));
    }
    Ok(())
}

fn earthquake(
    raw: RawShock,
    place: Range<usize>,
    population: &[PopulationGroup],
) -> Result<Earthquake, Mistake> {
    let Some(region) = &raw.region else {
        return Err(Mistake::new(place, "an earthquake needs the `region` it strikes"));
    };
    let regions: Vec<&str> = population
        .iter()
        .map(|group| group.region.as_str())
        .filter(|region| !region.is_empty())
        .collect();
    known(region, &regions, "region of a population")?;
    let span = |value: &Option<Spanned<Span>>, minutes: u64| {
        value
            .as_ref()
            .map_or(Span(minutes * MINUTE_US), |value| *value.get_ref())
    };
    let number = |value: &Option<Spanned<f64>>, key, default, low, high| {
        value
            .as_ref()
            .map_or(Ok(default), |value| within(value, key, low, high))
    };
    Ok(Earthquake {
        name: raw.name.unwrap_or_else(|| "earthquake".to_owned()),
        at: raw.at,
        region: region.get_ref().clone(),
        step: raw.step.map_or(Factor(8.0), Spanned::into_inner),
        decay: raw
            .decay
            .map_or(Ok(Span(40 * MINUTE_US)), |span| positive(&span, "decay"))?,
        into: raw.into.map_or(Factor(0.5), Spanned::into_inner),
        cut: raw.cut.map_or(Share(0.6), Spanned::into_inner),
        cut_over: span(&raw.cut_over, 1),
        cut_for: raw
            .cut_for
            .map_or(Ok(Span(10 * MINUTE_US)), |span| positive(&span, "cut_for"))?,
        reconnect_within: span(&raw.reconnect_within, 5),
        omori_k: number(&raw.omori_k, "omori_k", 6.0, 0.0, 1000.0)?,
        omori_c: raw
            .omori_c
            .map_or(Ok(Span(10 * MINUTE_US)), |span| positive(&span, "omori_c"))?,
        omori_p: number(&raw.omori_p, "omori_p", 1.1, 0.2, 4.0)?,
        aftershock: raw.aftershock.map_or(Factor(0.25), Spanned::into_inner),
    })
}

fn known(name: &Spanned<String>, names: &[&str], what: &str) -> Result<(), Mistake> {
    if names.contains(&name.get_ref().as_str()) {
        return Ok(());
    }
    let message = format!(
        "`{}` is not a {what}; {}",
        name.get_ref(),
        suggest(name.get_ref(), names)
    );
    Err(Mistake::new(name.span(), message))
}
