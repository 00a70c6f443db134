//! Recordings for tests, made by hand.

use crate::{End, Event, Flow, Recording, RecordingWriter, Side, Sink as _, Start};

/// Something said: by whom, when, what.
pub(crate) type Said = (Side, u64, &'static [u8]);

pub(crate) fn said(side: Side, at_ns: u64, bytes: &'static [u8]) -> Said {
    (side, at_ns, bytes)
}

/// Its side finishes then: nothing is said.
pub(crate) fn finished(side: Side, at_ns: u64) -> Said {
    (side, at_ns, b"")
}

/// Sessions: when they opened, client, server, what was said.
pub(crate) fn recorded(sessions: &[(u64, &str, &str, &[Said])]) -> Recording {
    let mut events = Vec::new();
    for (flow, (opened_ns, client, server, turns)) in (0..).zip(sessions) {
        let flow = Flow(flow);
        events.push(Event::Open {
            flow,
            at_ns: *opened_ns,
            client: client.parse().unwrap(),
            server: server.parse().unwrap(),
            start: Start::Handshake,
        });
        let mut offsets = [0, 0];
        for &(side, at_ns, bytes) in *turns {
            let offset = &mut offsets[usize::from(side == Side::Server)];
            if bytes.is_empty() {
                events.push(Event::Finish { flow, side, at_ns });
                continue;
            }
            events.push(Event::Data {
                flow,
                side,
                at_ns,
                offset: *offset,
                bytes,
            });
            *offset += bytes.len() as u64;
        }
        events.push(Event::Close {
            flow,
            at_ns: turns.last().map_or(*opened_ns, |(_, at_ns, _)| *at_ns),
            end: End::Finished(Side::Client),
        });
    }
    // A writer takes them in the order of their time.
    events.sort_by_key(Event::at_ns);
    let mut writer = RecordingWriter::memory();
    events.into_iter().for_each(|event| writer.event(event));
    writer.finish().unwrap()
}
