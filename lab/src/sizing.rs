//! How large each limit should be for a target, and why.
//!
//! Pure arithmetic; it does not know what the limits are now. The doctor asks for what is needed, the lab gives what is
//! comfortable, which is never less.

use crate::shape::{Shape, Transport};

/// The ephemeral ports where a namespace is one's own: all that need no privilege.
pub const PORT_RANGE: &str = "1024 65535";
/// How many those are.
pub const PORTS_WIDENED: u64 = 65_535 - 1_024 + 1;
/// Ports that the server and its neighbours listen on, kept from clients of that range.
pub const RESERVED_PORTS: &str = "7700-7799";
/// Whether [`RESERVED_PORTS`] are among those of a list such as `80,7700-7799`.
#[must_use]
pub fn is_reserved(ports: &str) -> bool {
    let span = |part: &str| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        Some((low.trim().parse::<u16>().ok()?, high.trim().parse::<u16>().ok()?))
    };
    let Some((low, high)) = span(RESERVED_PORTS) else {
        return false;
    };
    // The kernel joins neighbours, so what is kept is kept by one part.
    ports
        .split(',')
        .filter_map(span)
        .any(|(from, to)| from <= low && high <= to)
}

/// Source addresses that teem's swarm may bind on loopback, in 127.77.0.0/16.
pub const OWN_SOURCES: u64 = 256 * 250;
/// Connections from each of them to one target: of 64,512 ports some rest in `TIME_WAIT`.
pub const OWN_PORTS: u64 = 50_000;

/// Open files of the host beside sockets.
pub const FILES_SPARE: u64 = 8_192;
/// Threads beside those that hold connections: the office, the store, runtimes, the sampler, a shell and its tools.
pub const THREADS_SPARE: u64 = 64;
/// The most buckets that the kernel gives a namespace (`tcp_child_ehash_entries_max`).
const BUCKETS_MAX: u64 = 16 << 20;
/// The longest mean chain that a look-up may walk before the doctor calls it short.
const CHAIN: u64 = 4;
/// Of so many connections one may have an unread message at once: a login storm, a stalled server.
const UNREAD_SHARE: u64 = 4;
/// Of so many connections one may be closed at once: a region's cut.
const CUT_SHARE: u64 = 4;
/// Seconds over which a target's connections arrive, at the fastest that one box makes and serves them.
const ARRIVAL_S: u64 = 100;
/// Connections a second that the packet transport makes.
const CONNECTS_A_SECOND: u64 = 40_000;

/// The largest table that helps: a bucket a socket, a power of two. The kernel refuses more than 16 Mi.
#[must_use]
pub fn buckets(sockets: u64) -> u64 {
    sockets
        .clamp(1 << 10, BUCKETS_MAX)
        .next_power_of_two()
        .min(BUCKETS_MAX)
}

/// The smallest table that does not slow a packet by more than a cache line or three.
#[must_use]
pub fn buckets_needed(sockets: u64) -> u64 {
    buckets(sockets / CHAIN)
}

/// A second's connects, all at one listener: a server may have only one, and be away from it for a second.
#[must_use]
pub fn burst(shape: &Shape) -> u64 {
    (shape.connections / ARRIVAL_S).clamp(128, CONNECTS_A_SECOND)
}

/// Packets that wait for a CPU's network softirq: two hundredths of a second's, where an idle crowd alone makes work.
#[must_use]
pub fn packets_waiting(shape: &Shape) -> u64 {
    (shape.connections / 300).clamp(1_000, 10_000)
}

/// Pages of unread or unacknowledged messages, at each kernel socket of those who have one.
#[must_use]
pub fn unread_pages(shape: &Shape) -> u64 {
    shape.sockets() / UNREAD_SHARE
}

/// `tcp_mem` with this maximum, in the kernel's own proportions: where it begins to press, and where it refuses.
#[must_use]
pub fn tcp_mem(pages_max: u64) -> String {
    format!("{} {} {pages_max}", pages_max / 2, pages_max * 2 / 3)
}

/// Sockets that a region's cut leaves in `TIME_WAIT` or without an owner.
#[must_use]
pub fn cut(shape: &Shape) -> u64 {
    shape.connections / CUT_SHARE
}

/// Maps of one process: two a thread's stack, one a chunk of an arena, and the libraries.
#[must_use]
pub fn maps(shape: &Shape, threads: u64) -> u64 {
    4_096 + 2 * threads + shape.connections / 1_000
}

/// What the lab sets in its own namespace, where nobody else has to live with it.
#[must_use]
pub fn namespace(shape: &Shape) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("net.core.somaxconn", burst(shape).max(65_535).to_string()),
        (
            "net.ipv4.tcp_max_syn_backlog",
            burst(shape).max(65_535).to_string(),
        ),
        ("net.ipv4.ip_local_reserved_ports", RESERVED_PORTS.to_owned()),
        ("net.ipv4.ip_local_port_range", PORT_RANGE.to_owned()),
        // A shard that closes its full listener hands those who wait to the others, instead of resetting them.
        ("net.ipv4.tcp_migrate_req", "1".to_owned()),
        (
            "net.ipv4.tcp_max_tw_buckets",
            shape.connections.max(262_144).to_string(),
        ),
        // A phone that was silent for a minute sends its message at once: what is measured is the server.
        ("net.ipv4.tcp_slow_start_after_idle", "0".to_owned()),
        // Cookies stay: beyond a full backlog they are what a server in production does, and a counter shows them.
        ("net.ipv4.tcp_syncookies", "1".to_owned()),
        // Timestamps stay, for those peers that offer them: 12 B a segment buy PAWS, without which a port that is used
        // again within a minute may be refused (RFC 7323, section 5).
        ("net.ipv4.tcp_timestamps", "1".to_owned()),
    ];
    if shape.transport == Transport::Packet {
        // The clients' subnets lie behind TUN devices; a reverse path is nothing to check there.
        settings.push(("net.ipv4.conf.all.rp_filter", "0".to_owned()));
        settings.push(("net.ipv4.conf.default.rp_filter", "0".to_owned()));
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_powers_of_two_the_kernel_gives() {
        assert_eq!(buckets(5_000_000), 8 << 20);
        assert_eq!(buckets(3_000_000), 4 << 20);
        assert_eq!(buckets(10), 1 << 10);
        assert_eq!(buckets(40_000_000), 16 << 20);
        assert_eq!(buckets_needed(400_000), 131_072);
        assert!(buckets_needed(1_000_000) <= buckets(1_000_000));
    }

    #[test]
    fn ports_are_reserved_by_a_part_that_has_them_all() {
        for kept in [RESERVED_PORTS, "80,7000-8000", "7700-7799,10000-10100"] {
            assert!(is_reserved(kept), "{kept}");
        }
        for not in ["", "7700", "7700-7790", "7750-7799,7700-7740", "x"] {
            assert!(!is_reserved(not), "{not}");
        }
    }

    #[test]
    fn the_host_s_own_proportions() {
        assert_eq!(tcp_mem(575_796), "287898 383864 575796");
    }
}
