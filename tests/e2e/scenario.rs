//! Scenarios of the tests' own: small ones, for what the library's smallest is still too long for.

/// Four seconds, two hundred people: enough for a run folder with everything in it.
pub(crate) const BRIEF: &str = r#"
name = "brief"
connections = 200
thresholds = ["messages.lost == 0", "connections.peak >= 0.99 * connections.target"]

[[population]]
name = "everyone"
share = "100%"
away = "10%"

[[phase]]
kind = "ramp"
duration = "1s"

[[phase]]
kind = "hold"
duration = "2s"

[[phase]]
kind = "drain"
duration = "1s"

[messages]
rate = "100/s"
bytes = "100B"

[drain]
settle = "3s"
"#;

/// Media, registrations and the HTTP storm.
pub(crate) const HTTP: &str = r#"
name = "http"
connections = 200

[[population]]
name = "everyone"
share = "100%"
away = "10%"
media = "10%"

[[phase]]
kind = "ramp"
duration = "1s"

[[phase]]
kind = "hold"
duration = "6s"

[[phase]]
kind = "drain"
duration = "2s"

[messages]
rate = "100/s"
bytes = "100B"

[media]
rate = "10/s"
bytes = "20KiB"
thumbnail = "200B"

[registrations]
rate = "10/s"

[storm]
users = 4
at = "1s"
duration = "4s"

[drain]
settle = "4s"
"#;

/// Large messages, nearly all to people who are away: more than one segment of the store holds.
pub(crate) const FLOOD: &str = r#"
name = "flood"
connections = 300

[[population]]
name = "everyone"
share = "100%"
away = "60%"

[[phase]]
kind = "ramp"
duration = "1s"

[[phase]]
kind = "hold"
duration = "6s"

[[phase]]
kind = "drain"
duration = "2s"

[messages]
rate = "1100/s"
to_away = "90%"
to_groups = "0%"
bytes = "4KiB"

[drain]
settle = "6s"
"#;
