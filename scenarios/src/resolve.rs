//! From a scenario as written to a scenario resolved: defaults, and what must fit across keys.
//!
//! It knows the language's rules; it does not know shapes in time.

mod check;
mod climb;
mod misfit;
mod phase;
mod replay;
mod shock;

use std::str::FromStr;

use toml::Spanned;

use crate::day::DEFAULT_DAY;
use crate::distribution::Distribution;
use crate::error::Mistake;
use crate::raw::{RawMedia, RawMessages, RawPopulation, RawScenario, RawStorm, RawThreshold};
use crate::scenario::{
    Arrivals, ClockSettings, DrainSettings, Durability, MediaSettings, MessageSettings, Places,
    PopulationGroup, RegistrationSettings, Scenario, ServerSettings, StormSettings, ThresholdSetting,
};
use crate::unit::{Bytes, Count, Factor, Share, Span, TimeOfDay, UtcOffset};
use check::{LARGEST_BODY_BYTES, LARGEST_THUMBNAIL_BYTES, kept, positive, size, within};

const MINUTE_US: u64 = 60_000_000;
/// Bounds of the language; each is far beyond what one box holds or a plot shows.
pub(crate) const MOST_CONNECTIONS: u64 = 50_000_000;
const MOST_POPULATIONS: usize = 64;
const MOST_SHOCKS: usize = 16;
const MOST_MISFITS: usize = 16;
const MOST_REPLAYS: usize = 8;
const MOST_GROUPS_A_PERSON: u8 = 8;
const LARGEST_GROUP: u32 = 256;
const LARGEST_FILE_BYTES: u64 = 1 << 30;

pub(crate) fn resolve(mut raw: RawScenario) -> Result<Scenario, Mistake> {
    let name = name(&raw.name)?;
    let connections = kept(
        &raw.connections,
        |count| (1..=MOST_CONNECTIONS).contains(&count.0),
        || format!("`connections` must be from 1 to {MOST_CONNECTIONS}"),
    )?;
    let seed = raw.seed.as_ref().map_or(Ok(1), |seed| {
        u64::try_from(*seed.get_ref()).map_err(|_| Mistake::new(seed.span(), "`seed` must be 0 or more"))
    })?;
    let time_scale = match &raw.clock.time_scale {
        None => 1.0,
        Some(scale) => within(scale, "time_scale", 0.001, 100_000.0)?,
    };
    let (climb, phase) = climb::resolve(&mut raw, time_scale)?;
    let population = populations(raw.population)?;
    let messages = match raw.messages {
        Some(messages) => self::messages(messages, &population)?,
        None => no_messages(),
    };
    let length = Span(phase.iter().map(|phase| phase.duration.0).sum());
    check::at_most(&raw.shock, MOST_SHOCKS, "shocks")?;
    let shock = raw
        .shock
        .into_iter()
        .map(|shock| shock::resolve(shock, &population))
        .collect::<Result<_, _>>()?;
    let ping_every = raw
        .ping_every
        .map_or(Ok(Span(10 * MINUTE_US)), |span| positive(&span, "ping_every"))?;
    let ping = Span((ping_every.0 as f64 * time_scale) as u64);
    check::at_most(&raw.misfit, MOST_MISFITS, "kinds of misfits")?;
    let misfit = raw
        .misfit
        .into_iter()
        .map(|misfit| misfit::resolve(misfit, length, ping))
        .collect::<Result<_, _>>()?;
    check::at_most(&raw.replay, MOST_REPLAYS, "replays")?;
    let replay = raw
        .replay
        .into_iter()
        .map(|replay| replay::resolve(replay, length))
        .collect::<Result<_, _>>()?;
    Ok(Scenario {
        title: raw.title.unwrap_or_else(|| name.clone()),
        name,
        seed,
        connections,
        ping_every,
        thresholds: raw
            .thresholds
            .into_iter()
            .map(threshold)
            .collect::<Result<_, _>>()?,
        clock: ClockSettings {
            start: raw.clock.start.unwrap_or(TimeOfDay(0)),
            time_scale,
        },
        population,
        phase,
        climb,
        messages,
        media: raw.media.map(media).transpose()?,
        registrations: raw.registrations.map(|registrations| RegistrationSettings {
            rate: registrations.rate,
        }),
        storm: raw.storm.map(|storm| self::storm(&storm, length)).transpose()?,
        shock,
        misfit,
        replay,
        drain: DrainSettings {
            settle: raw.drain.settle.unwrap_or(Span(10_000_000)),
            returns: raw.drain.returns.unwrap_or(Share(1.0)),
            places: raw.drain.places.unwrap_or(Places::Swap),
        },
        server: ServerSettings {
            durability: raw.server.durability.unwrap_or(Durability::Commit),
            idle_timeout: raw
                .server
                .idle_timeout
                .map(|span| check::whole_seconds(&span, "idle_timeout"))
                .transpose()?,
            unread: raw.server.unread.map(|bytes| check::unread(&bytes)).transpose()?,
        },
    })
}

/// Figures of what did not come: until the end it may be on its way.
const ENDS_TELL: [&str; 2] = ["messages.lost", "messages.ticks_missing"];

/// A name becomes part of a folder's, so it keeps to what every file system takes.
fn name(name: &Spanned<String>) -> Result<String, Mistake> {
    let text = name.get_ref();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        let message = format!("`{text}` is not a name; expected 1 to 64 of a-z, 0-9, `-` and `_`");
        return Err(Mistake::new(name.span(), message));
    }
    Ok(text.clone())
}

fn threshold(raw: Spanned<RawThreshold>) -> Result<ThresholdSetting, Mistake> {
    let span = raw.span();
    let (expr, abort) = match raw.into_inner() {
        RawThreshold::Expr(expr) => (expr, false),
        RawThreshold::Table(table) => (table.expr, table.abort),
    };
    match record::Threshold::from_str(&expr) {
        Ok(threshold) if abort && ENDS_TELL.contains(&threshold.path()) => {
            let message = format!(
                "`{}` is known at a run's end only, so it cannot abort one: leave `abort` out",
                threshold.path()
            );
            Err(Mistake::new(span, message))
        }
        Ok(_) => Ok(ThresholdSetting { expr, abort }),
        Err(error) => Err(Mistake::new(span, format!("not a threshold: {error}"))),
    }
}

fn populations(raw: Vec<Spanned<RawPopulation>>) -> Result<Vec<PopulationGroup>, Mistake> {
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

fn no_messages() -> MessageSettings {
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

fn messages(raw: Spanned<RawMessages>, population: &[PopulationGroup]) -> Result<MessageSettings, Mistake> {
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

fn media(raw: RawMedia) -> Result<MediaSettings, Mistake> {
    let bytes = Distribution {
        max: Bytes(4 << 20),
        ..Distribution::log_normal(Bytes(100 << 10), 0.8)
    };
    Ok(MediaSettings {
        rate: raw.rate,
        bytes: raw
            .bytes
            .map_or(Ok(bytes), |bytes| size(&bytes, "bytes", LARGEST_FILE_BYTES))?,
        thumbnail: raw
            .thumbnail
            .map_or(Ok(Distribution::fixed(Bytes(1024))), |bytes| {
                size(&bytes, "thumbnail", LARGEST_THUMBNAIL_BYTES)
            })?,
    })
}

fn storm(raw: &RawStorm, length: Span) -> Result<StormSettings, Mistake> {
    let users = kept(
        &raw.users,
        |users| (1..=100_000).contains(&users.0),
        || "`users` of a storm must be from 1 to 100000".to_owned(),
    )?;
    let (at, duration) = (*raw.at.get_ref(), positive(&raw.duration, "duration")?);
    if at.0 + duration.0 > length.0 {
        let message = format!("the storm ends after the schedule, which lasts {length}");
        return Err(Mistake::new(raw.at.span(), message));
    }
    Ok(StormSettings {
        users: Count(users.0),
        at,
        duration,
    })
}
