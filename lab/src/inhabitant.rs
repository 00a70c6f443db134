//! A process on its way into a lab: it dies with its parent, enters the namespace, and becomes the command.
//!
//! It knows nothing of how the lab was made. A process of its own does this, before the command, because between
//! `fork` and `exec` nothing of it could be done without unsafe code.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::LabError;

/// Becomes a command inside the namespace. Returns only what went wrong.
#[must_use]
pub fn inhabit(parent: u32, namespace: &Path, command: &[OsString]) -> LabError {
    let step = |step: &'static str| move |source| LabError::Network { step, source };
    let entered = || {
        set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| step("watching the lab")(error.into()))?;
        // It may have ended before it was watched.
        if getppid().is_none_or(|now| now.as_raw_nonzero().get() as u32 != parent) {
            return Err(step("watching the lab")(io::Error::other("it has ended")));
        }
        let handle = File::open(namespace).map_err(step("entering the namespace"))?;
        move_into_link_name_space(handle.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|error| step("entering the namespace")(error.into()))
    };
    if let Err(error) = entered() {
        return error;
    }
    let Some((program, arguments)) = command.split_first() else {
        return step("starting a command")(io::Error::other("there is none"));
    };
    LabError::Command {
        command: program.to_string_lossy().into_owned(),
        source: Command::new(program).args(arguments).exec(),
    }
}
