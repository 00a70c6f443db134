//! What a capture's connections said, gathered from events, each event checked against those before it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;

use replay::{End, Event, Flow, Side, Sink, Start};

/// One side's stream.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    /// What was said; gaps are zeros.
    pub(crate) bytes: Vec<u8>,
    pub(crate) gaps: Vec<Range<u64>>,
    pub(crate) finished: bool,
}

/// A connection.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) start: Start,
    pub(crate) end: Option<End>,
    pub(crate) streams: [Stream; 2],
}

/// All of them, by flow.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    pub(crate) flows: BTreeMap<Flow, Conversation>,
    last_ns: u64,
}

impl Stream {
    fn reach(&mut self, offset: u64, length: usize) {
        assert_eq!(
            offset,
            self.bytes.len() as u64,
            "contiguous with what came before"
        );
        assert!(length > 0, "nothing empty is told");
        assert!(!self.finished, "nothing behind the end");
    }

    /// As tshark prints it: what was said, with each gap as its length. Neighbouring gaps are one.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut at = 0;
        for gap in &self.gaps {
            parts.push(Part::Said(self.bytes[at as usize..gap.start as usize].to_vec()));
            parts.push(Part::Missing(gap.end - gap.start));
            at = gap.end;
        }
        parts.push(Part::Said(self.bytes[at as usize..].to_vec()));
        merge(parts)
    }
}

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Said(Vec<u8>),
    Missing(u64),
}

/// Joins neighbours of a kind, and leaves out what is empty.
pub(crate) fn merge(parts: Vec<Part>) -> Vec<Part> {
    let mut merged: Vec<Part> = Vec::new();
    for part in parts {
        match (merged.last_mut(), part) {
            (_, Part::Missing(0)) => {}
            (_, Part::Said(said)) if said.is_empty() => {}
            (Some(Part::Said(before)), Part::Said(said)) => before.extend(said),
            (Some(Part::Missing(before)), Part::Missing(length)) => *before += length,
            (_, part) => merged.push(part),
        }
    }
    merged
}

impl Conversation {
    pub(crate) fn stream(&self, side: Side) -> &Stream {
        &self.streams[side as usize]
    }
}

impl Sink for Streams {
    fn event(&mut self, event: Event<'_>) {
        assert!(event.at_ns() >= self.last_ns, "events come in the order of time");
        self.last_ns = event.at_ns();
        if let Event::Open {
            flow,
            client,
            server,
            start,
            ..
        } = event
        {
            assert_eq!(flow.0, self.flows.len() as u64, "flows are numbered from 0");
            let conversation = Conversation {
                client,
                server,
                start,
                end: None,
                streams: [Stream::default(), Stream::default()],
            };
            self.flows.insert(flow, conversation);
            return;
        }
        let conversation = self.flows.get_mut(&event.flow()).expect("a flow that was opened");
        assert_eq!(conversation.end, None, "nothing comes after the close");
        match event {
            Event::Open { .. } => {}
            Event::Data {
                side, offset, bytes, ..
            } => {
                let stream = &mut conversation.streams[side as usize];
                stream.reach(offset, bytes.len());
                stream.bytes.extend_from_slice(bytes);
            }
            Event::Gap {
                side, offset, length, ..
            } => {
                let stream = &mut conversation.streams[side as usize];
                stream.reach(offset, length as usize);
                stream.bytes.resize(stream.bytes.len() + length as usize, 0);
                stream.gaps.push(offset..offset + length);
            }
            Event::Finish { side, .. } => {
                let stream = &mut conversation.streams[side as usize];
                assert!(!stream.finished, "a side finishes once");
                stream.finished = true;
            }
            Event::Close { end, .. } => conversation.end = Some(end),
        }
    }
}
