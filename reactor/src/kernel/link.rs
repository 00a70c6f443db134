//! What an application asks of kernel sockets: to connect, to send, to close.
//!
//! It does not know when events come.

use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown, sockopt};

use super::Kernel;
use super::conn::State;
use crate::{Acceptor, Close, Closed, Id, Link, SendError};

/// How long a closed connection may wait for its peer's FIN.
const LINGER_US: u64 = 2_000_000;

impl Acceptor for Kernel {
    fn sockets(&mut self) -> &mut Kernel {
        self
    }
}

impl Link for Kernel {
    fn connect(&mut self, to: SocketAddr) -> Result<Id, Closed> {
        let fd = self.sources.connect(to)?;
        self.stats.connects += 1;
        self.register(fd, State::Connecting)
    }

    fn send(&mut self, id: Id, bytes: &[u8]) -> Result<(), SendError> {
        let conn = self
            .conns
            .get_mut(id)
            .filter(|conn| matches!(conn.state, State::Open | State::Owing))
            .ok_or(SendError::Gone)?;
        if let Some(out) = &mut conn.out {
            if out.len() + bytes.len() > self.options.out_max_bytes {
                return Err(SendError::Full);
            }
            out.extend(bytes);
            *self.stats.unread(conn.state) += bytes.len() as u64;
            return Ok(());
        }
        let sent = match rustix::net::send(&conn.fd, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(sent) => sent,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            // An edge tells the application, too.
            Err(_) => return Err(SendError::Gone),
        };
        self.stats.bytes_out += sent as u64;
        if sent < bytes.len() {
            self.stats.stalls += 1;
            *self.stats.unread(conn.state) += (bytes.len() - sent) as u64;
            conn.out = Some(Box::new(bytes[sent..].iter().copied().collect()));
        }
        Ok(())
    }

    fn farewell(&mut self, id: Id, bytes: &[u8]) {
        if self.send(id, bytes) == Err(SendError::Full)
            && let Some(conn) = self.conns.get_mut(id)
            && let Some(out) = conn.out.as_mut()
        {
            out.extend(bytes);
            *self.stats.unread(conn.state) += bytes.len() as u64;
        }
        self.close(id, Close::Graceful);
    }

    fn close(&mut self, id: Id, how: Close) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        // Its peer's FIN is here: closing sends what the kernel has, and ours.
        if conn.state == State::Owing && conn.out.is_none() && how == Close::Graceful {
            self.forget(id);
            return;
        }
        if how == Close::Reset || matches!(conn.state, State::Connecting | State::Lingering) {
            let _ = sockopt::set_socket_linger(&conn.fd, Some(Duration::ZERO));
            self.forget(id);
            return;
        }
        *self.stats.unread(conn.state) -= conn.unread_bytes();
        conn.state = State::Lingering;
        *self.stats.unread(conn.state) += conn.unread_bytes();
        conn.stash = None;
        if conn.out.is_none() {
            let _ = rustix::net::shutdown(&conn.fd, Shutdown::Write);
        }
        self.lingering_now += 1;
        self.lingering.push_back((self.now_us + LINGER_US, id));
    }

    fn finish_sending(&mut self, id: Id) -> bool {
        let Some(conn) = self.conns.get_mut(id) else {
            return false;
        };
        match conn.state {
            State::Open => {
                conn.state = State::Listening;
                if conn.out.is_none() {
                    let _ = rustix::net::shutdown(&conn.fd, Shutdown::Write);
                }
                true
            }
            State::Listening => true,
            // The peer's FIN is here already: nothing is left to listen for.
            State::Owing => {
                self.close(id, Close::Graceful);
                true
            }
            State::Connecting | State::Lingering => false,
        }
    }

    fn connections(&self) -> u32 {
        self.conns.len() - self.lingering_now
    }

    fn pause_accepting(&mut self, paused: bool) {
        self.accepting_paused = paused;
        self.settle_accepting();
    }

    fn stop_listening(&mut self) {
        // Out of epoll before it is closed: a table elsewhere may hold it, too.
        if let Some(listener) = self.listener.take()
            && mem::take(&mut self.accepting)
        {
            let _ = epoll::delete(&self.epoll, &listener);
        }
    }
}
