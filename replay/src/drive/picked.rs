//! Which of a recording's sessions are driven, and why the others are not.
//!
//! It knows recorded connections; it drives none.

use crate::{Recording, Selection, Unplayable};

/// What of a recording is to be driven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picked {
    /// To be driven: places in [`Recording::sessions`], by the time they opened.
    pub sessions: Vec<u32>,
    /// Wanted and not to be driven, and why: places likewise.
    pub unplayable: Vec<(u32, Unplayable)>,
    /// Not wanted.
    pub left_out: u64,
}

impl Picked {
    /// Looks through a recording for what is wanted.
    #[must_use]
    pub fn of(recording: &Recording, wanted: &Selection) -> Self {
        let mut picked = Self::default();
        let sessions = recording.sessions();
        for (index, session) in (0..).zip(sessions) {
            if !wanted.takes(session.flow, session.client, session.server, session.opened_ns) {
                picked.left_out += 1;
                continue;
            }
            match session.replayable {
                Ok(()) => picked.sessions.push(index),
                Err(why) => picked.unplayable.push((index, why)),
            }
        }
        picked
            .sessions
            .sort_by_key(|index| sessions[*index as usize].opened_ns);
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{recorded, said};
    use super::*;
    use crate::Side;

    #[test]
    fn what_is_wanted_is_driven_where_it_can_be() {
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
        let all = Picked::of(&recording, &Selection::default());
        assert_eq!(all.sessions, [0, 1]);
        assert_eq!(all.unplayable, [(2, Unplayable::Silent)]);
        let late = Selection {
            began_ns: 50..u64::MAX,
            ports: vec![443],
            ..Selection::default()
        };
        let late = Picked::of(&recording, &late);
        assert_eq!((late.sessions, late.left_out), (vec![1], 2));
    }
}
