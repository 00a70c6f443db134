//! Recordings for tests, made by hand.

use crate::{End, Event, Flow, Recording, RecordingWriter, Side, Sink as _, Start};

/// Something said: by whom, when, what.
pub(crate) type Said = (Side, u64, &'static [u8]);

pub(crate) fn said(side: Side, at_ns: u64, bytes: &'static [u8]) -> Said {
    (side, at_ns, bytes)
}

/// Sessions: when they opened, client, server, what was said.
pub(crate) fn recorded(sessions: &[(u64, &str, &str, &[Said])]) -> Recording {
    let mut writer = RecordingWriter::memory();
    for (flow, (opened_ns, client, server, turns)) in (0..).zip(sessions) {
        let flow = Flow(flow);
        writer.event(Event::Open {
            flow,
            at_ns: *opened_ns,
            client: client.parse().unwrap(),
            server: server.parse().unwrap(),
            start: Start::Handshake,
        });
        let (mut offsets, mut last_ns) = ([0, 0], *opened_ns);
        for &(side, at_ns, bytes) in *turns {
            let offset = &mut offsets[usize::from(side == Side::Server)];
            writer.event(Event::Data {
                flow,
                side,
                at_ns,
                offset: *offset,
                bytes,
            });
            *offset += bytes.len() as u64;
            last_ns = at_ns;
        }
        writer.event(Event::Close {
            flow,
            at_ns: last_ns,
            end: End::Finished(Side::Client),
        });
    }
    writer.finish().unwrap()
}
