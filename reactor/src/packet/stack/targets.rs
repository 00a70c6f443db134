//! The servers that a shard's connections go to, so that a control block names its own in a byte.
//!
//! It does not know connections, only how many go where. A place that none holds any more is given to the next server
//! that has none: what still comes from the former one is a stray from then on.

use crate::packet::segment::End;

/// Servers that one shard can have connections to at once.
const TARGETS_MAX: usize = 255;
/// Where no connection goes.
const NOWHERE: End = End { address: 0, port: 0 };

/// The servers, at most [`TARGETS_MAX`] at once; whoever refuses one more counts it.
#[derive(Debug, Default)]
pub(super) struct Targets(Vec<Target>);

#[derive(Debug)]
struct Target {
    end: End,
    /// Control blocks that name it.
    holders: u32,
}

impl Targets {
    /// A server's place, old or new; `None` while every place is held for another. It is kept only once it is held.
    pub(super) fn place(&mut self, end: End) -> Option<u8> {
        let known = self.0.iter().position(|target| target.end == end);
        let at = match known {
            Some(at) => at,
            None if self.0.len() < TARGETS_MAX => {
                self.0.push(Target { end, holders: 0 });
                self.0.len() - 1
            }
            None => {
                let at = self.0.iter().position(|target| target.holders == 0)?;
                self.0[at].end = end;
                at
            }
        };
        Some(at as u8)
    }

    /// One more connection goes there.
    pub(super) fn hold(&mut self, place: u8) {
        self.0[usize::from(place)].holders += 1;
    }

    /// One connection fewer does.
    pub(super) fn release(&mut self, place: u8) {
        self.0[usize::from(place)].holders -= 1;
    }

    /// The server at a place.
    pub(super) fn end(&self, place: u8) -> End {
        self.0
            .get(usize::from(place))
            .map_or(NOWHERE, |target| target.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(port: u16) -> End {
        End { address: 7, port }
    }

    #[test]
    fn a_place_that_nobody_holds_goes_to_the_next_server() {
        let mut targets = Targets::default();
        for port in 1..=TARGETS_MAX as u16 {
            let place = targets.place(server(port)).unwrap();
            targets.hold(place);
        }
        let third = targets.place(server(3)).unwrap();
        assert_eq!(targets.place(server(999)), None);
        targets.hold(third);
        targets.release(third);
        assert_eq!(
            targets.place(server(999)),
            None,
            "one of its two connections is left"
        );
        targets.release(third);
        assert_eq!(targets.place(server(999)), Some(third));
        assert_eq!(targets.end(third), server(999));
        let fourth = targets.place(server(4)).unwrap();
        assert_eq!(targets.end(fourth), server(4));
    }
}
