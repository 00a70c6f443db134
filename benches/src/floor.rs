//! The floor: a bare forwarder that makes the system calls a message needs and does nothing else.
//!
//! One thread, one epoll, each connection registered once and edge-triggered. For one message: `recv` of the send
//! frame, `send` of *accepted* to the sender, `send` of the delivery to the recipient, `recv` of its acknowledgement
//! and, where asked, `send` of the second tick. It keeps nothing, checks nothing, and reads a frame's length, its type
//! and the recipient at a fixed offset. It speaks as much of the chat protocol as lets the chat client log in.

use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use anyhow::{Context as _, bail};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};
use wire::chat::{MediaToken, ServerFrame, VERSION};

/// Types of client frames, as `docs/protocol.md` numbers them.
const LOGIN: u8 = 0x03;
const SEND: u8 = 0x04;
const ACK: u8 = 0x05;
/// Marks the listener among epoll's events.
const LISTENER: u64 = u64::MAX;
const ACCEPTS_A_TURN: usize = 256;
const EVENTS: usize = 1024;
const BUFFER_BYTES: usize = 64 * 1024;
/// Bits of a delivery's `seq` below the sender's place: they carry the message's number to its tick.
const NUMBER_BITS: u32 = 44;

/// The number of the floor's first client; a recipient's place is its number less this.
pub(crate) const BASE: u64 = 1;

/// Forwards until the process is stopped.
///
/// # Errors
/// The address cannot be listened on, or a recipient's socket is full, which would lose a message.
pub(crate) fn serve(address: SocketAddrV4, tick: bool) -> anyhow::Result<()> {
    let listener = listen(address).with_context(|| format!("the floor cannot listen on {address}"))?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut floor = Floor {
        epoll,
        conns: Vec::new(),
        places: Vec::new(),
        hello: Vec::new(),
        welcome: Vec::new(),
        tick,
    };
    ServerFrame::Hello {
        version: VERSION,
        nonce: [7; 16],
    }
    .encode(&mut floor.hello);
    ServerFrame::Welcome {
        last_id: 0,
        queued: 0,
        media_token: MediaToken([0; 16]),
    }
    .encode(&mut floor.welcome);

    let mut events = Vec::with_capacity(EVENTS);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        events.clear();
        match epoll::wait(&floor.epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        for event in &events {
            // The struct is packed: its fields are copied out, never borrowed.
            let data = event.data;
            match data.u64() {
                LISTENER => floor.accept(&listener)?,
                fd => floor.read(fd as RawFd, &mut buffer)?,
            }
        }
    }
}

fn listen(address: SocketAddrV4) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let listener = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    // Accepted sockets inherit it.
    sockopt::set_tcp_nodelay(&listener, true)?;
    rustix::net::bind(&listener, &SocketAddr::V4(address))?;
    rustix::net::listen(&listener, 4096)?;
    Ok(listener)
}

struct Floor {
    epoll: OwnedFd,
    /// By descriptor.
    conns: Vec<Option<Conn>>,
    /// Descriptors by the place that a log-in named.
    places: Vec<RawFd>,
    hello: Vec<u8>,
    welcome: Vec<u8>,
    tick: bool,
}

struct Conn {
    fd: OwnedFd,
    place: u32,
    /// The beginning of a frame whose end has not come.
    stash: Vec<u8>,
}

impl Floor {
    fn accept(&mut self, listener: &OwnedFd) -> anyhow::Result<()> {
        for _ in 0..ACCEPTS_A_TURN {
            let fd = match rustix::net::accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(fd) => fd,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(errno) => return Err(errno).context("the floor cannot accept"),
            };
            let number = fd.as_raw_fd();
            let flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(&self.epoll, &fd, EventData::new_u64(number as u64), flags)?;
            let index = number as usize;
            if self.conns.len() <= index {
                self.conns.resize_with(index + 1, || None);
            }
            // A peer that is gone already is seen by the next read.
            let _ = rustix::net::send(&fd, &self.hello, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
            self.conns[index] = Some(Conn {
                fd,
                place: 0,
                stash: Vec::new(),
            });
        }
        Ok(())
    }

    fn read(&mut self, number: RawFd, buffer: &mut [u8]) -> anyhow::Result<()> {
        loop {
            let Some(conn) = self.conns.get_mut(number as usize).and_then(Option::as_mut) else {
                return Ok(());
            };
            let length = match rustix::net::recv(&conn.fd, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => {
                    self.conns[number as usize] = None;
                    return Ok(());
                }
                Ok((_, length)) => length,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(_) => {
                    self.conns[number as usize] = None;
                    return Ok(());
                }
            };
            if conn.stash.is_empty() {
                let taken = self.frames(number, &buffer[..length])?;
                if taken < length {
                    self.keep(number, &buffer[taken..length]);
                }
            } else {
                let mut whole = std::mem::take(&mut conn.stash);
                whole.extend_from_slice(&buffer[..length]);
                let taken = self.frames(number, &whole)?;
                self.keep(number, &whole[taken..]);
            }
            if length < buffer.len() {
                return Ok(());
            }
        }
    }

    fn keep(&mut self, number: RawFd, rest: &[u8]) {
        if let Some(conn) = self.conns[number as usize].as_mut() {
            conn.stash = rest.to_vec();
        }
    }

    fn frames(&mut self, number: RawFd, bytes: &[u8]) -> anyhow::Result<usize> {
        let mut taken = 0;
        while let Some(&[high, low, ..]) = bytes.get(taken..) {
            let end = taken + 2 + usize::from(u16::from_be_bytes([high, low]));
            let Some(frame) = bytes.get(taken..end) else { break };
            taken = end;
            match frame[2] {
                LOGIN => self.log_in(number, frame)?,
                SEND => self.forward(number, frame)?,
                ACK if self.tick => self.tick(frame)?,
                _ => {}
            }
        }
        Ok(taken)
    }

    fn log_in(&mut self, number: RawFd, frame: &[u8]) -> anyhow::Result<()> {
        let place = (word(frame, 3) - BASE) as usize;
        if self.places.len() <= place {
            self.places.resize(place + 1, -1);
        }
        self.places[place] = number;
        if let Some(conn) = self.conns[number as usize].as_mut() {
            conn.place = place as u32;
        }
        self.send(number, &self.welcome)
    }

    fn forward(&mut self, number: RawFd, frame: &[u8]) -> anyhow::Result<()> {
        let mut accepted = [0, 9, 0x85, 0, 0, 0, 0, 0, 0, 0, 0];
        accepted[3..].copy_from_slice(&frame[3..11]);
        self.send(number, &accepted)?;

        // seq, from, no group, id, time, then the body with its kind, as it came.
        let mut delivery = [0; 256];
        let sender = self.conns[number as usize].as_ref().map_or(0, |conn| conn.place);
        let seq = u64::from(sender) << NUMBER_BITS | word(frame, 3) & ((1 << NUMBER_BITS) - 1);
        let body = &frame[19..];
        let length = 43 + body.len();
        delivery[..2].copy_from_slice(&(length as u16 - 2).to_be_bytes());
        delivery[2] = 0x87;
        delivery[3..11].copy_from_slice(&seq.to_be_bytes());
        delivery[11..19].copy_from_slice(&(u64::from(sender) + BASE).to_be_bytes());
        delivery[27..35].copy_from_slice(&frame[3..11]);
        delivery[43..length].copy_from_slice(body);
        let recipient = self.places[(word(frame, 11) - BASE) as usize];
        self.send(recipient, &delivery[..length])
    }

    fn tick(&mut self, frame: &[u8]) -> anyhow::Result<()> {
        let seq = word(frame, 3);
        let mut tick = [0; 27];
        tick[..3].copy_from_slice(&[0, 25, 0x88]);
        tick[11..19].copy_from_slice(&(seq & ((1 << NUMBER_BITS) - 1)).to_be_bytes());
        tick[19..].copy_from_slice(&BASE.to_be_bytes());
        self.send(self.places[(seq >> NUMBER_BITS) as usize], &tick)
    }

    fn send(&self, number: RawFd, bytes: &[u8]) -> anyhow::Result<()> {
        let Some(conn) = self.conns.get(number as usize).and_then(Option::as_ref) else {
            return Ok(());
        };
        match rustix::net::send(&conn.fd, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(sent) if sent == bytes.len() => Ok(()),
            Ok(_) | Err(Errno::AGAIN) => bail!("a client's socket is full, and the floor keeps nothing"),
            // The connection is gone; the next read says so.
            Err(_) => Ok(()),
        }
    }
}

fn word(frame: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&frame[at..at + 8]);
    u64::from_be_bytes(word)
}
