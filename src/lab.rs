//! `teem lab`, and how `teem run` gets into one: the namespace is made, the command runs inside, everything is undone.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use lab::process::is_in_foreground;
use lab::{Host, LAB_VARIABLE, Lab, Ledger, Need, Shape, Transport, needs};
use rustix::process::{Pid, Signal, kill_process};
use scenarios::Scenario;
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind, signal};

use crate::cli::{AimArgs, InhabitArgs, LabArg, LabArgs, RunArgs, TransportArg};
use crate::exit::Outcome;

/// A lab's end that takes longer is told.
const SLOW_END: Duration = Duration::from_secs(1);

/// Runs a command, or a shell, inside a lab.
pub(crate) fn lab(args: &LabArgs) -> Result<Outcome> {
    let command = match args.command.as_slice() {
        [] => vec![std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into())],
        command => command.to_vec(),
    };
    inside(&shape(&args.aim), &command)
}

/// Becomes a command inside a lab; only what went wrong comes back.
pub(crate) fn inhabit(args: &InhabitArgs) -> Result<Outcome> {
    Err(lab::inhabit(args.parent, &args.namespace, &args.command).into())
}

/// Runs this very command line inside a lab, where its target asks for one. `None` where the run is to go on here.
pub(crate) fn enter(args: &RunArgs, scenario: &Scenario) -> Result<Option<Outcome>> {
    if args.dry_run || is_inside() {
        return Ok(None);
    }
    recover()?;
    if args.target.is_some() {
        if args.lab == LabArg::Always {
            bail!("--lab always and --target do not go together: a lab reaches only what is started in it");
        }
        return Ok(None);
    }
    if args.lab == LabArg::Never {
        return Ok(None);
    }
    let connections = scenario.plan()?.connections();
    let shape = Shape::local(connections, args.transport(connections).into(), !args.plain);
    match (needs(&Host::default(), &shape, cpus()), args.lab) {
        (Need::NotNeeded, LabArg::Auto | LabArg::Never) => return Ok(None),
        (Need::Missing(why) | Need::Short(why), LabArg::Auto | LabArg::Never) => {
            let instead = if shape.transport == Transport::Packet && args.transport.is_none() {
                "; clients take kernel sockets instead of packets"
            } else {
                ""
            };
            errln!(
                "note: no lab for {} connections: {why}{instead}",
                shape.connections
            );
            return Ok(None);
        }
        (Need::Short(why), LabArg::Always) => errln!("note: even in the lab {why}"),
        (Need::Missing(_) | Need::NotNeeded, LabArg::Always) | (Need::Use, _) => {}
    }
    again(&shape).map(Some)
}

/// Runs this very command line inside a lab, where both of its ends are its own: packets need one, sockets where the host is short of
/// them. `None` where the command is to go on here.
pub(crate) fn enter_for(connections: u64, transport: TransportArg, plain: bool) -> Result<Option<Outcome>> {
    if is_inside() {
        return Ok(None);
    }
    recover()?;
    let shape = Shape::local(connections, transport.into(), !plain);
    if transport == TransportArg::Kernel {
        match needs(&Host::default(), &shape, cpus()) {
            Need::Use => {}
            Need::NotNeeded => return Ok(None),
            Need::Missing(why) | Need::Short(why) => {
                errln!("note: no lab for {connections} connections: {why}");
                return Ok(None);
            }
        }
    }
    again(&shape).map(Some)
}

/// This very command line, inside a lab.
fn again(shape: &Shape) -> Result<Outcome> {
    let mut command = vec![std::env::current_exe()?.into_os_string()];
    command.extend(std::env::args_os().skip(1));
    inside(shape, &command)
}

/// Puts right what killed labs left, and says so.
pub(crate) fn recover() -> Result<()> {
    // From inside, most of the host's settings cannot even be seen.
    if is_inside() {
        return Ok(());
    }
    if let Some(recovered) = Ledger::default().recover(&Host::default())? {
        errln!("note: {recovered}");
    }
    Ok(())
}

/// What is aimed at, with both ends here.
pub(crate) fn shape(aim: &AimArgs) -> Shape {
    Shape::local(aim.connections, aim.transport().into(), !aim.plain)
}

pub(crate) fn cpus() -> u64 {
    std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64)
}

pub(crate) fn is_inside() -> bool {
    std::env::var_os(LAB_VARIABLE).is_some_and(|mark| !mark.is_empty())
}

/// Makes a lab, runs a command in it to its end, and undoes it.
fn inside(shape: &Shape, command: &[OsString]) -> Result<Outcome> {
    if is_inside() {
        bail!(
            "this is a lab already ({LAB_VARIABLE} is set): leave it first, its namespace has no way to the host's"
        );
    }
    // The child dies with the thread that starts it: that is this one, to the end.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Caught before anything is changed: from here on a signal ends the command, and then the lab.
        let mut signals = Signals::catch()?;
        let lab = Lab::open(&Host::default(), &Ledger::default(), shape, cpus())?;
        if let Some(recovered) = &lab.made().recovered {
            errln!("note: {recovered}");
        }
        errln!("lab: {}", lab.made());
        let mut child = start(&lab, command)?;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status.context("waiting for the command")?,
                caught = signals.next() => pass_on(&child, caught),
            }
        };
        let began = Instant::now();
        let settled = lab.close()?;
        if let Some(left) = settled.left_alone() {
            errln!("note: {left}");
        }
        if began.elapsed() >= SLOW_END {
            errln!(
                "note: removing the lab took {:.1} s",
                began.elapsed().as_secs_f64()
            );
        }
        Ok(Outcome::Theirs(code(status)))
    })
}

fn start(lab: &Lab, command: &[OsString]) -> Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg("inhabit")
        .arg("--parent")
        .arg(std::process::id().to_string())
        .arg("--namespace")
        .arg(lab.namespace())
        .arg("--")
        .args(command)
        .envs(lab.environment())
        .spawn()
        .context("cannot start a process in the lab")
}

/// What a shell would say: the code, or 128 and the signal.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn pass_on(child: &Child, caught: Signal) {
    // A key pressed on the terminal has signalled the child as well; twice would be a demand to hurry.
    if matches!(caught, Signal::INT | Signal::QUIT) && is_in_foreground() {
        return;
    }
    if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(pid as i32)) {
        // It may have ended meanwhile.
        let _ = kill_process(pid, caught);
    }
}

/// Signals that would otherwise end this process before it has cleaned up.
struct Signals {
    interrupt: unix::Signal,
    quit: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
}

impl Signals {
    fn catch() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.quit.recv() => Signal::QUIT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hang_up.recv() => Signal::HUP,
        }
    }
}
