//! Which recorded servers something is for: an address, a port, both, or any.
//!
//! It knows no names: a recording has addresses only.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Some of the recorded servers; the default is all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Only this address.
    pub address: Option<IpAddr>,
    /// Only this port.
    pub port: Option<u16>,
}

/// A place that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no recorded server; expected an address, `address:port`, `[IPv6 address]:port` or `:port`")]
pub struct PlaceError(String);

impl Place {
    /// Whether a recorded server is one of them.
    #[must_use]
    pub fn holds(&self, server: SocketAddr) -> bool {
        self.address.is_none_or(|address| address == server.ip())
            && self.port.is_none_or(|port| port == server.port())
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let refused = || PlaceError(text.to_owned());
        if let Some(port) = text.strip_prefix(':').filter(|rest| !rest.starts_with(':')) {
            let port = Some(port.parse().map_err(|_| refused())?);
            return Ok(Self { address: None, port });
        }
        if let Ok(server) = text.parse::<SocketAddr>() {
            return Ok(Self {
                address: Some(server.ip()),
                port: Some(server.port()),
            });
        }
        let address = Some(text.parse().map_err(|_| refused())?);
        Ok(Self { address, port: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_holds_what_it_names() {
        let server = "10.1.2.3:443".parse().unwrap();
        for (text, held) in [
            ("10.1.2.3", true),
            ("10.1.2.3:443", true),
            (":443", true),
            (":80", false),
            ("10.1.2.4", false),
            ("[::1]:443", false),
            ("::1", false),
        ] {
            assert_eq!(text.parse::<Place>().unwrap().holds(server), held, "{text}");
        }
        assert!(Place::default().holds(server));
        assert!("db.example".parse::<Place>().is_err());
        assert!(":70000".parse::<Place>().is_err());
    }
}
