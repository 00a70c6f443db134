//! The text of `/proc/stat`: CPU time by kind, context switches.
//!
//! It does not know how long a tick is.

/// CPU time over all CPUs since boot, in clock ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTicks {
    /// Programs, those made nice included. Guests are in here already: the kernel counts them twice.
    pub user: u64,
    /// The kernel on a program's behalf.
    pub system: u64,
    /// Deferred interrupt work, most of TCP's receiving side.
    pub softirq: u64,
    /// Interrupts.
    pub irq: u64,
    /// Taken by the hypervisor for others.
    pub steal: u64,
    /// Idle while a disk was awaited.
    pub iowait: u64,
    /// Idle.
    pub idle: u64,
}

impl CpuTicks {
    /// The kinds by name, in the order of [`record::name::host::CPU_KINDS`].
    #[must_use]
    pub fn by_kind(&self) -> [(&'static str, u64); 7] {
        [
            ("user", self.user),
            ("system", self.system),
            ("softirq", self.softirq),
            ("irq", self.irq),
            ("steal", self.steal),
            ("iowait", self.iowait),
            ("idle", self.idle),
        ]
    }

    /// Adds another's.
    pub(super) fn add(&mut self, other: &Self) {
        self.user = self.user.saturating_add(other.user);
        self.system = self.system.saturating_add(other.system);
        self.softirq = self.softirq.saturating_add(other.softirq);
        self.irq = self.irq.saturating_add(other.irq);
        self.steal = self.steal.saturating_add(other.steal);
        self.iowait = self.iowait.saturating_add(other.iowait);
        self.idle = self.idle.saturating_add(other.idle);
    }

    /// What was not idle, and what was.
    pub(super) fn busy_and_idle(&self) -> [u64; 2] {
        let idle = self.idle.saturating_add(self.iowait);
        let busy = [self.user, self.system, self.softirq, self.irq, self.steal];
        [busy.into_iter().fold(0, u64::saturating_add), idle]
    }
}

/// What `/proc/stat` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// CPU time of all CPUs.
    pub cpu: CpuTicks,
    /// CPUs that are online.
    pub cpus: u32,
    /// Context switches since boot.
    pub context_switches: Option<u64>,
}

impl Stat {
    /// Reads the text; `None` without a line for all CPUs with at least its first four kinds.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut stat = Self::default();
        let mut cpu = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("cpu ") {
                cpu = parse_cpu(rest);
            } else if line.starts_with("cpu") {
                stat.cpus = stat.cpus.saturating_add(1);
            } else if let Some(rest) = line.strip_prefix("ctxt ") {
                stat.context_switches = rest.trim().parse().ok();
            }
        }
        stat.cpu = cpu?;
        Some(stat)
    }
}

/// `user nice system idle`, and, by newer kernels, `iowait irq softirq steal` (proc_stat(5)).
pub(super) fn parse_cpu(rest: &str) -> Option<CpuTicks> {
    let mut ticks = [0; 8];
    let mut seen = 0;
    for (slot, word) in ticks.iter_mut().zip(rest.split_ascii_whitespace()) {
        *slot = word.parse().ok()?;
        seen += 1;
    }
    let [user, nice, system, idle, iowait, irq, softirq, steal]: [u64; 8] = ticks;
    let user = user.saturating_add(nice);
    (seen >= 4).then_some(CpuTicks {
        user,
        system,
        softirq,
        irq,
        steal,
        iowait,
        idle,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLE: &str = include_str!("../../samples/stat.txt");

    #[test]
    fn the_sample_is_read() {
        let cpu = CpuTicks {
            user: 148_369,
            system: 16_568,
            softirq: 185,
            irq: 0,
            steal: 1_067,
            iowait: 5_346,
            idle: 194_681,
        };
        assert_eq!(
            Stat::parse(SAMPLE),
            Some(Stat {
                cpu,
                cpus: 2,
                context_switches: Some(749_761)
            })
        );
    }

    #[test]
    fn nice_is_user_and_the_kinds_are_those_of_the_contract() {
        let stat = Stat::parse("cpu 1 2 3 4\n").unwrap();
        assert_eq!(
            stat.cpu,
            CpuTicks {
                user: 3,
                system: 3,
                idle: 4,
                ..CpuTicks::default()
            }
        );
        assert_eq!(
            stat.cpu.by_kind().map(|(kind, _)| kind),
            record::name::host::CPU_KINDS
        );
    }

    #[test]
    fn a_text_without_the_line_is_refused() {
        assert_eq!(Stat::parse(""), None);
        assert_eq!(Stat::parse("cpu0 1 2 3 4\n"), None);
        assert_eq!(Stat::parse("cpu 1 2 3\n"), None);
        assert_eq!(Stat::parse("cpu 1 2 x 4\n"), None);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "(?s).{0,200}", cut in 0..SAMPLE.len()) {
            let _ = Stat::parse(&text);
            let _ = Stat::parse(&SAMPLE[cut..]);
            let _ = Stat::parse(&format!("{}{text}", &SAMPLE[..cut]));
        }
    }
}
