//! The names of the figures in a [`Sample`](crate::Sample): the contract between those who measure and the report.
//!
//! A counter only grows from the start of the run; a gauge is an instant's value; a histogram holds the values
//! recorded in that second alone, in microseconds. Names are dotted: who measured, what, unit last.

pub mod server;
pub mod swarm;

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
    /// Gauge: connections open, the most since the sample before.
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
