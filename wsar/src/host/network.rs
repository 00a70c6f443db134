//! The texts of `/proc/net/snmp`, `netstat`, `sockstat` and `sockstat6`: TCP's counters and sockets.
//!
//! It does not know which namespace they are of.

/// TCP's counters since boot; each is `None` where the text has none of the name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpCounters {
    /// Segments received (`Tcp: InSegs`).
    pub segments_in: Option<u64>,
    /// Segments sent (`Tcp: OutSegs`).
    pub segments_out: Option<u64>,
    /// Segments retransmitted (`Tcp: RetransSegs`).
    pub retransmits: Option<u64>,
    /// Connections that found an accept queue full (`TcpExt: ListenOverflows`).
    pub listen_overflows: Option<u64>,
    /// SYNs dropped at a listener, for whatever reason (`TcpExt: ListenDrops`).
    pub listen_drops: Option<u64>,
    /// Cookies sent because the request queue was full (`TcpExt: TCPReqQFullDoCookies`).
    pub syn_cookies: Option<u64>,
    /// SYNs and their answers sent again (`TcpExt: TCPSynRetrans`).
    pub syn_retransmits: Option<u64>,
}

impl TcpCounters {
    /// Reads the text of `snmp` or of `netstat`: pairs of lines that begin with the same word, the first with the names,
    /// the second with the values. Each file has its part of the counters.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut counters = Self::default();
        let mut lines = text.lines();
        let mut names = lines.next();
        for values in lines {
            match names.take().and_then(|names| row(names, values)) {
                Some((table, pairs)) => pairs.for_each(|(name, value)| counters.take(table, name, value)),
                // Not a pair: this line may be the first of the next one.
                None => names = Some(values),
            }
        }
        counters
    }

    fn take(&mut self, table: &str, name: &str, value: &str) {
        let slot = match (table, name) {
            ("Tcp:", "InSegs") => &mut self.segments_in,
            ("Tcp:", "OutSegs") => &mut self.segments_out,
            ("Tcp:", "RetransSegs") => &mut self.retransmits,
            ("TcpExt:", "ListenOverflows") => &mut self.listen_overflows,
            ("TcpExt:", "ListenDrops") => &mut self.listen_drops,
            ("TcpExt:", "TCPReqQFullDoCookies") => &mut self.syn_cookies,
            ("TcpExt:", "TCPSynRetrans") => &mut self.syn_retransmits,
            _ => return,
        };
        *slot = value.parse().ok();
    }

    /// These counters, and another text's where these have none.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            segments_in: self.segments_in.or(other.segments_in),
            segments_out: self.segments_out.or(other.segments_out),
            retransmits: self.retransmits.or(other.retransmits),
            listen_overflows: self.listen_overflows.or(other.listen_overflows),
            listen_drops: self.listen_drops.or(other.listen_drops),
            syn_cookies: self.syn_cookies.or(other.syn_cookies),
            syn_retransmits: self.syn_retransmits.or(other.syn_retransmits),
        }
    }
}

/// A pair of lines as the table's word and its names with their values; `None` where the words differ.
fn row<'t>(names: &'t str, values: &'t str) -> Option<(&'t str, impl Iterator<Item = (&'t str, &'t str)>)> {
    let (mut names, mut values) = (names.split_ascii_whitespace(), values.split_ascii_whitespace());
    let table = names.next()?;
    (values.next()? == table).then(|| (table, names.zip(values)))
}

/// TCP's sockets at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketStat {
    /// Sockets in use, listening ones too, those in `TIME_WAIT` not.
    pub tcp_in_use: u64,
    /// Sockets that exist, of both families and in every network namespace.
    pub tcp_allocated: u64,
    /// Sockets in `TIME_WAIT`.
    pub tcp_time_wait: u64,
    /// Pages that buffers hold, of both families.
    pub tcp_memory_pages: u64,
}

impl SocketStat {
    /// Reads the text of `sockstat` or of `sockstat6` (which has sockets in use only); `None` without a line for TCP.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("TCP:").or(line.strip_prefix("TCP6:")))?;
        let mut stat = Self::default();
        let mut words = line.split_ascii_whitespace();
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            let slot = match name {
                "inuse" => &mut stat.tcp_in_use,
                "alloc" => &mut stat.tcp_allocated,
                "tw" => &mut stat.tcp_time_wait,
                "mem" => &mut stat.tcp_memory_pages,
                _ => continue,
            };
            *slot = value.parse().ok()?;
        }
        Some(stat)
    }

    /// Both families' together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            tcp_in_use: self.tcp_in_use.saturating_add(other.tcp_in_use),
            tcp_allocated: self.tcp_allocated.saturating_add(other.tcp_allocated),
            tcp_time_wait: self.tcp_time_wait.saturating_add(other.tcp_time_wait),
            tcp_memory_pages: self.tcp_memory_pages.saturating_add(other.tcp_memory_pages),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SNMP: &str = include_str!("../../samples/snmp.txt");
    const NETSTAT: &str = include_str!("../../samples/netstat.txt");
    const SOCKSTAT: &str = include_str!("../../samples/sockstat.txt");
    const SOCKSTAT6: &str = include_str!("../../samples/sockstat6.txt");

    #[test]
    fn the_samples_are_read() {
        let expected = TcpCounters {
            segments_in: Some(8_549),
            segments_out: Some(5_436),
            retransmits: Some(31),
            listen_overflows: Some(12),
            listen_drops: Some(13),
            syn_cookies: Some(14),
            syn_retransmits: Some(0),
        };
        assert_eq!(TcpCounters::parse(SNMP).or(TcpCounters::parse(NETSTAT)), expected);
        let sockets = SocketStat::parse(SOCKSTAT)
            .unwrap()
            .with(SocketStat::parse(SOCKSTAT6).unwrap());
        assert_eq!(
            sockets,
            SocketStat {
                tcp_in_use: 42,
                tcp_allocated: 44,
                tcp_time_wait: 5,
                tcp_memory_pages: 337
            }
        );
    }

    #[test]
    fn a_line_without_its_pair_is_passed_over() {
        let text = "Ip: Forwarding\nTcp: InSegs MaxConn OutSegs\nTcp: 7 -1 9\nTcp: InSegs\n";
        let expected = TcpCounters {
            segments_in: Some(7),
            segments_out: Some(9),
            ..TcpCounters::default()
        };
        assert_eq!(TcpCounters::parse(text), expected);
        assert_eq!(TcpCounters::parse(""), TcpCounters::default());
    }

    #[test]
    fn a_socket_text_without_tcp_or_numbers_is_refused() {
        assert_eq!(SocketStat::parse("UDP: inuse 0\n"), None);
        assert_eq!(SocketStat::parse("TCP: inuse many\n"), None);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "(?s).{0,200}", cut in 0..SNMP.len(), late in 0..NETSTAT.len()) {
            let _ = SocketStat::parse(&text);
            let _ = SocketStat::parse(&format!("TCP:{text}"));
            for text in [text.as_str(), &SNMP[cut..], &SNMP[..cut], &NETSTAT[..late]] {
                let _ = TcpCounters::parse(text);
            }
            let _ = TcpCounters::parse(&format!("{}{text}", &SNMP[..cut]));
        }
    }
}
