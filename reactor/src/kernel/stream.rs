//! Bytes of a connection: read until its socket is empty, kept while its peer's is full, and how it ends.
//!
//! It does not know how connections come.

use std::mem;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};

use super::Kernel;
use super::conn::{Conn, State};
use crate::{App, Close, Closed, Id, Link as _, Taken};

/// Full buffers read from one connection a turn at most.
const READS_A_TURN: usize = 4;

impl Kernel {
    /// Reads until the socket is empty: a short read shows that, unless an end was announced, which only a read of 0
    /// or an error confirms.
    pub(super) fn read<A: App<Self>>(&mut self, app: &mut A, id: Id, buffer: &mut [u8], to_the_end: bool) {
        for _ in 0..READS_A_TURN {
            if self.reading_paused {
                break;
            }
            let Some(conn) = self.conns.get(id) else { return };
            match rustix::net::recv(&conn.fd, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return self.finished(app, id),
                Ok((_, length)) => {
                    self.stats.bytes_in += length as u64;
                    let drop_unread = conn.state == State::Lingering;
                    let filled = length == buffer.len();
                    if !drop_unread {
                        self.deliver(app, id, &buffer[..length]);
                    }
                    if !filled && !to_the_end {
                        return;
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(errno) => return self.lose(app, id, errno.into()),
            }
        }
        if let Some(conn) = self.conns.get_mut(id)
            && !mem::replace(&mut conn.unfinished, true)
        {
            self.unfinished.push(id);
        }
    }

    pub(super) fn deliver<A: App<Self>>(&mut self, app: &mut A, id: Id, bytes: &[u8]) {
        let stash = self.conns.get_mut(id).and_then(|conn| conn.stash.take());
        let Some(mut stash) = stash else {
            let Taken(taken) = app.received(self, id, bytes, self.now_us);
            if taken < bytes.len()
                && let Some(conn) = self.conns.get_mut(id)
            {
                conn.stash = Some(Box::new(bytes[taken..].to_vec()));
            }
            return;
        };
        stash.extend_from_slice(bytes);
        let Taken(taken) = app.received(self, id, &stash, self.now_us);
        stash.drain(..taken.min(stash.len()));
        // It held a whole read for a moment; a peer that never completes a frame must not keep that much.
        stash.shrink_to(2 * stash.len());
        if let Some(conn) = self.conns.get_mut(id).filter(|_| !stash.is_empty()) {
            conn.stash = Some(stash);
        }
    }

    /// Sends what waits; what the kernel does not take waits for the next edge.
    pub(super) fn flush(&mut self, id: Id) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        if let Some(out) = &mut conn.out {
            while !out.is_empty() {
                let (front, _) = out.as_slices();
                match rustix::net::send(&conn.fd, front, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                    Ok(sent) => {
                        self.stats.bytes_out += sent as u64;
                        *self.stats.unread(conn.state) -= sent as u64;
                        out.drain(..sent);
                    }
                    Err(Errno::INTR) => {}
                    // Reset: nobody will take it, and a read tells the application. A broken connection that still had
                    // something to say would linger.
                    Err(Errno::CONNRESET | Errno::PIPE) => {
                        *self.stats.unread(conn.state) -= out.len() as u64;
                        break;
                    }
                    // Full again: an edge tells when it is not.
                    Err(_) => return,
                }
            }
            conn.out = None;
            if matches!(conn.state, State::Lingering | State::Listening) {
                let _ = rustix::net::shutdown(&conn.fd, Shutdown::Write);
            }
        }
    }

    /// The peer has said its last: unless the application has yet to answer, the connection ends.
    pub(super) fn finished<A: App<Self>>(&mut self, app: &mut A, id: Id) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        match conn.state {
            State::Owing => return,
            State::Open => {
                conn.state = State::Owing;
                conn.stash = None;
                if app.finished(self, id, self.now_us) {
                    return;
                }
                if self.conns.get(id).is_some_and(|conn| conn.out.is_some()) {
                    self.close(id, Close::Graceful);
                    return app.closed(self, id, Closed::Peer, self.now_us);
                }
            }
            // What it is still owed goes out; its place is kept until then.
            State::Lingering if conn.out.is_some() => return,
            State::Connecting | State::Listening | State::Lingering => {}
        }
        self.lose(app, id, Closed::Peer);
    }

    /// The connection ended by itself: the application is told, unless it had closed it.
    pub(super) fn lose<A: App<Self>>(&mut self, app: &mut A, id: Id, why: Closed) {
        if let Some(conn) = self.forget(id)
            && conn.state != State::Lingering
        {
            app.closed(self, id, why, self.now_us);
        }
    }

    pub(super) fn forget(&mut self, id: Id) -> Option<Conn> {
        let conn = self.conns.remove(id)?;
        self.stats.closed += 1;
        *self.stats.unread(conn.state) -= conn.unread_bytes();
        self.lingering_now -= u32::from(conn.state == State::Lingering);
        Some(conn)
    }
}
