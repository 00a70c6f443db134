//! The shape of a capture over its own time.

use record::{Run, name};

use super::{FIRST, OTHER};
use crate::chart::{Line, Panel, Plot, Scale, X};
use crate::quantity::Unit;
use crate::series::{end_s, gauge, rate};
use crate::theme::Ink;

pub(super) fn shape(run: &Run) -> Plot {
    let solid = |name: &str, ink, counter| Line::solid(name, Ink::Series(ink), rate(run, counter));
    let connections = gauge(run, name::capture::CONNECTIONS);
    let open = Panel::new("Connections open", Unit::Count, Scale::Linear, FIRST).with(Line::solid(
        "connections open",
        Ink::Series(0),
        connections,
    ));
    let bytes = Panel::new("Bytes a second", Unit::Bytes, Scale::Linear, FIRST)
        .with(solid("said by servers", 1, name::capture::SERVER_BYTES))
        .with(solid("said by clients", 0, name::capture::CLIENT_BYTES));
    let packets = Panel::new("Packets a second", Unit::PerSecond, Scale::Linear, OTHER).with(solid(
        "packets",
        2,
        name::capture::PACKETS,
    ));
    Plot {
        id: "capture",
        title: "The capture over its own time",
        caption: "What a replay at its own speed would do; of open connections the most at once between two points. A climb of them at \
                  the begin is often where the capture joined, not a rush.",
        x: X::Recorded(end_s(run)),
        panels: vec![open, bytes, packets],
        notes: Vec::new(),
    }
}
