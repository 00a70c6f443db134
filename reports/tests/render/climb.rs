//! Climbs: what stands in the report of each step, and what makes one invalid.

use std::path::Path;

use record::{Event, EventKind, Run, Verdict};

use crate::synthetic::Invention;
use crate::{rendered, text};

/// Four steps of a minute and a half each; the last one's backlog is too short.
fn climb() -> Invention {
    Invention {
        name: "climb",
        seconds: 160,
        connections: 2_800_000,
        storm: false,
        climb: &[200_000, 425_000, 1_000_000, 2_800_000],
        ..Invention::default()
    }
}

#[test]
fn a_climb_is_told_step_by_step_beside_the_old_one() {
    let (folder, summary) = rendered(&climb());
    assert_eq!(summary.steps.len(), 4);
    assert!(summary.steps.iter().all(|step| step.held), "{summary:#?}");
    assert_eq!(summary.steps[3].by_kernel, Some(2_800_001));
    assert!(
        reports::climbed(&summary)
            .unwrap()
            .contains("net.core.somaxconn is 65,535")
    );
    // What ran out while they connected is apart from the hold's, and each step stands beside the old climb's top.
    let resources = |limits: &[record::Limit]| -> Vec<String> {
        limits.iter().map(|limit| limit.resource.clone()).collect()
    };
    assert_eq!(resources(&summary.steps[3].limits), ["backlog"]);
    assert!(summary.steps[0].limits_ramp.iter().all(|limit| !limit.ran_out));
    insta::assert_snapshot!("climb.md", text(&folder, "summary.md"));
    insta::assert_json_snapshot!("climb_steps", summary.steps);
    let schema = serde_json::from_str(record::schema::SUMMARY).unwrap();
    let written: serde_json::Value = serde_json::from_str(&text(&folder, "summary.json")).unwrap();
    jsonschema::validate(&schema, &written).unwrap();
    let page = text(&folder, "report.html");
    assert!(page.contains("<h2>The climb</h2>") && page.contains("top, 2.8M"));
    for (plot, mark) in [
        ("connections", "the old climb's top, 2.8M"),
        ("messages", "the old climb's on 2 CPUs, 16.7k/s"),
        ("cpu", "the old climb's at its top, 85 %"),
        (
            "bytes-a-connection",
            "the old climb's at its top, all of its host, 35.7 kB",
        ),
        ("network", "the old climb's on 2 CPUs, 47.6k/s"),
    ] {
        let plot = text(&folder, &format!("plots/{plot}.svg"))
            .replace("&#39;", "'")
            .replace("&apos;", "'");
        assert!(plot.contains(mark), "{mark}");
    }
}

#[test]
fn a_climb_that_was_ended_before_a_step_that_will_not_fit_names_memory() {
    let (folder, _) = rendered(&Invention {
        name: "climb-foreseen",
        interrupted_at_s: Some(80),
        ..climb()
    });
    let mut run = Run::read(&folder).unwrap();
    let detail = "2.8M connections will not fit.".to_owned();
    let name = record::FORESEEN.to_owned();
    run.events.push(Event {
        t_ms: 80_000,
        kind: EventKind::Interrupted,
        name,
        detail,
    });
    let summary = reports::summarise(&run);
    assert_eq!(summary.steps.len(), 2);
    assert_eq!(summary.steps[1].limits[0].resource, "memory");
}

/// Why a climb is invalid in whose every step a gauge of the kernel's shows so many more.
fn swollen(folder: &Path, gauge: &str, by: f64) -> Vec<String> {
    let mut run = Run::read(folder).unwrap();
    for sample in run.samples.iter_mut().skip(1) {
        *sample.gauges.get_mut(gauge).unwrap() += by;
    }
    let summary = reports::summarise(&run);
    assert_eq!(summary.verdict, Verdict::Invalid);
    let why = summary.invalid_because;
    assert_eq!(why.len(), 4, "{why:?}");
    why
}

/// `sockstat` and the slab are counted by different hands: one alone that is apart is told.
#[test]
fn a_slab_that_holds_other_objects_makes_a_climb_invalid() {
    let (folder, summary) = rendered(&Invention {
        name: "climb-slab",
        ..climb()
    });
    assert_eq!(summary.steps[0].by_slab, Some(200_009));
    assert!(
        summary.steps[0].disagreement.unwrap() < 1e-4,
        "what CPUs keep at hand is none"
    );
    let why = swollen(&folder, "host.tcp_slab_objects", 6_200.0);
    assert!(
        why[3].contains("2,800,001 by the kernel's sockets, 2,803,109 by their slab"),
        "{why:?}"
    );
}

#[test]
fn a_kernel_that_counts_other_sockets_makes_a_climb_invalid() {
    let (folder, _) = rendered(&Invention {
        name: "climb-apart",
        ..climb()
    });
    let why = swollen(&folder, "host.tcp_in_use", 5_700.0);
    assert!(
        why[3].contains("0.10 %") && why[3].contains("2,802,851 by the kernel"),
        "{why:?}"
    );
}
