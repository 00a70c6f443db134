//! The transport over packets: a client's TCP in user space, for millions of connections from one device.
//!
//! It knows connections and bytes, and takes a device's word for packets. It opens connections and accepts none; what a
//! connection's peer is, it does not know either: any TCP over IPv4 will do.
//!
//! An idle connection costs 64 B: its control block, found from its address and port by arithmetic. Nothing is asked of
//! the kernel for a connection, only a packet at a time: opening one costs 2 writes and 1 read, a small request and
//! its answer 1 write and 1 read, if the application's next request carries the answer's acknowledgement within
//! [`PacketOptions::ack_delay_us`], and closing by RST 1 write. What leaves for one connection within a turn leaves
//! together.

mod block;
mod busy;
mod device;
mod faults;
mod interface;
mod options;
mod segment;
mod slots;
mod stack;
mod stats;
mod subnet;
mod tun;
mod wheel;

use std::mem;
use std::net::{SocketAddr, SocketAddrV4};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

use crate::{App, Close, Closed, Id, Link, Misfit, Origin, SendError, Taken, Transport, Wake};

pub use device::{Device, Medium, Sink};
pub use faults::{FaultOptions, FaultStats, Faults};
pub use interface::Interfaces;
pub use options::PacketOptions;
pub use stats::PacketStats;
pub use subnet::{Subnet, SubnetError};
pub use tun::{Tun, TunError, TunOptions};

use segment::PACKET_MAX_BYTES;
use stack::{Heard, Stack};

/// Packets read a turn at most, so that what is due is done in between. Many: an application that sends more a turn than
/// it hears would fill the device's queue, and everything in it would be sent again.
const READS_A_TURN: usize = 4_096;
/// Timers rest while packets wait to be read, which may be the very acknowledgements they wait for; but no longer.
const TIMERS_REST_US: u64 = 1_000_000;
/// Marks the waker among epoll's events.
const WAKE: u64 = 0;
/// Marks the device.
const DEVICE: u64 = 1;

/// User-space connections of one shard, over a device of its own.
#[derive(Debug)]
pub struct Packet<D = Tun> {
    stack: Stack,
    device: D,
    epoll: OwnedFd,
    buffer: Vec<u8>,
    woken: bool,
    readable: bool,
    /// When timers last ran.
    timers_us: u64,
    now_us: u64,
}

impl<D: Device> Packet<D> {
    /// A transport over a device, woken by `wake` too.
    ///
    /// # Errors
    /// Out of descriptors or epoll watches.
    pub fn new(device: D, options: PacketOptions, wake: &Wake) -> std::io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, wake, EventData::new_u64(WAKE), EventFlags::IN)?;
        // Level-triggered: a turn may leave packets for the next.
        epoll::add(&epoll, &device, EventData::new_u64(DEVICE), EventFlags::IN)?;
        Ok(Self {
            stack: Stack::new(options, device.medium()),
            device,
            epoll,
            buffer: vec![0; PACKET_MAX_BYTES],
            woken: false,
            readable: false,
            timers_us: 0,
            now_us: 0,
        })
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> PacketStats {
        self.stack.stats()
    }

    /// The device underneath.
    #[must_use]
    pub fn device(&self) -> &D {
        &self.device
    }

    /// Reads what is there; returns whether that was all.
    fn read<A: App<Self>>(&mut self, app: &mut A) -> bool {
        // Out of `self` while applications are called, which may send.
        let mut buffer = mem::take(&mut self.buffer);
        let mut all = false;
        // What is left for the next turn may lie in a device above the descriptor, which is not asked then.
        self.readable = true;
        for _ in 0..READS_A_TURN {
            match self.device.receive(&mut buffer) {
                Ok(Some(length)) => {
                    let packet = &buffer[..length];
                    if let Some(heard) = self.stack.input(&mut self.device, packet, self.now_us) {
                        self.tell(app, heard, packet);
                    }
                }
                Ok(None) => {
                    all = true;
                    self.readable = false;
                    break;
                }
                // The device is down: connections time out, and the next turn asks again.
                Err(_) => {
                    self.stack.read_failed();
                    self.readable = false;
                    break;
                }
            }
        }
        self.buffer = buffer;
        all
    }

    fn tell<A: App<Self>>(&mut self, app: &mut A, heard: Heard, packet: &[u8]) {
        if heard.opened {
            app.opened(self, heard.id, Origin::Connected, self.now_us);
        }
        self.deliver(app, heard.id, packet, heard.data);
        for (piece, range) in heard.more {
            // Closed while it heard what came before: nothing more is heard of it.
            if !self.stack.is_open(heard.id) {
                break;
            }
            self.deliver(app, heard.id, &piece, range);
        }
        if let Some(why) = heard.ended
            && (why != Closed::Peer || self.stack.finish(&mut self.device, heard.id))
        {
            app.closed(self, heard.id, why, self.now_us);
        }
    }

    fn deliver<A: App<Self>>(&mut self, app: &mut A, id: Id, from: &[u8], range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let bytes = &from[range];
        let Some(mut stash) = self.stack.take_stash(id) else {
            let Taken(taken) = app.received(self, id, bytes, self.now_us);
            if taken < bytes.len() {
                self.stack
                    .put_stash(id, |stash| stash.extend_from_slice(&bytes[taken..]));
            }
            return;
        };
        stash.extend_from_slice(bytes);
        let Taken(taken) = app.received(self, id, &stash, self.now_us);
        stash.drain(..taken.min(stash.len()));
        self.stack.put_stash(id, |kept| *kept = stash);
    }
}

impl<D: Device> Transport for Packet<D> {
    fn wait(&mut self, timeout: Duration) -> std::io::Result<()> {
        let due_us = self.stack.due_us().saturating_sub(self.now_us);
        let timeout = if self.stack.is_queued() || self.readable {
            Duration::ZERO
        } else {
            timeout.min(Duration::from_micros(due_us))
        };
        let timeout = rustix::time::Timespec {
            tv_sec: timeout.as_secs() as i64,
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        let none = epoll::Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        };
        let mut events = [none; 2];
        match epoll::wait(&self.epoll, &mut events, Some(&timeout)) {
            Ok(count) => {
                for event in &events[..count] {
                    // The struct is packed: its fields are copied out, never borrowed.
                    let data = event.data;
                    match data.u64() {
                        WAKE => self.woken = true,
                        _ => self.readable = true,
                    }
                }
                Ok(())
            }
            Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn handle<A: App<Self>>(&mut self, app: &mut A, wake: &Wake, now_us: u64) {
        self.now_us = now_us;
        if mem::take(&mut self.woken) {
            wake.clear();
        }
        let all = !self.readable || self.read(app);
        // These do not rest with the others: a peer may wait half a second at most (RFC 9293, section 3.8.6.3), and one
        // that runs Linux sends again after a fifth.
        self.stack.pay_owed(now_us);
        if !all && now_us < self.timers_us + TIMERS_REST_US {
            return;
        }
        self.timers_us = now_us;
        while let Some((id, why)) = self.stack.expire(&mut self.device, now_us) {
            app.closed(self, id, why, now_us);
        }
    }

    fn flush(&mut self) {
        self.stack.flush(&mut self.device, self.now_us);
    }
}

impl<D: Device> Link for Packet<D> {
    fn connect(&mut self, to: SocketAddr) -> Result<Id, Closed> {
        self.stack.connect(ipv4(to)?)
    }

    fn send(&mut self, id: Id, bytes: &[u8]) -> Result<(), SendError> {
        self.stack.send(id, bytes, false)
    }

    fn farewell(&mut self, id: Id, bytes: &[u8]) {
        // Gone: the peer will not learn why.
        let _ = self.stack.send(id, bytes, true);
        self.close(id, Close::Graceful);
    }

    fn close(&mut self, id: Id, how: Close) {
        self.stack.close(&mut self.device, id, how);
    }

    fn finish_sending(&mut self, id: Id) -> bool {
        self.stack.finish_sending(id)
    }

    fn connections(&self) -> u32 {
        self.stack.held()
    }

    fn pause_accepting(&mut self, _: bool) {}

    fn stop_listening(&mut self) {}

    fn misbehave(&mut self, id: Id, how: Misfit) -> bool {
        match how {
            Misfit::Vanish => self.stack.vanish(id),
            Misfit::HoldWindow(held) => self.stack.hold_window(id, held),
            Misfit::ReadSlowly(bytes_a_second) => self.stack.read_slowly(id, bytes_a_second),
            Misfit::Rebind => self.stack.rebind(id),
        }
    }

    fn half_open(&mut self, to: SocketAddr) -> Result<Id, Closed> {
        self.stack.half_open(ipv4(to)?)
    }

    fn syn_flood(&mut self, to: SocketAddr, syns_a_second: u32, total: u64) -> bool {
        ipv4(to).is_ok_and(|to| self.stack.flood(to, syns_a_second, total))
    }
}

/// IPv6 has no place in a subnet of IPv4 addresses.
fn ipv4(to: SocketAddr) -> Result<SocketAddrV4, Closed> {
    match to {
        SocketAddr::V4(to) => Ok(to),
        SocketAddr::V6(_) => Err(Closed::Other(Errno::AFNOSUPPORT.raw_os_error())),
    }
}

#[cfg(test)]
mod tests;
