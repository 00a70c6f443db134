//! Which connections are taken: by host, port, number and when they began.
//!
//! It knows a connection's ends and its begin, nothing of what is said. A connection is taken whole or not at all.
//!
//! All that is asked for is known with a connection's first packet: its number, its ends, its time. So it is told at
//! [`Event::Open`], before a byte was said, and what is left out is neither decrypted nor kept; nothing waits for an end. It is put
//! together all the same, in reassembly's own bounds, for only then is it known which of its bytes count. What a capture lacks in
//! front of a connection does not change that: one that was joined in mid-stream begins where it was joined.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::ops::{Range, RangeInclusive};

use crate::packet::{DatagramFlow, DatagramList};
use crate::{Event, Flow, Secrecy, Sink};

/// Which connections are taken. Where a list is empty, all are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Either end has one of these addresses.
    pub hosts: Vec<IpAddr>,
    /// Either end has one of these ports.
    pub ports: Vec<u16>,
    /// Its number is in one of these.
    pub flows: Vec<RangeInclusive<u64>>,
    /// It began in this time, nanoseconds after the capture's first packet.
    pub began_ns: Range<u64>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            ports: Vec::new(),
            flows: Vec::new(),
            began_ns: 0..u64::MAX,
        }
    }
}

impl Selection {
    /// Whether a connection is taken.
    #[must_use]
    pub fn takes(&self, flow: Flow, client: SocketAddr, server: SocketAddr, opened_ns: u64) -> bool {
        let either = |is: &dyn Fn(SocketAddr) -> bool| is(client) || is(server);
        let listed = self.flows.is_empty() || self.flows.iter().any(|flows| flows.contains(&flow.0));
        listed
            && self.began_ns.contains(&opened_ns)
            && (self.hosts.is_empty() || either(&|end| self.hosts.contains(&end.ip())))
            && (self.ports.is_empty() || either(&|end| self.ports.contains(&end.port())))
    }
}

impl Selection {
    /// The UDP flows that are taken: as connections are, but that they have no numbers, so that who asks for numbers takes none. Of
    /// flows that are not listed nothing is known: they are taken by who takes all.
    #[must_use]
    pub fn datagrams(&self, list: &DatagramList) -> DatagramList {
        if *self == Self::default() {
            return list.clone();
        }
        let takes = |flow: &&DatagramFlow| {
            self.flows.is_empty() && self.takes(Flow(0), flow.client, flow.server, flow.first_ns)
        };
        DatagramList {
            flows: list.flows.iter().filter(takes).cloned().collect(),
            unlisted_packets: 0,
        }
    }
}

/// A stage that hands on the connections of a selection. It keeps 8 B of each that is left out and open.
#[derive(Debug)]
pub struct Select<S> {
    selection: Selection,
    sink: S,
    out: HashSet<Flow>,
    left_out: LeftOut,
}

/// What a selection left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Connections.
    pub flows: u64,
    /// Bytes that their clients and their servers said, as they were handed in.
    pub bytes: [u64; 2],
}

impl LeftOut {
    /// Bytes that both ends said.
    #[must_use]
    pub fn bytes_of_both(&self) -> u64 {
        self.bytes.iter().sum()
    }
}

impl<S: Sink> Select<S> {
    /// A stage before a sink.
    pub fn new(selection: Selection, sink: S) -> Self {
        Self {
            selection,
            sink,
            out: HashSet::new(),
            left_out: LeftOut::default(),
        }
    }

    /// Whom the events are handed on to.
    pub fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Whom the events went to, and what was left out.
    pub fn finish(self) -> (S, LeftOut) {
        (self.sink, self.left_out)
    }
}

impl<S: Sink> Sink for Select<S> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Open {
                flow,
                at_ns,
                client,
                server,
                ..
            } if !self.selection.takes(flow, client, server, at_ns) => {
                self.left_out.flows += 1;
                self.out.insert(flow);
            }
            Event::Close { flow, .. } if self.out.remove(&flow) => {}
            Event::Data {
                flow, side, bytes, ..
            } if self.out.contains(&flow) => self.left_out.bytes[side as usize] += bytes.len() as u64,
            _ if self.out.contains(&event.flow()) => {}
            _ => self.sink.event(event),
        }
    }

    fn secrecy(&mut self, flow: Flow, secrecy: Secrecy) {
        if !self.out.contains(&flow) {
            self.sink.secrecy(flow, secrecy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{End, Side, Start};

    fn selected(selection: Selection) -> (Vec<u64>, u64) {
        let mut heard = Vec::new();
        let mut stage = Select::new(selection, |event: Event<'_>| heard.push(event.flow().0));
        for flow in 0..4_u64 {
            let (client, server) = (
                ([10, 0, 0, flow as u8], 40_000).into(),
                ([10, 1, 0, 1], 80 + flow as u16).into(),
            );
            let (flow, at_ns) = (Flow(flow), flow * 10);
            stage.event(Event::Open {
                flow,
                at_ns,
                client,
                server,
                start: Start::Handshake,
            });
            stage.event(Event::Data {
                flow,
                side: Side::Client,
                at_ns: 50,
                offset: 0,
                bytes: b"x",
            });
            stage.event(Event::Close {
                flow,
                at_ns: 60,
                end: End::Idle,
            });
        }
        let (_, left_out) = stage.finish();
        assert_eq!(left_out.bytes, [left_out.flows, 0], "a byte of each client");
        (heard, left_out.flows)
    }

    #[test]
    fn datagrams_are_taken_by_their_ends_and_their_time_and_have_no_number() {
        let flow = |host: u8, first_ns: u64| DatagramFlow {
            client: ([10, 0, 0, host], 5_353).into(),
            server: ([10, 0, 0, 53], 53).into(),
            first_ns,
            last_ns: 99,
            packets: [1, 1],
            bytes: [9, 9],
            quic: false,
        };
        let list = DatagramList {
            flows: vec![flow(1, 0), flow(2, 10)],
            unlisted_packets: 5,
        };
        let all = Selection::default;
        assert_eq!(all().datagrams(&list), list);
        let taken = |selection: Selection| {
            let taken = selection.datagrams(&list);
            assert_eq!(taken.unlisted_packets, 0, "whose they are is not known");
            taken.flows.iter().map(|flow| flow.first_ns).collect::<Vec<_>>()
        };
        let hosts = vec![[10, 0, 0, 2].into()];
        assert_eq!(taken(Selection { hosts, ..all() }), [10]);
        assert_eq!(
            taken(Selection {
                ports: vec![53],
                ..all()
            }),
            [0, 10]
        );
        assert_eq!(
            taken(Selection {
                began_ns: 5..50,
                ..all()
            }),
            [10]
        );
        assert_eq!(
            taken(Selection {
                flows: vec![0..=9],
                ..all()
            }),
            [0; 0]
        );
    }

    #[test]
    fn a_connection_is_taken_whole_or_not_at_all() {
        let all = Selection::default;
        assert_eq!(selected(all()).1, 0);
        assert_eq!(
            selected(Selection {
                flows: vec![2..=2],
                ..all()
            }),
            (vec![2, 2, 2], 3)
        );
        assert_eq!(
            selected(Selection {
                flows: vec![0..=0, 2..=9],
                ..all()
            })
            .1,
            1
        );
        assert_eq!(
            selected(Selection {
                ports: vec![81, 83],
                ..all()
            }),
            (vec![1, 1, 1, 3, 3, 3], 2)
        );
        assert_eq!(
            selected(Selection {
                hosts: vec![[10, 0, 0, 3].into()],
                ..all()
            }),
            (vec![3, 3, 3], 3)
        );
        assert_eq!(
            selected(Selection {
                began_ns: 10..20,
                ..all()
            }),
            (vec![1, 1, 1], 3)
        );
        assert_eq!(
            selected(Selection {
                hosts: vec![[10, 1, 0, 1].into()],
                ports: vec![80],
                ..all()
            })
            .1,
            3
        );
    }
}
