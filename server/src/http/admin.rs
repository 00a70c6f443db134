//! The admin side: health, figures, knobs.
//!
//! It does not know who may ask ([`guard`](super::guard) does) and holds no figure but the HTTP side's own.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::intake;
use super::media::Media;
use super::refusal::{Reason, Refusal};
use super::tally::Tally;
use super::{FigureSource, Health};
use crate::figures::Snapshot;
use crate::knobs::{KnobError, Knobs};

/// What the routes need.
pub(super) struct Office {
    pub(super) knobs: Knobs,
    pub(super) health: Health,
    pub(super) figures: FigureSource,
    pub(super) tally: Arc<Tally>,
    pub(super) media: Arc<Media>,
    /// How long a body may take to come.
    pub(super) timeout: Duration,
}

/// The routes.
pub(super) fn routes(office: Arc<Office>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .route("/stats", get(stats))
        .route("/knobs", get(knobs))
        .route("/knobs/{name}", put(turn).post(turn))
        .with_state(office)
}

async fn healthz(State(office): State<Arc<Office>>) -> Response {
    match office.health.problem() {
        None => "ok\n".into_response(),
        Some(problem) => (StatusCode::SERVICE_UNAVAILABLE, format!("{problem}\n")).into_response(),
    }
}

async fn metrics(State(office): State<Arc<Office>>) -> Response {
    let snapshot = office.snapshot();
    let text = wsar::expose::exposition(&snapshot.counters, &snapshot.gauges);
    ([(CONTENT_TYPE, wsar::expose::CONTENT_TYPE)], text).into_response()
}

async fn stats(State(office): State<Arc<Office>>) -> Json<Value> {
    let snapshot = office.snapshot();
    Json(json!({"counters": snapshot.counters, "gauges": snapshot.gauges}))
}

async fn knobs(State(office): State<Arc<Office>>) -> Json<Value> {
    let readings = office.knobs.list().into_iter().map(|reading| {
        json!({
            "name": reading.name,
            "value": reading.value,
            "default": reading.default,
            "unit": reading.unit,
            "expected": reading.expected,
            "meaning": reading.meaning,
        })
    });
    Json(readings.collect())
}

async fn turn(
    State(office): State<Arc<Office>>,
    Path(name): Path<String>,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let body = intake::small(body, office.timeout).await?;
    let value = std::str::from_utf8(&body).map_err(Refusal::malformed)?;
    let turn = office.knobs.set(&name, value)?;
    Ok(Json(json!({"name": turn.name, "from": turn.from, "to": turn.to})))
}

impl Office {
    fn snapshot(&self) -> Snapshot {
        let mut snapshot = (self.figures)();
        self.tally.report(&mut snapshot);
        self.media.report(&mut snapshot);
        snapshot
    }
}

impl From<KnobError> for Refusal {
    fn from(error: KnobError) -> Self {
        match error {
            KnobError::NoSuchKnob { .. } => Self::detailed(Reason::NoSuchKnob, error),
            KnobError::Value { .. } | KnobError::LogLevel { .. } => Self::malformed(error),
        }
    }
}
