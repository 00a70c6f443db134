//! The names of the figures in a [`Sample`](crate::Sample): the contract between those who measure and the report.
//!
//! A counter only grows from the start of the run; a gauge is an instant's value; a histogram holds the values
//! recorded in that second alone, in microseconds. Names are dotted: who measured, what, unit last.

/// Counters of the swarm: clients' side of the ledger. A *copy* is one message to one recipient.
pub mod swarm {
    /// TCP connects begun.
    pub const CONNECTS: &str = "swarm.connects";
    /// TCP connects that completed.
    pub const CONNECTED: &str = "swarm.connected";
    /// Connects that failed: refused, timed out, no port.
    pub const CONNECT_FAILURES: &str = "swarm.connect_failures";
    /// Prefix of [`CONNECT_FAILURES`] and [`LOGIN_FAILURES`] by kind: `swarm.connect_failures.no_port` and so on.
    pub const CONNECT_FAILURES_BY_KIND: &str = "swarm.connect_failures.";
    /// The kinds that follow it: this host had no port or descriptor to give, or did not take more handshakes at once;
    /// the server refused, did not answer in time, or reset or closed; TLS broke; the server said what the protocol does
    /// not allow, or *bye*; anything else.
    pub const CONNECT_FAILURE_KINDS: [&str; 10] = [
        "no_port",
        "no_descriptor",
        "crowded",
        "refused",
        "timed_out",
        "reset",
        "closed",
        "tls",
        "protocol",
        "other",
    ];
    /// Log-ins welcomed by the server.
    pub const LOGINS: &str = "swarm.logins";
    /// Log-ins the server refused or that a cut ended.
    pub const LOGIN_FAILURES: &str = "swarm.login_failures";
    /// Connections lost without the swarm having asked for it.
    pub const CUTS: &str = "swarm.cuts";
    /// Reconnects begun after a cut (closed-loop: the driver's, not the plan's).
    pub const RECONNECTS: &str = "swarm.reconnects";
    /// Gauge: connections open and logged in, as the clients see it.
    pub const ONLINE: &str = "swarm.online";
    /// Messages (not copies) sent.
    pub const MESSAGES_SENT: &str = "swarm.messages_sent";
    /// Copies sent: a message to a group of eight is seven of them.
    pub const COPIES_SENT: &str = "swarm.copies_sent";
    /// Copies sent to people who are away by plan.
    pub const COPIES_SENT_AWAY: &str = "swarm.copies_sent_away";
    /// Copies sent by way of a group.
    pub const COPIES_SENT_GROUP: &str = "swarm.copies_sent_group";
    /// Copies whose message was accepted (first tick).
    pub const COPIES_ACCEPTED: &str = "swarm.copies_accepted";
    /// Copies whose message was refused with a code.
    pub const COPIES_REFUSED: &str = "swarm.copies_refused";
    /// Copies received for the first time, checksum right.
    pub const COPIES_DELIVERED: &str = "swarm.copies_delivered";
    /// Copies received again after a cut, dropped by id as a phone would.
    pub const COPIES_REDELIVERED: &str = "swarm.copies_redelivered";
    /// Copies received twice without a cut between: a server's fault.
    pub const COPIES_DUPLICATED: &str = "swarm.copies_duplicated";
    /// Copies whose checksum or content was wrong.
    pub const COPIES_CORRUPTED: &str = "swarm.copies_corrupted";
    /// Copies that overtook an earlier one of the same sender to the same recipient.
    pub const COPIES_MISORDERED: &str = "swarm.copies_misordered";
    /// Second ticks received.
    pub const TICKS: &str = "swarm.ticks";
    /// Copies whose second tick could not be timed: there was no room to keep when they were due.
    pub const TICKS_UNTIMED: &str = "swarm.ticks_untimed";
    /// Second ticks that did not come within a minute or two, or by the end, though sender and recipient have been online
    /// since the message was due.
    pub const TICKS_MISSING: &str = "swarm.ticks_missing";
    /// Gauge: copies sent and neither accepted nor refused so far.
    pub const LEDGER_UNANSWERED: &str = "swarm.ledger.unanswered";
    /// Gauge: accepted copies not yet delivered whose recipient is away: what the server must still hold.
    pub const LEDGER_QUEUED: &str = "swarm.ledger.queued";
    /// Gauge: accepted copies not yet delivered whose recipient is online. In flight during a run; what is left of
    /// them in the last sample, after the drain, is lost.
    pub const LEDGER_MISSING: &str = "swarm.ledger.missing";
    /// Pings sent.
    pub const PINGS: &str = "swarm.pings";
    /// Pings that the server answered.
    pub const PONGS: &str = "swarm.pongs";
    /// Planned arrivals that were carried out later than the lag limit.
    pub const ARRIVALS_LATE: &str = "swarm.arrivals_late";
    /// Planned arrivals that were not carried out: the user was not connected.
    pub const ARRIVALS_UNSENT: &str = "swarm.arrivals_unsent";
    /// Registrations completed (number, PIN, key) by the swarm's own schedule.
    pub const REGISTRATIONS: &str = "swarm.registrations";
    /// Registrations that failed.
    pub const REGISTRATION_FAILURES: &str = "swarm.registration_failures";
    /// Media uploads completed.
    pub const UPLOADS: &str = "swarm.uploads";
    /// Media uploads that failed.
    pub const UPLOAD_FAILURES: &str = "swarm.upload_failures";
    /// Bytes read and written by clients.
    pub const BYTES_IN: &str = "swarm.bytes_in";
    /// See [`BYTES_IN`].
    pub const BYTES_OUT: &str = "swarm.bytes_out";
    /// Packets that user-space TCP read; one that the kernel merged counts once.
    pub const PACKETS_IN: &str = "swarm.packets_in";
    /// Packets that it wrote; one that the kernel will segment counts once.
    pub const PACKETS_OUT: &str = "swarm.packets_out";
    /// Packets that its devices did not take; TCP sends them again.
    pub const PACKETS_REFUSED: &str = "swarm.packets_refused";
    /// Acknowledgements that nothing carried.
    pub const BARE_ACKS: &str = "swarm.bare_acks";
    /// Segments that it sent again, SYNs included.
    pub const RETRANSMITS: &str = "swarm.retransmits";
    /// Packets that were lost on purpose, both ways.
    pub const PACKETS_LOST_ON_PURPOSE: &str = "swarm.packets_lost_on_purpose";
    /// Connections that an RST from the peer ended.
    pub const RESETS_IN: &str = "swarm.resets_in";
    /// Prefix of misfits by kind: `swarm.misfits.zero-window` and so on.
    pub const MISFITS: &str = "swarm.misfits.";
    /// The kinds that follow it: connections opened half, windows shut, slow readers, those who vanished without a FIN,
    /// those who went on from another port.
    pub const MISFIT_KINDS: [&str; 5] = [
        "half-open",
        "zero-window",
        "slow-reader",
        "vanishing",
        "rebinding",
    ];
    /// SYNs of floods.
    pub const FLOOD_SYNS: &str = "swarm.flood_syns";
    /// Gauge: control blocks of user-space TCP in use.
    pub const CONTROL_BLOCKS: &str = "swarm.control_blocks";
    /// TLS handshakes that clients completed.
    pub const TLS_HANDSHAKES: &str = "swarm.tls_handshakes";
    /// Of these, those that resumed an earlier connection.
    pub const TLS_RESUMED: &str = "swarm.tls_resumed";
    /// TLS handshakes and sessions that failed, for whatever reason.
    pub const TLS_FAILURES: &str = "swarm.tls_failures";
    /// Microseconds that the swarm's loops spent working (not asleep), summed over shards.
    pub const LOOP_BUSY_US: &str = "swarm.loop_busy_us";
    /// Gauge: the share of its time, 0 to 1, that the busiest shard's loop worked in its last second.
    pub const LOOP_BUSIEST: &str = "swarm.loop_busiest";
    /// Gauge: the swarm's shards.
    pub const SHARDS: &str = "swarm.shards";
}

/// Figures of the server, as it counts them itself.
pub mod server {
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
}

/// Figures of the host, from the kernel.
pub mod host {
    /// Counter prefix, microseconds over all CPUs by kind: `host.cpu_us.user`, `.system`, `.softirq`, `.irq`,
    /// `.iowait`, `.steal`, `.idle` (`nice` is in `user`).
    pub const CPU_US: &str = "host.cpu_us.";
    /// The kinds that follow [`CPU_US`], busy ones first.
    pub const CPU_KINDS: [&str; 7] = ["user", "system", "softirq", "irq", "steal", "iowait", "idle"];
    /// Counter, microseconds over the CPUs that the run may use, where these are not all: not idle, whoever had them.
    pub const OWN_CPU_BUSY_US: &str = "host.own_cpu_us.busy";
    /// Counter, likewise: idle.
    pub const OWN_CPU_IDLE_US: &str = "host.own_cpu_us.idle";
    /// Gauge: `MemTotal`.
    pub const MEMORY_TOTAL_BYTES: &str = "host.memory_total_bytes";
    /// Gauge: `MemTotal - MemFree - page cache`: what cannot be had back. (`MemAvailable` under-reports where
    /// sockets' inodes sit in slabs that the kernel calls reclaimable.)
    pub const MEMORY_HELD_BYTES: &str = "host.memory_held_bytes";
    /// Gauge: page cache.
    pub const MEMORY_CACHE_BYTES: &str = "host.memory_cache_bytes";
    /// Gauge: all slabs.
    pub const SLAB_BYTES: &str = "host.slab_bytes";
    /// Gauge: the slabs of sockets: `TCP`, `TCPv6`, `sock_inode_cache`, `filp`, `dentry`, `eventpoll_*`,
    /// `request_sock_TCP`, `tw_sock_TCP`, `tcp_bind_bucket`, each as `host.slab.<name>_bytes`.
    pub const SLAB: &str = "host.slab.";
    /// Gauge: the sum of [`SLAB`]: what the kernel keeps for sockets.
    pub const SOCKET_SLAB_BYTES: &str = "host.socket_slab_bytes";
    /// Gauge: objects of the slab `TCP` in use, on the whole host: a socket each, whoever has it.
    pub const TCP_SLAB_OBJECTS: &str = "host.tcp_slab_objects";
    /// Gauge: TCP sockets in use (`/proc/net/sockstat`).
    pub const TCP_IN_USE: &str = "host.tcp_in_use";
    /// Gauge: TCP sockets that exist, in every network namespace of the host.
    pub const TCP_ALLOCATED: &str = "host.tcp_allocated";
    /// Gauge: TCP sockets in `TIME_WAIT`.
    pub const TCP_TIME_WAIT: &str = "host.tcp_time_wait";
    /// Gauge: pages held by TCP buffers (`tcp_mem` counts these).
    pub const TCP_MEMORY_PAGES: &str = "host.tcp_memory_pages";
    /// Counter: TCP segments received and sent.
    pub const SEGMENTS_IN: &str = "host.tcp_segments_in";
    /// See [`SEGMENTS_IN`].
    pub const SEGMENTS_OUT: &str = "host.tcp_segments_out";
    /// Counter: segments retransmitted.
    pub const RETRANSMITS: &str = "host.tcp_retransmits";
    /// Counter: accept queue overflows.
    pub const LISTEN_OVERFLOWS: &str = "host.tcp_listen_overflows";
    /// Counter: SYNs dropped at a listener.
    pub const LISTEN_DROPS: &str = "host.tcp_listen_drops";
    /// Counter: SYN cookies sent because the request queue was full.
    pub const SYN_COOKIES: &str = "host.tcp_syn_cookies";
    /// Counter: SYNs and their answers sent again.
    pub const SYN_RETRANSMITS: &str = "host.tcp_syn_retransmits";
    /// Counter: packets that the kernel dropped because the queue of a TUN device was full.
    pub const TUN_DROPS: &str = "host.tun_drops";
    /// Counter: context switches.
    pub const CONTEXT_SWITCHES: &str = "host.context_switches";
}

/// A process under watch; `{p}` is `server`, `swarm` or `storm`.
pub mod process {
    /// Counter: user and system CPU time, `process.{p}.cpu_us`.
    #[must_use]
    pub fn cpu_us(process: &str) -> String {
        format!("process.{process}.cpu_us")
    }
    /// Gauge: anonymous resident memory, `process.{p}.rss_anon_bytes`.
    #[must_use]
    pub fn rss_anon_bytes(process: &str) -> String {
        format!("process.{process}.rss_anon_bytes")
    }
    /// Gauge: threads, `process.{p}.threads`.
    #[must_use]
    pub fn threads(process: &str) -> String {
        format!("process.{process}.threads")
    }
}

/// Figures of a replay: recorded clients driven again.
pub mod replay {
    /// Sends made: a send is a turn of a client in the recording.
    pub const SENT: &str = "replay.sent";
    /// Sends not made, for whatever cause.
    pub const UNSENT: &str = "replay.unsent";
    /// Sends later than the limit by the driver's own fault.
    pub const LATE: &str = "replay.late";
    /// Connects begun later than the limit by the driver's own fault.
    pub const CONNECTS_LATE: &str = "replay.connects_late";
    /// Connections that came about.
    pub const OPENED: &str = "replay.opened";
    /// Sessions driven to their end.
    pub const FINISHED: &str = "replay.finished";
    /// Sessions that were not, for whatever cause.
    pub const FAILED: &str = "replay.failed";
    /// Prefix of [`FAILED`] by cause: `replay.failed.refused` and so on.
    pub const FAILED_BY: &str = "replay.failed.";
    /// Gauge: sessions under way.
    pub const OPEN: &str = "replay.open";
    /// Bytes said to the target.
    pub const BYTES_OUT: &str = "replay.bytes_out";
    /// Bytes heard from it.
    pub const BYTES_IN: &str = "replay.bytes_in";
    /// Answers with the recorded bytes.
    pub const IDENTICAL: &str = "replay.identical";
    /// Answers that are the recorded ones but for what may differ.
    pub const MASKED: &str = "replay.masked";
    /// Answers that are not.
    pub const DIFFERENT: &str = "replay.different";
    /// Recorded answers that never came.
    pub const MISSING: &str = "replay.missing";
    /// Answers that were not recorded.
    pub const EXTRA: &str = "replay.extra";
    /// Microseconds that the driver's loops worked, spins included.
    pub const LOOP_BUSY_US: &str = "replay.loop_busy_us";
    /// Gauge: the share of its time, 0 to 1, that the busiest loop worked in its last second.
    pub const LOOP_BUSIEST: &str = "replay.loop_busiest";
    /// Histogram: sends after the instant at which they were due and could be made.
    pub const LATENESS: &str = "replay.lateness";
    /// Histogram: how long the target, or the bound of sessions at once, held sends back that were due.
    pub const HELD: &str = "replay.held";
    /// Histogram: connects begun after the instant at which they were due and allowed.
    pub const CONNECT_LATENESS: &str = "replay.connect_lateness";
    /// Histogram: intended instant of a connect to its establishment.
    pub const CONNECT: &str = "replay.connect";
    /// Histogram: intended instant of a send to its answer's first byte.
    pub const ANSWER: &str = "replay.answer";
    /// Histogram: the same in the recording, for the same sends.
    pub const RECORDED_ANSWER: &str = "replay.recorded_answer";
}

/// Histograms, microseconds; every one counts from the intended instant.
pub mod latency {
    /// Intended instant of a connect to its TCP establishment.
    pub const CONNECT: &str = "latency.connect";
    /// Intended instant of a connect to the server's welcome.
    pub const LOGIN: &str = "latency.login";
    /// Intended instant of a send to its *accepted*.
    pub const ACCEPTED: &str = "latency.accepted";
    /// Intended instant of a send to its arrival at a recipient who was online.
    pub const DELIVERY: &str = "latency.delivery";
    /// Intended instant of a send to its second tick, recipient online.
    pub const TICK: &str = "latency.tick";
    /// Intended instant of an upload to its link.
    pub const UPLOAD: &str = "latency.upload";
    /// How late planned arrivals were carried out: the generator's own lag.
    pub const SCHEDULE_LAG: &str = "latency.schedule_lag";
}

/// What the plan asks for, as gauges of the dry run and beside the measured ones.
pub mod plan {
    /// Connections planned to be open.
    pub const CONNECTIONS: &str = "plan.connections";
    /// Messages planned a second.
    pub const MESSAGES_PER_SECOND: &str = "plan.messages_per_second";
    /// Copies planned a second.
    pub const COPIES_PER_SECOND: &str = "plan.copies_per_second";
}

/// What a capture holds, over its own time: an inspection's folder, where nothing is driven.
pub mod capture {
    /// Gauge: connections open.
    pub const CONNECTIONS: &str = "capture.connections";
    /// Connections that began.
    pub const OPENED: &str = "capture.opened";
    /// Bytes that clients said.
    pub const CLIENT_BYTES: &str = "capture.client_bytes";
    /// Bytes that servers said.
    pub const SERVER_BYTES: &str = "capture.server_bytes";
    /// Packets of any kind; a file of sessions has none.
    pub const PACKETS: &str = "capture.packets";
    /// Connections whose clients can be driven again; counted once the capture is over.
    pub const REPLAYABLE: &str = "capture.replayable";
    /// Bytes that the capture lacks; counted once it is over.
    pub const GAP_BYTES: &str = "capture.gap_bytes";
}
