//! A small server that stands for the real one, faults included.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What the server does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    Status(u16),
    Hang,
    Spoil,
    Truncate,
    WrongPin,
    NoPin,
    Gate,
}

#[derive(Default)]
pub(super) struct Media {
    fault: Fault,
    pub(in crate::upload) files: Mutex<HashMap<String, Bytes>>,
    sink: PathBuf,
    pub(in crate::upload) asked: Mutex<Vec<u64>>,
    at_once: AtomicUsize,
    pub(in crate::upload) at_once_most: AtomicUsize,
    pub(in crate::upload) open: AtomicBool,
    pub(in crate::upload) gate: Notify,
}

impl Media {
    async fn fail(&self) -> Option<Response> {
        match self.fault {
            Fault::Status(status) => Some(StatusCode::from_u16(status).unwrap().into_response()),
            Fault::Hang => std::future::pending().await,
            Fault::Gate => {
                while !self.open.load(Ordering::Acquire) {
                    self.gate.notified().await;
                }
                self.gate.notify_one();
                None
            }
            _ => None,
        }
    }
}

async fn upload(State(media): State<Arc<Media>>, headers: HeaderMap, body: Bytes) -> Response {
    let now = media.at_once.fetch_add(1, Ordering::AcqRel) + 1;
    media.at_once_most.fetch_max(now, Ordering::AcqRel);
    let failed = media.fail().await;
    media.at_once.fetch_sub(1, Ordering::AcqRel);
    if let Some(failed) = failed {
        return failed;
    }
    let number = headers["authorization"]
        .to_str()
        .unwrap()
        .strip_prefix("Bearer ")
        .unwrap()
        .to_owned();
    let (number, token) = number.split_once(':').unwrap();
    if token != "ab".repeat(16) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut files = media.files.lock().unwrap();
    let link = format!("/v1/media/{number}-{}", files.len());
    files.insert(link.clone(), body);
    (StatusCode::CREATED, format!("{{\"link\":\"{link}\"}}")).into_response()
}

async fn download(State(media): State<Arc<Media>>, UrlPath(id): UrlPath<String>) -> Response {
    let Some(body) = media
        .files
        .lock()
        .unwrap()
        .get(&format!("/v1/media/{id}"))
        .cloned()
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match media.fault {
        Fault::Spoil => {
            let mut spoilt = body.to_vec();
            *spoilt.last_mut().unwrap() ^= 1;
            spoilt.into_response()
        }
        Fault::Truncate => body.slice(..body.len() - 1).into_response(),
        _ => body.into_response(),
    }
}

async fn register(State(media): State<Arc<Media>>, body: Bytes) -> Response {
    if let Some(failed) = media.fail().await {
        return failed;
    }
    let asked: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let number = asked["number"].as_u64().unwrap();
    media.asked.lock().unwrap().push(number);
    if media.fault != Fault::NoPin {
        let pin = if media.fault == Fault::WrongPin {
            "000000"
        } else {
            "123456"
        };
        let mut sink = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&media.sink)
            .unwrap();
        writeln!(
            sink,
            "{{\"number\":{number},\"pin\":\"{pin}\",\"expires_s\":300}}"
        )
        .unwrap();
    }
    StatusCode::ACCEPTED.into_response()
}

async fn prove(body: Bytes) -> Response {
    let proof: serde_json::Value = serde_json::from_slice(&body).unwrap();
    if proof["pin"] != "123456" {
        return StatusCode::FORBIDDEN.into_response();
    }
    format!(
        "{{\"key\":\"{}\",\"media_token\":\"{}\"}}",
        "07".repeat(32),
        "ab".repeat(16)
    )
    .into_response()
}

/// Serves the API with a fault until the runtime ends.
pub(super) async fn media(fault: Fault, sink: &Path) -> (SocketAddr, Arc<Media>) {
    let media = Arc::new(Media {
        fault,
        sink: sink.to_owned(),
        ..Media::default()
    });
    let router = Router::new()
        .route("/v1/media", put(upload))
        .route("/v1/media/{id}", get(download))
        .route("/v1/register", post(register))
        .route("/v1/prove", post(prove))
        .with_state(Arc::clone(&media));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, media)
}
