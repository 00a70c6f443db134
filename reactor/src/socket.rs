//! Makes sockets: listeners that share a port, and source addresses and ports for clients.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use crate::Closed;

/// A bound, listening socket that a shard will take.
#[derive(Debug)]
pub struct Listener {
    pub(crate) fd: OwnedFd,
    /// The address, its port chosen by the kernel where 0 was asked.
    pub address: SocketAddr,
}

/// A listener could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}{hint}", hint = hint(source))]
pub struct ListenError {
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub source: std::io::Error,
}

fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "; another process has the port: stop it, or choose another with --listen"
        }
        std::io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one"
        }
        std::io::ErrorKind::AddrNotAvailable => "; no interface of this host has the address",
        _ => "",
    }
}

/// A port that is ours: bound, not listening, so that no connection strands in it.
#[derive(Debug)]
pub struct Reserved {
    /// The address, its port chosen by the kernel where 0 was asked.
    pub address: SocketAddr,
    _socket: Socket,
}

/// Makes sure that nobody else listens on an address, and holds it until the shards listen.
///
/// Without this, `SO_REUSEPORT` would silently share the port with another server of the same user.
///
/// # Errors
/// The address is taken, not ours, or not allowed.
pub fn reserve(address: SocketAddr) -> Result<Reserved, ListenError> {
    let make = || {
        let probe = Socket::new(
            Domain::for_address(address),
            Type::STREAM.cloexec(),
            Some(Protocol::TCP),
        )?;
        probe.set_reuse_address(true)?;
        probe.bind(&address.into())?;
        probe.set_reuse_port(true)?;
        let address = probe.local_addr()?.as_socket().unwrap_or(address);
        Ok(Reserved {
            address,
            _socket: probe,
        })
    };
    make().map_err(|source| ListenError { address, source })
}

/// What the kernel takes of one connection before it has sent it (`TCP_NOTSENT_LOWAT`, tcp(7)).
///
/// Its own bound grows with the congestion window, to 4 MiB: so much of its memory a peer that shuts its window could hold,
/// and how much a slow reader has had when he is noticed would be the network's accident. Beyond this, bytes wait in the
/// transport, whose bound is the application's.
const UNSENT_MAX_BYTES: u32 = 64 * 1024;

/// Listens with `SO_REUSEPORT`, so that each shard has a queue of its own (socket(7)).
///
/// What accepted sockets inherit is set here, so that it costs no call a connection: `TCP_NODELAY`, 64 KiB unsent at most, and no
/// `TCP_QUICKACK`. A kernel acknowledges the first data of each connection at once; without that the acknowledgement rides
/// on the answer, one packet fewer a log-in, and comes by itself after 40 ms where there is none (tcp(7)).
///
/// # Errors
/// The address is taken, not ours, or not allowed.
pub fn listen(address: SocketAddr, backlog: i32) -> Result<Listener, ListenError> {
    let make = || {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        socket.set_tcp_nodelay(true)?;
        socket.set_tcp_notsent_lowat(UNSENT_MAX_BYTES)?;
        socket.bind(&address.into())?;
        socket.listen(backlog)?;
        // After listening, which forgets it.
        sockopt::set_tcp_quickack(&socket, false)?;
        let address = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(Listener {
            fd: socket.into(),
            address,
        })
    };
    make().map_err(|source| ListenError { address, source })
}

/// Source addresses for outgoing connections, with a port counter each.
///
/// The kernel's own choice of a port ends at 28,232 connections to one destination, and searches longer the fuller the
/// range is. Binding address and port here lifts both: 64,512 a source address, found at the first try.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    addresses: Vec<Ipv4Addr>,
    next: usize,
    port: u16,
}

/// The lowest port used as a source.
const PORT_MIN: u16 = 1024;
/// Ports tried before giving up: some may be taken by listeners or sit in `TIME_WAIT`.
const TRIES: u32 = 256;

impl Sources {
    /// Connects from these addresses in turn; none leaves address and port to the kernel.
    #[must_use]
    pub fn new(addresses: Vec<Ipv4Addr>) -> Self {
        Self {
            addresses,
            next: 0,
            port: PORT_MIN,
        }
    }

    /// Opens a socket and begins to connect it.
    pub(crate) fn connect(&mut self, to: SocketAddr) -> Result<OwnedFd, Closed> {
        let family = if to.is_ipv4() {
            AddressFamily::INET
        } else {
            AddressFamily::INET6
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let fd = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&fd, true)?;
        if matches!(to.ip(), IpAddr::V4(_)) && !self.addresses.is_empty() {
            self.bind(&fd)?;
        }
        match rustix::net::connect(&fd, &to) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(fd),
            Err(errno) => Err(errno.into()),
        }
    }

    fn bind(&mut self, fd: &OwnedFd) -> Result<(), Closed> {
        let mut last = Closed::NoPort;
        for _ in 0..TRIES {
            let source = SocketAddrV4::new(self.addresses[self.next], self.port);
            self.advance();
            match rustix::net::bind(fd, &source) {
                Ok(()) => return Ok(()),
                Err(errno) => last = errno.into(),
            }
            if last != Closed::NoPort {
                break;
            }
        }
        Err(last)
    }

    /// Addresses first, then ports: neighbours in time differ in address, and a port rests for a whole round.
    fn advance(&mut self) {
        self.next += 1;
        if self.next == self.addresses.len() {
            self.next = 0;
            self.port = self.port.checked_add(1).unwrap_or(PORT_MIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_a_remedy() {
        let reserved = reserve("127.0.0.1:0".parse().unwrap()).unwrap();
        let first = listen(reserved.address, 16).unwrap();
        let _second = listen(reserved.address, 16).expect("shards share a port");
        drop(reserved);
        let error = reserve(first.address).unwrap_err().to_string();
        assert!(error.contains("another process has the port"), "{error}");
    }

    #[test]
    fn accepted_sockets_need_no_options_of_their_own() {
        let listener = listen("127.0.0.1:0".parse().unwrap(), 64).unwrap();
        let _client = std::net::TcpStream::connect(listener.address).unwrap();
        let accepted = rustix::io::retry_on_intr(|| {
            rustix::event::poll(
                &mut [rustix::event::PollFd::new(
                    &listener.fd,
                    rustix::event::PollFlags::IN,
                )],
                None,
            )?;
            rustix::net::accept(&listener.fd)
        })
        .unwrap();
        assert!(sockopt::tcp_nodelay(&accepted).unwrap());
        assert!(!sockopt::tcp_quickack(&accepted).unwrap());
    }

    #[test]
    fn sources_use_every_address_and_skip_taken_ports() {
        let listener = listen("127.0.0.1:0".parse().unwrap(), 64).unwrap();
        let addresses = vec![Ipv4Addr::new(127, 9, 9, 1), Ipv4Addr::new(127, 9, 9, 2)];
        let local = |fd: &OwnedFd| rustix::net::getsockname(fd).map(|at| format!("{at:?}")).unwrap();
        let mut first = Sources::new(addresses.clone());
        let held: Vec<_> = (0..4).map(|_| first.connect(listener.address).unwrap()).collect();
        let mut second = Sources::new(addresses);
        let more: Vec<_> = (0..4)
            .map(|_| second.connect(listener.address).unwrap())
            .collect();
        let mut locals: Vec<_> = held.iter().chain(&more).map(local).collect();
        locals.sort();
        locals.dedup();
        assert_eq!(locals.len(), 8);
    }
}
