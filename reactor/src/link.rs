//! What an application and a transport know of each other.
//!
//! The same application runs over any transport, and a transport carries any application: neither names the other.

use std::net::SocketAddr;

use crate::{Id, Kernel};

/// A transport, as an application sees it.
pub trait Link {
    /// Begins to connect. [`App::opened`] or [`App::closed`] follows.
    ///
    /// # Errors
    /// The system has no socket, address or port to give; nothing follows.
    fn connect(&mut self, to: SocketAddr) -> Result<Id, Closed>;

    /// As [`Link::connect`], in one of the ways that what lies between has: under which TLS, or in the clear
    /// ([`SecureOptions::ways`](crate::SecureOptions::ways)). Where nothing lies between, all ways are one.
    ///
    /// # Errors
    /// As [`Link::connect`].
    fn connect_by(&mut self, to: SocketAddr, _way: u16) -> Result<Id, Closed> {
        self.connect(to)
    }

    /// Sends bytes, or keeps them until the peer takes them.
    ///
    /// # Errors
    /// The connection is gone, or its peer reads too slowly: [`SendError::Full`] says that nothing was kept.
    fn send(&mut self, id: Id, bytes: &[u8]) -> Result<(), SendError>;

    /// Sends some last bytes, however much waits before them, and closes gracefully: for saying why.
    fn farewell(&mut self, id: Id, bytes: &[u8]) {
        // Gone or full: the peer will not learn why.
        let _ = self.send(id, bytes);
        self.close(id, Close::Graceful);
    }

    /// Ends a connection. [`App::closed`] does not follow: the caller knows.
    fn close(&mut self, id: Id, how: Close);

    /// Tells the peer, after what waits, that no more comes, and goes on listening: FIN (RFC 9293, section 3.6). What is sent
    /// afterwards is refused as [`SendError::Gone`]. Returns whether the connection is open, and its transport can.
    fn finish_sending(&mut self, _id: Id) -> bool {
        false
    }

    /// Connections that are open or opening.
    fn connections(&self) -> u32;

    /// Stops taking new connections, or takes them again.
    fn pause_accepting(&mut self, paused: bool);

    /// Stops listening for good, so that pending connections go to other listeners where the kernel moves them.
    fn stop_listening(&mut self);

    /// Makes a connection misbehave, or behave again. Returns whether it does: only a TCP of our own can.
    fn misbehave(&mut self, _id: Id, _how: Misfit) -> bool {
        false
    }

    /// Sends a SYN and answers nothing from then on. Nothing is heard of it; it lasts until it is closed.
    ///
    /// # Errors
    /// As [`Link::connect`], or the transport only behaves.
    fn half_open(&mut self, _to: SocketAddr) -> Result<Id, Closed> {
        Err(rustix::io::Errno::OPNOTSUPP.into())
    }

    /// Sends SYNs from made-up clients, so many a second and in all; nothing answers for them. Returns whether it does.
    fn syn_flood(&mut self, _to: SocketAddr, _syns_a_second: u32, _total: u64) -> bool {
        false
    }
}

/// What a connection of ours does that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It is forgotten without a word, as a phone whose battery is empty; [`App::closed`] does not follow.
    Vanish,
    /// Its window is shut, or open again.
    HoldWindow(bool),
    /// It reads at most so many bytes a second, beyond what its window allowed already; 0 ends it.
    ReadSlowly(u32),
    /// It goes on from another port, as behind a NAT that forgot a mapping: the peer knows nothing of it, and will reset.
    Rebind,
}

/// A transport that rests on kernel sockets, whatever lies between: what a server needs that is no connection's, its
/// listener, its reading, its figures.
pub trait Acceptor: Link {
    /// The sockets. What is sent or closed there goes past what lies between.
    fn sockets(&mut self) -> &mut Kernel;
}

/// An application, as a transport sees it. It is called from one thread and owns what it knows of its connections.
pub trait App<L: Link> {
    /// A connection is open.
    fn opened(&mut self, link: &mut L, id: Id, origin: Origin, now_us: u64);

    /// Bytes came, after what was left of the last ones. What is not taken comes again with the next.
    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], now_us: u64) -> Taken;

    /// The peer has said its last, and may still listen (RFC 9293, section 3.6). Returns whether the application has yet
    /// to answer, and will close; else what was sent goes out, the connection ends, and [`App::closed`] follows.
    fn finished(&mut self, _link: &mut L, _id: Id, _now_us: u64) -> bool {
        false
    }

    /// A connection ended without the application's having asked for it.
    fn closed(&mut self, link: &mut L, id: Id, why: Closed, now_us: u64);

    /// The end of a turn: take queues, walk, flush. Returns when the next turn is due at the latest, or `None` to end
    /// the shard.
    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64>;
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The peer.
    Accepted,
    /// We did.
    Connected,
}

/// How many of the received bytes an application took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken(pub usize);

/// How to end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// After what waits has been sent, by FIN; what the peer still sends is dropped unread.
    Graceful,
    /// At once, by RST.
    Reset,
}

/// Why a connection ended, or did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Closed {
    /// The peer sent FIN.
    #[error("closed by the peer")]
    Peer,
    /// The peer sent RST.
    #[error("reset by the peer")]
    Reset,
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// No answer.
    #[error("timed out")]
    TimedOut,
    /// No source port is free.
    #[error("no source port is free")]
    NoPort,
    /// No descriptor is free.
    #[error("no descriptor is free")]
    NoDescriptor,
    /// Too many connections are being opened.
    #[error("too many handshakes are under way")]
    Crowded,
    /// TLS broke.
    #[error(transparent)]
    Tls(wire::tls::Fault),
    /// Anything else, by its number.
    #[error("{}", std::io::Error::from_raw_os_error(*.0))]
    Other(i32),
}

/// Why bytes were not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no such connection any more.
    #[error("the connection is gone")]
    Gone,
    /// The peer leaves too much unread.
    #[error("the peer reads too slowly")]
    Full,
}

impl From<rustix::io::Errno> for Closed {
    fn from(errno: rustix::io::Errno) -> Self {
        use rustix::io::Errno;
        match errno {
            Errno::CONNRESET | Errno::PIPE => Self::Reset,
            Errno::CONNREFUSED => Self::Refused,
            Errno::TIMEDOUT => Self::TimedOut,
            Errno::ADDRNOTAVAIL | Errno::ADDRINUSE => Self::NoPort,
            Errno::MFILE | Errno::NFILE => Self::NoDescriptor,
            other => Self::Other(other.raw_os_error()),
        }
    }
}
