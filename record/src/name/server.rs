//! Figures of the server, as it counts them itself.
//!
//! It knows names; what is counted under them the server knows.

/// Connections accepted.
pub const ACCEPTED_CONNECTIONS: &str = "server.accepted_connections";
/// Connections closed, for whatever reason.
pub const CLOSED_CONNECTIONS: &str = "server.closed_connections";
/// Gauge: connections open.
pub const CONNECTIONS: &str = "server.connections";
/// Gauge: connections logged in.
pub const ONLINE: &str = "server.online";
/// Copies accepted: safe by the durability in force.
pub const COPIES_ACCEPTED: &str = "server.copies_accepted";
/// Messages (not copies) refused with a code. Of how many copies each would have been, only its sender knows: a shard
/// refuses without knowing the group, and of a group that there is not nobody knows the members.
pub const MESSAGES_REFUSED: &str = "server.messages_refused";
/// Copies written to a recipient's connection, redeliveries included.
pub const COPIES_SENT: &str = "server.copies_sent";
/// Copies acknowledged by their recipient and erased.
pub const COPIES_ACKNOWLEDGED: &str = "server.copies_acknowledged";
/// Of the [`COPIES_ACCEPTED`], those for numbers that are counted apart: people of a replay beside the swarm.
pub const COPIES_ACCEPTED_APART: &str = "server.copies_accepted_apart";
/// Of the [`COPIES_ACKNOWLEDGED`], likewise.
pub const COPIES_ACKNOWLEDGED_APART: &str = "server.copies_acknowledged_apart";
/// Sends absorbed because their id had been accepted before.
pub const REPEATS_ABSORBED: &str = "server.repeats_absorbed";
/// Gauge: copies waiting in mailboxes, those in flight to a recipient included.
pub const COPIES_QUEUED: &str = "server.copies_queued";
/// Gauge: the longest mailbox.
pub const LONGEST_MAILBOX: &str = "server.longest_mailbox";
/// Bytes read from and written to clients.
pub const BYTES_IN: &str = "server.bytes_in";
/// See [`BYTES_IN`].
pub const BYTES_OUT: &str = "server.bytes_out";
/// Microseconds that the server's loops spent working, summed over shards.
pub const LOOP_BUSY_US: &str = "server.loop_busy_us";
/// Gauge: the share of its time, 0 to 1, that the busiest shard's loop worked in its last second.
pub const LOOP_BUSIEST: &str = "server.loop_busiest";
/// Gauge: the server's shards.
pub const SHARDS: &str = "server.shards";
/// Slow readers cut off.
pub const SLOW_READERS_CUT: &str = "server.slow_readers_cut";
/// Of these, those that went because too much waited for all readers together.
pub const OUTPUT_READERS_CUT: &str = "server.output.readers_cut";
/// Gauge: bytes that wait for clients whose sockets take no more, all connections together.
pub const OUTPUT_WAITING_BYTES: &str = "server.output.waiting_bytes";
/// Connections dropped because nothing was heard of them.
pub const IDLE_CLOSED: &str = "server.idle_closed";
/// Pauses of accepting.
pub const ACCEPT_PAUSES: &str = "server.accept_pauses";
/// Times accepting failed because no descriptor was free.
pub const ACCEPTS_STARVED: &str = "server.accepts_starved";
/// Connections refused at the limit.
pub const CONNECTIONS_REFUSED: &str = "server.connections_refused";
/// Group commits done.
pub const COMMITS: &str = "server.commits";
/// Microseconds spent in commits.
pub const COMMIT_US: &str = "server.commit_us";
/// Gauge: bytes of the store on disk.
pub const STORE_BYTES: &str = "server.store_bytes";
/// Prefix of a queue's gauges: `server.queue.<name>.depth`, `.longest` (the longest of the name now), `.peak` (the longest
/// ever), `.refused`.
pub const QUEUE: &str = "server.queue.";
/// The server's memory by layer, gauge prefix: `server.memory.<layer>_bytes`.
pub const MEMORY: &str = "server.memory.";
