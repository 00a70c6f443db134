//! What a mask left, and what it did without: sentences for whoever hands the file on.
//!
//! It knows figures and rules; it masks nothing.

use std::collections::BTreeMap;

use replay::{Blanked, MaskFigures, MaskRules, Protocol};

/// A mask that was used.
pub(super) struct Veil {
    pub(super) rules: MaskRules,
    pub(super) figures: MaskFigures,
}

impl Veil {
    /// What is to be told of connections of these protocols.
    pub(super) fn notes(&self, protocols: &BTreeMap<Protocol, u64>) -> Vec<String> {
        let mut notes = self.left(protocols);
        notes.extend(self.blanked());
        if self.figures.crowded_bytes > 0 {
            notes.push(format!(
                "{} bytes were blanked in the middle of a value, for too much was under way at once",
                self.figures.crowded_bytes
            ));
        }
        if self.figures.forgotten_values > 0 {
            notes.push(format!(
                "{} cookies and tokens were forgotten, for there were too many: within paths and longer values they are not known again",
                self.figures.forgotten_values
            ));
        }
        notes
    }

    /// What stays as it was recorded, and of what nothing stays.
    fn left(&self, protocols: &BTreeMap<Protocol, u64>) -> Vec<String> {
        let (mut left, mut opaque) = (Vec::new(), Vec::new());
        for (protocol, connections) in protocols {
            let told = format!("{connections} of {protocol}");
            match protocol {
                Protocol::Chat | Protocol::Http => {}
                Protocol::Tls if self.rules.leaves(Protocol::Tls) => {
                    left.push(format!("{told}, which was not decrypted"));
                }
                Protocol::Tls => opaque.push(format!("{told}, which was not decrypted")),
                other if self.rules.leaves(*other) => {
                    let who = match other {
                        Protocol::WebSocket => " as far as servers said it",
                        _ => "",
                    };
                    left.push(format!("{told}{who}, but for what patterns find"));
                }
                Protocol::WebSocket => opaque.push(format!("{told} behind its heads")),
                _ => opaque.push(told),
            }
        }
        let http = protocols
            .get(&Protocol::Http)
            .map_or(0, |connections| *connections);
        let stays = [
            ("bodies", self.rules.masks_bodies()),
            ("paths", self.rules.masks_paths()),
        ];
        for (what, _) in stays.into_iter().filter(|(_, masked)| http > 0 && !masked) {
            left.push(format!(
                "{what} of {http} of http, but for tokens and what has a name of `query`"
            ));
        }
        let mut notes = Vec::new();
        if !left.is_empty() {
            notes.push(format!(
                "connections that are as they were recorded: {}",
                left.join("; ")
            ));
        }
        if !opaque.is_empty() {
            notes.push(format!(
                "connections of which every byte was replaced, so that no server understands them: {}",
                opaque.join(", ")
            ));
        }
        notes
    }

    /// Connections of HTTP of which not all could be told apart.
    fn blanked(&self) -> Option<String> {
        let Blanked {
            midway,
            gap,
            unreadable,
            beyond,
            crowded,
            changed,
        } = self.figures.blanked;
        let causes = [
            (midway, "were joined in mid-stream"),
            (gap, "lack bytes of a head"),
            (unreadable, "are no HTTP/1 from some point on"),
            (
                beyond,
                "have a head of more than 64 KiB, or more than 64 requests without an answer",
            ),
            (crowded, "had to give way to others"),
            (changed, "are tunnels, or changed to another protocol"),
        ];
        let told: Vec<String> = causes
            .iter()
            .filter(|(connections, _)| *connections > 0)
            .map(|(connections, what)| format!("{connections} {what}"))
            .collect();
        let all = midway + gap + unreadable + beyond + crowded + changed;
        (all > 0).then(|| {
            format!(
                "of {all} connections of HTTP every byte was replaced from where they could not be told apart: {}",
                told.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_told_and_what_does_not() {
        let rules = |text: &str| MaskRules::parse(text, "mask.toml").unwrap();
        let mut veil = Veil {
            rules: rules(""),
            figures: MaskFigures::default(),
        };
        let protocols = BTreeMap::from([(Protocol::Http, 3), (Protocol::Chat, 1)]);
        assert_eq!(veil.notes(&protocols), Vec::<String>::new());
        let protocols = BTreeMap::from([(Protocol::Http, 3), (Protocol::Redis, 2), (Protocol::Tls, 1)]);
        let notes = veil.notes(&protocols);
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(
            notes[0].contains("understands them: ")
                && notes[0].contains("2 of redis")
                && notes[0].contains("1 of tls, which was not decrypted"),
            "{notes:?}"
        );
        veil.rules = rules("[tls]\nkeep = true");
        let notes = veil.notes(&protocols);
        assert!(
            notes[0].ends_with("as they were recorded: 1 of tls, which was not decrypted"),
            "{notes:?}"
        );
        veil.rules = rules("unknown = 'patterns'\n[http]\nbodies = false");
        veil.figures.blanked.gap = 2;
        let notes = veil.notes(&protocols);
        assert!(
            notes[0].contains("2 of redis, but for what patterns find; ")
                && notes[0].contains("bodies of 3 of http")
        );
        assert!(
            notes[2].contains("of 2 connections of HTTP") && notes[2].ends_with("2 lack bytes of a head"),
            "{notes:?}"
        );
    }
}
