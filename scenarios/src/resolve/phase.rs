//! Phases as written to phases resolved: their order, their lengths, where ramps end.

use toml::Spanned;

use super::check::{self, positive};
use crate::error::Mistake;
use crate::raw::RawPhase;
use crate::scenario::{PhaseKind, PhaseSettings};
use crate::unit::{Factor, Share, Span};

const MOST_PHASES: usize = 64;

pub(super) fn resolve(
    raw: Spanned<Vec<Spanned<RawPhase>>>,
    clock: Option<Spanned<Span>>,
) -> Result<Vec<PhaseSettings>, Mistake> {
    let span = raw.span();
    let raw = raw.into_inner();
    check::at_most(&raw, MOST_PHASES, "phases")?;
    let given_us: u64 = raw
        .iter()
        .filter_map(|phase| phase.get_ref().duration.as_ref())
        .map(|span| span.get_ref().0)
        .sum();
    let mut open_us = clock
        .as_ref()
        .map(|clock| clock.get_ref().0.saturating_sub(given_us));
    let mut phases: Vec<PhaseSettings> = Vec::new();
    let mut reached = 0.0;
    for phase in raw {
        let place = phase.span();
        let phase = phase.into_inner();
        if phases.last().is_some_and(|last| last.kind == PhaseKind::Drain) {
            return Err(Mistake::new(place, "nothing can follow a drain"));
        }
        if phases.is_empty() && phase.kind != PhaseKind::Ramp {
            return Err(Mistake::new(
                place,
                "the first phase must be a ramp, since nobody is connected before it",
            ));
        }
        let duration = match &phase.duration {
            Some(span) => positive(span, "duration")?,
            None => Span(open_us.take().filter(|us| *us > 0).ok_or_else(|| {
                Mistake::new(place, "the phase needs a `duration`: one phase may leave it open, if `clock.duration` says more than the others")
            })?),
        };
        let to = ramp_to(&phase, reached)?;
        reached = to.map_or(reached, |to| to.0);
        phases.push(PhaseSettings {
            kind: phase.kind,
            name: phase.name.unwrap_or_else(|| phase_name(phase.kind).to_owned()),
            duration,
            to,
            load: phase.load.unwrap_or(Factor(match phase.kind {
                PhaseKind::Ramp | PhaseKind::Hold => 1.0,
                PhaseKind::Spike => 3.0,
                PhaseKind::Drain => 0.0,
            })),
        });
    }
    let total_us: u64 = phases.iter().map(|phase| phase.duration.0).sum();
    match clock {
        Some(clock) if clock.get_ref().0 != total_us => {
            let message = format!(
                "the phases last {}, `clock.duration` {}",
                Span(total_us),
                clock.get_ref()
            );
            Err(Mistake::new(clock.span(), message))
        }
        _ if phases.is_empty() => Err(Mistake::new(span, "expected at least one [[phase]]")),
        _ => Ok(phases),
    }
}

/// Where a ramp ends; each must climb above the one before.
fn ramp_to(phase: &RawPhase, reached: f64) -> Result<Option<Share>, Mistake> {
    match (&phase.to, phase.kind) {
        (None, PhaseKind::Ramp) => Ok(Some(Share(1.0))),
        (Some(to), PhaseKind::Ramp) if to.get_ref().0 > reached => Ok(Some(*to.get_ref())),
        (Some(to), PhaseKind::Ramp) => {
            let message = format!(
                "a ramp climbs; this one must go above the {}% before it",
                reached * 100.0
            );
            Err(Mistake::new(to.span(), message))
        }
        (Some(to), _) => Err(Mistake::new(to.span(), "`to` belongs to a ramp only")),
        (None, _) => Ok(None),
    }
}

fn phase_name(kind: PhaseKind) -> &'static str {
    match kind {
        PhaseKind::Ramp => "ramp",
        PhaseKind::Hold => "hold",
        PhaseKind::Spike => "spike",
        PhaseKind::Drain => "drain",
    }
}
