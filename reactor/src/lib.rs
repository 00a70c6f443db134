//! Many connections cheaply: shards, one epoll each, arenas, transports.
//!
//! The reactor knows bytes and connections. It does not know what a message is, whose a connection is, or why it was
//! opened: an [`App`] does, and reaches its connections through a [`Link`].
//!
//! What a connection costs here, over kernel sockets ([`Kernel`]): one 32 B slot in an [`Arena`], one epoll registration
//! made once and never changed, and what the kernel charges for its socket. Over packets ([`Packet`], a client's TCP in
//! user space on a TUN device): 64 B, and nothing in the kernel. No task, timer or buffer: a partial frame, a full
//! socket or bytes not yet acknowledged borrow a heap buffer for as long as they last.
//!
//! A [`Shard`]'s loop runs either: it is generic over the [`Transport`].
//!
//! Under TLS, which [`Secure`] puts between an application and either, it costs 96 B more.

mod arena;
mod clock;
mod kernel;
mod link;
mod packet;
mod queue;
mod secure;
mod shard;
mod socket;
mod table;
mod wake;

pub use arena::{Arena, Id};
pub use clock::Clock;
pub use kernel::{Kernel, KernelOptions, KernelStats};
pub use link::{Acceptor, App, Close, Closed, Link, Misfit, Origin, SendError, Taken};
pub use packet::{
    Device, FaultOptions, FaultStats, Faults, Interfaces, Medium, Packet, PacketOptions, PacketStats, Sink,
    Subnet, SubnetError, Tun, TunError, TunOptions,
};
pub use queue::{Full, Queue, QueueReceiver, QueueStats};
pub use secure::{Secure, SecureLink, SecureOptions, SecureStats};
pub use shard::{Shard, ShardError, ShardStats, Transport, spawn};
pub use socket::{ListenError, Listener, Reserved, Sources, listen, reserve};
pub use table::{PART_FLOOR, PartError, Parting, part, raise_nofile};
pub use wake::Wake;
