//! The server's figures: each thread counts for itself, and they are summed when somebody asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use reactor::{KernelStats, SecureStats, ShardStats};
use record::name::server as name;
use wsar::queue::QueueReading;
use wsar::{Counter, Gauge, HighWater};

use crate::rates::Totals;

/// What a shard counts; written by the shard alone.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct ShardFigures {
    pub(crate) loop_stats: Arc<ShardStats>,
    pub(crate) connections: Gauge,
    pub(crate) online: Gauge,
    pub(crate) messages_in: Counter,
    pub(crate) messages_refused: Counter,
    /// Frames but messages of those who were too fast.
    pub(crate) frames_limited: Counter,
    /// Messages refused because too much waited for the office.
    pub(crate) letters_refused: Counter,
    pub(crate) malformed: Counter,
    pub(crate) idle_closed: Counter,
    pub(crate) slow_readers_cut: Counter,
    /// Of these, those that went for the bound of all shards together, and what waited for them.
    pub(crate) readers_cut_for_all: Counter,
    pub(crate) bytes_cut_for_all: Counter,
    /// Those that had been closed and were reset because too much still waited for them.
    pub(crate) leavers_reset: Counter,
    pub(crate) accept_pauses: Counter,
    pub(crate) connections_refused: Counter,
    pub(crate) letters: Counter,
    pub(crate) parcel_letters: Gauge,
    pub(crate) parcel_longest: HighWater,
    /// What TLS takes of the shard's memory; 0 in the clear.
    pub(crate) tls_bytes: Gauge,
    pub(crate) tls: TlsFigures,
    accepted: Gauge,
    closed: Gauge,
    bytes_in: Gauge,
    bytes_out: Gauge,
    stalls: Gauge,
    accepts_starved: Gauge,
    /// What waits for peers of open connections, and of closed ones.
    pub(crate) unread_bytes: Gauge,
    pub(crate) leaving_bytes: Gauge,
}

/// What became of handshakes and sessions; zeros in the clear.
#[derive(Debug, Default)]
pub(crate) struct TlsFigures([Gauge; TLS_NAMES.len()]);

/// Their names after `server.tls.`.
const TLS_NAMES: [&str; 8] = [
    "handshakes",
    "handshakes_resumed",
    "handshakes_failed",
    "handshakes_timed_out",
    "handshakes_refused",
    "sessions_broken",
    "sessions_truncated",
    "accept_rests",
];

impl TlsFigures {
    /// Publishes what TLS counted.
    pub(crate) fn set(&self, stats: &SecureStats) {
        let values = [
            stats.handshakes,
            stats.resumed,
            stats.failed,
            stats.timed_out,
            stats.refused,
            stats.faults,
            stats.truncated,
            stats.accept_rests,
        ];
        for (gauge, value) in self.0.iter().zip(values) {
            gauge.set(value);
        }
    }
}

impl ShardFigures {
    /// Publishes what the transport counted.
    pub(crate) fn transport(&self, stats: &KernelStats) {
        self.accepted.set(stats.accepted);
        self.closed.set(stats.closed);
        self.bytes_in.set(stats.bytes_in);
        self.bytes_out.set(stats.bytes_out);
        self.stalls.set(stats.stalls);
        self.accepts_starved.set(stats.accepts_starved);
        self.unread_bytes.set(stats.unread_bytes);
        self.leaving_bytes.set(stats.leaving_bytes);
    }
}

/// What the office counts; written by the office alone.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct OfficeFigures {
    pub(crate) online: Gauge,
    pub(crate) logins: Counter,
    pub(crate) logins_refused: Counter,
    pub(crate) registrations: Counter,
    pub(crate) pins_refused: Counter,
    pub(crate) copies_accepted: Counter,
    pub(crate) messages_refused: Counter,
    pub(crate) copies_sent: Counter,
    pub(crate) copies_acknowledged: Counter,
    /// Whether some are counted apart.
    pub(crate) counts_apart: Gauge,
    pub(crate) copies_accepted_apart: Counter,
    pub(crate) copies_acknowledged_apart: Counter,
    pub(crate) repeats_absorbed: Counter,
    pub(crate) ticks_dropped: Counter,
    pub(crate) copies_set_aside: Counter,
    /// Files that opening found damaged.
    pub(crate) damaged_files: Counter,
    /// Copies that the store made of what was damaged: how many there are, and how many had their time.
    pub(crate) damaged_copies: Gauge,
    pub(crate) damaged_copies_expired: Gauge,
    pub(crate) copies_queued: Gauge,
    pub(crate) ticks_queued: Gauge,
    pub(crate) longest_mailbox: Gauge,
    pub(crate) commits: Gauge,
    pub(crate) commit_us: Gauge,
    pub(crate) store_bytes: Gauge,
    pub(crate) store_full: Gauge,
    pub(crate) letters_done: Counter,
}

/// Counters and gauges by the names of the run folder's schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Only growing.
    pub counters: BTreeMap<String, u64>,
    /// An instant's values.
    pub gauges: BTreeMap<String, f64>,
}

/// Gives the figures. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    shards: Arc<[Arc<ShardFigures>]>,
    office: Arc<OfficeFigures>,
}

/// A counter's name, and where it is read.
type Row<F> = (&'static str, fn(&F) -> u64);

/// Counters that the shards have, summed.
const OF_SHARDS: [Row<ShardFigures>; 17] = [
    (name::ACCEPTED_CONNECTIONS, |shard| shard.accepted.level()),
    (name::CLOSED_CONNECTIONS, |shard| shard.closed.level()),
    (name::BYTES_IN, |shard| shard.bytes_in.level()),
    (name::BYTES_OUT, |shard| shard.bytes_out.level()),
    (name::LOOP_BUSY_US, |shard| shard.loop_stats.busy_us()),
    (name::SLOW_READERS_CUT, |shard| shard.slow_readers_cut.total()),
    (name::OUTPUT_READERS_CUT, |shard| {
        shard.readers_cut_for_all.total()
    }),
    ("server.output.bytes_cut", |shard| shard.bytes_cut_for_all.total()),
    ("server.output.leavers_reset", |shard| shard.leavers_reset.total()),
    (name::ACCEPT_PAUSES, |shard| shard.accept_pauses.total()),
    (name::CONNECTIONS_REFUSED, |shard| {
        shard.connections_refused.total()
    }),
    ("server.messages_in", |shard| shard.messages_in.total()),
    ("server.frames_limited", |shard| shard.frames_limited.total()),
    ("server.malformed_frames", |shard| shard.malformed.total()),
    (name::IDLE_CLOSED, |shard| shard.idle_closed.total()),
    (name::ACCEPTS_STARVED, |shard| shard.accepts_starved.level()),
    ("server.socket_stalls", |shard| shard.stalls.level()),
];

/// Counters that the office has.
const OF_OFFICE: [Row<OfficeFigures>; 14] = [
    (name::COPIES_ACCEPTED, |office| office.copies_accepted.total()),
    (name::COPIES_SENT, |office| office.copies_sent.total()),
    (name::COPIES_ACKNOWLEDGED, |office| {
        office.copies_acknowledged.total()
    }),
    (name::REPEATS_ABSORBED, |office| office.repeats_absorbed.total()),
    (name::COMMITS, |office| office.commits.level()),
    (name::COMMIT_US, |office| office.commit_us.level()),
    ("server.logins", |office| office.logins.total()),
    ("server.logins_refused", |office| office.logins_refused.total()),
    ("server.registrations", |office| office.registrations.total()),
    ("server.pins_refused", |office| office.pins_refused.total()),
    ("server.ticks_dropped", |office| office.ticks_dropped.total()),
    ("server.copies_set_aside", |office| {
        office.copies_set_aside.total()
    }),
    ("server.damaged_files", |office| office.damaged_files.total()),
    ("server.damaged_copies_expired", |office| {
        office.damaged_copies_expired.level()
    }),
];

/// Those of them that are there only where some are counted apart.
const OF_OFFICE_APART: [Row<OfficeFigures>; 2] = [
    (name::COPIES_ACCEPTED_APART, |office| {
        office.copies_accepted_apart.total()
    }),
    (name::COPIES_ACKNOWLEDGED_APART, |office| {
        office.copies_acknowledged_apart.total()
    }),
];

impl Figures {
    pub(crate) fn new(shards: Arc<[Arc<ShardFigures>]>, office: Arc<OfficeFigures>) -> Self {
        Self { shards, office }
    }

    /// The figures at this instant.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        self.counters(&mut snapshot.counters);
        self.gauges(&mut snapshot.gauges);
        snapshot
    }

    fn counters(&self, into: &mut BTreeMap<String, u64>) {
        let mut put = |name: &str, value: u64| {
            into.insert(name.to_owned(), value);
        };
        for (name, of) in OF_SHARDS {
            put(name, self.sum(of));
        }
        for (name, of) in OF_OFFICE {
            put(name, of(&self.office));
        }
        for (place, name) in TLS_NAMES.iter().enumerate() {
            let value = self.sum(|shard| shard.tls.0[place].level());
            put(&format!("server.tls.{name}"), value);
        }
        // Either end refuses.
        let refused = self.sum(|shard| shard.messages_refused.total());
        put(
            name::MESSAGES_REFUSED,
            refused + self.office.messages_refused.total(),
        );
        if self.office.counts_apart.level() > 0 {
            for (name, of) in OF_OFFICE_APART {
                put(name, of(&self.office));
            }
        }
    }

    fn gauges(&self, into: &mut BTreeMap<String, f64>) {
        let office = &self.office;
        let queue = self.office_queue();
        let peak = self.shards.iter().map(|shard| shard.parcel_longest.mark()).max();
        let rows = [
            (name::CONNECTIONS, self.sum(|shard| shard.connections.level())),
            (name::ONLINE, office.online.level()),
            (name::SHARDS, self.shards.len() as u64),
            (
                name::OUTPUT_WAITING_BYTES,
                self.sum(|shard| shard.unread_bytes.level() + shard.leaving_bytes.level()),
            ),
            (name::COPIES_QUEUED, office.copies_queued.level()),
            ("server.ticks_queued", office.ticks_queued.level()),
            (name::LONGEST_MAILBOX, office.longest_mailbox.level()),
            (name::STORE_BYTES, office.store_bytes.level()),
            ("server.store_full", office.store_full.level()),
            ("server.damaged_copies", office.damaged_copies.level()),
            ("server.queue.office.depth", queue.depth),
            ("server.queue.office.longest", queue.longest),
            ("server.queue.office.peak", peak.unwrap_or(0)),
            ("server.queue.office.refused", queue.refused),
        ];
        into.extend(rows.map(|(name, value)| (name.to_owned(), value as f64)));
        let tls_bytes = self.sum(|shard| shard.tls_bytes.level());
        if tls_bytes > 0 {
            into.insert(format!("{}tls_bytes", name::MEMORY), tls_bytes as f64);
        }
        let loops = self.shards.iter().map(|shard| shard.loop_stats.recent());
        into.insert(name::LOOP_BUSIEST.to_owned(), loops.fold(0.0, f64::max));
    }

    /// What rates are made of, at this instant.
    pub(crate) fn totals(&self) -> Totals {
        Totals {
            messages_in: self.sum(|shard| shard.messages_in.total()),
            copies_accepted: self.office.copies_accepted.total(),
            copies_sent: self.office.copies_sent.total(),
            copies_acknowledged: self.office.copies_acknowledged.total(),
            office: self.office_queue(),
        }
    }

    /// What waits for the office: each shard's parcel, and what it was handed and has not worked off.
    fn office_queue(&self) -> QueueReading {
        let (sent, left) = (
            self.sum(|shard| shard.letters.total()),
            self.office.letters_done.total(),
        );
        let handed = sent.saturating_sub(left);
        let parcels = self.shards.iter().map(|shard| shard.parcel_letters.level());
        let depth = handed + parcels.clone().sum::<u64>();
        QueueReading {
            depth,
            longest: parcels.max().unwrap_or(0).max(handed),
            entered: left + depth,
            left,
            refused: self.sum(|shard| shard.letters_refused.total()),
        }
    }

    fn sum(&self, of: impl Fn(&ShardFigures) -> u64) -> u64 {
        self.shards.iter().map(|shard| of(shard)).sum()
    }
}
