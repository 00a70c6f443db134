//! How connections come: accepting, registering, and resting where no descriptor is free.
//!
//! It does not know what they carry.

use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::SocketFlags;

use super::conn::{Conn, State};
use super::{Kernel, LISTENER};
use crate::{App, Closed, Id, Origin};

/// Connections accepted a turn at most, so that a storm of them does not starve those that are served.
const ACCEPTS_A_TURN: usize = 256;
/// How long accepting rests when no descriptor was free: another shard of the same table may free one.
const STARVED_US: u64 = 100_000;

impl Kernel {
    pub(super) fn accept<A: App<Self>>(&mut self, app: &mut A) {
        for _ in 0..ACCEPTS_A_TURN {
            let Some(listener) = self.listener.as_ref().filter(|_| self.accepting) else {
                return;
            };
            match rustix::net::accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(fd) => {
                    self.stats.accepted += 1;
                    if let Ok(id) = self.register(fd, State::Open) {
                        app.opened(self, id, Origin::Accepted, self.now_us);
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    // Level-triggered, it would spin: it is tried again after a rest.
                    self.stats.accepts_starved += 1;
                    self.starved_until_us = Some(self.now_us + STARVED_US);
                    return self.settle_accepting();
                }
                // The peer gave up while it waited, or a signal came: the next one is as good.
                Err(_) => {}
            }
        }
    }

    pub(super) fn register(&mut self, fd: OwnedFd, state: State) -> Result<Id, Closed> {
        let id = self.conns.insert(Conn {
            fd,
            state,
            unfinished: false,
            stash: None,
            out: None,
        });
        let Some(conn) = self.conns.get(id) else {
            return Err(Closed::Reset);
        };
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        match epoll::add(&self.epoll, &conn.fd, EventData::new_u64(id.to_bits()), flags) {
            Ok(()) => Ok(id),
            Err(errno) => {
                self.forget(id);
                Err(errno.into())
            }
        }
    }

    /// Puts the listener among epoll's, or takes it out, as pauses and rests want.
    pub(super) fn settle_accepting(&mut self) {
        let wanted = !self.accepting_paused && self.starved_until_us.is_none();
        let Some(listener) = self.listener.as_ref().filter(|_| self.accepting != wanted) else {
            return;
        };
        let done = if wanted {
            epoll::add(
                &self.epoll,
                listener,
                EventData::new_u64(LISTENER),
                EventFlags::IN,
            )
        } else {
            epoll::delete(&self.epoll, listener)
        };
        self.accepting = done.is_ok() == wanted;
    }
}
