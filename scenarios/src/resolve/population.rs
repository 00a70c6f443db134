//! People as written to people resolved: shares that make up the whole, names that differ.
//!
//! It knows no phase and no load.

use toml::Spanned;

use super::MINUTE_US;
use super::check::{self, LARGEST_BODY_BYTES, kept, size};
use crate::distribution::Distribution;
use crate::error::Mistake;
use crate::raw::RawPopulation;
use crate::scenario::PopulationGroup;
use crate::unit::{Factor, Share, Span, UtcOffset};

const MOST_POPULATIONS: usize = 64;
const MOST_GROUPS_A_PERSON: u8 = 8;

pub(super) fn populations(raw: Vec<Spanned<RawPopulation>>) -> Result<Vec<PopulationGroup>, Mistake> {
    check::at_most(&raw, MOST_POPULATIONS, "populations")?;
    if raw.is_empty() {
        return Ok(vec![everyone()]);
    }
    let last = raw
        .last()
        .map_or(0..0, |population| population.get_ref().share.span());
    let mut groups: Vec<PopulationGroup> = Vec::new();
    for population in raw {
        let population = population.into_inner();
        if groups
            .iter()
            .any(|group| group.name == *population.name.get_ref())
        {
            let message = format!("two populations are called `{}`", population.name.get_ref());
            return Err(Mistake::new(population.name.span(), message));
        }
        groups.push(self::population(population)?);
    }
    let total: f64 = groups.iter().map(|group| group.share.0).sum();
    if (total - 1.0).abs() > 1e-6 {
        let message = format!(
            "the shares of the populations sum to {:.4}%; expected 100%",
            total * 100.0
        );
        return Err(Mistake::new(last, message));
    }
    Ok(groups)
}

fn population(raw: RawPopulation) -> Result<PopulationGroup, Mistake> {
    let default = everyone();
    let away = raw.away.map_or(Ok(default.away), |away| {
        kept(
            &away,
            |share| share.0 <= 0.9,
            || "at most 90% of a population can be `away`".to_owned(),
        )
    })?;
    let groups = raw.groups.map_or(Ok(default.groups), |groups| {
        kept(
            &groups,
            |groups| *groups <= MOST_GROUPS_A_PERSON,
            || format!("a person can be in at most {MOST_GROUPS_A_PERSON} `groups`"),
        )
    })?;
    Ok(PopulationGroup {
        name: raw.name.into_inner(),
        share: raw.share.into_inner(),
        country: raw.country.unwrap_or(default.country),
        platform: raw.platform.unwrap_or(default.platform),
        utc_offset: raw.utc_offset.unwrap_or_default(),
        region: raw.region.unwrap_or(default.region),
        sociability: raw.sociability.unwrap_or(default.sociability),
        groups,
        away,
        breaks: raw.breaks.unwrap_or(default.breaks),
        online_for: raw
            .online_for
            .map_or(Ok(default.online_for), |stay| check::lasting(&stay, "online_for"))?,
        away_for: raw
            .away_for
            .map_or(Ok(default.away_for), |away| check::lasting(&away, "away_for"))?,
        media: raw.media.unwrap_or(default.media),
        bytes: raw
            .bytes
            .map(|bytes| size(&bytes, "bytes", LARGEST_BODY_BYTES))
            .transpose()?,
        observed: raw.observed,
    })
}

fn everyone() -> PopulationGroup {
    PopulationGroup {
        name: "everyone".to_owned(),
        share: Share(1.0),
        country: String::new(),
        platform: String::new(),
        utc_offset: UtcOffset(0),
        region: String::new(),
        sociability: Factor(1.0),
        groups: 1,
        away: Share(0.1),
        breaks: Share(0.0),
        online_for: Distribution::log_normal(Span(60 * MINUTE_US), 0.5),
        away_for: Distribution::log_normal(Span(20 * MINUTE_US), 0.5),
        media: Share(0.0),
        bytes: None,
        observed: None,
    }
}
