//! From a scenario as written to a scenario resolved: defaults, and what must fit across keys.
//!
//! It knows the language's rules; it does not know shapes in time.

mod check;
mod climb;
mod message;
mod misfit;
mod phase;
mod population;
mod replay;
mod shock;

use std::str::FromStr;

use toml::Spanned;

use crate::distribution::Distribution;
use crate::error::Mistake;
use crate::raw::{RawDrain, RawMedia, RawScenario, RawServer, RawStorm, RawThreshold};
use crate::scenario::{
    ClockSettings, DrainSettings, Durability, MediaSettings, Places, RegistrationSettings, Scenario,
    ServerSettings, StormSettings, ThresholdSetting,
};
use crate::unit::{Bytes, Count, Share, Span, TimeOfDay};
use check::{LARGEST_THUMBNAIL_BYTES, kept, positive, size, within};

const MINUTE_US: u64 = 60_000_000;
/// Bounds of the language; each is far beyond what one box holds or a plot shows.
pub(crate) const MOST_CONNECTIONS: u64 = 50_000_000;
const MOST_SHOCKS: usize = 16;
const MOST_MISFITS: usize = 16;
const MOST_REPLAYS: usize = 8;
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
    let population = population::populations(raw.population)?;
    let messages = match raw.messages {
        Some(messages) => message::messages(messages, &population)?,
        None => message::no_messages(),
    };
    let length = Span(phase.iter().map(|phase| phase.duration.0).sum());
    let shock = each(raw.shock, MOST_SHOCKS, "shocks", |shock| {
        shock::resolve(shock, &population)
    })?;
    let ping_every = raw
        .ping_every
        .map_or(Ok(Span(10 * MINUTE_US)), |span| positive(&span, "ping_every"))?;
    let ping = Span((ping_every.0 as f64 * time_scale) as u64);
    let misfit = each(raw.misfit, MOST_MISFITS, "kinds of misfits", |misfit| {
        misfit::resolve(misfit, length, ping)
    })?;
    let replay = each(raw.replay, MOST_REPLAYS, "replays", |replay| {
        replay::resolve(replay, length)
    })?;
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
        drain: drain(raw.drain),
        server: server(raw.server)?,
    })
}

/// Tables of one kind, so many of them at the most.
fn each<R, T>(
    raw: Vec<Spanned<R>>,
    most: usize,
    what: &str,
    resolve: impl FnMut(Spanned<R>) -> Result<T, Mistake>,
) -> Result<Vec<T>, Mistake> {
    check::at_most(&raw, most, what)?;
    raw.into_iter().map(resolve).collect()
}

fn drain(raw: RawDrain) -> DrainSettings {
    DrainSettings {
        settle: raw.settle.unwrap_or(Span(10_000_000)),
        returns: raw.returns.unwrap_or(Share(1.0)),
        places: raw.places.unwrap_or(Places::Swap),
    }
}

fn server(raw: RawServer) -> Result<ServerSettings, Mistake> {
    Ok(ServerSettings {
        durability: raw.durability.unwrap_or(Durability::Commit),
        idle_timeout: raw
            .idle_timeout
            .map(|span| check::whole_seconds(&span, "idle_timeout"))
            .transpose()?,
        unread: raw.unread.map(|bytes| check::unread(&bytes)).transpose()?,
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
