//! The table `[climb]` as written to a climb resolved.

use toml::Spanned;

use super::check::{self, kept, positive};
use crate::climb::ClimbSettings;
use crate::error::Mistake;
use crate::raw::{RawClimb, RawScenario};
use crate::scenario::PhaseSettings;
use crate::unit::{Count, Rate, Share, Span};

/// With a ramp, a time to settle and a hold each: as many phases as a plot can show.
const MOST_STEPS: usize = 20;
const SECOND_US: u64 = 1_000_000;

/// The phases, and the climb they come from, if any.
pub(super) fn resolve(
    raw: &mut RawScenario,
    time_scale: f64,
) -> Result<(Option<ClimbSettings>, Vec<PhaseSettings>), Mistake> {
    let clock = raw.clock.duration.take();
    match (raw.climb.take(), raw.phase.take()) {
        (Some(climb), None) => {
            if let Some(clock) = clock {
                let message = "`duration` goes with [[phase]]; a [climb] takes as long as its steps do";
                return Err(Mistake::new(clock.span(), message));
            }
            let climb = settings(climb)?;
            let per_connection = raw
                .messages
                .as_ref()
                .is_some_and(|messages| messages.get_ref().rate.per_connection);
            let phases = climb.phases(raw.connections.get_ref().0, time_scale, per_connection);
            Ok((Some(climb), phases))
        }
        (None, Some(phases)) => Ok((None, super::phase::resolve(phases, clock)?)),
        (Some(climb), Some(_)) => {
            let message = "a [climb] makes its own phases; expected either it or [[phase]], not both";
            Err(Mistake::new(climb.span(), message))
        }
        (None, None) => Err(Mistake::new(
            0..0,
            "the key `phase` is missing; expected [[phase]], or a [climb]",
        )),
    }
}

fn settings(raw: Spanned<RawClimb>) -> Result<ClimbSettings, Mistake> {
    let raw = raw.into_inner();
    Ok(ClimbSettings {
        steps: steps(&raw.steps)?,
        connects: speed(raw.connects.as_ref(), "connects", 30_000.0)?,
        connects_tls: speed(raw.connects_tls.as_ref(), "connects_tls", 6_000.0)?,
        encrypted: raw.encrypted.unwrap_or(false),
        settle: raw.settle.unwrap_or(Span(10 * SECOND_US)),
        hold: length(raw.hold.as_ref(), "hold", 30)?,
        hold_last: length(raw.hold_last.as_ref(), "hold_last", 120)?,
        ramp_load: raw.ramp_load.unwrap_or(Share(0.1)),
    })
}

fn steps(steps: &Spanned<Vec<Spanned<Count>>>) -> Result<Vec<Count>, Mistake> {
    check::at_most(steps.get_ref(), MOST_STEPS, "steps")?;
    let mut below = Count(0);
    for step in steps.get_ref() {
        let (count, place) = (*step.get_ref(), step.span());
        if count.0 == 0 {
            return Err(Mistake::new(place, "a step takes at least 1 connection"));
        }
        if count <= below {
            let message = format!("`steps` must rise; {count} follows {below}");
            return Err(Mistake::new(place, message));
        }
        below = count;
    }
    if below.0 == 0 {
        return Err(Mistake::new(
            steps.span(),
            "expected at least one step, such as \"200k\"",
        ));
    }
    Ok(steps.get_ref().iter().map(|step| *step.get_ref()).collect())
}

/// Connects a second; a rate relative to the target would say nothing about what the box can do.
fn speed(raw: Option<&Spanned<Rate>>, key: &str, default: f64) -> Result<Rate, Mistake> {
    raw.map_or(
        Ok(Rate {
            per_second: default,
            per_connection: false,
        }),
        |rate| {
            kept(
                rate,
                |rate| !rate.per_connection && rate.per_second >= 1.0,
                || format!("`{key}` must be an absolute rate of at least 1/s, such as `30000/s`"),
            )
        },
    )
}

fn length(raw: Option<&Spanned<Span>>, key: &str, default_s: u64) -> Result<Span, Mistake> {
    raw.map_or(Ok(Span(default_s * SECOND_US)), |span| positive(span, key))
}
