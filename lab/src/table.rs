//! The limits as a table for people and as JSON for machines.
//!
//! It does not know a terminal: who prints says how a verdict is coloured.

use serde_json::{Value, json};

use crate::figure::{bytes, grouped};
use crate::limits::{Limit, Unit};

/// What a verdict says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The limit suffices.
    Fine,
    /// It stops the target.
    Short,
}

/// A line a limit; a short one is followed by what it does, and any by its sum.
pub fn text(limits: &[Limit], paint: impl Fn(&str, Tone) -> String) -> String {
    let mut out = row("limit", "now", "needed", "     ", "");
    for limit in limits {
        let (word, tone) = if limit.is_short() {
            ("short", Tone::Short)
        } else {
            ("fine ", Tone::Fine)
        };
        let command = if limit.is_short() {
            limit.remedy.command()
        } else {
            String::new()
        };
        let (now, needed) = (shown(limit.now, limit.unit), shown(limit.needed, limit.unit));
        out.push_str(&row(limit.name, &now, &needed, &paint(word, tone), &command));
        if limit.is_short() {
            out.push_str(&format!("  {}\n", limit.bite));
        }
        if let Some(sum) = &limit.sum {
            out.push_str(&format!("  {sum}\n"));
        }
    }
    out
}

/// An array with an object a limit.
#[must_use]
pub fn json(limits: &[Limit]) -> Value {
    let rows = limits.iter().map(|limit| {
        json!({
            "limit": limit.name,
            "now": limit.now,
            "needed": limit.needed,
            "short": limit.is_short(),
            "unit": limit.unit,
            "scope": limit.scope,
            "bite": limit.bite,
            "command": limit.remedy.command(),
            "sum": limit.sum,
        })
    });
    Value::Array(rows.collect())
}

fn row(name: &str, now: &str, needed: &str, verdict: &str, command: &str) -> String {
    let line = format!("{name:<30} {now:>15} {needed:>15}  {verdict}  {command}");
    format!("{}\n", line.trim_end())
}

/// A figure with its unit: bytes in the unit that suits them, counts in groups of three.
pub(crate) fn shown(value: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => bytes(value),
        // "No limit" is said in several ways, all of them larger than what a host could count.
        Unit::Count | Unit::Pages if value >= 1 << 53 => "no limit".to_owned(),
        Unit::Count => grouped(value),
        Unit::Pages => format!("{} pages", grouped(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_carry_their_units() {
        assert_eq!(shown(1_234_567, Unit::Count), "1,234,567");
        assert_eq!(shown(u64::MAX, Unit::Count), "no limit");
        assert_eq!(shown(575_796, Unit::Pages), "575,796 pages");
        assert_eq!(shown(3 << 29, Unit::Bytes), "1.50 GiB");
    }
}
