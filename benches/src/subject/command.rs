//! The command lines that start the subjects, and what each needs in its folder.

use std::fs;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::{BASE, SECRET, SECRET_FILE};
use crate::child::{free_address, program};

const MOSQUITTO: &str = include_str!("../../../deploy/bench-peers/mosquitto.conf");
const EJABBERD: &str = include_str!("../../../deploy/bench-peers/ejabberd.yml");
/// More accounts than connections, so that log-ins of one number do not meet; a derived key takes no memory.
const ACCOUNTS: u64 = 10_000_000;
/// Turns second ticks off.
const NO_TICKS: [&str; 2] = ["--second-ticks", "off"];

/// This program as a floor.
pub(super) fn floor_command(address: SocketAddrV4, ticks: bool) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["floor", "--listen", &address.to_string()]);
    if ticks {
        command.arg("--tick");
    }
    Ok(command)
}

/// Whether a build of the reference server can be measured so.
///
/// # Errors
/// It is not there, or cannot turn second ticks off.
pub(super) fn teem_can(binary: &Path, ticks: bool) -> anyhow::Result<()> {
    if !binary.is_file() {
        bail!(
            "{} is not built: cargo build --release --bin teem",
            binary.display()
        );
    }
    if ticks {
        return Ok(());
    }
    // The arguments are parsed before help is printed, so that an unknown one fails.
    let asked = Command::new(binary)
        .args(["serve", NO_TICKS[0], NO_TICKS[1], "--help"])
        .output()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    if !asked.status.success() {
        bail!("`teem serve` has no `{}`", NO_TICKS.join(" "));
    }
    Ok(())
}

/// The reference server.
pub(super) fn teem_command(
    binary: &Path,
    folder: &Path,
    address: SocketAddrV4,
    connections: u64,
    durability: &str,
    ticks: bool,
) -> anyhow::Result<Command> {
    let secret = folder.join(SECRET_FILE);
    let digits: String = SECRET.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(&secret, digits)?;
    let mut command = Command::new(binary);
    command
        .arg("serve")
        .args(["--listen", &address.to_string()])
        .args(["--http", &free_address()?.to_string()])
        .args(["--admin", &free_address()?.to_string()])
        .args(["--durability", durability])
        .args(["--connections", &connections.to_string()])
        .args(["--provisioned", &ACCOUNTS.to_string()])
        .args(["--provisioned-base", &BASE.to_string()])
        .arg("--secret-file")
        .arg(secret)
        .arg("--data")
        .arg(folder.join("data"))
        .args(["--plain", "--die-with-parent"])
        .env("TEEM_LOG", "warn");
    if !ticks {
        command.args(NO_TICKS);
    }
    Ok(command)
}

/// mosquitto.
pub(super) fn mosquitto_command(folder: &Path, address: SocketAddrV4) -> anyhow::Result<Command> {
    let config = folder.join("mosquitto.conf");
    fs::write(&config, MOSQUITTO.replace("@PORT@", &address.port().to_string()))?;
    let mut command = Command::new(program("mosquitto", "mosquitto")?);
    command.arg("-c").arg(config);
    Ok(command)
}

/// The Erlang machine by itself: the package's control script would change user and start a name server.
pub(super) fn ejabberd_command(
    folder: &Path,
    address: SocketAddrV4,
    connections: u64,
) -> anyhow::Result<Command> {
    program("ejabberdctl", "ejabberd")?;
    let config = folder.join("ejabberd.yml");
    fs::write(&config, EJABBERD.replace("@PORT@", &address.port().to_string()))?;
    let spool = folder.join("spool");
    fs::create_dir(&spool)?;
    let ports = connections + 4096;
    let mut command = Command::new(program("erl", "ejabberd")?);
    command
        .args([
            "-noinput",
            "+K",
            "true",
            "+P",
            "1000000",
            "+Q",
            &ports.to_string(),
        ])
        // Schedulers that spin while idle would be charged for it.
        .args(["+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"])
        .args([
            "-mnesia",
            "dir",
            &format!("\"{}\"", spool.display()),
            "-s",
            "ejabberd",
        ])
        .env("ERL_LIBS", erlang_libraries())
        .env("ERL_CRASH_DUMP", folder.join("crash"))
        .env("ERL_MAX_PORTS", ports.to_string())
        .env("EJABBERD_CONFIG_PATH", &config)
        .env("EJABBERD_LOG_PATH", folder.join("ejabberd.log"))
        .current_dir(folder);
    Ok(command)
}

/// Where Debian keeps Erlang's applications: the machine's library folder.
pub(super) fn erlang_libraries() -> PathBuf {
    let triplet = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    PathBuf::from(triplet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_configurations_have_their_place_for_the_port() {
        assert_eq!(MOSQUITTO.matches("listener @PORT@ 127.0.0.1").count(), 1);
        assert_eq!(EJABBERD.matches("port: @PORT@").count(), 1);
    }
}
