//! Connections, messages and log-ins against the plan.

use record::{Run, name};

use super::reference::{Level, by_cpus, mark, noted};
use super::{ALONE, FIRST, OTHER};
use crate::chart::{Line, Panel, Plot, Scale, X};
use crate::climb::old;
use crate::quantity::Unit;
use crate::series::{end_s, gauge, highest, planned, rate};
use crate::theme::Ink;

pub(super) fn connections(run: &Run) -> Plot {
    let end = end_s(run);
    let server = Line::broad("seen by the server", 0, gauge(run, name::server::ONLINE));
    let clients = Line::solid(
        "seen by the clients",
        Ink::Series(1),
        gauge(run, name::swarm::ONLINE),
    );
    let panel = Panel::new("", Unit::Count, Scale::Linear, ALONE)
        .with(server)
        .with(clients)
        .with(Line::plan("planned", planned(&run.plan.connections, end)));
    let highest = run.plan.connections.iter().copied().max().unwrap_or(0) as f64;
    let top = Level::new("the old climb's top", old::CONNECTIONS, Unit::Count);
    let (panel, above) = mark(run, panel, (0.0, end), highest, [top]);
    let plot = Plot {
        id: "connections",
        title: "Connections",
        caption: "Clients and server should agree on who is logged in, and both should follow the plan: a gap below \
                  the dashes is load that never arrived.",
        x: X::Time(end),
        panels: vec![panel],
        notes: Vec::new(),
    };
    noted(plot, &above)
}

pub(super) fn messages(run: &Run) -> Plot {
    let end = end_s(run);
    let flow = Panel::new("", Unit::PerSecond, Scale::Linear, FIRST)
        .with(Line::solid(
            "in: sent by clients",
            Ink::Series(1),
            rate(run, name::swarm::COPIES_SENT),
        ))
        .with(Line::solid(
            "out: delivered to clients",
            Ink::Series(0),
            rate(run, name::swarm::COPIES_DELIVERED),
        ))
        .with(Line::plan("planned", planned(&run.plan.copies, end)));
    let (flow, above) = mark(
        run,
        flow,
        (0.0, end),
        highest(&rate(run, name::swarm::COPIES_DELIVERED)),
        by_cpus(run, old::MESSAGES, Unit::PerSecond),
    );
    let astray = Panel::new("Refused or come again", Unit::PerSecond, Scale::Linear, OTHER)
        .with(Line::solid(
            "refused",
            Ink::Series(5),
            rate(run, name::swarm::COPIES_REFUSED),
        ))
        .with(Line::solid(
            "redelivered after a cut",
            Ink::Series(2),
            rate(run, name::swarm::COPIES_REDELIVERED),
        ))
        .with(Line::solid(
            "duplicated",
            Ink::Alarm,
            rate(run, name::swarm::COPIES_DUPLICATED),
        ));
    let plot = Plot {
        id: "messages",
        title: "Message copies a second",
        caption: "What goes in should lie on the plan; what comes out lies below it by the share sent to people who \
                  are away, and rises above it when they return.",
        x: X::Time(end),
        panels: vec![flow, astray],
        notes: Vec::new(),
    };
    noted(plot, &above)
}

pub(super) fn logins(run: &Run) -> Plot {
    let flow = Panel::new("", Unit::PerSecond, Scale::Linear, FIRST)
        .with(Line::broad("TCP connects", 2, rate(run, name::swarm::CONNECTED)))
        .with(Line::solid(
            "log-ins",
            Ink::Series(0),
            rate(run, name::swarm::LOGINS),
        ));
    let trouble = Panel::new("Cuts and failures", Unit::PerSecond, Scale::Linear, OTHER)
        .with(Line::solid("cuts", Ink::Series(1), rate(run, name::swarm::CUTS)))
        .with(Line::solid(
            "connects failed",
            Ink::Series(5),
            rate(run, name::swarm::CONNECT_FAILURES),
        ))
        .with(Line::solid(
            "log-ins failed",
            Ink::Series(3),
            rate(run, name::swarm::LOGIN_FAILURES),
        ));
    let accounts = Panel::new("Registrations and uploads", Unit::PerSecond, Scale::Linear, OTHER)
        .with(Line::solid(
            "registrations",
            Ink::Series(0),
            rate(run, name::swarm::REGISTRATIONS),
        ))
        .with(Line::solid(
            "media uploads",
            Ink::Series(1),
            rate(run, name::swarm::UPLOADS),
        ));
    Plot {
        id: "logins",
        title: "Log-ins a second",
        caption: "Log-ins should rise and fall with connects; connects that run ahead of log-ins are people waiting at \
                  the door.",
        x: X::Time(end_s(run)),
        panels: vec![flow, trouble, accounts],
        notes: Vec::new(),
    }
}

pub(super) fn planned_connections(run: &Run) -> Plot {
    let end = end_s(run);
    let line = Line::solid("planned", Ink::Series(0), planned(&run.plan.connections, end));
    Plot {
        id: "plan-connections",
        title: "Planned connections",
        caption: "How many people the plan keeps online: check the peak and the steepness of the ramp before running.",
        x: X::Time(end),
        panels: vec![Panel::new("", Unit::Count, Scale::Linear, ALONE).with(line)],
        notes: Vec::new(),
    }
}

pub(super) fn planned_messages(run: &Run) -> Plot {
    let end = end_s(run);
    Plot {
        id: "plan-messages",
        title: "Planned messages a second",
        caption: "Each shock should stand out at its mark; a message to a group is several copies, so copies lie above \
                  messages.",
        x: X::Time(end),
        panels: vec![
            Panel::new("", Unit::PerSecond, Scale::Linear, ALONE)
                .with(Line::solid(
                    "copies",
                    Ink::Series(0),
                    planned(&run.plan.copies, end),
                ))
                .with(Line::solid(
                    "messages",
                    Ink::Series(1),
                    planned(&run.plan.messages, end),
                )),
        ],
        notes: Vec::new(),
    }
}
