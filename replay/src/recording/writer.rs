//! Events to a recording, in one pass.
//!
//! It knows no capture: whoever makes events hands them over in the order of their time.

use std::collections::HashMap;

use super::session::{Session, Stream, Turn, TurnKind, Unplayable};
use super::{Recording, RecordingError};
use crate::{End, Event, Flow, Protocol, Side, Sink, Start};

/// Takes events and makes a [`Recording`] of them.
#[derive(Debug, Default)]
pub struct RecordingWriter {
    recording: Recording,
    open: HashMap<Flow, u32>,
}

impl RecordingWriter {
    /// One that keeps everything in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self::default()
    }

    /// The recording, complete.
    ///
    /// # Errors
    ///
    /// [`RecordingError`], when something could not be written.
    pub fn finish(mut self) -> Result<Recording, RecordingError> {
        let recording = &mut self.recording;
        recording.turns.sort_by_key(|turn| turn.session);
        let mut end = 0;
        for index in 0..recording.sessions.len() {
            end += recording.turns[end..]
                .iter()
                .take_while(|turn| turn.session as usize == index)
                .count();
            recording.ends.push(end);
        }
        for session in &mut recording.sessions {
            session.replayable = judge(session);
        }
        Ok(self.recording)
    }

    fn turn(&mut self, session: u32, side: Side, at_ns: u64, kind: TurnKind) {
        self.recording.turns.push(Turn {
            at_ns,
            kind,
            session,
            side,
        });
    }

    fn stream(&mut self, session: u32, side: Side) -> &mut Stream {
        let session = &mut self.recording.sessions[session as usize];
        match side {
            Side::Client => &mut session.client_said,
            Side::Server => &mut session.server_said,
        }
    }
}

impl Sink for RecordingWriter {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Open {
            flow,
            at_ns,
            client,
            server,
            start,
        } = event
        {
            self.open.insert(flow, self.recording.sessions.len() as u32);
            self.recording.sessions.push(Session {
                flow,
                client,
                server,
                opened_ns: at_ns,
                closed_ns: at_ns,
                start,
                end: End::Open,
                protocol: Protocol::Unknown,
                replayable: Ok(()),
                client_said: Stream::default(),
                server_said: Stream::default(),
            });
            return;
        }
        let Some(&session) = self.open.get(&event.flow()) else {
            return;
        };
        self.recording.sessions[session as usize].closed_ns = event.at_ns();
        match event {
            Event::Open { .. } => {}
            Event::Data {
                side, at_ns, bytes, ..
            } => {
                let position = self.recording.payload.len() as u64;
                self.recording.payload.extend_from_slice(bytes);
                self.stream(session, side).bytes += bytes.len() as u64;
                self.turn(
                    session,
                    side,
                    at_ns,
                    TurnKind::Bytes {
                        position,
                        length: bytes.len() as u32,
                    },
                );
            }
            Event::Gap {
                side, at_ns, length, ..
            } => {
                let stream = self.stream(session, side);
                stream.gaps += 1;
                stream.gap_bytes += length;
                self.turn(session, side, at_ns, TurnKind::Gap { length });
            }
            Event::Finish { side, at_ns, .. } => self.turn(session, side, at_ns, TurnKind::Finish),
            Event::Close { flow, end, .. } => {
                self.recording.sessions[session as usize].end = end;
                self.open.remove(&flow);
            }
        }
    }
}

/// Whether a session's client can be driven again.
fn judge(session: &Session) -> Result<(), Unplayable> {
    if session.end == End::Dropped {
        Err(Unplayable::Dropped)
    } else if session.start == Start::Midway {
        Err(Unplayable::Midway)
    } else if session.client_said.gaps > 0 {
        Err(Unplayable::ClientGap)
    } else if session.protocol == Protocol::Tls {
        Err(Unplayable::Sealed)
    } else if session.client_said.bytes == 0 {
        Err(Unplayable::Silent)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "10.0.0.1:40000";
    const SERVER: &str = "10.0.0.2:7700";

    fn open(flow: u64, at_ns: u64, start: Start) -> Event<'static> {
        Event::Open {
            flow: Flow(flow),
            at_ns,
            client: CLIENT.parse().unwrap(),
            server: SERVER.parse().unwrap(),
            start,
        }
    }

    fn data(flow: u64, side: Side, at_ns: u64, offset: u64, bytes: &[u8]) -> Event<'_> {
        Event::Data {
            flow: Flow(flow),
            side,
            at_ns,
            offset,
            bytes,
        }
    }

    #[test]
    fn sessions_that_interleave_are_told_apart() {
        let mut writer = RecordingWriter::memory();
        writer.event(open(0, 0, Start::Handshake));
        writer.event(open(1, 5, Start::Midway));
        writer.event(data(0, Side::Client, 10, 0, b"hello"));
        writer.event(data(1, Side::Client, 11, 0, b"other"));
        writer.event(data(0, Side::Server, 20, 0, b"and you"));
        writer.event(Event::Gap {
            flow: Flow(0),
            side: Side::Server,
            at_ns: 30,
            offset: 7,
            length: 3,
        });
        writer.event(Event::Finish {
            flow: Flow(0),
            side: Side::Client,
            at_ns: 40,
        });
        writer.event(Event::Close {
            flow: Flow(0),
            at_ns: 50,
            end: End::Finished(Side::Client),
        });
        let recording = writer.finish().unwrap();

        let [first, second] = recording.sessions() else {
            panic!("two sessions")
        };
        assert_eq!(
            (first.opened_ns, first.closed_ns, first.end),
            (0, 50, End::Finished(Side::Client))
        );
        assert_eq!(first.replayable, Ok(()));
        assert_eq!(
            first.server_said,
            Stream {
                bytes: 7,
                gaps: 1,
                gap_bytes: 3
            }
        );
        assert_eq!(
            (second.end, second.replayable),
            (End::Open, Err(Unplayable::Midway))
        );

        let scratch = &mut Vec::new();
        let [hello, answer, gap, finish] = recording.turns(0) else {
            panic!("four turns")
        };
        assert_eq!(recording.bytes(hello, scratch).unwrap(), b"hello");
        assert_eq!(recording.bytes(answer, scratch).unwrap(), b"and you");
        assert_eq!((gap.kind, gap.side), (TurnKind::Gap { length: 3 }, Side::Server));
        assert_eq!((finish.kind, finish.at_ns), (TurnKind::Finish, 40));
        let [other] = recording.turns(1) else {
            panic!("one turn")
        };
        assert_eq!(recording.bytes(other, scratch).unwrap(), b"other");
        assert!(recording.turns(2).is_empty());
    }
}
