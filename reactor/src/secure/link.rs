//! The transport that an application under TLS sees.
//!
//! It holds nothing: two references for the time of a call.

use std::net::SocketAddr;

use crate::{Acceptor, Close, Closed, Id, Kernel, Link, Misfit, SendError};

use super::slots::DEFAULT_WAY;
use super::tls::Tls;

/// A transport, under TLS.
#[derive(Debug)]
pub struct SecureLink<'a, L> {
    link: &'a mut L,
    tls: &'a mut Tls,
}

impl<'a, L: Link> SecureLink<'a, L> {
    pub(super) fn new(link: &'a mut L, tls: &'a mut Tls) -> Self {
        Self { link, tls }
    }
}

impl<L: Acceptor> Acceptor for SecureLink<'_, L> {
    fn sockets(&mut self) -> &mut Kernel {
        self.link.sockets()
    }
}

impl<L: Link> Link for SecureLink<'_, L> {
    fn connect(&mut self, to: SocketAddr) -> Result<Id, Closed> {
        self.tls.connect(self.link, to, DEFAULT_WAY)
    }

    fn connect_by(&mut self, to: SocketAddr, way: u16) -> Result<Id, Closed> {
        self.tls.connect(self.link, to, way)
    }

    fn finish_sending(&mut self, id: Id) -> bool {
        self.tls.finish_sending(self.link, id)
    }

    fn send(&mut self, id: Id, bytes: &[u8]) -> Result<(), SendError> {
        self.tls.send(self.link, id, bytes)
    }

    fn farewell(&mut self, id: Id, bytes: &[u8]) {
        self.tls.farewell(self.link, id, bytes);
    }

    fn close(&mut self, id: Id, how: Close) {
        match how {
            Close::Graceful => self.tls.farewell(self.link, id, &[]),
            Close::Reset => self.tls.reset(self.link, id),
        }
    }

    fn connections(&self) -> u32 {
        self.link.connections()
    }

    fn pause_accepting(&mut self, paused: bool) {
        self.tls.pause_accepting(self.link, paused);
    }

    fn stop_listening(&mut self) {
        self.link.stop_listening();
    }

    fn misbehave(&mut self, id: Id, how: Misfit) -> bool {
        if how == Misfit::Vanish {
            self.tls.vanish(id);
        }
        self.link.misbehave(id, how)
    }

    fn half_open(&mut self, to: SocketAddr) -> Result<Id, Closed> {
        self.link.half_open(to)
    }

    fn syn_flood(&mut self, to: SocketAddr, syns_a_second: u32, total: u64) -> bool {
        self.link.syn_flood(to, syns_a_second, total)
    }
}
