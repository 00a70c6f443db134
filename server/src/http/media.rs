//! Media by HTTP: a number uploads with its media token and gets a link; whoever has a token and the link downloads.
//!
//! It does not know what is in media, nor who sent which link to whom.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Extension, Json, Router};
use hyper::body::Body as _;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use wire::chat::Secret;

use super::refusal::{Reason, Refusal};
use super::slots::Slots;
use super::tally::{Count, Tally};
use super::{credential, intake};
use crate::figures::Snapshot;
use crate::source::Source;

mod download;
mod id;
mod part;
mod shelf;

pub use shelf::Options;

use download::Download;
use id::MediaId;
use part::Part;
pub(super) use shelf::Shelf;

/// What the routes need.
#[derive(Debug)]
pub(super) struct Media {
    pub(super) shelf: Arc<Shelf>,
    pub(super) secret: Secret,
    pub(super) tally: Arc<Tally>,
    /// Bounds the uploads under way, all together and a source.
    pub(super) uploads: Arc<Slots>,
    /// Bounds the downloads under way, all together and a source.
    pub(super) downloads: Arc<Slots>,
    /// How long an upload or a download may take.
    pub(super) timeout: Duration,
}

/// The routes.
pub(super) fn routes(media: Arc<Media>) -> Router {
    Router::new()
        .route("/v1/media", put(upload).post(upload))
        .route("/v1/media/{id}", get(download))
        .with_state(media)
}

async fn upload(
    State(media): State<Arc<Media>>,
    Extension(source): Extension<Source>,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Response, Refusal> {
    match media.take(source, &headers, &mut body).await {
        Ok(id) => {
            let link = format!("/v1/media/{id}");
            Ok((
                StatusCode::CREATED,
                [(LOCATION, link.clone())],
                Json(json!({"link": link})),
            )
                .into_response())
        }
        Err(refusal) => {
            intake::linger(&headers, body).await;
            Err(refusal)
        }
    }
}

async fn download(
    State(media): State<Arc<Media>>,
    Extension(source): Extension<Source>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    credential::admit(&media.secret, &headers)?;
    let slot = media.downloads.take(source)?;
    let missing = || Refusal::from(Reason::NoSuchMedia);
    let id: MediaId = id.parse().map_err(|_| missing())?;
    let (file, bytes) = media.shelf.find(id).await?.ok_or_else(missing)?;
    media.tally.add(Count::Downloads, 1);
    let headers = [
        (CONTENT_TYPE, "application/octet-stream"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // What an id names never changes.
        (CACHE_CONTROL, "private, immutable"),
    ];
    let body = Download::new(file, bytes, slot, Instant::now() + media.timeout);
    Ok((headers, Body::new(body)).into_response())
}

impl Media {
    /// Takes an upload onto the shelf.
    async fn take(&self, source: Source, headers: &HeaderMap, body: &mut Body) -> Result<MediaId, Refusal> {
        credential::admit(&self.secret, headers)?;
        let _slot = self.uploads.take(source)?;
        self.shelf.check_size(body.size_hint().lower())?;
        let received = async {
            let mut part = Part::create(Arc::clone(&self.shelf)).await?;
            while let Some(data) = intake::chunk(body).await? {
                part.append(&data).await?;
            }
            if part.bytes() == 0 {
                return Err(Refusal::malformed("the body is empty"));
            }
            let bytes = part.bytes();
            let id = part.finish().await?;
            self.tally.add(Count::Uploads, 1);
            self.tally.add(Count::UploadedBytes, bytes);
            Ok(id)
        };
        timeout(self.timeout, received)
            .await
            .map_err(|_| Refusal::from(Reason::TimedOut))?
    }

    /// Erases what is too old, again and again, until told to stop.
    pub(super) async fn sweep(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            let shelf = Arc::clone(&self.shelf);
            let swept = tokio::task::spawn_blocking(move || shelf.sweep(std::time::SystemTime::now())).await;
            if let Ok(swept) = swept {
                self.tally.add(Count::MediaErased, swept.files);
            }
            tokio::select! {
                () = tokio::time::sleep(self.shelf.sweep_every()) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Adds what is on the shelf as gauges.
    pub(super) fn report(&self, snapshot: &mut Snapshot) {
        let (files, bytes) = self.shelf.held();
        snapshot
            .gauges
            .insert("server.http.media_files".to_owned(), files as f64);
        snapshot
            .gauges
            .insert("server.http.media_bytes".to_owned(), bytes as f64);
    }
}
