//! Which limits of a host stop a target: what each does when it bites, its value, the value needed, what raises it.
//!
//! It is arithmetic over what [`Host`] reads and a [`Shape`] asks; it changes nothing. Limits come in the order in
//! which they bite on a climb.

use serde::Serialize;

use crate::host::Host;
use crate::shape::Shape;
use crate::sizing;

/// Whom a limit binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Each process.
    Process,
    /// Everybody in a network namespace: the lab brings its own.
    Namespace,
    /// Everybody on the host.
    Host,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Pages of 4 KiB.
    Pages,
}

/// What raises a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A sysctl, and its new value.
    Sysctl {
        /// Its name, with dots.
        name: &'static str,
        /// What to write.
        value: String,
        /// Another that must be written before it, or raising it does harm: its name, and what to write.
        first: Option<(&'static str, String)>,
    },
    /// A command of the shell or an advice; nothing that can be done for the user.
    Manual(String),
}

impl Remedy {
    /// What a user types.
    #[must_use]
    pub fn command(&self) -> String {
        let set = |name: &str, value: &str| match value.contains(' ') {
            true => format!("{name}=\"{value}\""),
            false => format!("{name}={value}"),
        };
        match self {
            Self::Sysctl { name, value, first } => {
                let first = first
                    .as_ref()
                    .map_or(String::new(), |(name, value)| format!("{} ", set(name, value)));
                format!("sysctl -w {first}{}", set(name, value))
            }
            Self::Manual(command) => command.clone(),
        }
    }
}

/// A limit and a target's need of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name, as its documentation has it.
    pub name: &'static str,
    /// What happens beyond it.
    pub bite: &'static str,
    /// Whom it binds.
    pub scope: Scope,
    /// What it counts.
    pub unit: Unit,
    /// Its value. What cannot be read is not listed.
    pub now: u64,
    /// What the target needs.
    pub needed: u64,
    /// What raises it.
    pub remedy: Remedy,
    /// How the need comes about, where that is more than a rule of thumb.
    pub sum: Option<String>,
}

impl Limit {
    /// Whether it stops the target.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.now < self.needed
    }
}

/// The limits on the way to a target, whether they stop it or not. Those that this kernel lacks are left out.
#[must_use]
pub fn limits(host: &Host, shape: &Shape, cpus: u64) -> Vec<Limit> {
    let survey = Survey { host, shape, cpus };
    let groups = [
        survey.descriptors(),
        survey.queues(),
        survey.connections_table(),
        survey.closing(),
        survey.threads(),
        survey.memory(),
    ];
    groups.into_iter().flatten().flatten().collect()
}

/// Who asks whom.
struct Survey<'a> {
    host: &'a Host,
    shape: &'a Shape,
    cpus: u64,
}

impl Survey<'_> {
    /// A limit that is a sysctl's last number.
    fn sysctl(
        &self,
        name: &'static str,
        scope: Scope,
        unit: Unit,
        bite: &'static str,
        needed: u64,
    ) -> Option<Limit> {
        let value = match unit {
            Unit::Pages => sizing::tcp_mem(needed),
            _ => needed.to_string(),
        };
        Some(Limit {
            name,
            bite,
            scope,
            unit,
            now: self.host.number(name)?,
            needed,
            remedy: Remedy::Sysctl {
                name,
                value,
                first: None,
            },
            sum: None,
        })
    }

    fn count(&self, name: &'static str, scope: Scope, bite: &'static str, needed: u64) -> Option<Limit> {
        self.sysctl(name, scope, Unit::Count, bite, needed)
    }

    fn descriptors(&self) -> Vec<Option<Limit>> {
        let needed = self.shape.descriptors_needed();
        let parting = if self.shape.partable {
            "beyond a descriptor table a thread, accept and socket fail with EMFILE"
        } else {
            "accept and socket fail with EMFILE"
        };
        let nofile = self.host.nofile().map(|now| Limit {
            name: "RLIMIT_NOFILE",
            bite: parting,
            scope: Scope::Process,
            unit: Unit::Count,
            now,
            needed,
            remedy: Remedy::Manual(format!(
                "ulimit -Hn {needed} && ulimit -n {needed}, as root; LimitNOFILE={needed} for a service"
            )),
            sum: None,
        });
        let sockets = self.shape.sockets();
        vec![
            nofile,
            self.count(
                "fs.nr_open",
                Scope::Host,
                "RLIMIT_NOFILE cannot be raised beyond it",
                needed,
            ),
            self.count(
                "fs.file-max",
                Scope::Host,
                "accept and socket fail with ENFILE, for everybody on the host",
                sockets + sizing::FILES_SPARE,
            ),
            self.count(
                "fs.epoll.max_user_watches",
                Scope::Host,
                "epoll_ctl fails with ENOSPC: a connection is open and nobody hears it",
                sockets,
            ),
        ]
    }

    fn queues(&self) -> Vec<Option<Limit>> {
        let burst = sizing::burst(self.shape);
        let mut rows = vec![self.ports()];
        if self.shape.server_here {
            rows.push(self.count(
                "net.core.somaxconn",
                Scope::Namespace,
                "connections that wait for accept are dropped in silence (ListenOverflows)",
                burst,
            ));
            rows.push(self.count(
                "net.ipv4.tcp_max_syn_backlog",
                Scope::Namespace,
                "handshakes become SYN cookies and lose their options (TCPReqQFullDoCookies)",
                burst,
            ));
        }
        rows.push(self.count(
            "net.core.netdev_max_backlog",
            Scope::Host,
            "packets of loopback and TUN devices are dropped and sent again (softnet_stat, column 2)",
            sizing::packets_waiting(self.shape),
        ));
        rows
    }

    /// Ports that clients with kernel sockets may have.
    fn ports(&self) -> Option<Limit> {
        if !self.shape.kernel_clients() {
            return None;
        }
        let range = self.host.sysctl("net.ipv4.ip_local_port_range").ok()?;
        let mut ends = range.split_whitespace().map(str::parse::<u64>);
        let (low, high) = (ends.next()?.ok()?, ends.next()?.ok()?);
        let targets = self.shape.targets.max(1);
        let now = match self.shape.sources {
            Some(sources) => (high + 1).saturating_sub(low) * sources * targets,
            None => sizing::OWN_SOURCES * sizing::OWN_PORTS * targets,
        };
        let widened = sizing::PORTS_WIDENED * self.shape.sources.unwrap_or(1) * targets;
        let remedy = if widened >= self.shape.connections {
            Remedy::Sysctl {
                name: "net.ipv4.ip_local_port_range",
                value: sizing::PORT_RANGE.to_owned(),
                first: self.reserved(),
            }
        } else {
            let sources = self.shape.connections.div_ceil(sizing::PORTS_WIDENED * targets);
            Remedy::Manual(format!("{sources} source addresses, or more ports of the server"))
        };
        Some(Limit {
            name: "net.ipv4.ip_local_port_range",
            bite: "connect fails with EADDRNOTAVAIL: no port is left for (source, destination, port)",
            scope: Scope::Namespace,
            unit: Unit::Count,
            now,
            needed: self.shape.connections,
            remedy,
            sum: None,
        })
    }

    /// What keeps the server's ports from clients of the widened range, beside those that are kept already; `None` where they
    /// are.
    fn reserved(&self) -> Option<(&'static str, String)> {
        const NAME: &str = "net.ipv4.ip_local_reserved_ports";
        let now = self.host.sysctl(NAME).ok()?;
        if sizing::is_reserved(&now) {
            return None;
        }
        let both = [now.as_str(), sizing::RESERVED_PORTS];
        let kept: Vec<&str> = both.into_iter().filter(|ports| !ports.is_empty()).collect();
        Some((NAME, kept.join(",")))
    }

    fn connections_table(&self) -> Vec<Option<Limit>> {
        let sockets = self.shape.sockets();
        let buckets = self.host.number("net.ipv4.tcp_ehash_entries").map(|now| Limit {
            name: "net.ipv4.tcp_ehash_entries",
            bite: "every packet walks a chain of sockets; CPU goes where no profile of the server shows it",
            scope: Scope::Namespace,
            unit: Unit::Count,
            now,
            needed: sizing::buckets_needed(sockets),
            remedy: Remedy::Manual(format!("teem lab --connections {}", self.shape.connections)),
            sum: None,
        });
        vec![
            buckets,
            self.sysctl(
                "net.ipv4.tcp_mem",
                Scope::Host,
                Unit::Pages,
                "every socket's buffer shrinks and segments are dropped: one unread byte takes a page",
                sizing::unread_pages(self.shape),
            ),
            self.count(
                "net.netfilter.nf_conntrack_max",
                Scope::Host,
                "new connections are dropped where connection tracking has a rule",
                self.shape.connections,
            ),
        ]
    }

    fn closing(&self) -> Vec<Option<Limit>> {
        let cut = sizing::cut(self.shape);
        vec![
            self.count(
                "net.ipv4.tcp_max_tw_buckets",
                Scope::Namespace,
                "TIME_WAIT is skipped on a mass close: late segments meet strangers",
                cut,
            ),
            self.count(
                "net.ipv4.tcp_max_orphans",
                Scope::Host,
                "sockets that wait for their peer's FIN are reset",
                cut,
            ),
        ]
    }

    fn threads(&self) -> Vec<Option<Limit>> {
        let ours = self.our_threads() + sizing::THREADS_SPARE;
        let all = ours + self.host.threads().unwrap_or(0);
        let bite = "a shard's thread cannot be started (EAGAIN)";
        let group = self.host.group_threads().map(|(now, used)| Limit {
            name: "pids.max",
            bite,
            scope: Scope::Process,
            unit: Unit::Count,
            now,
            needed: ours + used,
            remedy: Remedy::Manual(format!(
                "the control group's pids.max; TasksMax={} for a service",
                ours + used
            )),
            sum: None,
        });
        vec![
            self.count("kernel.threads-max", Scope::Host, bite, all),
            self.count("kernel.pid_max", Scope::Host, bite, all),
            group,
            self.count(
                "vm.max_map_count",
                Scope::Host,
                "mmap fails with ENOMEM: no stack, no arena, while memory is free",
                sizing::maps(self.shape, ours),
            ),
        ]
    }

    fn memory(&self) -> Vec<Option<Limit>> {
        let buckets = sizing::buckets(self.shape.sockets());
        let bill = self.shape.memory(buckets, self.our_threads());
        let memory = self.host.memory().map(|memory| Limit {
            name: "memory",
            bite: "the kernel kills the process that holds most of it",
            scope: Scope::Host,
            unit: Unit::Bytes,
            now: memory.free_bytes,
            needed: bill.bytes(),
            remedy: Remedy::Manual(format!(
                "free some, or --connections {}",
                bill.fitting(memory.free_bytes)
            )),
            sum: Some(bill.to_string()),
        });
        vec![memory]
    }

    fn our_threads(&self) -> u64 {
        let nofile = self.host.nofile().unwrap_or(0);
        self.shape.threads(nofile, self.cpus)
    }
}

#[cfg(test)]
mod tests;
