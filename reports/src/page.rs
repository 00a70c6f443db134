//! `report.html`: the whole run on one page that opens offline.
//!
//! It knows the page's parts; the words are the view's and the pictures the plots'.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use record::{Event, EventKind, Run, Summary};

use crate::plots::{LeftOut, Picture, Plots, Why};
use crate::quantity::{Unit, clock, date, grouped, short};
use crate::view::View;
use crate::{Error, face, theme};

/// A timeline longer than this is cut, and says so: the rest is in `events.jsonl`.
const TIMELINE_ROWS: usize = 400;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    run: &'a Run,
    view: View,
    started: String,
    command: String,
    figures: Vec<Figure<'a>>,
    not_measured: Vec<&'static str>,
    zero_throughout: Vec<&'static str>,
    timeline: Vec<Moment<'a>>,
    unlisted: usize,
    storm: Option<StormTable>,
    host_memory: String,
    limits: Vec<(&'static str, String)>,
    font: String,
    dark_rules: String,
}

struct Figure<'a> {
    id: &'static str,
    caption: &'static str,
    svg: &'a str,
}

struct Moment<'a> {
    at: String,
    kind: &'static str,
    name: &'a str,
    detail: &'a str,
}

struct StormTable {
    requests: String,
    failures: String,
    registrations: String,
    cells: [String; 6],
}

pub(crate) fn html(
    run: &Run,
    summary: &Summary,
    plots: &Plots,
    pictures: &[Picture],
) -> Result<String, Error> {
    let events = timeline(run);
    let page = Page {
        run,
        view: View::of(run, summary),
        started: date(run.manifest.started_unix_ms),
        command: run.manifest.command.join(" "),
        figures: plots
            .drawn
            .iter()
            .zip(pictures)
            .map(|(plot, picture)| Figure {
                id: plot.id,
                caption: plot.caption,
                svg: &picture.svg,
            })
            .collect(),
        not_measured: left_out(&plots.left_out, Why::NotMeasured),
        zero_throughout: left_out(&plots.left_out, Why::ZeroThroughout),
        unlisted: events.len().saturating_sub(TIMELINE_ROWS),
        timeline: events.into_iter().take(TIMELINE_ROWS).map(Moment::of).collect(),
        storm: summary.storm.as_ref().map(|storm| StormTable {
            requests: grouped(storm.requests),
            failures: grouped(storm.failures),
            registrations: grouped(storm.registrations),
            cells: crate::view::cells(&storm.response_ms),
        }),
        host_memory: short(run.manifest.host.memory_bytes as f64, Unit::Bytes),
        limits: limits(run),
        font: STANDARD.encode(face::BYTES),
        dark_rules: theme::dark_rules("figure svg"),
    };
    page.render().map_err(|source| Error::Page {
        page: "report.html",
        source,
    })
}

fn left_out(plots: &[LeftOut], why: Why) -> Vec<&'static str> {
    plots
        .iter()
        .filter(|plot| plot.why == why)
        .map(|plot| plot.title)
        .collect()
}

/// What happened; what was planned where no phase or shock was recorded.
fn timeline(run: &Run) -> Vec<&Event> {
    let planned = |event: &&Event| matches!(event.kind, EventKind::Phase | EventKind::Shock);
    let mut events: Vec<&Event> = run.events.iter().collect();
    if !events.iter().any(planned) {
        events.extend(&run.plan.marks);
    }
    events.sort_by_key(|event| event.t_ms);
    events
}

impl<'a> Moment<'a> {
    fn of(event: &'a Event) -> Self {
        let kind = match event.kind {
            EventKind::Phase => "phase",
            EventKind::Shock => "shock",
            EventKind::Knob => "knob",
            EventKind::Fault => "fault",
            EventKind::Invalid => "invalid",
            EventKind::Interrupted => "interrupted",
            EventKind::Note => "note",
        };
        Self {
            at: clock(event.t_ms as f64 / 1_000.0),
            kind,
            name: &event.name,
            detail: &event.detail,
        }
    }
}

fn limits(run: &Run) -> Vec<(&'static str, String)> {
    let limits = &run.manifest.limits;
    let known = [
        ("RLIMIT_NOFILE, hard", limits.nofile),
        ("ports in ip_local_port_range", limits.ephemeral_ports),
        ("net.core.somaxconn", limits.somaxconn),
        ("fs.file-max", limits.file_max),
    ];
    // Some kernels say "no limit" with the largest number there is.
    let written = |value: u64| {
        if value >= 1 << 62 {
            "none".to_owned()
        } else {
            grouped(value)
        }
    };
    known
        .into_iter()
        .filter(|(_, value)| *value > 0)
        .map(|(name, value)| (name, written(value)))
        .collect()
}
