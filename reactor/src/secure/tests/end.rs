//! One end of a simulated wire: what is sent waits until a test delivers it.

use std::collections::VecDeque;

use super::*;

/// One end of every connection: what it sends waits in `out` until it is delivered.
pub(in crate::secure) struct End {
    pub(in crate::secure) conns: Vec<Conn>,
    room: usize,
}

#[derive(Default)]
pub(in crate::secure) struct Conn {
    pub(in crate::secure) out: VecDeque<u8>,
    pub(in crate::secure) stash: Vec<u8>,
    /// Closed here, and how.
    pub(in crate::secure) closed: Option<Close>,
    /// The other end knows.
    pub(in crate::secure) told: bool,
}

impl End {
    /// One that keeps so many bytes a connection.
    pub(in crate::secure) fn new(room: usize) -> Self {
        Self {
            conns: Vec::new(),
            room,
        }
    }
}

impl Link for End {
    fn connect(&mut self, _: SocketAddr) -> Result<Id, Closed> {
        self.conns.push(Conn::default());
        Ok(id(self.conns.len() - 1))
    }
    fn send(&mut self, id: Id, bytes: &[u8]) -> Result<(), SendError> {
        let room = self.room;
        let conn = &mut self.conns[id.index as usize];
        if conn.closed.is_some() {
            return Err(SendError::Gone);
        }
        if !conn.out.is_empty() && conn.out.len() + bytes.len() > room {
            return Err(SendError::Full);
        }
        conn.out.extend(bytes);
        Ok(())
    }
    fn farewell(&mut self, id: Id, bytes: &[u8]) {
        let conn = &mut self.conns[id.index as usize];
        if conn.closed.is_none() {
            conn.out.extend(bytes);
        }
        self.close(id, Close::Graceful);
    }
    fn close(&mut self, id: Id, how: Close) {
        self.conns[id.index as usize].closed.get_or_insert(how);
    }
    fn connections(&self) -> u32 {
        self.conns.iter().filter(|conn| conn.closed.is_none()).count() as u32
    }
    fn pause_accepting(&mut self, _: bool) {}
    fn stop_listening(&mut self) {}
}

pub(in crate::secure) fn id(index: usize) -> Id {
    Id {
        index: index as u32,
        generation: 0,
    }
}
