//! Registration by HTTP: a number asks for a PIN, proves it, and gets its key.
//!
//! It keeps nothing and decides nothing: the office does, at its [`Desk`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use wire::chat::{Code, Number, PIN_DIGITS, Secret};

use super::quota::Quota;
use super::refusal::Refusal;
use super::tally::{Count, Tally};
use super::{credential, intake};
use crate::desk::Desk;
use crate::knobs::Knobs;
use crate::source::Source;

/// What the routes need.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) desk: Desk,
    pub(super) secret: Secret,
    pub(super) tally: Arc<Tally>,
    /// How long a body may take to come, and then the office to answer.
    pub(super) timeout: Duration,
    pub(super) knobs: Knobs,
    /// Look-ups of those who show no credential.
    pub(super) lookups: Mutex<Quota>,
    /// The origin of their clock.
    pub(super) begun: Instant,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    number: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prove {
    number: u64,
    pin: String,
}

/// The routes.
pub(super) fn routes(registration: Arc<Registration>) -> Router {
    Router::new()
        .route("/v1/register", post(register))
        .route("/v1/prove", post(prove))
        .route("/v1/accounts/{number}", get(account))
        .with_state(registration)
}

async fn register(
    State(registration): State<Arc<Registration>>,
    Extension(source): Extension<Source>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let asked: Register = intake::json(body, registration.timeout).await?;
    let number = Number::new(asked.number).map_err(Refusal::malformed)?;
    registration
        .ask(registration.desk.register(number, source))
        .await?;
    registration.tally.add(Count::Registrations, 1);
    Ok((StatusCode::ACCEPTED, Json(json!({}))))
}

async fn prove(State(registration): State<Arc<Registration>>, body: Body) -> Result<Json<Value>, Refusal> {
    let asked: Prove = intake::json(body, registration.timeout).await?;
    let number = Number::new(asked.number).map_err(Refusal::malformed)?;
    let pin = pin(&asked.pin)
        .ok_or_else(|| Refusal::malformed(format!("`pin` is a string of {PIN_DIGITS} digits")))?;
    let key = registration.ask(registration.desk.prove(number, pin)).await?;
    registration.tally.add(Count::Proofs, 1);
    let token = registration.secret.media_token(number);
    Ok(Json(
        json!({"key": credential::encode(&key.0), "media_token": credential::encode(&token.0)}),
    ))
}

async fn account(
    State(registration): State<Arc<Registration>>,
    Extension(source): Extension<Source>,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    // Who has an account may know who else has one, as a sender does; who has none is not to go through them all.
    if headers.contains_key(AUTHORIZATION) {
        credential::admit(&registration.secret, &headers)?;
    } else {
        registration.admit_stranger(source)?;
    }
    let number = credential::number(&number)
        .ok_or_else(|| Refusal::malformed("a number has 1 to 15 digits, without plus or leading zeros"))?;
    let registered = registration.ask(registration.desk.exists(number)).await?;
    registration.tally.add(Count::Lookups, 1);
    Ok(Json(json!({"registered": registered})))
}

impl Registration {
    fn admit_stranger(&self, source: Source) -> Result<(), Code> {
        let now_us = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let most = self.knobs.lookups_a_source();
        let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        lookups.take(source, most, now_us)
    }

    /// The office's answer, or that it is too busy.
    async fn ask<T>(&self, answer: impl Future<Output = Result<T, Code>>) -> Result<T, Code> {
        tokio::time::timeout(self.timeout, answer)
            .await
            .unwrap_or(Err(Code::Busy))
    }
}

/// A PIN from exactly its digits, leading zeros among them.
fn pin(text: &str) -> Option<u32> {
    let exact = text.len() == PIN_DIGITS as usize && text.bytes().all(|byte| byte.is_ascii_digit());
    if exact { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pin_is_its_six_digits_and_nothing_else(value in 0..1_000_000u32, other in "[0-9+ -]{0,8}") {
            prop_assert_eq!(pin(&format!("{value:06}")), Some(value));
            if let Some(value) = pin(&other) {
                prop_assert_eq!(format!("{value:06}"), other);
            }
        }
    }
}
