//! Whether this host can hold a run, before anything starts: one sentence a limit, with the number and the remedy.

use anyhow::{Result, bail};
use lab::{Host, Shape, Transport};
use record::Limits;

/// What this host can hold.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// Connections, both ends on this host.
    pub(crate) connections: u64,
    /// What bounds them, as a sentence with its remedy.
    pub(crate) bound: String,
}

/// Looks at the host's limits.
pub(crate) fn room(limits: &Limits, transport: Transport, tls: bool) -> Room {
    let memory = Host::default().memory().map_or(0, |memory| memory.free_bytes);
    // The doctor's arithmetic: it prints it, item by item.
    let bill = Shape::local(1, transport, tls).memory(0, 0);
    let (by_memory, each) = (bill.fitting(memory), bill.bytes_each());
    // Kernel sockets at one end or both, each with its watch.
    let sockets = match transport {
        Transport::Kernel => 2,
        Transport::Packet => 1,
    };
    let files = limits.file_max.saturating_sub(2048) / sockets;
    let watches = read_number("/proc/sys/fs/epoll/max_user_watches").unwrap_or(u64::MAX) / sockets;
    let bounds = [
        (
            by_memory,
            format!(
                "{} MB of memory are free and a connection takes {each} B at both ends: free some, or \
                 ask for fewer with --connections",
                memory >> 20
            ),
        ),
        (
            files,
            format!(
                "fs.file-max is {}: raise it with sysctl -w fs.file-max=N",
                limits.file_max
            ),
        ),
        (
            watches,
            "fs.epoll.max_user_watches is too low: raise it with sysctl -w".to_owned(),
        ),
    ];
    let (connections, bound) = bounds
        .into_iter()
        .min_by_key(|(room, _)| *room)
        .unwrap_or((0, String::new()));
    Room { connections, bound }
}

/// How many connections to plan: what was asked for, or what fits where nobody asked.
///
/// # Errors
/// More was asked for than fits.
pub(crate) fn fit(planned: u64, asked: bool, room: &Room) -> Result<(u64, Option<String>)> {
    if planned <= room.connections {
        return Ok((planned, None));
    }
    if asked {
        bail!(
            "{planned} connections do not fit this host, {} do: {}",
            room.connections,
            room.bound
        );
    }
    // Two digits are precise enough for a smaller demonstration, and a round number reads better.
    let digits = 10u64.pow(room.connections.checked_ilog10().unwrap_or(0).saturating_sub(1));
    let scaled = room.connections / digits * digits;
    if scaled == 0 {
        bail!("not one connection fits this host: {}", room.bound);
    }
    Ok((
        scaled,
        Some(format!(
            "scaled down from {planned} to {scaled} connections: {}",
            room.bound
        )),
    ))
}

/// Full TLS handshakes a second that a core makes at both ends, beside what else a log-in takes.
const HANDSHAKES_A_CORE: u64 = 2_500;

/// Whether a plan connects faster than this host shakes hands, as a sentence with its remedy.
pub(crate) fn handshakes(connections: &[u64]) -> Option<String> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let most = HANDSHAKES_A_CORE * cores;
    let planned = connections
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .max()?;
    (planned > most).then(|| {
        format!(
            "the plan connects {planned} a second, and {cores} cores make some {most} full TLS handshakes: expect to \
             lag, connect slower, or take --plain"
        )
    })
}

fn read_number(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asked_for_is_scaled_and_what_was_asked_for_is_refused() {
        let room = Room {
            connections: 123_456,
            bound: "why".to_owned(),
        };
        assert_eq!(fit(100_000, false, &room).unwrap(), (100_000, None));
        let (scaled, notice) = fit(200_000, false, &room).unwrap();
        assert_eq!(scaled, 120_000);
        assert!(notice.unwrap().contains("why"));
        let error = fit(200_000, true, &room).unwrap_err().to_string();
        assert!(
            error.contains("200000") && error.contains("123456") && error.contains("why"),
            "{error}"
        );
        assert!(
            fit(
                5,
                false,
                &Room {
                    connections: 0,
                    bound: String::new()
                }
            )
            .is_err()
        );
    }
}
