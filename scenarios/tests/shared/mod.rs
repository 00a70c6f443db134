//! Scenarios that several tests use.
#![allow(dead_code)] // each test binary uses its own part

use scenarios::{Action, Plan, Scenario};

/// Two populations that differ, no shock, no break.
pub(crate) const PLAIN: &str = r#"
name = "plain"
seed = 5
connections = 4000

[[population]]
name = "quiet"
share = "50%"
away = "20%"

[[population]]
name = "chatty"
share = "50%"
sociability = 3
away = "20%"
groups = 2
media = "10%"

[[phase]]
kind = "ramp"
duration = "4s"

[[phase]]
kind = "hold"
duration = "14s"

[[phase]]
kind = "drain"
duration = "4s"

[messages]
rate = "2000/s"
arrivals = "poisson"
to_away = "20%"
to_groups = "30%"
group_size = 5
typing = "25%"

[drain]
returns = "75%"
"#;

/// Everything at once, compressed: zones, breaks, a match, an earthquake with its cut, media, registrations.
pub(crate) const LIVELY: &str = r#"
name = "lively"
seed = 7
connections = 3000

[clock]
start = "18:00"
time_scale = 60

[[population]]
name = "north"
share = "50%"
utc_offset = "+01:00"
region = "north"
away = "15%"
breaks = "30%"
online_for = { median = "6m", sigma = 0.5 }
away_for = { median = "4m", sigma = 0.5 }
media = "10%"

[[population]]
name = "south"
share = "30%"
utc_offset = "-05:00"
region = "south"
away = "20%"
breaks = "20%"
online_for = "5m"
away_for = "4m"
groups = 2

[[population]]
name = "islands"
share = "20%"
utc_offset = "+12:00"
region = "islands"
sociability = "50%"

[[phase]]
kind = "ramp"
duration = "4m"

[[phase]]
kind = "hold"
duration = "10m"

[[phase]]
kind = "spike"
load = 2
duration = "2m"

[[phase]]
kind = "hold"
duration = "10m"

[[phase]]
kind = "drain"
duration = "4m"

[messages]
rate = "800/s"
arrivals = "diurnal"
to_away = "20%"
to_groups = "30%"
group_size = 6
bytes = { median = "60B", sigma = 0.5, max = "400B" }
typing = "20%"

[media]
rate = "20/s"

[registrations]
rate = "20/s"

[[shock]]
kind = "football"
at = "18:05"
share_of_day = "4%"
goals = ["1", 4, "45+1"]
audience = ["north", "south"]

[[shock]]
kind = "earthquake"
at = "18:08"
region = "south"
step = 2
cut = "50%"
cut_over = "30s"
cut_for = "3m"
reconnect_within = "2m"

[drain]
returns = "90%"
"#;

pub(crate) fn plain() -> Scenario {
    Scenario::parse("plain.toml", PLAIN).unwrap()
}

pub(crate) fn lively() -> Plan {
    Scenario::parse("lively.toml", LIVELY).unwrap().plan().unwrap()
}

/// A hash of every byte of the actions (FNV-1a, 64 bits).
pub(crate) fn digest(actions: impl Iterator<Item = Action>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for action in actions {
        for byte in format!("{action:?}").bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}
