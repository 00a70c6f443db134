//! Which connections a command line asks for: by time, number, port and host.
//!
//! It knows how they are written; which connections those are is the selection's business.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use super::span;

/// Which connections are taken: those that fit all that is given.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SelectionArgs {
    /// Only connections that opened this far into the capture or later: 90s, 5m.
    #[arg(long, value_parser = span, value_name = "TIME")]
    pub(crate) from: Option<Duration>,
    /// Only connections that opened earlier than this far into it.
    #[arg(long, value_parser = span, value_name = "TIME")]
    pub(crate) until: Option<Duration>,
    /// Only these, by their numbers in `teem replay inspect`: 3,7-9.
    #[arg(long, value_parser = flows, value_delimiter = ',', value_name = "FLOW,...")]
    pub(crate) flow: Vec<RangeInclusive<u64>>,
    /// Only connections with one of these ports at either end.
    #[arg(long, value_delimiter = ',', value_name = "PORT,...")]
    pub(crate) port: Vec<u16>,
    /// Only connections with one of these addresses at either end.
    #[arg(long, value_delimiter = ',', value_name = "ADDRESS,...")]
    pub(crate) host: Vec<IpAddr>,
}

impl SelectionArgs {
    /// Looks for mistakes between them.
    ///
    /// # Errors
    /// No connection whatsoever opened in that time.
    pub(crate) fn check(&self) -> Result<()> {
        match (self.from, self.until) {
            (Some(from), Some(until)) if from >= until => bail!(
                "--from {from:?} --until {until:?}: nothing opens in that time; expected the earlier first"
            ),
            (None, Some(Duration::ZERO)) => {
                bail!("--until 0s: nothing opens before the capture begins; expected a time such as 90s")
            }
            _ => Ok(()),
        }
    }

    /// The selection that they ask for.
    pub(crate) fn selection(&self) -> replay::Selection {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        replay::Selection {
            hosts: self.host.clone(),
            ports: self.port.clone(),
            flows: self.flow.clone(),
            began_ns: self.from.map_or(0, ns)..self.until.map_or(u64::MAX, ns),
        }
    }
}

/// Reads a flow's number, or a range of them.
fn flows(text: &str) -> Result<RangeInclusive<u64>, String> {
    let wrong = |_| format!("`{text}` is no flow: expected a number or a range, such as 3 or 7-9");
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u64, u64) = (
        first.trim().parse().map_err(wrong)?,
        last.trim().parse().map_err(wrong)?,
    );
    if first > last {
        return Err(format!(
            "`{text}` runs backwards: expected the lower number first, {last}-{first}"
        ));
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_are_numbers_and_ranges() {
        assert_eq!((flows("3"), flows("7-9")), (Ok(3..=3), Ok(7..=9)));
        for wrong in ["", "x", "3-", "-3", "1-2-3"] {
            assert!(flows(wrong).unwrap_err().contains("is no flow"), "{wrong}");
        }
        assert!(flows("9-7").unwrap_err().contains("first, 7-9"));
    }

    #[test]
    fn a_time_has_its_begin_before_its_end() {
        let between = |from: Option<u64>, until: Option<u64>| SelectionArgs {
            from: from.map(Duration::from_secs),
            until: until.map(Duration::from_secs),
            ..SelectionArgs::default()
        };
        for (from, until) in [(None, None), (Some(3), None), (None, Some(3)), (Some(0), Some(3))] {
            between(from, until).check().unwrap();
        }
        for (from, until) in [(Some(3), Some(3)), (Some(4), Some(3)), (None, Some(0))] {
            between(from, until).check().unwrap_err();
        }
    }
}
