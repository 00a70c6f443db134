//! Misfits: peers as they should not be, and which share of the people becomes one, when and for how long.
//!
//! It knows what a scenario asks for; it does not know how a transport does it, nor who is struck.

use serde::{Deserialize, Serialize};

use crate::unit::{Bytes, Rate, Share, Span};

/// The kinds of misfit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MisfitKind {
    /// Beside his own connection each opens one that stays half-open: a SYN, and no answer to its answer.
    HalfOpen,
    /// Offers no window.
    ZeroWindow,
    /// Reads a little at a time.
    SlowReader,
    /// Gone without a FIN.
    Vanishing,
    /// Goes on from another port, as behind a NAT that forgot.
    Rebinding,
    /// SYNs from made-up clients that answer nothing.
    SynFlood,
}

impl MisfitKind {
    /// As a scenario writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HalfOpen => "half-open",
            Self::ZeroWindow => "zero-window",
            Self::SlowReader => "slow-reader",
            Self::Vanishing => "vanishing",
            Self::Rebinding => "rebinding",
            Self::SynFlood => "syn-flood",
        }
    }
}

/// Misfits of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MisfitSettings {
    /// What they do.
    pub kind: MisfitKind,
    /// When, after the start of the schedule; the scenario's clock.
    pub at: Span,
    /// Over how long their instants spread; nothing for a flood.
    #[serde(skip_serializing_if = "is_nothing")]
    pub over: Span,
    /// How long it lasts after that; the scenario's clock. None of those who rebind, who are found out by their next
    /// ping, nor of those who vanish for good.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Span>,
    /// Of the people online, those whom it strikes; none of a flood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// Of a slow reader: what he reads a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reads: Option<Bytes>,
    /// Of a flood: its SYNs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

fn is_nothing(span: &Span) -> bool {
    span.0 == 0
}

impl MisfitSettings {
    /// A few words for a plot.
    pub(crate) fn detail(&self) -> String {
        let lasting = self
            .lasting
            .map_or(String::new(), |lasting| format!(", for {lasting}"));
        match (self.share, self.rate) {
            (Some(share), _) => format!("{}% of the connections{lasting}", share.0 * 100.0),
            (None, Some(rate)) => format!("{rate}{lasting}"),
            (None, None) => String::new(),
        }
    }
}
