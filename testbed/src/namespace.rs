//! A network namespace of a test's own.
//!
//! It does not know what happens in it. It ends with the last thread that is in it.

use std::net::Ipv4Addr;
use std::path::Path;

use reactor::Interfaces;
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Runs a body on a thread in a network namespace of its own, where the loopback is up and has `server` as an address; threads that
/// the body starts are in it, too. Where none can be made, the test is skipped.
///
/// # Panics
/// The body does, or the namespace cannot be set up.
pub fn in_a_namespace(server: Ipv4Addr, body: impl FnOnce() + Send + 'static) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    // Of the test's name, by which a skip is told.
    let thread = std::thread::Builder::new().name(name).spawn(move || {
        // SAFETY: only the network namespace is left, which no owner of a descriptor cares for.
        #[allow(unsafe_code)]
        let left = unsafe { unshare_unsafe(UnshareFlags::NEWNET) };
        if left.is_err() || !Path::new("/dev/net/tun").exists() {
            return super::skipped(
                "a network namespace with a TUN device needs CAP_SYS_ADMIN and /dev/net/tun",
            );
        }
        let set_up = || {
            let interfaces = Interfaces::here()?;
            interfaces.up("lo")?;
            interfaces.set_address("lo:1", server)
        };
        match set_up() {
            Ok(()) => body(),
            Err(error) => panic!("the namespace cannot be set up: {error}"),
        }
    });
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => panic!("no thread: {error}"),
    }
}
