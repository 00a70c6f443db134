//! Why an HTTP request was refused, as status and JSON: `{"code": 17, "error": "busy"}`.
//!
//! It does not count; the [`Tally`](super::tally::Tally) finds the reason on the response. `code` is the protocol's
//! ([`Code`]), or 0 where the reason exists in HTTP alone.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use wire::chat::Code;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    /// For a person; what a program needs is in the reason.
    detail: Option<String>,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A reason of the protocol.
    Protocol(Code),
    /// No credential, or a wrong one.
    Unauthorized,
    /// The `Host` header names none of this host's names (a name that was rebound to it), or there is not one.
    ForeignHost,
    /// A browser's page wants to change something.
    ForeignOrigin,
    /// There is no such route.
    NoSuchRoute,
    /// The route exists, the method does not.
    NoSuchMethod,
    /// No such media, or erased by age.
    NoSuchMedia,
    /// There is no such knob.
    NoSuchKnob,
    /// The body took too long.
    TimedOut,
}

/// What an answer carries for the one who counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused(pub(super) Reason);

/// The reasons that are HTTP's own, in the order of their places.
const OWN: [Reason; 8] = [
    Reason::Unauthorized,
    Reason::ForeignHost,
    Reason::ForeignOrigin,
    Reason::NoSuchRoute,
    Reason::NoSuchMethod,
    Reason::NoSuchMedia,
    Reason::NoSuchKnob,
    Reason::TimedOut,
];

impl Reason {
    /// How many there are.
    pub(super) const COUNT: usize = Code::ALL.len() + OWN.len();

    /// All, in the order of their places.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Code::ALL.into_iter().map(Self::Protocol).chain(OWN)
    }

    /// Its place among all.
    pub(super) fn place(self) -> usize {
        match self {
            Self::Protocol(code) => usize::from(code.value()) - 1,
            own => Code::ALL.len() + OWN.iter().position(|other| *other == own).unwrap_or_default(),
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Protocol(code) => status(code),
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::ForeignHost | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::NoSuchRoute | Self::NoSuchMedia | Self::NoSuchKnob => StatusCode::NOT_FOUND,
            Self::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
        }
    }

    fn code(self) -> u16 {
        match self {
            Self::Protocol(code) => code.value(),
            _ => 0,
        }
    }

    /// Its name in JSON and in the counters.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Protocol(code) => name(code),
            Self::Unauthorized => "unauthorized",
            Self::ForeignHost => "foreign_host",
            Self::ForeignOrigin => "foreign_origin",
            Self::NoSuchRoute => "no_such_route",
            Self::NoSuchMethod => "no_such_method",
            Self::NoSuchMedia => "no_such_media",
            Self::NoSuchKnob => "no_such_knob",
            Self::TimedOut => "timed_out",
        }
    }
}

impl Refusal {
    /// A refusal whose detail helps a person.
    pub(super) fn detailed(reason: Reason, detail: impl ToString) -> Self {
        Self {
            reason,
            detail: Some(detail.to_string()),
        }
    }

    /// A request that does not parse.
    pub(super) fn malformed(detail: impl ToString) -> Self {
        Self::detailed(Reason::Protocol(Code::Malformed), detail)
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, detail: None }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Reason::Protocol(code).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({"code": self.reason.code(), "error": self.reason.name()});
        if let Some(detail) = self.detail {
            body["detail"] = detail.into();
        }
        let status = self.reason.status();
        let mut response = (status, body.to_string()).into_response();
        response.extensions_mut().insert(Refused(self.reason));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match status {
            // RFC 9110, section 15.5.2, asks for the challenge.
            StatusCode::UNAUTHORIZED => {
                drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::Malformed | Code::UnknownType | Code::StaleId | Code::TooMany => StatusCode::BAD_REQUEST,
        Code::Oversized => StatusCode::PAYLOAD_TOO_LARGE,
        Code::NotLoggedIn => StatusCode::UNAUTHORIZED,
        Code::BadProof | Code::BadPin | Code::NotAMember => StatusCode::FORBIDDEN,
        Code::NoSuchNumber | Code::NoSuchGroup => StatusCode::NOT_FOUND,
        Code::NoPin | Code::AlreadyLoggedIn | Code::Replaced => StatusCode::CONFLICT,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::StorageFull | Code::MailboxFull => StatusCode::INSUFFICIENT_STORAGE,
        Code::SlowReader | Code::Idle => StatusCode::REQUEST_TIMEOUT,
        Code::Busy | Code::ShuttingDown | Code::ConnectionLimit => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn name(code: Code) -> &'static str {
    match code {
        Code::Malformed => "malformed",
        Code::Oversized => "oversized",
        Code::UnknownType => "unknown_type",
        Code::NotLoggedIn => "not_logged_in",
        Code::AlreadyLoggedIn => "already_logged_in",
        Code::BadProof => "bad_proof",
        Code::NoSuchNumber => "no_such_number",
        Code::NoSuchGroup => "no_such_group",
        Code::NotAMember => "not_a_member",
        Code::BadPin => "bad_pin",
        Code::NoPin => "no_pin",
        Code::RateLimited => "rate_limited",
        Code::MailboxFull => "mailbox_full",
        Code::StorageFull => "storage_full",
        Code::StaleId => "stale_id",
        Code::TooMany => "too_many",
        Code::Busy => "busy",
        Code::SlowReader => "slow_reader",
        Code::Idle => "idle",
        Code::Replaced => "replaced",
        Code::ShuttingDown => "shutting_down",
        Code::ConnectionLimit => "connection_limit",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_a_place_a_name_and_an_error_status() {
        let mut names = BTreeSet::new();
        for (place, reason) in Reason::all().enumerate() {
            assert_eq!(reason.place(), place, "{reason:?}");
            assert!(names.insert(reason.name()), "{reason:?} shares its name");
            let status = reason.status();
            assert!(status.is_client_error() || status.is_server_error(), "{reason:?}");
        }
        assert_eq!(names.len(), Reason::COUNT);
    }
}
