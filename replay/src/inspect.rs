//! What is in a capture: its connections one by one, their totals, and its shape over time.
//!
//! It knows events alone: no packet, no file, no clock. A connection that is listed takes about 1 KB while its first words are
//! looked at and half of that from then on; those beyond the bound are counted, not listed. An event costs a look-up and the
//! SHA-256 of its bytes.

mod shape;
mod totals;

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::account::Account;
use crate::{End, Event, Flow, Secrecy, Session, Sink};

pub use shape::{Moment, Shape};
pub use totals::Totals;

/// How much an inspection keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InspectionLimits {
    /// Connections that are listed; those that begin later are counted.
    pub flows: usize,
    /// Gaps that are listed, a side; those beyond are counted.
    pub gaps: usize,
}

impl Default for InspectionLimits {
    fn default() -> Self {
        Self {
            flows: 50_000,
            gaps: 8,
        }
    }
}

/// A connection, inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// What it amounts to, as of any recorded connection.
    pub session: Session,
    /// What the client said, looked at closely.
    pub client_digest: Digest,
    /// What the server said, looked at closely.
    pub server_digest: Digest,
}

/// What one side said, looked at closely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 of the bytes, one after the other; gaps add nothing to it.
    pub sha256: [u8; 32],
    /// The first gaps: bytes of the side before it, and its length.
    pub gaps: Vec<(u64, u64)>,
}

/// Takes events and makes a list of connections.
#[derive(Debug)]
pub struct Inspection {
    limits: InspectionLimits,
    open: HashMap<Flow, Box<Watched>>,
    #[expect(
        clippy::vec_box,
        reason = "a list that grows past its place would need both the old and the new at once"
    )]
    closed: Vec<Box<Inspected>>,
    totals: Totals,
    shape: Shape,
}

/// What an inspection came to.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The connections that are listed, in the order of their first packets.
    pub flows: Vec<Box<Inspected>>,
    /// All of them, summed up.
    pub totals: Totals,
    /// What went on over time.
    pub shape: Shape,
}

#[derive(Debug)]
struct Watched {
    session: Session,
    account: Account,
    sides: [Heard; 2],
}

#[derive(Debug, Default)]
struct Heard {
    sha256: Sha256,
    gaps: Vec<(u64, u64)>,
}

impl Inspection {
    /// An inspection that keeps so much.
    #[must_use]
    pub fn new(limits: InspectionLimits) -> Self {
        Self {
            limits,
            open: HashMap::new(),
            closed: Vec::new(),
            totals: Totals::default(),
            shape: Shape::default(),
        }
    }

    /// What it came to. Connections that were not closed are left as they are: open.
    #[must_use]
    pub fn finish(mut self, ended_ns: u64) -> Findings {
        let left: Vec<Flow> = self.open.keys().copied().collect();
        for flow in left {
            let (at_ns, end) = (ended_ns, End::Open);
            self.close(Event::Close { flow, at_ns, end }, flow, end);
        }
        self.closed
            .sort_unstable_by_key(|inspected| inspected.session.flow);
        Findings {
            flows: self.closed,
            totals: self.totals,
            shape: self.shape,
        }
    }

    fn open(&mut self, flow: Flow, watched: Watched) {
        self.totals.connections += 1;
        if self.open.len() + self.closed.len() < self.limits.flows {
            self.open.insert(flow, Box::new(watched));
        } else {
            self.totals.unlisted += 1;
        }
    }

    fn close(&mut self, close: Event<'_>, flow: Flow, end: End) {
        let Some(watched) = self.open.remove(&flow) else {
            return;
        };
        let Watched {
            mut session,
            account,
            sides: [client, server],
        } = *watched;
        session.happened(&close);
        session.settle(&account, end);
        let inspected = Inspected {
            session,
            client_digest: client.digest(),
            server_digest: server.digest(),
        };
        self.totals.add(&inspected.session);
        self.closed.push(Box::new(inspected));
    }
}

impl Heard {
    fn digest(self) -> Digest {
        Digest {
            sha256: self.sha256.finalize().into(),
            gaps: self.gaps,
        }
    }
}

impl Sink for Inspection {
    fn event(&mut self, event: Event<'_>) {
        self.shape.event(&event);
        if let Event::Close { flow, end, .. } = event {
            return self.close(event, flow, end);
        }
        if let Some(watched) = self.open.get_mut(&event.flow()) {
            watched.session.happened(&event);
        }
        match event {
            Event::Open {
                flow,
                at_ns,
                client,
                server,
                start,
            } => {
                let watched = Watched {
                    session: Session::begin(flow, [client, server], at_ns, start),
                    account: Account::new(start, server.port()),
                    sides: Default::default(),
                };
                self.open(flow, watched);
            }
            Event::Data {
                flow, side, bytes, ..
            } => {
                *self.totals.bytes_mut(side) += bytes.len() as u64;
                if let Some(watched) = self.open.get_mut(&flow) {
                    watched.account.data(side, bytes);
                    watched.sides[side as usize].sha256.update(bytes);
                }
            }
            Event::Gap {
                flow,
                side,
                offset,
                length,
                ..
            } => {
                self.totals.gaps += 1;
                self.totals.gap_bytes = self.totals.gap_bytes.saturating_add(length);
                if let Some(watched) = self.open.get_mut(&flow) {
                    watched.account.gap(side, length);
                    let gaps = &mut watched.sides[side as usize].gaps;
                    if gaps.len() < self.limits.gaps {
                        gaps.push((offset, length));
                    }
                }
            }
            Event::Finish { .. } | Event::Close { .. } => {}
        }
    }

    fn secrecy(&mut self, flow: Flow, secrecy: Secrecy) {
        if let Some(watched) = self.open.get_mut(&flow) {
            watched.account.tell(secrecy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Protocol, Side, Start, Stream};

    fn open(flow: u64, at_ns: u64) -> Event<'static> {
        let (client, server) = (([10, 0, 0, 1], 40_000).into(), ([10, 0, 0, 2], 6379).into());
        Event::Open {
            flow: Flow(flow),
            at_ns,
            client,
            server,
            start: Start::Handshake,
        }
    }

    fn said(flow: u64, side: Side, bytes: &[u8]) -> Event<'_> {
        Event::Data {
            flow: Flow(flow),
            side,
            at_ns: 20,
            offset: 0,
            bytes,
        }
    }

    #[test]
    fn a_connection_is_summed_up() {
        let mut inspection = Inspection::new(InspectionLimits { flows: 10, gaps: 1 });
        inspection.event(open(0, 10));
        for piece in [&b"PI"[..], b"NG\r\n"] {
            inspection.event(said(0, Side::Client, piece));
        }
        inspection.event(said(0, Side::Server, b"+PONG\r\n"));
        for offset in [7, 12] {
            let gap = Event::Gap {
                flow: Flow(0),
                side: Side::Server,
                at_ns: 30,
                offset,
                length: 5,
            };
            inspection.event(gap);
        }
        inspection.event(Event::Close {
            flow: Flow(0),
            at_ns: 40,
            end: End::Reset(Side::Server),
        });
        let Findings { flows, totals, .. } = inspection.finish(50);

        let [flow] = &flows[..] else {
            panic!("one connection")
        };
        let session = &flow.session;
        assert_eq!(
            (session.opened_ns, session.closed_ns, session.end),
            (10, 40, End::Reset(Side::Server))
        );
        assert_eq!((session.protocol, session.replayable), (Protocol::Redis, Ok(())));
        assert_eq!(
            flow.client_digest.sha256,
            <[u8; 32]>::from(Sha256::digest(b"PING\r\n"))
        );
        assert_eq!(
            session.server_said,
            Stream {
                bytes: 7,
                gaps: 2,
                gap_bytes: 10
            }
        );
        assert_eq!(flow.server_digest.gaps, [(7, 5)]);
        assert_eq!(
            (totals.connections, totals.client_bytes, totals.server_bytes),
            (1, 6, 7)
        );
        assert_eq!((totals.gaps, totals.gap_bytes, totals.replayable), (2, 10, 1));
    }

    #[test]
    fn a_connection_that_fell_silent_ended_with_what_it_said_last() {
        let mut inspection = Inspection::new(InspectionLimits::default());
        for (flow, end) in [(0, End::Idle), (1, End::Dropped), (2, End::Reset(Side::Client))] {
            inspection.event(open(flow, 10));
            inspection.event(said(flow, Side::Client, b"hi"));
            let (flow, at_ns) = (Flow(flow), 7_200_000_000_000);
            inspection.event(Event::Close { flow, at_ns, end });
        }
        let flows = inspection.finish(7_200_000_000_000).flows;
        let closed_ns: Vec<u64> = flows.iter().map(|flow| flow.session.closed_ns).collect();
        assert_eq!(closed_ns, [20, 20, 7_200_000_000_000]);
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted() {
        let mut inspection = Inspection::new(InspectionLimits { flows: 2, gaps: 1 });
        for flow in 0..5 {
            inspection.event(open(flow, flow));
            inspection.event(said(flow, Side::Client, b"hi"));
            inspection.event(Event::Close {
                flow: Flow(flow),
                at_ns: 40,
                end: End::Idle,
            });
        }
        let Findings { flows, totals, .. } = inspection.finish(50);
        assert_eq!(
            flows.iter().map(|flow| flow.session.flow.0).collect::<Vec<_>>(),
            [0, 1]
        );
        assert_eq!(
            (totals.connections, totals.unlisted, totals.client_bytes),
            (5, 3, 10)
        );
    }
}
