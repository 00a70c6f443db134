//! A request that is made once for everybody, before what was recorded is driven.
//!
//! It does not know who everybody is.

use std::net::SocketAddr;

use regex::bytes::Regex;

use super::template::{Part, Template};
use super::{Place, Replace, Rule};
use crate::Protocol;

/// An answer to a request that was granted, or leads elsewhere (RFC 9110, section 15): all of it.
const ACCEPTED: &str = r"(?s-u)\AHTTP/1\.[01] [23].*";

/// A request of HTTP. `{clone}`, `{flow}`, `{random}`, `{now}` and `{now_ms}` in it become what they are in a template; other braces stay.
#[derive(Clone, Debug)]
pub(crate) struct Provision {
    /// Said to the targets of these recorded servers.
    pub(crate) server: Place,
    /// Method and path.
    pub(crate) request: String,
    /// Lines of the head beside *Host* and *Content-Length*.
    pub(crate) header: Vec<String>,
    pub(crate) body: String,
}

impl Provision {
    /// The request as if it had been recorded.
    pub(crate) fn text(&self, server: SocketAddr) -> Vec<u8> {
        let mut text = format!("{} HTTP/1.1\r\nHost: {server}\r\n", self.request);
        for line in &self.header {
            text += &format!("{line}\r\n");
        }
        text += &format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body);
        text.into_bytes()
    }

    /// The rule by which its templates become values.
    pub(crate) fn rule(&self) -> Rule {
        let texts = [&self.request, &self.body].into_iter().chain(&self.header);
        let mut replace: Vec<Replace> = Vec::new();
        for (find, with) in texts.flat_map(|text: &String| values(text)) {
            if replace.iter().all(|known| known.find != find) {
                replace.push(Replace { find, with });
            }
        }
        Rule {
            line: 0,
            protocol: Some(Protocol::Http),
            server: self.server,
            unit: None,
            replace,
            regex: Vec::new(),
            learn: Vec::new(),
            // An answer is compared with one of 200: only whether it was one counts, not what it says.
            mask: Regex::new(ACCEPTED).into_iter().collect(),
        }
    }
}

/// The places of values in a text, as they stand there, and what they become.
fn values(text: &str) -> Vec<(Vec<u8>, Template)> {
    let spans = text.match_indices('{').filter_map(|(from, _)| {
        let length = text[from..].find('}')? + 1;
        Some(&text[from..from + length])
    });
    let is_value = |template: &Template| {
        matches!(
            template.parts.as_slice(),
            [Part::Clone(_) | Part::Flow(_) | Part::Random(_) | Part::Now | Part::NowMs]
        )
    };
    spans
        .filter_map(|span| Some((span.as_bytes().to_vec(), Template::parse(span, 0).ok()?)))
        .filter(|(_, template)| is_value(template))
        .collect()
}
