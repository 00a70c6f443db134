//! A network namespace: made on a thread of its own, furnished there, and held by a descriptor.
//!
//! It has no name in the file system: it vanishes with its last process and its last descriptor, however they end. It
//! does not know what its settings are for.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::error::LabError;
use crate::host::Host;
use crate::{SERVER_ADDRESS, netlink};

/// A new namespace, and what its table of connections has.
#[derive(Debug)]
pub(crate) struct Namespace {
    /// Holds it.
    pub(crate) handle: File,
    /// `tcp_ehash_entries`; negative where it shares the host's table, absent where the kernel does not say.
    pub(crate) buckets: Option<i64>,
}

/// Makes one with `lo` up, the server's address on it, and these settings.
///
/// # Errors
/// The kernel refuses the namespace, its network or a setting. Settings that this kernel lacks are skipped.
pub(crate) fn make(settings: &[(&'static str, String)]) -> Result<Namespace, LabError> {
    // A thread enters the namespace it makes, for good: this one must not.
    std::thread::scope(|scope| {
        let maker = std::thread::Builder::new()
            .name("namespace".to_owned())
            .spawn_scoped(scope, || furnish(settings))
            .map_err(LabError::Namespace)?;
        maker
            .join()
            .unwrap_or_else(|_| Err(LabError::Namespace(io::Error::other("its thread ended"))))
    })
}

fn furnish(settings: &[(&'static str, String)]) -> Result<Namespace, LabError> {
    // SAFETY: only the network namespace is parted from; no descriptor changes its meaning.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.map_err(|error| LabError::Namespace(error.into()))?;
    let step = |step| move |source| LabError::Network { step, source };
    netlink::request(&netlink::up(netlink::LOOPBACK)).map_err(step("bringing lo up"))?;
    netlink::request(&netlink::address(netlink::LOOPBACK, SERVER_ADDRESS))
        .map_err(step("giving lo the server's address"))?;
    // /proc/sys/net is that of the thread that looks.
    let host = Host::default();
    for (name, value) in settings {
        match host.set_sysctl(name, value) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(LabError::Sysctl {
                    name: (*name).to_owned(),
                    value: value.clone(),
                    source,
                });
            }
            _ => {}
        }
    }
    let buckets = host
        .sysctl("net.ipv4.tcp_ehash_entries")
        .ok()
        .and_then(|text| text.parse().ok());
    let handle = File::open("/proc/thread-self/ns/net").map_err(step("holding the namespace"))?;
    Ok(Namespace { handle, buckets })
}
