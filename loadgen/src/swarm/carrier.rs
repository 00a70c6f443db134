//! What carries a shard's bytes: kernel sockets or packets, in the clear or under TLS; and what those count.
//!
//! It does not know what is said on a connection.

use std::sync::{Arc, Mutex, PoisonError};

use reactor::{
    App, Closed, Device, FaultOptions, Faults, Id, Kernel, KernelOptions, Link, Origin, Packet,
    PacketOptions, PacketStats, Secure, SecureOptions, SecureStats, ShardError, Sources, Subnet, Taken,
    Transport, Tun, TunOptions, Wake,
};
use wire::tls::ClientTls;

use crate::shard::Shard;

/// Keys ready for a shard's busy connections, at some 700 B each.
const KEYS: usize = 8_192;
/// How long a TLS handshake may take, once TCP has connected: a storm of them waits its turn.
const HANDSHAKE_TIMEOUT_US: u64 = 30_000_000;

/// What carries the clients' bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Carrier {
    /// Kernel sockets.
    Kernel,
    /// TCP of our own over TUN devices, one a shard, each with a slice of this subnet.
    Packet {
        /// Where the clients live.
        subnet: Subnet,
        /// The share of packets that is lost on purpose, each way, from 0 to 1.
        loss: f64,
    },
}

/// How a shard's bytes travel.
pub(super) struct Carriage {
    pub(super) carrier: Carrier,
    pub(super) tls: Option<ClientTls>,
    pub(super) sources: Sources,
    pub(super) shard: u32,
    pub(super) shards: u32,
    pub(super) connecting_max: u32,
    pub(super) meter: Arc<Meter>,
}

/// What a shard's carriage counts; written once a turn by the shard, read once a second.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Reading>);

/// A meter's reading.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    pub(super) packet: PacketStats,
    pub(super) tls: SecureStats,
}

impl Meter {
    pub(super) fn read(&self) -> Reading {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, change: impl FnOnce(&mut Reading)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Carriage {
    /// Makes the transport, says so, and runs the shard over it to its end.
    pub(super) fn run(
        self,
        looping: &reactor::Shard,
        wake: &Wake,
        ready: impl FnOnce(),
        shard: Shard,
    ) -> Result<(), ShardError> {
        match self.carrier {
            Carrier::Kernel => {
                let kernel = Kernel::new(None, self.sources.clone(), KernelOptions::default(), wake)?;
                ready();
                self.over(kernel, looping, shard)
            }
            Carrier::Packet { subnet, loss } => {
                let slice = subnet
                    .slice(self.shard, self.shards)
                    .map_err(|error| std::io::Error::other(error.to_string()))?;
                let tun = Tun::open(&TunOptions::new(slice))
                    .map_err(|error| std::io::Error::other(error.to_string()))?;
                let options = PacketOptions::new(slice);
                if loss > 0.0 {
                    let seed = u64::from(self.shard);
                    let faults = FaultOptions {
                        loss,
                        seed,
                        ..FaultOptions::default()
                    };
                    let packet = Packet::new(Faults::new(tun, faults), options, wake)?;
                    ready();
                    return self.over(packet, looping, shard);
                }
                let packet = Packet::new(tun, options, wake)?;
                ready();
                self.over(packet, looping, shard)
            }
        }
    }

    fn over<T: Transport + Counting>(
        self,
        mut transport: T,
        looping: &reactor::Shard,
        shard: Shard,
    ) -> Result<(), ShardError> {
        let meter = self.meter;
        let Some(tls) = self.tls else {
            let mut app = Metered { app: shard, meter };
            return looping.run(&mut transport, &mut app);
        };
        let options = SecureOptions {
            client: Some(tls),
            handshakes_max: self.connecting_max,
            handshake_timeout_us: HANDSHAKE_TIMEOUT_US,
            keys: KEYS,
            ..SecureOptions::default()
        };
        let mut app = Metered {
            app: Secure::new(shard, options),
            meter,
        };
        looping.run(&mut transport, &mut app)
    }
}

/// What can be read of a transport or an application.
trait Counting {
    fn count(&self, reading: &mut Reading);
}

impl Counting for Kernel {
    fn count(&self, _: &mut Reading) {}
}

impl<D: Device> Counting for Packet<D> {
    fn count(&self, reading: &mut Reading) {
        reading.packet = self.stats();
    }
}

impl Counting for Shard {
    fn count(&self, _: &mut Reading) {}
}

impl Counting for Secure<Shard> {
    fn count(&self, reading: &mut Reading) {
        reading.tls = self.stats();
    }
}

/// An application that shows what its carriage counts.
struct Metered<A> {
    app: A,
    meter: Arc<Meter>,
}

impl<L: Link + Counting, A: App<L> + Counting> App<L> for Metered<A> {
    fn opened(&mut self, link: &mut L, id: Id, origin: Origin, now_us: u64) {
        self.app.opened(link, id, origin, now_us);
    }

    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], now_us: u64) -> Taken {
        self.app.received(link, id, bytes, now_us)
    }

    fn closed(&mut self, link: &mut L, id: Id, why: Closed, now_us: u64) {
        self.app.closed(link, id, why, now_us);
    }

    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        let due_us = self.app.turn(link, now_us);
        self.meter.write(|reading| {
            link.count(reading);
            self.app.count(reading);
        });
        due_us
    }
}
