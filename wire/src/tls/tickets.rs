//! A client's wait for its tickets: what rustls needs to take them.
//!
//! It is the one thing of the handshake that outlives it, and only where a client wants to resume. It holds a kilobyte
//! and more, so it ends with the first data after the handshake, or with as many tickets as are useful, whatever
//! comes first; a ticket that comes later is dropped, as a client may (RFC 8446, section 4.6.1).

use rustls::client::ClientConnectionData;
use rustls::kernel::KernelConnection;

use super::{Alert, Fault};

/// Tickets to take: one to come back with, one for a second connection.
const TICKETS_MAX: u8 = 2;

pub(super) struct Tickets {
    connection: KernelConnection<ClientConnectionData>,
    left: u8,
}

impl Tickets {
    pub(super) fn await_from(connection: KernelConnection<ClientConnectionData>) -> Self {
        Self {
            connection,
            left: TICKETS_MAX,
        }
    }

    /// Takes a ticket. Returns whether more are useful.
    pub(super) fn take(&mut self, ticket: &[u8]) -> Result<bool, Fault> {
        self.connection
            .handle_new_session_ticket(ticket)
            .map_err(|_| Fault::violated(Alert::DECODE_ERROR))?;
        self.left -= 1;
        Ok(self.left > 0)
    }
}

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tickets")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
