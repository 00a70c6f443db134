//! What a target asks of a host: how many connections, of what kind, and which of their ends are here.
//!
//! It knows counts and bytes, not the host that is asked.

use std::fmt;

use crate::figure::grouped;

/// What carries the clients' bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Kernel sockets: a client is a descriptor, a port and 4 KB of the kernel's.
    Kernel,
    /// TCP in user space over TUN devices: a client is a slot.
    Packet,
}

/// Bytes of user space that a connection takes, an idle one, each end and each layer apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// The server's.
    pub server: u64,
    /// The client's.
    pub swarm: u64,
    /// What the store keeps a user: its index's share, the id windows.
    pub store: u64,
}

impl Bytes {
    /// What an idle plain connection may take at most.
    pub const PLAIN: Self = Self {
        server: 160,
        swarm: 128,
        store: 48,
    };
    /// What an idle TLS connection may take at most: two secrets a side and their sequence numbers on top.
    pub const TLS: Self = Self {
        server: 300,
        swarm: 256,
        store: 48,
    };

    fn sum(self) -> u64 {
        self.server + self.swarm + self.store
    }
}

/// What the kernel keeps for an idle established socket: `TCP` 2,368, `sock_inode` 832, `filp` 192, `dentry` 192, the
/// security module's 56, list heads.
pub const SOCKET_BYTES: u64 = 3_830;
/// What the kernel keeps for a socket's registration with epoll: `epitem` 128, wait entry 64, head 16.
pub const EPOLL_BYTES: u64 = 208;
/// What both ends in the kernel take, epoll included, as measured: clients have no accept queue behind them, but a
/// bind bucket. It is less than twice the server's, because its slabs are filled better.
pub const BOTH_ENDS_BYTES: u64 = 7_700;
/// What a thread with a descriptor table of its own takes.
pub const TABLE_BYTES: u64 = 278 << 10;
/// What does not grow with connections: the store's buffers, histograms, the sampler, the report.
pub const FIXED_BYTES: u64 = 600 << 20;
/// A pointer a bucket of the table of connections.
pub const BUCKET_BYTES: u64 = 8;

/// Numbers of a parted descriptor table that are no connections: the tombstones below 1,024, epoll, listener, spares.
pub const TABLE_FLOOR: u64 = 1_024 + 64;
/// What the swarm leaves free in a table for those who come back before their former connection is gone.
pub const TABLE_SPARE: u64 = 2_500;
/// Shards that the swarm's population can be dealt to.
pub const SWARM_TABLES_MAX: u64 = 256;
/// Threads with tables that a server is asked to run at most: beyond, their own memory and turns cost more than they
/// hold.
pub const SERVER_TABLES_MAX: u64 = 1_024;
/// How full a server's table may be on average: `SO_REUSEPORT` spreads like a binomial.
pub const TABLE_FILL_PERCENT: u64 = 93;

/// A target: so many connections, of this kind, with these ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Connections at once.
    pub connections: u64,
    /// What the clients run over.
    pub transport: Transport,
    /// Whether they are encrypted.
    pub tls: bool,
    /// Whether the server is on this host.
    pub server_here: bool,
    /// Whether the clients are on this host.
    pub clients_here: bool,
    /// Whether threads may part from the process's descriptor table, as teem's own server and swarm do.
    pub partable: bool,
    /// Source addresses that clients with kernel sockets connect from; `None` is as many as they like, and ports of
    /// their own choice, as teem's swarm does on loopback.
    pub sources: Option<u64>,
    /// Addresses and ports that they connect to.
    pub targets: u64,
    /// User space a connection.
    pub bytes: Bytes,
}

impl Shape {
    /// The reference server and teem's swarm, both here.
    #[must_use]
    pub fn local(connections: u64, transport: Transport, tls: bool) -> Self {
        Self {
            connections,
            transport,
            tls,
            server_here: true,
            clients_here: true,
            partable: true,
            sources: None,
            targets: 1,
            bytes: if tls { Bytes::TLS } else { Bytes::PLAIN },
        }
    }

    /// Kernel sockets on this host.
    #[must_use]
    pub fn sockets(&self) -> u64 {
        self.connections * (u64::from(self.server_here) + u64::from(self.kernel_clients()))
    }

    /// Whether clients here take kernel sockets.
    #[must_use]
    pub fn kernel_clients(&self) -> bool {
        self.clients_here && self.transport == Transport::Kernel
    }

    /// Descriptors that one table must hold.
    #[must_use]
    pub fn descriptors_needed(&self) -> u64 {
        let server = if !self.server_here {
            0
        } else if self.partable {
            TABLE_FLOOR + (self.connections * 100).div_ceil(SERVER_TABLES_MAX * TABLE_FILL_PERCENT)
        } else {
            TABLE_FLOOR + self.connections
        };
        let swarm = match (self.kernel_clients(), self.partable) {
            (false, _) => 0,
            (true, true) => TABLE_SPARE + self.connections.div_ceil(SWARM_TABLES_MAX),
            (true, false) => TABLE_SPARE + self.connections,
        };
        server.max(swarm).max(TABLE_FLOOR)
    }

    /// Threads that hold connections, where a table holds so many descriptors and there are so many CPUs.
    #[must_use]
    pub fn threads(&self, nofile: u64, cpus: u64) -> u64 {
        let tables = |room: u64| self.connections.div_ceil(room.max(1)).max(cpus);
        let server = tables(
            nofile
                .saturating_sub(TABLE_FLOOR)
                .saturating_mul(TABLE_FILL_PERCENT)
                / 100,
        );
        let swarm = tables(nofile.saturating_sub(TABLE_SPARE)).min(SWARM_TABLES_MAX);
        let swarm = if self.kernel_clients() { swarm } else { cpus };
        u64::from(self.server_here) * server.min(SERVER_TABLES_MAX) + u64::from(self.clients_here) * swarm
    }

    /// What it takes in memory.
    #[must_use]
    pub fn memory(&self, buckets: u64, threads: u64) -> Bill {
        let kernel_each = match (self.server_here, self.kernel_clients()) {
            (true, true) => BOTH_ENDS_BYTES,
            (false, false) => 0,
            _ => SOCKET_BYTES + EPOLL_BYTES,
        };
        let mut user = self.bytes;
        if !self.server_here {
            (user.server, user.store) = (0, 0);
        }
        if !self.clients_here {
            user.swarm = 0;
        }
        Bill {
            connections: self.connections,
            kernel_each,
            user_each: user,
            tables: threads * TABLE_BYTES,
            hash: buckets * BUCKET_BYTES,
            fixed: FIXED_BYTES,
        }
    }
}

/// What a target takes in memory, item by item, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Connections.
    pub connections: u64,
    /// The kernel's a connection.
    pub kernel_each: u64,
    /// User space a connection.
    pub user_each: Bytes,
    /// Threads and their descriptor tables, all of them.
    pub tables: u64,
    /// The table of connections.
    pub hash: u64,
    /// What does not grow.
    pub fixed: u64,
}

impl Bill {
    /// What a connection takes, kernel and user space.
    #[must_use]
    pub fn bytes_each(&self) -> u64 {
        self.kernel_each + self.user_each.sum()
    }

    /// The sum.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.connections * self.bytes_each() + self.tables + self.hash + self.fixed
    }

    /// How many connections fit into so many bytes, the rest being as it is.
    #[must_use]
    pub fn fitting(&self, bytes: u64) -> u64 {
        let rest = bytes.saturating_sub(self.tables + self.hash + self.fixed);
        rest / self.bytes_each().max(1)
    }
}

/// The arithmetic, as it would be done on paper.
impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user_each;
        write!(
            f,
            "{} x ({} kernel + {} server + {} swarm + {} store) + {} threads + {} hash + {} fixed = {} B",
            grouped(self.connections),
            grouped(self.kernel_each),
            user.server,
            user.swarm,
            user.store,
            grouped(self.tables),
            grouped(self.hash),
            grouped(self.fixed),
            grouped(self.bytes())
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn descriptor_tables_are_parted_before_a_limit_bites() {
        let of = |connections, transport| Shape::local(connections, transport, false).descriptors_needed();
        assert!(of(3_000_000, Transport::Packet) < 20_000);
        assert!(of(5_000_000, Transport::Packet) < 20_000);
        // The swarm's 256 tables: what it refuses on the reference box.
        assert!(of(4_400_000, Transport::Kernel) <= 20_000);
        assert!(of(5_000_000, Transport::Kernel) > 20_000);
        let mut shape = Shape::local(3_000_000, Transport::Packet, false);
        shape.partable = false;
        assert_eq!(shape.descriptors_needed(), 3_001_088);
    }

    #[test]
    fn the_bill_is_to_the_byte() {
        let bill = Shape::local(5_000_000, Transport::Packet, false).memory(1 << 23, 287);
        let each = 3_830 + 208 + 160 + 128 + 48;
        assert_eq!(
            bill.bytes(),
            5_000_000 * each + 287 * (278 << 10) + (8 << 23) + (600 << 20)
        );
        assert!(
            bill.to_string()
                .contains("5,000,000 x (4,038 kernel + 160 server"),
            "{bill}"
        );
        let mut elsewhere = Shape::local(1000, Transport::Kernel, true);
        elsewhere.server_here = false;
        assert_eq!(
            elsewhere.memory(0, 0).user_each,
            Bytes {
                server: 0,
                swarm: 256,
                store: 0
            }
        );
        assert_eq!(elsewhere.sockets(), 1000);
    }

    proptest! {
        #[test]
        fn what_fits_fits(connections in 1u64..50_000_000, free in 0u64..1 << 40) {
            let shape = Shape::local(connections, Transport::Packet, true);
            let bill = shape.memory(1 << 20, 10);
            let fits = bill.fitting(free);
            let then = Bill { connections: fits, ..bill };
            prop_assert!(fits == 0 || then.bytes() <= free);
            let more = Bill { connections: fits + 1, ..bill };
            prop_assert!(more.bytes() > free);
        }
    }
}
