//! Counters of the swarm: clients' side of the ledger. A *copy* is one message to one recipient.
//!
//! It knows names; what is counted under them the swarm knows.

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
