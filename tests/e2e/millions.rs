//! The climb at a small size, as it is made at millions: a lab, TLS, clients on packets, and packets lost on the way.

use record::Verdict;
use record::name::{server, swarm};

use crate::home::Home;
use crate::lab::Turn;
use crate::run_folder::assert_ledger_closes;

/// Twenty thousand connect, talk for a while, and nothing is lost but packets.
const SCENARIO: &str = r#"
name = "gate"
title = "Twenty thousand under TLS over packets"
connections = "20k"
ping_every = "10s"
thresholds = [
    "messages.lost == 0",
    { expr = "messages.duplicated == 0", abort = true },
    "connections.peak >= 0.99 * connections.target",
]
[[population]]
name = "everyone"
share = "100%"
away = "0%"
groups = 0
[[phase]]
kind = "ramp"
duration = "16s"
[[phase]]
kind = "hold"
duration = "8s"
[messages]
rate = "1000/s"
to_away = "0%"
to_groups = "0%"
bytes = "100B"
typing = "0%"
[drain]
settle = "20s"
[server]
durability = "async"
"#;

#[test]
fn twenty_thousand_under_tls_over_lossy_packets_lose_nothing() {
    let Some(turn) = Turn::take() else { return };
    let home = Home::new();
    let file = home.write("gate.toml", SCENARIO);
    let file = file.to_string_lossy();
    let over = ["--transport", "packet", "--loss", "1%", "--lab", "always"];
    let (done, run) = home.run("out", &[&[file.as_ref()], &over[..]].concat());
    done.code(0);
    let summary = run.summary();
    assert_eq!(summary.verdict, Verdict::Pass);
    assert!(summary.connections.peak >= 19_800, "{:?}", summary.connections);
    assert!(run.counter(swarm::TLS_HANDSHAKES) >= 20_000);
    assert_eq!(run.counter(swarm::TLS_RESUMED), 0);
    // One packet in a hundred was lost by the faults' own count, and TCP mended what that tore.
    let packets = run.counter(swarm::PACKETS_IN) + run.counter(swarm::PACKETS_OUT);
    let lost = run.counter(swarm::PACKETS_LOST_ON_PURPOSE);
    assert!(
        (packets / 200..packets / 50).contains(&lost),
        "{lost} of {packets}"
    );
    assert!(run.counter(swarm::RETRANSMITS) > 0, "nothing was sent again");
    // A slot each at the server, at least.
    let tls_bytes = run.last_sample().gauges[&format!("{}tls_bytes", server::MEMORY)];
    assert!(tls_bytes >= 96.0 * 20_000.0, "{tls_bytes}");
    assert_ledger_closes(&summary.messages);
    // Both ends count the same, to the last copy.
    assert_eq!(summary.messages.server_accepted, Some(summary.messages.accepted));
    assert_eq!(
        summary.messages.server_acknowledged,
        Some(summary.messages.delivered)
    );
    turn.assert_undone();
}
