//! Misfits as written to misfits resolved: defaults, and the keys that belong to each kind.

use toml::Spanned;

use super::check::{kept, positive};
use crate::error::Mistake;
use crate::misfit::{MisfitKind, MisfitSettings};
use crate::raw::RawMisfit;
use crate::unit::{Bytes, Rate, Share, Span};

/// How long a misfit lasts where nothing else is said.
const LASTING: Span = Span(10_000_000);
/// What a slow reader reads a second where nothing else is said.
const READS: Bytes = Bytes(1024);
/// The most that a slow reader reads a second: whoever reads more is none.
const MOST_READ_BYTES: u64 = 1 << 20;
/// SYNs a second: what one thread makes beside its connections.
const MOST_SYNS: f64 = 50_000.0;

/// Both lengths are on the scenario's clock: the schedule's, and what passes between two pings.
pub(super) fn resolve(raw: Spanned<RawMisfit>, length: Span, ping: Span) -> Result<MisfitSettings, Mistake> {
    let place = raw.span();
    let raw = raw.into_inner();
    refuse(&raw)?;
    let missing = |key| {
        let message = format!("{} needs `{key}`", called(raw.kind));
        Mistake::new(place, message)
    };
    let (share, rate) = match (raw.kind, &raw.share, &raw.rate) {
        (MisfitKind::SynFlood, _, Some(rate)) => (None, Some(syns(rate)?)),
        (MisfitKind::SynFlood, _, None) => return Err(missing("rate")),
        (_, Some(share), _) => (Some(above_none(share)?), None),
        (_, None, _) => return Err(missing("share")),
    };
    let lasting = match (raw.kind, &raw.lasting) {
        (_, Some(lasting)) => Some(positive(lasting, "for")?),
        // Who rebinds does so for good; who vanishes, unless it says for how long.
        (MisfitKind::Rebinding | MisfitKind::Vanishing, None) => None,
        (_, None) => Some(LASTING),
    };
    let settings = MisfitSettings {
        kind: raw.kind,
        at: *raw.at.get_ref(),
        over: raw.over.map_or(Span(0), Spanned::into_inner),
        lasting,
        share,
        reads: match (raw.kind, &raw.reads) {
            (MisfitKind::SlowReader, Some(reads)) => Some(read(reads)?),
            (MisfitKind::SlowReader, None) => Some(READS),
            _ => None,
        },
        rate,
    };
    let lasting = match (settings.lasting, raw.kind) {
        (Some(lasting), _) => lasting,
        // Until then he does not know, and what is sent to him is on its way.
        (None, MisfitKind::Rebinding) => ping,
        (None, _) => Span(0),
    };
    let end = settings.at.0 + settings.over.0 + lasting.0;
    if end > length.0 {
        let message = format!("the misfits end after the schedule, which lasts {length}");
        return Err(Mistake::new(raw.at.span(), message));
    }
    Ok(settings)
}

/// Refuses the keys of other kinds.
fn refuse(raw: &RawMisfit) -> Result<(), Mistake> {
    let flood = raw.kind == MisfitKind::SynFlood;
    let keys = [
        ("share", raw.share.as_ref().map(Spanned::span), !flood),
        ("over", raw.over.as_ref().map(Spanned::span), !flood),
        ("rate", raw.rate.as_ref().map(Spanned::span), flood),
        (
            "reads",
            raw.reads.as_ref().map(Spanned::span),
            raw.kind == MisfitKind::SlowReader,
        ),
        (
            "for",
            raw.lasting.as_ref().map(Spanned::span),
            raw.kind != MisfitKind::Rebinding,
        ),
    ];
    let stranger = keys
        .into_iter()
        .find_map(|(key, span, belongs)| Some((key, span.filter(|_| !belongs)?)));
    match stranger {
        None => Ok(()),
        Some((key, span)) => {
            let message = format!("`{key}` does not go with {}", called(raw.kind));
            Err(Mistake::new(span, message))
        }
    }
}

fn called(kind: MisfitKind) -> String {
    format!("the misfit `{}`", kind.name())
}

fn above_none(share: &Spanned<Share>) -> Result<Share, Mistake> {
    kept(
        share,
        |share| share.0 > 0.0,
        || "`share` must be above 0%".to_owned(),
    )
}

fn read(bytes: &Spanned<Bytes>) -> Result<Bytes, Mistake> {
    kept(
        bytes,
        |bytes| (1..=MOST_READ_BYTES).contains(&bytes.0),
        || format!("`reads` must be from 1B to {}, a second", Bytes(MOST_READ_BYTES)),
    )
}

fn syns(rate: &Spanned<Rate>) -> Result<Rate, Mistake> {
    kept(
        rate,
        |rate| !rate.per_connection && (1.0..=MOST_SYNS).contains(&rate.per_second),
        || format!("`rate` of a flood must be absolute, from 1/s to {MOST_SYNS}/s"),
    )
}
