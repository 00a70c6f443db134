//! What carries a shard's bytes: kernel sockets or packets, in the clear or under TLS; and what those count.
//!
//! It does not know what is said on a connection.

use std::sync::{Arc, Mutex, PoisonError};

use reactor::{
    App, Closed, Device, FaultOptions, Faults, Id, Kernel, KernelOptions, Link, Origin, Packet,
    PacketOptions, PacketStats, Secure, SecureLink, SecureOptions, SecureStats, ShardError, Sources, Subnet,
    Taken, Transport, Tun, TunOptions, Wake,
};
use wire::tls::ClientTls;

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
#[derive(Debug)]
pub struct Carriage {
    /// Over what.
    pub carrier: Carrier,
    /// TLS, and whom it trusts; without it connections are in the clear.
    pub tls: Option<ClientTls>,
    /// The same by number, for an application that chooses among them; see [`SecureOptions::ways`].
    pub ways: Vec<Option<ClientTls>>,
    /// Source addresses, where the carrier is the kernel.
    pub sources: Sources,
    /// Which shard, of how many: each has its slice of the carrier's subnet.
    pub shard: u32,
    /// How many.
    pub shards: u32,
    /// TLS handshakes under way at most.
    pub connecting_max: u32,
    /// Where to show what is counted.
    pub meter: Arc<Meter>,
}

/// An application that every carrier carries.
pub trait Carried:
    App<Kernel>
    + App<Packet<Tun>>
    + App<Packet<Faults<Tun>>>
    + for<'a> App<SecureLink<'a, Kernel>>
    + for<'a> App<SecureLink<'a, Packet<Tun>>>
    + for<'a> App<SecureLink<'a, Packet<Faults<Tun>>>>
{
}

impl<A> Carried for A where
    A: App<Kernel>
        + App<Packet<Tun>>
        + App<Packet<Faults<Tun>>>
        + for<'a> App<SecureLink<'a, Kernel>>
        + for<'a> App<SecureLink<'a, Packet<Tun>>>
        + for<'a> App<SecureLink<'a, Packet<Faults<Tun>>>>
{
}

/// What a shard's carriage counts; written once a turn by the shard, read once a second.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Reading>);

/// A meter's reading.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// TCP of our own, where the carrier is that.
    pub packet: PacketStats,
    /// Packets lost on purpose.
    pub lost: u64,
    /// TLS, where there is any.
    pub tls: SecureStats,
}

impl Meter {
    /// What was counted up to the end of the last turn.
    pub fn read(&self) -> Reading {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, change: impl FnOnce(&mut Reading)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Carriage {
    /// Makes the transport, says so, and runs an application over it to its end.
    ///
    /// # Errors
    /// There is no such transport here, or its loop broke.
    pub fn run<A: Carried>(
        self,
        looping: &reactor::Shard,
        wake: &Wake,
        ready: impl FnOnce(),
        app: A,
    ) -> Result<(), ShardError> {
        match self.carrier {
            Carrier::Kernel => {
                let kernel = Kernel::new(None, self.sources.clone(), KernelOptions::default(), wake)?;
                ready();
                self.over(kernel, looping, app)
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
                    return self.over(packet, looping, app);
                }
                let packet = Packet::new(tun, options, wake)?;
                ready();
                self.over(packet, looping, app)
            }
        }
    }

    fn over<T, A>(self, mut transport: T, looping: &reactor::Shard, app: A) -> Result<(), ShardError>
    where
        T: Transport + Counting,
        A: App<T> + for<'a> App<SecureLink<'a, T>>,
    {
        let meter = self.meter;
        if self.tls.is_none() && self.ways.iter().all(Option::is_none) {
            let mut app = Metered {
                app,
                meter,
                count: |_: &A, _: &mut Reading| {},
            };
            return looping.run(&mut transport, &mut app);
        }
        let options = SecureOptions {
            client: self.tls,
            ways: self.ways,
            handshakes_max: self.connecting_max,
            handshake_timeout_us: HANDSHAKE_TIMEOUT_US,
            keys: KEYS,
            ..SecureOptions::default()
        };
        let mut app = Metered {
            app: Secure::new(app, options),
            meter,
            count: |secure: &Secure<A>, reading: &mut Reading| reading.tls = secure.stats(),
        };
        looping.run(&mut transport, &mut app)
    }
}

/// What can be read of a transport.
trait Counting {
    fn count(&self, reading: &mut Reading);
}

impl Counting for Kernel {
    fn count(&self, _: &mut Reading) {}
}

impl<D: Device + Losing> Counting for Packet<D> {
    fn count(&self, reading: &mut Reading) {
        reading.packet = self.stats();
        reading.lost = self.device().lost();
    }
}

/// A device that may lose packets on purpose.
trait Losing {
    fn lost(&self) -> u64;
}

impl Losing for Tun {
    fn lost(&self) -> u64 {
        0
    }
}

impl<D: Device> Losing for Faults<D> {
    fn lost(&self) -> u64 {
        self.stats().lost
    }
}

/// An application that shows what its carriage counts.
struct Metered<A> {
    app: A,
    meter: Arc<Meter>,
    /// What can be read of the application itself.
    count: fn(&A, &mut Reading),
}

impl<L: Link + Counting, A: App<L>> App<L> for Metered<A> {
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
            (self.count)(&self.app, reading);
        });
        due_us
    }
}
