//! A handshake on either end, until a [`Session`] can be made of it.
//!
//! It does not know the transport or the time. It is large, some five kilobytes, and lives for a few round trips;
//! whoever holds many bounds them.
//!
//! rustls is shown one record at a time. So it never sees a record that came glued to *Finished*: what follows is still
//! sealed when the session is made, and the session opens it like any other. Its sequence numbers begin where rustls
//! stopped, and the secrets that the key log announced are checked against the keys that rustls gives up.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus};
use rustls::{CommonState, ConnectionTrafficSecrets, ExtractedSecrets, HandshakeKind};

use super::capture::Capture;
use super::record::{self, HEADER_BYTES};
use super::secret::Secret;
use super::session::{Direction, Role, Session};
use super::suite::Suite;
use super::tickets::Tickets;
use super::{ClientTls, Fault, OwnFault, ServerTls};

/// A handshake on its way.
#[derive(Debug)]
pub struct Handshake {
    end: End,
    capture: Arc<Capture>,
    /// What came and rustls has not done with.
    incoming: Vec<u8>,
    /// Bytes of it that rustls was shown: whole records.
    shown: usize,
    awaits_tickets: bool,
    complete: bool,
}

enum End {
    Client(Box<UnbufferedClientConnection>),
    Server(Box<UnbufferedServerConnection>),
}

impl std::fmt::Debug for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "Client(..)",
            Self::Server(_) => "Server(..)",
        })
    }
}

/// How far a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The peer's turn.
    Waiting,
    /// [`Handshake::finish`] gives the session.
    Complete,
}

/// What a handshake leaves.
#[derive(Debug)]
pub struct Finished {
    /// The connection from now on.
    pub session: Session,
    /// What came after the handshake's last record, still sealed: to be opened before anything that comes later.
    pub leftover: Vec<u8>,
    /// The application protocol agreed on.
    pub alpn: Option<Vec<u8>>,
    /// Whether an earlier connection was resumed: no certificate then, but a fresh key share (RFC 8446, section 2.2).
    pub resumed: bool,
}

impl Handshake {
    /// A client's; [`Handshake::receive`] with no bytes gives its first flight.
    ///
    /// # Errors
    /// Ours only.
    pub fn client(tls: &ClientTls) -> Result<Self, Fault> {
        let capture = tls.capture();
        let connection = tls.begin(Arc::clone(&capture))?;
        Ok(Self::new(
            End::Client(Box::new(connection)),
            capture,
            tls.resumes(),
        ))
    }

    /// A server's.
    ///
    /// # Errors
    /// Ours only.
    pub fn server(tls: &ServerTls) -> Result<Self, Fault> {
        let capture = Arc::new(Capture::default());
        let connection = tls.begin(Arc::clone(&capture))?;
        Ok(Self::new(End::Server(Box::new(connection)), capture, false))
    }

    fn new(end: End, capture: Arc<Capture>, awaits_tickets: bool) -> Self {
        Self {
            end,
            capture,
            incoming: Vec::new(),
            shown: 0,
            awaits_tickets,
            complete: false,
        }
    }

    /// Takes what came, and appends what is to be sent to `out`, an alert too. What comes after the handshake's end is
    /// kept for [`Finished::leftover`].
    ///
    /// # Errors
    /// The handshake is over; `out` has the alert that says so, if one is due. rustls bounds what it waits for: a
    /// message of more than 64 KB is an error.
    pub fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Progress, Fault> {
        self.incoming.extend_from_slice(bytes);
        self.advance(out)
    }

    /// The same for bytes that are given away: a flight that comes whole, as most do, is not copied.
    ///
    /// # Errors
    /// As [`Handshake::receive`].
    pub fn receive_all(&mut self, bytes: Vec<u8>, out: &mut Vec<u8>) -> Result<Progress, Fault> {
        if self.incoming.is_empty() {
            self.incoming = bytes;
        } else {
            self.incoming.extend_from_slice(&bytes);
        }
        self.advance(out)
    }

    fn advance(&mut self, out: &mut Vec<u8>) -> Result<Progress, Fault> {
        while !self.complete {
            match self.step(out) {
                State::Again => {}
                State::Traffic if !self.common().is_handshaking() => self.complete = true,
                State::Traffic | State::Blocked if self.show_next() => {}
                State::Traffic | State::Blocked => return Ok(Progress::Waiting),
                State::Failed(fault) => {
                    self.say(fault, out);
                    return Err(fault);
                }
            }
        }
        Ok(Progress::Complete)
    }

    /// One turn of rustls' machine.
    fn step(&mut self, out: &mut Vec<u8>) -> State {
        // It holds offsets into what it was shown and has not discarded, so it must be shown that again, always.
        let records = &mut self.incoming[..self.shown];
        let (discard, state) = match &mut self.end {
            End::Client(connection) => outcome(connection.process_tls_records(records), out),
            End::Server(connection) => outcome(connection.process_tls_records(records), out),
        };
        self.incoming.drain(..discard);
        self.shown -= discard;
        state
    }

    /// Derives key material for the application from the complete handshake (RFC 8446, section 7.5). A session cannot:
    /// the secret it comes from is gone.
    ///
    /// # Errors
    /// The handshake is not complete, or `label` or `output` is longer than the derivation allows.
    pub fn export(&self, label: &[u8], context: &[u8], output: &mut [u8]) -> Result<(), Fault> {
        let exporter = self
            .capture
            .exporter()
            .filter(|_| self.complete)
            .ok_or(OwnFault::Config)?;
        exporter
            .export(label, context, output)
            .ok_or(OwnFault::Config.into())
    }

    /// Makes the session.
    ///
    /// # Errors
    /// The handshake is not complete, or its parts do not agree: ours only.
    pub fn finish(mut self) -> Result<Finished, Fault> {
        let common = self.common();
        let alpn = common.alpn_protocol().map(<[u8]>::to_vec);
        let resumed = common.handshake_kind() == Some(HandshakeKind::Resumed);
        let suite = common.negotiated_cipher_suite().ok_or(OwnFault::Config)?;
        let suite = Suite::of(suite.suite())?;
        let (role, extracted, tickets) = match self.end {
            End::Client(connection) => {
                let (extracted, rest) = connection
                    .dangerous_into_kernel_connection()
                    .map_err(|_| OwnFault::Config)?;
                (
                    Role::Client,
                    extracted,
                    self.awaits_tickets.then(|| Tickets::await_from(rest)),
                )
            }
            End::Server(connection) => {
                let (extracted, _) = connection
                    .dangerous_into_kernel_connection()
                    .map_err(|_| OwnFault::Config)?;
                (Role::Server, extracted, None)
            }
        };
        let (read, write) = directions(&self.capture, role, suite, &extracted)?;
        let mut session = Session::new(role, suite, read, write);
        if let Some(tickets) = tickets {
            session.await_tickets(tickets);
        }
        self.incoming.drain(..self.shown);
        Ok(Finished {
            session,
            leftover: self.incoming,
            alpn,
            resumed,
        })
    }

    /// Shows rustls one more record, if it is whole. What cannot be one is shown as it is, to be refused.
    fn show_next(&mut self) -> bool {
        let rest = &self.incoming[self.shown..];
        let length = match record::length(rest) {
            Ok(None) => return false,
            Ok(Some(_)) if !(20..=24).contains(&rest[0]) => rest.len(),
            Ok(Some(length)) => length,
            Err(_) => rest.len(),
        };
        if rest.len() < length.max(HEADER_BYTES) {
            return false;
        }
        self.shown += length;
        true
    }

    /// Has rustls say the alert that it owes. It must not turn again after that: it would meet the same fault again.
    ///
    /// For some faults it owes none; then one is made here while there are no keys yet. Once there are, only rustls
    /// could seal one, and the connection ends without.
    fn say(&mut self, fault: Fault, out: &mut Vec<u8>) {
        let Some(alert) = fault.alert() else { return };
        loop {
            let from = out.len();
            let state = self.step(out);
            if record::is_alert(&out[from..]) {
                return;
            }
            if state != State::Again {
                break;
            }
        }
        if self.common().negotiated_cipher_suite().is_none() {
            out.extend_from_slice(&record::plain_alert(alert));
        }
    }

    fn common(&self) -> &CommonState {
        match &self.end {
            End::Client(connection) => connection,
            End::Server(connection) => connection,
        }
    }
}

/// What a turn of rustls' machine came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has more to do with what it was shown.
    Again,
    /// It needs the next record.
    Blocked,
    /// Application data could be sent.
    Traffic,
    Failed(Fault),
}

fn outcome<Data>(status: UnbufferedStatus<'_, '_, Data>, out: &mut Vec<u8>) -> (usize, State) {
    let UnbufferedStatus { discard, state } = status;
    let state = match state {
        Ok(ConnectionState::EncodeTlsData(mut data)) => match encode(&mut data, out) {
            Ok(()) => State::Again,
            Err(fault) => State::Failed(fault),
        },
        Ok(ConnectionState::TransmitTlsData(data)) => {
            data.done();
            State::Again
        }
        Ok(ConnectionState::BlockedHandshake) => State::Blocked,
        Ok(ConnectionState::WriteTraffic(_)) => State::Traffic,
        // Neither early data nor data before the end of the handshake is ever asked for.
        Ok(_) => State::Failed(Fault::violated(super::Alert::UNEXPECTED_MESSAGE)),
        Err(error) => State::Failed(Fault::from(&error)),
    };
    (discard, state)
}

fn encode<Data>(data: &mut EncodeTlsData<'_, Data>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let from = out.len();
    let needed = match data.encode(&mut []) {
        Err(EncodeError::InsufficientSize(size)) => size.required_size,
        _ => return Err(OwnFault::Config.into()),
    };
    out.resize(from + needed, 0);
    data.encode(&mut out[from..])
        .map(|_| ())
        .map_err(|_| OwnFault::Config.into())
}

/// Both directions as the handshake leaves them: the secrets announced, the sequence numbers extracted.
fn directions(
    capture: &Capture,
    role: Role,
    suite: Suite,
    extracted: &ExtractedSecrets,
) -> Result<(Direction, Direction), Fault> {
    let peer = match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    };
    let direction = |writer: Role, (sequence, keys): &(u64, ConnectionTrafficSecrets)| {
        let secret = capture
            .take(writer)
            .filter(|secret| agree(secret, suite, keys))
            .ok_or(OwnFault::Secrets)?;
        let sequence = u32::try_from(*sequence).map_err(|_| OwnFault::Exhausted)?;
        Ok::<_, Fault>(Direction { secret, sequence })
    };
    Ok((direction(peer, &extracted.rx)?, direction(role, &extracted.tx)?))
}

fn agree(secret: &Secret, suite: Suite, keys: &ConnectionTrafficSecrets) -> bool {
    let material = secret.material(suite);
    match keys {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv }
        | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => {
            key.as_ref() == material.key() && iv.as_ref() == material.iv
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
