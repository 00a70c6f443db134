//! Messages as written to messages resolved, against the people who are there to have them.
//!
//! It knows what people are away or in groups; it knows no arrival.

use toml::Spanned;

use super::check::{LARGEST_BODY_BYTES, kept, size};
use crate::day::DEFAULT_DAY;
use crate::distribution::Distribution;
use crate::error::Mistake;
use crate::raw::RawMessages;
use crate::scenario::{Arrivals, MessageSettings, PopulationGroup};
use crate::unit::{Bytes, Share};

const LARGEST_GROUP: u32 = 256;

pub(super) fn no_messages() -> MessageSettings {
    MessageSettings {
        rate: crate::unit::Rate::default(),
        arrivals: Arrivals::Poisson,
        day: DEFAULT_DAY.to_vec(),
        to_away: Share(0.0),
        to_groups: Share(0.0),
        group_size: 8,
        create_groups: true,
        bytes: Distribution {
            max: Bytes(1024),
            ..Distribution::log_normal(Bytes(100), 0.6)
        },
        typing: Share(0.0),
    }
}

pub(super) fn messages(
    raw: Spanned<RawMessages>,
    population: &[PopulationGroup],
) -> Result<MessageSettings, Mistake> {
    let raw = raw.into_inner();
    let default = no_messages();
    let to_away = raw.to_away.as_ref().map_or(Share(0.2), |share| *share.get_ref());
    let to_groups = raw
        .to_groups
        .as_ref()
        .map_or(Share(0.3), |share| *share.get_ref());
    let place = raw
        .to_groups
        .as_ref()
        .or(raw.to_away.as_ref())
        .map_or(0..0, Spanned::span);
    if to_away.0 + to_groups.0 > 1.0 {
        return Err(Mistake::new(
            place,
            "`to_away` and `to_groups` together exceed 100%",
        ));
    }
    if to_away.0 > 0.0 && population.iter().all(|group| group.away.0 == 0.0) {
        let place = raw.to_away.as_ref().map_or(0..0, Spanned::span);
        return Err(Mistake::new(
            place,
            "`to_away` needs a population of which some are `away`",
        ));
    }
    if to_groups.0 > 0.0 && population.iter().all(|group| group.groups == 0) {
        return Err(Mistake::new(
            place,
            "`to_groups` needs a population with `groups` of at least 1",
        ));
    }
    let day = match &raw.day {
        None => default.day,
        Some(day) if day.get_ref().len() == 24 && day.get_ref().iter().any(|share| share.0 > 0.0) => {
            day.get_ref().iter().map(|share| share.0).collect()
        }
        Some(day) => {
            return Err(Mistake::new(
                day.span(),
                "`day` takes 24 shares, one an hour, not all 0",
            ));
        }
    };
    Ok(MessageSettings {
        rate: raw.rate,
        arrivals: raw.arrivals.unwrap_or(default.arrivals),
        day,
        to_away,
        to_groups,
        group_size: raw.group_size.map_or(Ok(default.group_size), |size| {
            kept(
                &size,
                |size| (2..=LARGEST_GROUP).contains(size),
                || format!("`group_size` must be from 2 to {LARGEST_GROUP}"),
            )
        })?,
        create_groups: raw.create_groups.unwrap_or(default.create_groups),
        bytes: raw.bytes.map_or(Ok(default.bytes), |bytes| {
            size(&bytes, "bytes", LARGEST_BODY_BYTES)
        })?,
        typing: raw.typing.unwrap_or(default.typing),
    })
}
