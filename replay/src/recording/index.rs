//! The index of a recording, made in one pass over its file.
//!
//! It knows sessions and turns; it keeps what was said only while that is small.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};

use super::block::Stored;
use super::payload::Payload;
use super::reader::{self, Happened, Played};
use super::session::{Session, Turn, TurnKind};
use super::{Recording, RecordingError};
use crate::account::Account;
use crate::{End, Event, Flow, Protocol, Secrecy, Side};

/// What is said is kept in memory up to here, bytes.
pub(super) const MEMORY_BYTES: u64 = 256 << 20;
/// The most turns of an index, 32 B each; and the most sessions.
const TURNS_MAX: usize = 1 << 27;
const SESSIONS_MAX: usize = u32::MAX as usize;

/// Indexes a file, and keeps it where what was said is more than `memory_bytes`.
pub(super) fn of_file(file: File, memory_bytes: u64) -> Result<Recording, RecordingError> {
    let mut builder = Builder::new(memory_bytes);
    let played = reader::each(BufReader::with_capacity(1 << 18, &file), &mut |happened| {
        builder.heard(happened)
    })?;
    let blocks = std::mem::take(&mut builder.blocks);
    let memory = builder.payload.take();
    let payload = memory.map_or_else(|| Payload::filed(file, blocks), Payload::Memory);
    builder.finish(payload, played)
}

/// Indexes what comes from a pipe or from memory, and keeps what was said there: at most `memory_bytes`.
pub(super) fn of_bytes(bytes: impl Read, memory_bytes: u64) -> Result<Recording, RecordingError> {
    let mut builder = Builder::new(memory_bytes);
    let played = reader::each(bytes, &mut |happened| builder.heard(happened))?;
    let kept = builder.payload.take();
    let payload = Payload::Memory(kept.ok_or(RecordingError::TooLong { memory_bytes })?);
    builder.finish(payload, played)
}

struct Builder {
    memory_bytes: u64,
    sessions: Vec<Session>,
    turns: Vec<Turn>,
    open: HashMap<Flow, (u32, Account)>,
    /// What was said, while it is small.
    payload: Option<Vec<u8>>,
    payload_bytes: u64,
    blocks: Vec<(u64, Stored)>,
    overfull: bool,
}

impl Builder {
    fn new(memory_bytes: u64) -> Self {
        Self {
            memory_bytes,
            sessions: Vec::new(),
            turns: Vec::new(),
            open: HashMap::new(),
            payload: Some(Vec::new()),
            payload_bytes: 0,
            blocks: Vec::new(),
            overfull: false,
        }
    }

    fn heard(&mut self, happened: Happened<'_>) {
        match happened {
            Happened::Event {
                event,
                position,
                settled,
            } => self.event(event, position, settled),
            Happened::Block { stored, payload } => {
                if stored.bytes > 0 {
                    self.blocks.push((self.payload_bytes, stored));
                }
                self.payload_bytes += payload.len() as u64;
                if self.payload_bytes > self.memory_bytes {
                    self.payload = None;
                }
                if let Some(kept) = &mut self.payload {
                    kept.extend_from_slice(payload);
                }
            }
        }
    }

    fn event(&mut self, event: Event<'_>, position: u64, settled: Option<(Protocol, Secrecy)>) {
        if let Event::Open {
            flow,
            at_ns,
            client,
            server,
            start,
        } = event
        {
            if self.sessions.len() >= SESSIONS_MAX {
                self.overfull = true;
                return;
            }
            let account = Account::new(start, server.port());
            self.open.insert(flow, (self.sessions.len() as u32, account));
            self.sessions
                .push(Session::begin(flow, [client, server], at_ns, start));
            return;
        }
        let Some((session, account)) = self.open.get_mut(&event.flow()) else {
            return;
        };
        let session = *session;
        // A file that nobody vouches for may turn time back.
        let at_ns = self.sessions[session as usize].happened(&event);
        let (side, kind) = match event {
            Event::Data { side, bytes, .. } => {
                account.data(side, bytes);
                (
                    side,
                    TurnKind::Bytes {
                        position,
                        length: bytes.len() as u32,
                    },
                )
            }
            Event::Gap { side, length, .. } => {
                account.gap(side, length);
                (side, TurnKind::Gap { length })
            }
            Event::Finish { side, .. } => (side, TurnKind::Finish),
            Event::Close { flow, end, .. } => return self.close(flow, end, settled),
            Event::Open { .. } => return,
        };
        self.turn(Turn {
            at_ns,
            kind,
            session,
            side,
        });
    }

    fn turn(&mut self, turn: Turn) {
        if self.turns.len() >= TURNS_MAX {
            self.overfull = true;
            return;
        }
        self.turns.push(turn);
    }

    fn close(&mut self, flow: Flow, end: End, settled: Option<(Protocol, Secrecy)>) {
        let Some((session, mut account)) = self.open.remove(&flow) else {
            return;
        };
        if let Some((protocol, secrecy)) = settled {
            account.settle(protocol, secrecy);
        }
        self.sessions[session as usize].settle(&account, end);
    }

    fn finish(mut self, payload: Payload, played: Played) -> Result<Recording, RecordingError> {
        if self.overfull {
            return Err(RecordingError::TooLarge {
                turns_max: TURNS_MAX as u64,
            });
        }
        // A torn file ends with connections open.
        let left: Vec<Flow> = self.open.keys().copied().collect();
        for flow in left {
            self.close(flow, End::Open, None);
        }
        self.turns.sort_by_key(|turn| turn.session);
        let mut ends = vec![0; self.sessions.len()];
        for turn in &self.turns {
            ends[turn.session as usize] += 1;
        }
        let mut end = 0;
        for count in &mut ends {
            end += *count;
            *count = end;
        }
        Ok(Recording {
            sessions: self.sessions,
            turns: self.turns,
            ends,
            payload,
            played,
        })
    }
}

/// Which side, as an index; kept beside the fields that are indexed so.
const _: () = assert!(Side::Client as usize == 0 && Side::Server as usize == 1);

#[cfg(test)]
mod tests {
    use super::super::block;
    use super::super::entry::{Entry, Head, Place};
    use super::*;
    use crate::Start;

    /// A file of these blocks' entries; data are of one byte.
    fn file(blocks: &[&[Entry<'_>]]) -> Vec<u8> {
        let mut bytes = block::file_header().to_vec();
        for entries in blocks {
            let (mut encoded, mut payload) = (Vec::new(), Vec::new());
            for entry in *entries {
                entry.encode(&mut encoded);
                payload.extend(matches!(entry, Entry::Data { .. }).then_some(b'x'));
            }
            block::write(&encoded, &payload, false, &mut bytes).unwrap();
        }
        bytes
    }

    #[test]
    fn time_does_not_go_back_within_a_session_whatever_its_file_says() {
        let head = |after_ns| Head {
            after_ns,
            connection: Some(0),
        };
        let data = |after_ns| Entry::Data {
            head: head(after_ns),
            side: Side::Client,
            length: 1,
        };
        let place = Place { address: 0, port: 80 };
        let open = Entry::Open {
            after_ns: 1_000,
            skipped_flows: 0,
            client: place,
            server: place,
            start: Start::Handshake,
        };
        let close = |after_ns, end| Entry::Close {
            head: head(after_ns),
            end,
            protocol: Protocol::Unknown,
            secrecy: Secrecy::Wire,
        };
        let address = Entry::Address([10, 0, 0, 1].into());
        // The times of a block begin anew.
        for (end, closed_ns) in [
            (End::Finished(Side::Client), 5_010),
            (End::Idle, 1_010),
            (End::Dropped, 1_010),
        ] {
            let late = file(&[&[address, open, data(10)], &[data(500), close(4_510, end)]]);
            let recording = of_bytes(&late[..], u64::MAX).unwrap();
            let session = &recording.sessions()[0];
            assert_eq!(
                (session.opened_ns, session.closed_ns),
                (1_000, closed_ns),
                "{end:?}"
            );
            let turns: Vec<u64> = recording.turns(0).iter().map(|turn| turn.at_ns).collect();
            assert_eq!(turns, [1_010, 1_010]);
        }
        let early = file(&[&[address, open], &[close(7, End::Open)]]);
        let recording = of_bytes(&early[..], u64::MAX).unwrap();
        assert_eq!(recording.sessions()[0].closed_ns, 1_000);
    }
}
