//! Expressions that are thresholds and are judged, and those that are none.

use proptest::prelude::*;

use super::*;
use crate::{
    Connections, HostFacts, Lag, Latencies, Messages, Percentiles, SUMMARY_SCHEMA, ServerCost, SwarmCost,
    Verdict,
};

fn summary() -> Summary {
    Summary {
        schema: SUMMARY_SCHEMA.into(),
        scenario: "football".into(),
        seed: 1,
        verdict: Verdict::Pass,
        invalid_because: Vec::new(),
        interrupted: false,
        duration_s: 120.0,
        teardown_s: None,
        thresholds: Vec::new(),
        connections: Connections {
            target: 200_000,
            peak: 199_000,
            failed: 0,
            per_second_peak: 12_000,
        },
        messages: Messages {
            sent: 1_000,
            accepted: 1_000,
            delivered: 800,
            queued: 200,
            ..Messages::default()
        },
        latency_ms: Latencies {
            delivery: Percentiles {
                p50: 2.0,
                p90: 8.0,
                p99: 240.0,
                p999: 300.0,
                max: 400.0,
                count: 800,
            },
            ..Latencies::default()
        },
        schedule_lag_ms: Lag {
            p50: 0.1,
            p99: 3.0,
            max: 20.0,
            late: 0,
            unsent: 4,
        },
        server: ServerCost {
            rss_bytes_peak: 90 << 20,
            bytes_per_connection_user: 190.0,
            bytes_per_connection_kernel: 7_700.0,
            bytes_per_connection_user_marginal: 150.0,
            bytes_per_connection_kernel_marginal: 7_650.0,
            cpu_seconds: 61.5,
            queue_peak: 512,
        },
        swarm: SwarmCost::default(),
        handshakes: None,
        failures: Default::default(),
        misfits: Default::default(),
        steps: Vec::new(),
        storm: None,
        replay: None,
        host: HostFacts::default(),
    }
}

fn judged(expr: &str) -> (Option<f64>, bool) {
    let result = expr.parse::<Threshold>().unwrap().judge(&summary());
    assert_eq!(result.expr, expr);
    (result.value, result.pass)
}

fn refused(expr: &str) -> (usize, String) {
    let error = expr.parse::<Threshold>().unwrap_err();
    (error.column(), error.to_string())
}

#[test]
fn figures_are_judged_in_the_expressions_unit() {
    assert_eq!(judged("delivery.p99 < 250ms"), (Some(240.0), true));
    assert_eq!(judged("delivery.p99 < 0.2 s"), (Some(0.24), false));
    assert_eq!(judged("delivery.p99 < 240000us"), (Some(240_000.0), false));
    assert_eq!(judged("messages.lost == 0"), (Some(0.0), true));
    assert_eq!(judged("messages.lost != 0"), (Some(0.0), false));
    assert_eq!(judged("connections.peak >= 200k"), (Some(199.0), false));
    assert_eq!(judged("connections.peak>=0.1M"), (Some(0.199), true));
    assert_eq!(judged("connections.peak >= 100_000"), (Some(199_000.0), true));
    assert_eq!(judged("server.rss_bytes_peak <= 90MiB"), (Some(90.0), true));
    assert_eq!(
        judged("server.rss_bytes_peak < 0.09GB"),
        (Some(0.094_371_84), false)
    );
    assert_eq!(
        judged("server.bytes_per_connection_user <= 200"),
        (Some(190.0), true)
    );
    assert_eq!(judged("server.cpu_seconds < 60"), (Some(61.5), false));
    assert_eq!(judged("schedule_lag.max < 1s"), (Some(0.02), true));
    assert_eq!(judged("schedule_lag.max > 0"), (Some(20.0), true));
}

#[test]
fn a_figure_may_be_compared_with_a_share_of_another() {
    assert_eq!(
        judged("connections.peak >= 0.99 * connections.target"),
        (Some(199_000.0), true)
    );
    assert_eq!(
        judged("messages.queued <= 15% * messages.sent"),
        (Some(200.0), false)
    );
    assert_eq!(judged("delivery.p99 < 200 * delivery.p50"), (Some(240.0), true));
    let threshold: Threshold = "messages.queued <= 15% * messages.sent".parse().unwrap();
    assert_eq!(threshold.path(), "messages.queued");
    assert_eq!(threshold.other_path(), Some("messages.sent"));
}

#[test]
fn what_was_not_measured_fails_without_a_value() {
    assert_eq!(judged("login.p99 < 1s"), (None, false));
    assert_eq!(judged("login.count == 0"), (Some(0.0), true));
    assert_eq!(judged("swarm.rss_bytes_peak < 1GB"), (None, false));
    assert_eq!(judged("messages.server_queued == 0"), (None, false));
    assert_eq!(judged("storm.failures == 0"), (None, false));
    assert_eq!(judged("delivery.p99 < 2 * login.p99"), (Some(240.0), false));
}

#[test]
fn a_mistake_is_told_with_its_column_and_the_nearest_name() {
    let cases = [
        (
            "delivry.p99 < 250ms",
            1,
            "no figure is named `delivry.p99`; the nearest is `delivery.p99`",
        ),
        (
            "connections.peak >= 1 * conections.target",
            25,
            "the nearest is `connections.target`",
        ),
        ("delivery.p98 < 1s", 1, "the nearest is `delivery.p9"),
        ("delivery.p99 = 1s", 14, "expected one of < <= > >= == !="),
        ("delivery.p99 < fast", 16, "expected a number"),
        ("delivery.p99 < 1.2.3ms", 16, "expected a number"),
        ("delivery.p99 < 250", 16, "write its unit: us, ms or s"),
        (
            "delivery.p99 < 250msec",
            19,
            "no unit is named `msec`; expected us, ms or s",
        ),
        ("delivery.p99 < 250MB", 19, "expected us, ms or s"),
        ("messages.lost < 1%", 18, "a share needs something to be of"),
        (
            "messages.lost < 1ms * messages.sent",
            18,
            "expected a plain number",
        ),
        ("messages.lost < 2 * delivery.p50", 21, "is a time"),
        ("messages.lost == 0 k !", 22, "expected the end"),
        ("", 1, "expected a figure"),
    ];
    for (expr, column, what) in cases {
        let (at, message) = refused(expr);
        assert!(
            at == column && message.contains(what),
            "{expr}: column {at}: {message}"
        );
    }
}

#[test]
fn every_figure_parses_by_its_own_name() {
    for name in Threshold::figures() {
        let threshold: Threshold = format!("{name} >= 0").parse().unwrap();
        assert_eq!(threshold.path(), name);
    }
    for name in [
        "upload.count",
        "swarm.bytes_per_connection",
        "messages.misordered",
        "schedule_lag.unsent",
    ] {
        assert!(Threshold::figures().any(|figure| figure == name), "{name}");
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_spaces_do_not_matter(text in "[a-z.<>=!0-9 %*k_é]{0,40}", space in " {0,3}") {
        let _ = text.parse::<Threshold>();
        let spaced = format!("{space}delivery.p99{space}<{space}250{space}ms{space}");
        let tight: Threshold = "delivery.p99<250ms".parse().unwrap();
        let spaced: Threshold = spaced.parse().unwrap();
        prop_assert_eq!(spaced.judge(&summary()).pass, tight.judge(&summary()).pass);
    }

    #[test]
    fn a_relation_and_its_opposite_never_agree(limit in 0u32..2_000, pair in prop::sample::select(vec![("<", ">="), (">", "<="), ("==", "!=")])) {
        let pass = |op: &str| judged(&format!("messages.delivered {op} {limit}")).1;
        prop_assert!(pass(pair.0) != pass(pair.1));
    }
}
