//! The shape of a capture over time: connections open, bytes each way, packets.
//!
//! It knows sums and instants. However long the capture, it holds at most 1,024 moments of equal width: when they
//! are full, each two become one.

use crate::{End, Event, Side};

/// The most moments, 48 B each.
const MOMENTS_MAX: usize = 1_024;
/// The width of a moment at first.
const FINEST_NS: u64 = 1_000_000;

/// What went on in a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Connections that began.
    pub opened: u64,
    /// Connections that ended.
    pub closed: u64,
    /// The most connections open at once; 0 where none began or ended: then those before are.
    pub most_open: u64,
    /// Bytes that clients said.
    pub client_bytes: u64,
    /// Bytes that servers said.
    pub server_bytes: u64,
    /// Packets of any kind.
    pub packets: u64,
}

/// What went on over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    width_ns: u64,
    moments: Vec<Moment>,
    /// Connections open now.
    open: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            width_ns: FINEST_NS,
            moments: Vec::new(),
            open: 0,
        }
    }
}

impl Shape {
    /// How long each moment is, nanoseconds.
    #[must_use]
    pub fn width_ns(&self) -> u64 {
        self.width_ns
    }

    /// The moments, from the capture's first packet on.
    #[must_use]
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// A packet was captured.
    pub fn packet(&mut self, at_ns: u64) {
        self.moment(at_ns).packets += 1;
    }

    /// Something happened on a connection.
    pub fn event(&mut self, event: &Event<'_>) {
        let before = self.open;
        let moment = self.moment(event.at_ns());
        match event {
            Event::Open { .. } => {
                moment.opened += 1;
                moment.most_open = moment.most_open.max(before + 1);
                self.open += 1;
            }
            // The capture ended, not the connection.
            Event::Close { end: End::Open, .. } => {}
            Event::Close { .. } => {
                moment.closed += 1;
                moment.most_open = moment.most_open.max(before);
                self.open = before.saturating_sub(1);
            }
            Event::Data {
                side: Side::Client,
                bytes,
                ..
            } => moment.client_bytes += bytes.len() as u64,
            Event::Data {
                side: Side::Server,
                bytes,
                ..
            } => moment.server_bytes += bytes.len() as u64,
            Event::Gap { .. } | Event::Finish { .. } => {}
        }
    }

    /// Adds what another has, of the same capture.
    pub fn merge(&mut self, mut other: Self) {
        while self.width_ns < other.width_ns {
            self.widen();
        }
        while other.width_ns < self.width_ns {
            other.widen();
        }
        self.moments
            .resize(self.moments.len().max(other.moments.len()), Moment::default());
        for (moment, more) in self.moments.iter_mut().zip(&other.moments) {
            moment.add(more);
        }
    }

    fn moment(&mut self, at_ns: u64) -> &mut Moment {
        while at_ns / self.width_ns >= MOMENTS_MAX as u64 {
            self.widen();
        }
        let index = (at_ns / self.width_ns) as usize;
        if index >= self.moments.len() {
            self.moments.resize(index + 1, Moment::default());
        }
        &mut self.moments[index]
    }

    fn widen(&mut self) {
        self.width_ns = self.width_ns.saturating_mul(2);
        let pairs = self.moments.chunks(2).map(|pair| {
            let mut both = pair[0];
            pair[1..].iter().for_each(|more| both.add(more));
            both
        });
        self.moments = pairs.collect();
    }
}

impl Moment {
    /// Adds what went on in another, right after it or at the same time as nothing on a connection.
    pub fn add(&mut self, more: &Self) {
        self.opened += more.opened;
        self.closed += more.closed;
        self.most_open = self.most_open.max(more.most_open);
        self.client_bytes += more.client_bytes;
        self.server_bytes += more.server_bytes;
        self.packets += more.packets;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Flow, Start};

    #[test]
    fn connections_that_are_over_within_a_moment_were_open() {
        let mut shape = Shape::default();
        let open = |flow: u64, at_ns: u64| Event::Open {
            flow: Flow(flow),
            at_ns,
            client: ([10, 0, 0, 1], 1_000).into(),
            server: ([10, 0, 0, 2], 80).into(),
            start: Start::Handshake,
        };
        let close = |flow: u64, at_ns: u64| Event::Close {
            flow: Flow(flow),
            at_ns,
            end: End::Finished(Side::Client),
        };
        for event in [open(0, 10), open(1, 20), close(1, 30), open(2, 40), open(3, 50)] {
            shape.event(&event);
        }
        shape.event(&close(2, 3 * FINEST_NS));
        // Years later, when moments are days.
        shape.event(&close(3, 1 << 56));
        let (first, last) = (shape.moments()[0], shape.moments().last().unwrap());
        assert_eq!((first.opened, first.closed, first.most_open), (4, 2, 3));
        assert_eq!((last.opened, last.closed, last.most_open), (0, 1, 2));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_however_long_it_lasts(times in prop::collection::vec(0..u64::MAX / 4, 1..100), shift in 0..60_u32) {
            let mut one = Shape::default();
            let mut halves = [Shape::default(), Shape::default()];
            for (index, at_ns) in times.iter().map(|at_ns| at_ns >> shift).enumerate() {
                one.packet(at_ns);
                halves[index % 2].packet(at_ns);
                let index = (at_ns / one.width_ns()) as usize;
                prop_assert!(one.moments()[index].packets > 0 && one.moments().len() <= MOMENTS_MAX);
            }
            let [mut whole, other] = halves;
            whole.merge(other);
            prop_assert_eq!(one.moments().iter().map(|moment| moment.packets).sum::<u64>(), times.len() as u64);
            prop_assert_eq!(whole, one);
        }
    }
}
