//! The text of `/proc/net/dev`: what TUN devices dropped on the way to user space.
//!
//! It does not know who reads the devices; that they are TUN it takes from their names.

/// How the names of devices begin whose queue is emptied from user space: ours, and those that others make.
const NAMES: [&str; 2] = ["teem", "tun"];
/// Where a line has the packets dropped while sending, after the name: eight columns of receiving come first.
const SEND_DROPS: usize = 11;

/// Packets dropped because nobody had emptied the queue, all such devices together; 0 where there is none.
pub(super) fn tun_drops(text: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.trim_start().split_once(':'))
        .filter(|(name, _)| NAMES.iter().any(|begin| name.starts_with(begin)))
        .filter_map(|(_, columns)| {
            columns
                .split_ascii_whitespace()
                .nth(SEND_DROPS)?
                .parse::<u64>()
                .ok()
        })
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_of_tun_devices_are_summed_and_of_no_other() {
        let text = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    7    0     0          0         0      100       1    0    9    0     0       0          0
 teem0:     200       2    0    1    0     0          0         0      900       8    0   40    0     0       0          0
 teem1:0 0 0 0 0 0 0 0 0 0 0 2 0 0 0 0
  eth0:       1       1    0    0    0     0          0         0        1       1    0   77    0     0       0          0
";
        assert_eq!(tun_drops(text), 42);
        assert_eq!(tun_drops(""), 0);
        assert_eq!(tun_drops("teem0: 1 2"), 0);
    }
}
