//! Checks of single values, each with the sentence that refuses.

use toml::Spanned;

use crate::distribution::Distribution;
use crate::error::Mistake;
use crate::unit::{Bytes, Span};

/// The largest body; with the largest thumbnail and a link it still fits into one message of the protocol.
pub(super) const LARGEST_BODY_BYTES: u64 = 4_096;
/// The largest thumbnail.
pub(super) const LARGEST_THUMBNAIL_BYTES: u64 = 3_840;

/// The value, if it fits.
pub(super) fn kept<T: Clone>(
    value: &Spanned<T>,
    fits: impl FnOnce(&T) -> bool,
    message: impl FnOnce() -> String,
) -> Result<T, Mistake> {
    if fits(value.get_ref()) {
        Ok(value.get_ref().clone())
    } else {
        Err(Mistake::new(value.span(), message()))
    }
}

pub(super) fn positive(span: &Spanned<Span>, key: &str) -> Result<Span, Mistake> {
    kept(
        span,
        |span| span.0 > 0,
        || format!("`{key}` must be longer than 0"),
    )
}

/// The server's clock for the silent ticks in seconds.
pub(super) fn whole_seconds(span: &Spanned<Span>, key: &str) -> Result<Span, Mistake> {
    kept(
        span,
        |span| span.0 >= 1_000_000 && span.0 % 1_000_000 == 0,
        || format!("`{key}` must be in whole seconds, at least one"),
    )
}

/// As the server's knob has it.
pub(super) fn unread(bytes: &Spanned<Bytes>) -> Result<Bytes, Mistake> {
    kept(
        bytes,
        |bytes| (1 << 10..=1 << 30).contains(&bytes.0),
        || "`unread` must be from 1KiB to 1GiB".to_owned(),
    )
}

pub(super) fn within(value: &Spanned<f64>, key: &str, low: f64, high: f64) -> Result<f64, Mistake> {
    kept(
        value,
        |value| (low..=high).contains(value),
        || format!("`{key}` must be from {low} to {high}"),
    )
}

pub(super) fn size(
    value: &Spanned<Distribution<Bytes>>,
    key: &str,
    most_bytes: u64,
) -> Result<Distribution<Bytes>, Mistake> {
    kept(
        value,
        |value| value.max.0 <= most_bytes,
        || {
            format!(
                "`{key}` can reach {}; expected at most {most_bytes}B (lower its `max`)",
                value.get_ref().max
            )
        },
    )
}

pub(super) fn lasting(value: &Spanned<Distribution<Span>>, key: &str) -> Result<Distribution<Span>, Mistake> {
    kept(
        value,
        |value| value.median.0 > 0,
        || format!("`{key}` must be longer than 0"),
    )
}

pub(super) fn at_most<T>(items: &[Spanned<T>], most: usize, what: &str) -> Result<(), Mistake> {
    match items.get(most) {
        None => Ok(()),
        Some(item) => Err(Mistake::new(
            item.span(),
            format!("expected at most {most} {what}"),
        )),
    }
}
