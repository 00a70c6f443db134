//! What has to be done once for everybody before a recording makes sense at a target: recordings of just that, to be driven first.
//!
//! It knows what a registration and a request look like; driving them is the driver's business. Who has an account by then is in the
//! rules, which the sessions of both recordings share.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use wire::chat::{ClientFrame, Key, Number, ServerFrame};

use crate::rules::Provision;
use crate::{
    End, Event, Flow, People, Protocol, Recording, RecordingError, RecordingWriter, Rules, Side, Sink as _,
    Start,
};

/// How far apart in a made-up recording two things are.
const STEP_NS: u64 = 1_000;
/// What a made-up server of HTTP answers: the least that is an answer.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

impl People {
    /// Everybody's registration (`docs/protocol.md`): a number, a PIN, a key. They are said to the recorded server of the first
    /// chat; `None` where nobody chats.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn registrations(&self, recording: &Recording) -> Result<Option<Recording>, RecordingError> {
        let first = self
            .chat()
            .and_then(|place| recording.sessions().get(place as usize));
        let Some(chat) = first else { return Ok(None) };
        let mut stage = Stage::new();
        for number in self.numbers().filter_map(|number| Number::new(number).ok()) {
            let saying = |frame: ClientFrame<'_>| {
                let mut bytes = Vec::new();
                frame.encode(&mut bytes);
                (Side::Client, bytes)
            };
            let answer = |frame: ServerFrame<'_>| {
                let mut bytes = Vec::new();
                frame.encode(&mut bytes);
                (Side::Server, bytes)
            };
            let hello = ServerFrame::Hello {
                version: wire::chat::VERSION,
                nonce: [0; 16],
            };
            stage.session(
                chat.client.ip(),
                chat.server,
                &[
                    answer(hello),
                    saying(ClientFrame::Register { number }),
                    answer(ServerFrame::PinSent { number }),
                    saying(ClientFrame::Prove { number, pin: 0 }),
                    answer(ServerFrame::NewKey {
                        number,
                        key: Key([0; 32]),
                    }),
                ],
            );
        }
        stage.finish().map(Some)
    }
}

impl Rules {
    /// What the rules want requested once for each client of HTTP in these sessions (places in [`Recording::sessions`]), and the rules
    /// to drive that by; `None` where there is nothing of the kind.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn requests(
        &self,
        recording: &Recording,
        sessions: &[u32],
    ) -> Result<Option<(Recording, Self)>, RecordingError> {
        if self.provisions.is_empty() {
            return Ok(None);
        }
        let chosen = sessions
            .iter()
            .filter_map(|place| recording.sessions().get(*place as usize));
        let clients: BTreeSet<(IpAddr, SocketAddr)> = chosen
            .filter(|session| session.protocol == Protocol::Http)
            .map(|session| (session.client.ip(), session.server))
            .collect();
        let mut stage = Stage::new();
        for (client, server) in clients {
            let fitting = self
                .provisions
                .iter()
                .filter(|provision| provision.server.holds(server));
            let turns: Vec<_> = fitting
                .flat_map(|provision| {
                    [
                        (Side::Client, provision.text(server)),
                        (Side::Server, ANSWER.to_vec()),
                    ]
                })
                .collect();
            if !turns.is_empty() {
                stage.session(client, server, &turns);
            }
        }
        let rules = Self {
            rules: self.provisions.iter().map(Provision::rule).collect(),
            ..self.clone()
        };
        Ok((stage.flows > 0)
            .then_some(stage.finish()?)
            .map(|recording| (recording, rules)))
    }
}

/// A recording that is made up.
struct Stage {
    writer: RecordingWriter,
    flows: u64,
    at_ns: u64,
}

impl Stage {
    fn new() -> Self {
        Self {
            writer: RecordingWriter::memory(),
            flows: 0,
            at_ns: 0,
        }
    }

    fn session(&mut self, client: IpAddr, server: SocketAddr, turns: &[(Side, Vec<u8>)]) {
        let flow = Flow(self.flows);
        self.flows += 1;
        self.writer.event(Event::Open {
            flow,
            at_ns: self.at_ns,
            client: SocketAddr::new(client, 1),
            server,
            start: Start::Handshake,
        });
        let mut offsets = [0; 2];
        for (side, bytes) in turns {
            self.at_ns += STEP_NS;
            let offset = &mut offsets[usize::from(*side == Side::Server)];
            self.writer.event(Event::Data {
                flow,
                side: *side,
                at_ns: self.at_ns,
                offset: *offset,
                bytes,
            });
            *offset += bytes.len() as u64;
        }
        self.at_ns += STEP_NS;
        self.writer.event(Event::Close {
            flow,
            at_ns: self.at_ns,
            end: End::Finished(Side::Client),
        });
    }

    fn finish(self) -> Result<Recording, RecordingError> {
        self.writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::testing::{recorded, said};

    #[test]
    fn whoever_asks_by_http_has_each_request_made_once_by_template() {
        let rules = Rules::parse(
            "[[provision]]\nrequest = \"POST /people\"\nheader = [\"Content-Type: application/json\"]\n\
             body = '{\"name\": \"p{flow}-{clone:03}\"}'\n[[provision]]\nserver = \":81\"\nrequest = \"GET /never\"\n",
            "rules.toml",
        )
        .unwrap();
        let get: &'static [u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let recording = recorded(&[
            (0, "10.0.0.1:1000", "10.0.0.9:80", &[said(Side::Client, 10, get)]),
            (5, "10.0.0.1:1001", "10.0.0.9:80", &[said(Side::Client, 10, get)]),
            (6, "10.0.0.2:1001", "10.0.0.9:80", &[said(Side::Client, 10, get)]),
        ]);
        let (made, rules) = rules.requests(&recording, &[0, 1, 2]).unwrap().unwrap();
        assert_eq!(made.sessions().len(), 2, "a client is one person");
        let session = &made.sessions()[1];
        assert_eq!(session.protocol, Protocol::Http);
        let mut rewriter = crate::Rewriter::new(&std::sync::Arc::new(rules), session, 7, 1);
        let (mut scratch, mut out) = (Vec::new(), Vec::new());
        rewriter
            .say(made.bytes(&made.turns(1)[0], &mut scratch).unwrap(), &mut out)
            .unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("POST /people HTTP/1.1\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n{\"name\": \"p1-007\"}"), "{text}");
        assert!(text.contains("Content-Length: 18\r\n"), "{text}");
        assert!(Rules::default().requests(&recording, &[0]).unwrap().is_none());
    }
}
