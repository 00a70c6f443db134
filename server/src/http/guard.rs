//! Who may reach the admin side.
//!
//! It does not know what is behind it. On loopback nobody needs a token, so two things are kept out there that reach
//! loopback from afar through a browser: a name that was rebound to 127.0.0.1 (by the `Host` header), and a page that
//! posts across origins (by the `Origin` header, which browsers put on such a request and programs do not). With a
//! token the token is enough: a page does not have it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use subtle::ConstantTimeEq as _;

use super::refusal::{Reason, Refusal};
use super::{HttpError, credential};

/// The shortest admin token: 16 characters.
const TOKEN_MIN_BYTES: usize = 16;

/// Where the admin side listens and what it asks for: loopback, or a token, or both.
#[derive(Clone)]
pub struct Admin {
    addr: SocketAddr,
    token: Option<Arc<str>>,
}

impl Admin {
    /// The admin side at an address.
    ///
    /// # Errors
    /// The address is not loopback and there is no token, or the token is shorter than 16 characters or has others
    /// than visible ASCII ones.
    pub fn new(addr: SocketAddr, token: Option<String>) -> Result<Self, HttpError> {
        match &token {
            None if !is_loopback(addr.ip()) => return Err(HttpError::TokenMissing { addr }),
            Some(token)
                if token.len() < TOKEN_MIN_BYTES || !token.bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                return Err(HttpError::TokenWeak {
                    min_bytes: TOKEN_MIN_BYTES,
                });
            }
            _ => {}
        }
        Ok(Self {
            addr,
            token: token.map(Into::into),
        })
    }

    /// Where it is to listen.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn admit(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        if let Some(token) = &self.token {
            let shown = credential::bearer(headers).unwrap_or_default();
            return if bool::from(shown.as_bytes().ct_eq(token.as_bytes())) {
                Ok(())
            } else {
                Err(Reason::Unauthorized.into())
            };
        }
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts
            .next()
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        if hosts.next().is_some() || !names_loopback(host) {
            return Err(Refusal::detailed(
                Reason::ForeignHost,
                "without a token the Host header must be localhost or a loopback address",
            ));
        }
        if !method.is_safe() && headers.contains_key(ORIGIN) {
            return Err(Refusal::detailed(
                Reason::ForeignOrigin,
                "a page may not turn knobs",
            ));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = self.token.as_ref().map(|_| "..");
        f.debug_struct("Admin")
            .field("addr", &self.addr)
            .field("token", &token)
            .finish()
    }
}

/// Lets a request through or refuses it.
pub(super) async fn admit(
    State(admin): State<Admin>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    admin.admit(request.method(), request.headers())?;
    Ok(next.run(request).await)
}

fn is_loopback(ip: IpAddr) -> bool {
    // `::ffff:127.0.0.1` is loopback too.
    ip.to_canonical().is_loopback()
}

/// Whether a `Host` header, with or without a port, names this host's loopback.
fn names_loopback(host: &str) -> bool {
    if let Ok(addr) = host.parse::<SocketAddr>() {
        return is_loopback(addr.ip());
    }
    let bare = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let ip = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(bare);
    bare.eq_ignore_ascii_case("localhost") || ip.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn loopback_names_are_told_from_others() {
        for host in [
            "localhost",
            "LocalHost:80",
            "127.0.0.1",
            "127.3.2.1:9100",
            "[::1]",
            "[::1]:9100",
        ] {
            assert!(names_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9100",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0:9100",
            "[::2]:80",
            "localhost:80:80",
            "user@localhost",
        ] {
            assert!(!names_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_bind_beyond_loopback_wants_a_token_of_some_strength() {
        let local: SocketAddr = "127.0.0.1:9100".parse().unwrap();
        let wide: SocketAddr = "0.0.0.0:9100".parse().unwrap();
        let token = Some("0123456789abcdef".to_owned());
        assert!(Admin::new(local, None).is_ok());
        assert!(Admin::new("[::1]:0".parse().unwrap(), None).is_ok());
        assert!(Admin::new(local, token.clone()).is_ok());
        assert!(Admin::new(wide, token).is_ok());
        let error = Admin::new(wide, None).unwrap_err().to_string();
        assert!(
            error.contains("0.0.0.0:9100") && error.contains("give a token"),
            "{error}"
        );
        for weak in ["", "short", "0123456789abcde ", "0123456789abcdeé"] {
            assert!(
                matches!(
                    Admin::new(local, Some(weak.to_owned())),
                    Err(HttpError::TokenWeak { .. })
                ),
                "{weak}"
            );
        }
    }

    #[test]
    fn a_token_never_shows() {
        let admin = Admin::new(
            "127.0.0.1:0".parse().unwrap(),
            Some("0123456789abcdef".to_owned()),
        )
        .unwrap();
        assert!(!format!("{admin:?}").contains("0123456789abcdef"));
    }

    proptest! {
        #[test]
        fn no_host_header_is_too_odd(host in "\\PC{0,40}") {
            names_loopback(&host);
        }
    }
}
