//! One session of a recording, told again as the events it was made of, under its own number and with what is known of the whole.
//!
//! It does not know where the writer writes.

use super::{Note, Recording, RecordingError, RecordingWriter, TurnKind};
use crate::{Event, Side, Sink as _};

impl Recording {
    /// Tells one session as it was, alone: to cut it out. It keeps its number, which values are made up from, and begins at once.
    ///
    /// # Errors
    /// As [`Recording::bytes`], or there is no such session.
    pub fn tell(&self, index: usize, writer: &mut RecordingWriter) -> Result<(), RecordingError> {
        let session = self.sessions.get(index).ok_or(RecordingError::Stranger {
            position: index as u64,
            length: 0,
        })?;
        for note in &self.played.notes {
            writer.note(&match note {
                Note::Began { unix_ns } => Note::Began {
                    unix_ns: unix_ns.saturating_add(session.opened_ns),
                },
                other => other.clone(),
            });
        }
        let (flow, mut offsets, mut scratch) = (session.flow, [0, 0], Vec::new());
        writer.event(Event::Open {
            flow,
            at_ns: 0,
            client: session.client,
            server: session.server,
            start: session.start,
        });
        for turn in self.turns(index) {
            let (side, at_ns) = (turn.side, turn.at_ns.saturating_sub(session.opened_ns));
            let offset = &mut offsets[usize::from(side == Side::Server)];
            let before = *offset;
            match turn.kind {
                TurnKind::Bytes { length, .. } => {
                    *offset += u64::from(length);
                    let bytes = self.bytes(turn, &mut scratch)?;
                    writer.event(Event::Data {
                        flow,
                        side,
                        at_ns,
                        offset: before,
                        bytes,
                    });
                }
                TurnKind::Gap { length } => {
                    *offset += length;
                    writer.event(Event::Gap {
                        flow,
                        side,
                        at_ns,
                        offset: before,
                        length,
                    });
                }
                TurnKind::Finish => writer.event(Event::Finish { flow, side, at_ns }),
            }
        }
        writer.secrecy(flow, session.secrecy);
        writer.event(Event::Close {
            flow,
            at_ns: session.closed_ns.saturating_sub(session.opened_ns),
            end: session.end,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::drive::testing::{recorded, said};
    use crate::{Event, Flow, Note, RecordingWriter, Side, Sink as _};

    #[test]
    fn a_session_cut_out_is_the_same_session_alone() {
        let talk = [
            said(Side::Client, 70, b"hello"),
            said(Side::Server, 90, b"and you"),
        ];
        let whole = recorded(&[
            (0, "10.0.0.1:1", "10.0.0.9:80", &[said(Side::Client, 5, b"other")]),
            (50, "10.0.0.2:2", "10.0.0.9:80", &talk),
        ]);
        let mut writer = RecordingWriter::memory();
        whole.tell(1, &mut writer).unwrap();
        let cut = writer.finish().unwrap();
        assert_eq!(cut.sessions()[0].flow, Flow(1));
        let (old, new) = (&whole.sessions()[1], &cut.sessions()[0]);
        assert_eq!(
            (new.client, new.server, new.end),
            (old.client, old.server, old.end)
        );
        assert_eq!((new.opened_ns, new.closed_ns), (0, 40));
        assert_eq!(
            (new.client_said, new.server_said),
            (old.client_said, old.server_said)
        );
        let mut scratch = Vec::new();
        let turns: Vec<_> = cut.turns(0).iter().map(|turn| (turn.at_ns, turn.side)).collect();
        assert_eq!(turns, [(20, Side::Client), (40, Side::Server)]);
        assert_eq!(cut.bytes(&cut.turns(0)[1], &mut scratch).unwrap(), b"and you");
        assert!(whole.tell(2, &mut RecordingWriter::memory()).is_err());
    }

    #[test]
    fn what_is_known_of_the_whole_is_known_of_what_is_cut_out() {
        let began = |unix_ns| Note::Began { unix_ns };
        let told = [began(1_000), Note::Masked, Note::Source("night.pcap".into())];
        let mut writer = RecordingWriter::memory();
        told.iter().for_each(|note| writer.note(note));
        writer.event(Event::Open {
            flow: Flow(17),
            at_ns: 50,
            client: ([10, 0, 0, 1], 40_000).into(),
            server: ([10, 0, 0, 2], 80).into(),
            start: crate::Start::Handshake,
        });
        let whole = writer.finish().unwrap();
        let mut writer = RecordingWriter::memory();
        whole.tell(0, &mut writer).unwrap();
        let cut = writer.finish().unwrap();
        assert_eq!(cut.played().notes, [&[began(1_050)], &told[1..]].concat());
        assert_eq!(cut.sessions()[0].flow, Flow(17));
    }
}
