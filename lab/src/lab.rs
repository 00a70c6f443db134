//! A lab: a network namespace sized for a target, and the host's limits raised for as long as it lasts.
//!
//! It does not know what runs inside, and starts nothing: it says with which arguments a process gets in.

use std::ffi::OsString;
use std::fmt;
use std::os::fd::AsRawFd as _;

use crate::error::LabError;
use crate::host::Host;
use crate::ledger::{Ledger, Recovered, Settled, end_members};
use crate::limits::{Limit, Remedy, Scope, limits};
use crate::namespace::{self, Namespace};
use crate::process::Identity;
use crate::shape::Shape;
use crate::{ADDRESS_VARIABLE, LAB_VARIABLE, SERVER_ADDRESS, privilege, sizing};

/// The size of the table of connections in namespaces made from now on: changed for the instant of making ours.
pub(crate) const CHILD_BUCKETS: &str = "net.ipv4.tcp_child_ehash_entries";

/// Bounds the host's tracked connections. A namespace tracks none before it has a rule, and the lab's has none.
pub(crate) const TRACKING: &str = "net.netfilter.nf_conntrack_max";

/// A lab that is open. Dropped, it is closed, and what that meets is not told.
#[derive(Debug)]
pub struct Lab {
    host: Host,
    ledger: Ledger,
    identity: Identity,
    namespace: Option<Namespace>,
    made: Made,
    closed: bool,
}

/// What a lab made.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// Buckets of the table of connections; 0 where the kernel does not say.
    pub buckets: u64,
    /// Settings of the host that were raised: name, former value, value.
    pub raised: Vec<(String, String, String)>,
    /// What was put right first.
    pub recovered: Option<Recovered>,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a network of its own, server address {SERVER_ADDRESS}, {} buckets for connections; ",
            self.buckets
        )?;
        if self.raised.is_empty() {
            return write!(f, "the host's limits suffice");
        }
        write!(f, "raised on the host until it ends:")?;
        for (index, (name, former, value)) in self.raised.iter().enumerate() {
            let former = former.split_whitespace().collect::<Vec<_>>().join(" ");
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma} {name} {former} -> {value}")?;
        }
        Ok(())
    }
}

impl Lab {
    /// Opens a lab for a target.
    ///
    /// # Errors
    /// The privilege is missing, the kernel refuses the namespace or a setting; everything is as it was, then.
    pub fn open(host: &Host, ledger: &Ledger, shape: &Shape, cpus: u64) -> Result<Self, LabError> {
        privilege::check(host, shape, cpus).map_err(LabError::Privilege)?;
        let mut lab = Self {
            host: host.clone(),
            ledger: ledger.clone(),
            identity: Identity::mine(),
            namespace: None,
            made: Made::default(),
            closed: false,
        };
        // From here on, whatever goes wrong, dropping the lab puts it right.
        lab.make(shape, cpus)?;
        Ok(lab)
    }

    fn make(&mut self, shape: &Shape, cpus: u64) -> Result<(), LabError> {
        let Self { host, made, .. } = self;
        let mut held = self.ledger.hold()?;
        made.recovered = held.recover(host)?;
        held.enter(self.identity)?;
        for limit in limits(host, shape, cpus).iter().filter(|limit| is_raised(limit)) {
            let Remedy::Sysctl { name, value, .. } = &limit.remedy else {
                continue;
            };
            let former = held.change(host, name, value)?;
            made.raised.push(((*name).to_owned(), former, value.clone()));
        }
        let wanted = sizing::buckets(shape.sockets());
        let sized = host.number(CHILD_BUCKETS).is_some();
        if sized {
            held.change(host, CHILD_BUCKETS, &wanted.to_string())?;
        }
        let namespace = namespace::make(&sizing::namespace(shape));
        if sized {
            held.put_back(host, CHILD_BUCKETS)?;
        }
        let namespace = namespace?;
        let got = namespace.buckets.unwrap_or(0);
        let fell_short = u64::try_from(got).is_ok_and(|got| got < wanted);
        // A negative number is the host's table, shared: the kernel falls back to it where memory is in pieces.
        if sized && (fell_short || got < 0) {
            return Err(LabError::Hash { wanted, got });
        }
        made.buckets = got.unsigned_abs();
        self.namespace = Some(namespace);
        Ok(())
    }

    /// What was made.
    #[must_use]
    pub fn made(&self) -> &Made {
        &self.made
    }

    /// The namespace as a path that this process's children can open.
    #[must_use]
    pub fn namespace(&self) -> OsString {
        let number = self
            .namespace
            .as_ref()
            .map_or(-1, |space| space.handle.as_raw_fd());
        format!("/proc/{}/fd/{number}", std::process::id()).into()
    }

    /// What a process inside has in its environment.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [
            (LAB_VARIABLE, self.identity.mark()),
            (ADDRESS_VARIABLE, SERVER_ADDRESS.to_string()),
        ]
    }

    /// Ends what still runs inside, lets the namespace go, and puts the host's settings back; tells which.
    ///
    /// # Errors
    /// A setting cannot be put back; it stays on record.
    pub fn close(mut self) -> Result<Settled, LabError> {
        self.clean()
    }

    fn clean(&mut self) -> Result<Settled, LabError> {
        if std::mem::replace(&mut self.closed, true) {
            return Ok(Settled::default());
        }
        end_members(self.identity);
        self.namespace = None;
        self.ledger.hold()?.leave(&self.host, self.identity)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.clean();
    }
}

/// Whether the lab raises this limit on the host.
pub(crate) fn is_raised(limit: &Limit) -> bool {
    limit.is_short()
        && limit.scope == Scope::Host
        && limit.name != TRACKING
        && matches!(limit.remedy, Remedy::Sysctl { .. })
}
