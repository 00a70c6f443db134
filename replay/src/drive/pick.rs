//! Which of a recording's sessions are driven, and why the others are not.
//!
//! It knows recorded connections; it drives none.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::{Recording, Session, Unplayable};

/// What is wanted of a recording. An empty list wants all.
#[derive(Clone, Debug, Default)]
pub struct Pick {
    /// Sessions that opened at this instant or later, nanoseconds after the capture's first packet.
    pub from_ns: Option<u64>,
    /// Sessions that opened before this instant.
    pub until_ns: Option<u64>,
    /// Flows by their numbers.
    pub flows: Vec<RangeInclusive<u64>>,
    /// Servers' ports.
    pub ports: Vec<u16>,
    /// Addresses of either end.
    pub hosts: Vec<IpAddr>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picked {
    /// To be driven: places in [`Recording::sessions`], by the time they opened.
    pub sessions: Vec<u32>,
    /// Wanted and not to be driven, and why: places likewise.
    pub unplayable: Vec<(u32, Unplayable)>,
    /// Not wanted.
    pub left_out: u64,
}

impl Pick {
    /// Looks through a recording.
    #[must_use]
    pub fn of(&self, recording: &Recording) -> Picked {
        let mut picked = Picked::default();
        for (index, session) in (0..).zip(recording.sessions()) {
            match session.replayable {
                _ if !self.wants(session) => picked.left_out += 1,
                Ok(()) => picked.sessions.push(index),
                Err(why) => picked.unplayable.push((index, why)),
            }
        }
        picked
            .sessions
            .sort_by_key(|index| recording.sessions()[*index as usize].opened_ns);
        picked
    }

    fn wants(&self, session: &Session) -> bool {
        let any = |is_empty: bool, is_listed: bool| is_empty || is_listed;
        let hosts = [session.client.ip(), session.server.ip()];
        self.from_ns.is_none_or(|from_ns| session.opened_ns >= from_ns)
            && self.until_ns.is_none_or(|until_ns| session.opened_ns < until_ns)
            && any(
                self.flows.is_empty(),
                self.flows.iter().any(|flows| flows.contains(&session.flow.0)),
            )
            && any(self.ports.is_empty(), self.ports.contains(&session.server.port()))
            && any(
                self.hosts.is_empty(),
                self.hosts.iter().any(|host| hosts.contains(host)),
            )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{recorded, said};
    use super::*;
    use crate::Side;

    #[test]
    fn a_pick_is_by_time_flow_port_and_host_and_all_of_them() {
        let recording = recorded(&[
            (0, "10.0.0.1:1000", "10.0.0.9:80", &[said(Side::Client, 10, b"a")]),
            (
                50,
                "10.0.0.2:1000",
                "10.0.0.9:443",
                &[said(Side::Client, 60, b"b")],
            ),
            (
                90,
                "10.0.0.3:1000",
                "10.0.0.9:80",
                &[said(Side::Server, 95, b"c")],
            ),
        ]);
        let picked = |pick: Pick| pick.of(&recording);
        let all = picked(Pick::default());
        assert_eq!(all.sessions, [0, 1]);
        assert_eq!(all.unplayable, [(2, Unplayable::Silent)]);
        let early = Pick {
            until_ns: Some(50),
            ..Pick::default()
        };
        assert_eq!(
            (picked(early.clone()).sessions, picked(early).left_out),
            (vec![0], 2)
        );
        let late = Pick {
            from_ns: Some(50),
            ports: vec![443],
            ..Pick::default()
        };
        assert_eq!(picked(late).sessions, [1]);
        let flows = Pick {
            flows: vec![1..=7],
            ..Pick::default()
        };
        assert_eq!(picked(flows).sessions, [1]);
        let nobody = Pick {
            hosts: vec!["10.0.0.1".parse().unwrap()],
            ports: vec![443],
            ..Pick::default()
        };
        assert_eq!(picked(nobody).left_out, 3);
    }
}
