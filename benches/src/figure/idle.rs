//! Memory a connection, of the server and of the swarm, and the CPU time of an idle server: one quiet run of `teem`.

use record::name::{process, swarm};

use super::progress;
use crate::outcome::{Outcome, Verdict};
use crate::reference::{Settings, run, stretch};
use crate::subject::{Bench, Subject};
use crate::table::count;

const SCENARIO: &str = include_str!("../../scenarios/quiet.toml");
/// Instants of that scenario, seconds: shortly before the first hold's end, and the last minute of the second hold.
const FEW_AT_S: f64 = 23.0;
const IDLE_FROM_S: f64 = 73.0;
const IDLE_TO_S: f64 = 133.0;

/// The name of the figure that the swarm's comparison takes up.
pub(crate) const SWARM_BYTES: &str = "swarm_bytes_per_connection";
/// What must be reached, and with how many connections.
const TARGET_CONNECTIONS: f64 = 200_000.0;
const SERVER_BYTES_MAX: f64 = 200.0;
const SWARM_BYTES_MAX: f64 = 300.0;
const IDLE_SHARE_MAX: f64 = 0.01;

/// How the quiet run is made.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections in the end; memory is compared with a quarter of them.
    #[arg(long, default_value_t = 200_000)]
    pub(crate) connections: u64,
}

/// Measures, prints and judges.
///
/// # Errors
/// The run failed.
pub(crate) fn measure(bench: &Bench, options: &Options, outcome: &mut Outcome) -> anyhow::Result<()> {
    if let Err(error) = Subject::parse("teem-commit-tick")
        .and_then(|teem| teem.installed(bench).map_err(|error| error.to_string()))
    {
        outcome
            .notes
            .push(format!("memory and idling were left out: {error}"));
        return Ok(());
    }
    progress(&format!(
        "memory and idling: {} quiet connections, two and a half minutes",
        count(options.connections as f64)
    ));
    let run = run(
        bench,
        "quiet",
        SCENARIO,
        Settings {
            connections: Some(options.connections),
            ..Settings::default()
        },
        &mut outcome.notes,
    )?;
    let climb = stretch(&run, FEW_AT_S, IDLE_TO_S)?;
    let idle = stretch(&run, IDLE_FROM_S, IDLE_TO_S)?;
    let connections = climb.changed(swarm::ONLINE);
    let of = |process_name: &str| climb.changed(&process::rss_anon_bytes(process_name)) / connections;
    let (server, swarm_bytes) = (of("server"), of("swarm"));
    let idle_share = idle.counted(&process::cpu_us("server")) / (idle.seconds() * 1e6);
    let swarm_share = idle.counted(&process::cpu_us("swarm")) / (idle.seconds() * 1e6);
    let online = idle.last(swarm::ONLINE);
    println!(
        "\nOne quiet run of `teem` (benches/scenarios/quiet.toml): RssAnon growth over {} more connections, and the \
         last minute of {}, pinging every ten.\n",
        count(connections),
        count(online),
    );
    println!(
        "server  {server:.0} B a connection, {:.2}% of a core idle",
        idle_share * 100.0
    );
    println!(
        "swarm   {swarm_bytes:.0} B a connection, {:.2}% of a core idle\n",
        swarm_share * 100.0
    );
    outcome.figure("server_bytes_per_connection", server, "B");
    outcome.figure(SWARM_BYTES, swarm_bytes, "B");
    outcome.figure("idle_server_share_of_a_core", idle_share, "");
    outcome.figure("idle_swarm_share_of_a_core", swarm_share, "");
    outcome.figure("idle_connections", online, "connections");
    // Fewer than asked say nothing about the target.
    let reached = |holds: bool| (online >= 0.99 * TARGET_CONNECTIONS).then_some(holds);
    let mut verdict = |figure: &str, target: String, measured: String, holds: bool| {
        outcome.verdicts.push(Verdict {
            figure: figure.to_owned(),
            target,
            measured,
            ratio: None,
            reached: reached(holds),
        });
    };
    verdict(
        "server memory an idle connection",
        format!("at most {SERVER_BYTES_MAX} B"),
        format!("{server:.0} B"),
        server <= SERVER_BYTES_MAX,
    );
    verdict(
        "swarm memory an idle connection",
        format!("at most {SWARM_BYTES_MAX} B"),
        format!("{swarm_bytes:.0} B"),
        swarm_bytes <= SWARM_BYTES_MAX,
    );
    verdict(
        &format!("idle server, {} connections", count(online)),
        format!("under {:.0}% of a core", IDLE_SHARE_MAX * 100.0),
        format!("{:.2}%", idle_share * 100.0),
        idle_share < IDLE_SHARE_MAX,
    );
    Ok(())
}
