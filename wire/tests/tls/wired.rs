//! A compact session over a blocking stream, for tests.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::time_provider::DefaultTimeProvider;
use wire::tls::{
    Alert, ClientOptions, ClientTls, Event, Fault, Finished, Handshake, Identity, Keys, PeerFault, Progress,
    ServerOptions, ServerTls, Session, Trust,
};

pub(crate) fn client(trust: Trust, resumes: bool) -> ClientTls {
    let options = ClientOptions {
        trust,
        name: "localhost".to_owned(),
        alpn: vec![b"chat".to_vec()],
        resumes,
    };
    ClientTls::new(options, Arc::new(DefaultTimeProvider)).unwrap()
}

pub(crate) fn server(identity: &Identity, tickets: u8) -> ServerTls {
    let options = ServerOptions {
        identity: identity.clone_key(),
        alpn: vec![b"chat".to_vec()],
        tickets,
    };
    ServerTls::new(options, Arc::new(DefaultTimeProvider)).unwrap()
}

/// One end of a connection.
pub(crate) struct Wired<S> {
    stream: S,
    session: Session,
    keys: Keys,
    sealed: Vec<u8>,
    pub(crate) plain: Vec<u8>,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) resumed: bool,
    /// What an exporter gives under the label `EXPORTER-teem`.
    pub(crate) exported: [u8; 40],
}

impl<S: Read + Write> Wired<S> {
    pub(crate) fn new(mut stream: S, mut handshake: Handshake) -> Result<Self, Fault> {
        let (mut out, mut came) = (Vec::new(), Vec::new());
        loop {
            let progress = handshake.receive(&came, &mut out);
            // An alert to somebody who has gone already is nobody's loss.
            let _ = stream.write_all(&out);
            out.clear();
            if progress? == Progress::Complete {
                break;
            }
            came = receive(&mut stream).ok_or(PeerFault::Truncated)?;
        }
        let mut exported = [0; 40];
        handshake.export(b"EXPORTER-teem", b"", &mut exported)?;
        let Finished {
            session,
            leftover,
            alpn,
            resumed,
        } = handshake.finish()?;
        Ok(Self {
            stream,
            session,
            keys: Keys::new(2),
            sealed: leftover,
            plain: Vec::new(),
            alpn,
            resumed,
            exported,
        })
    }

    /// Reads until the plaintext ends in `end`, and takes it.
    pub(crate) fn read_to(&mut self, end: &str) -> Result<String, Fault> {
        while !self.plain.ends_with(end.as_bytes()) {
            if self.step()? == Event::Closed {
                return Err(PeerFault::Alerted(Alert::CLOSE_NOTIFY).into());
            }
        }
        Ok(String::from_utf8(std::mem::take(&mut self.plain)).unwrap())
    }

    /// Reads until something comes that is no data.
    pub(crate) fn read_control(&mut self) -> Result<(), Fault> {
        while self.step()? != Event::Control {}
        Ok(())
    }

    /// Reads until the end, which must be a *close_notify*.
    pub(crate) fn read_out(&mut self) -> Result<(), Fault> {
        while self.step()? != Event::Closed {}
        Ok(())
    }

    fn step(&mut self) -> Result<Event, Fault> {
        loop {
            let opened = self
                .session
                .open(&mut self.keys, 0, &self.sealed, &mut self.plain)?;
            if let Some(opened) = opened {
                self.sealed.drain(..opened.length);
                return Ok(opened.event);
            }
            self.sealed
                .extend(receive(&mut self.stream).ok_or(PeerFault::Truncated)?);
        }
    }

    pub(crate) fn send(&mut self, text: &str) {
        let mut out = Vec::new();
        let written = self
            .session
            .seal(&mut self.keys, 0, text.as_bytes(), &mut out)
            .unwrap();
        self.session.commit(written);
        self.stream.write_all(&out).unwrap();
    }

    pub(crate) fn update(&mut self, requests: bool) {
        let mut out = Vec::new();
        let written = self
            .session
            .update(&mut self.keys, 0, requests, &mut out)
            .unwrap();
        self.session.commit(written);
        self.stream.write_all(&out).unwrap();
    }

    pub(crate) fn close(&mut self) {
        let mut out = Vec::new();
        let written = self
            .session
            .alert(&mut self.keys, 0, Alert::CLOSE_NOTIFY, &mut out)
            .unwrap();
        self.session.commit(written);
        self.stream.write_all(&out).unwrap();
    }

    /// Whether nothing of the handshake is left.
    pub(crate) fn is_idle(&self) -> bool {
        self.session.is_idle()
    }
}

fn receive(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 40_000];
    match stream.read(&mut buffer) {
        Ok(0) | Err(_) => None,
        Ok(length) => {
            buffer.truncate(length);
            Some(buffer)
        }
    }
}
