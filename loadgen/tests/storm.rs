//! goose in this process, against a small server that stands for the real one.
//!
//! A test binary of its own with a single test: goose takes a process over, and two storms at once would share a stop.

// The small server's handlers are the test's own; clippy knows tests by their functions alone.
#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use loadgen::storm::{StormConfig, StormError, StormMix, StormOutcome, run, serve};

/// What the server keeps.
#[derive(Default)]
struct Server {
    sink: PathBuf,
    /// Downloads answer with something else.
    spoil: bool,
    registered: Mutex<HashSet<u64>>,
    files: Mutex<HashMap<String, Bytes>>,
}

async fn register(State(server): State<Arc<Server>>, body: Bytes) -> StatusCode {
    let asked: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let number = asked["number"].as_u64().unwrap();
    let mut sink = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&server.sink)
        .unwrap();
    writeln!(
        sink,
        "{{\"number\":{number},\"pin\":\"{:06}\",\"expires_s\":300}}",
        number % 1_000_000
    )
    .unwrap();
    StatusCode::ACCEPTED
}

async fn prove(State(server): State<Arc<Server>>, body: Bytes) -> Response {
    let proof: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let number = proof["number"].as_u64().unwrap();
    if proof["pin"] != format!("{:06}", number % 1_000_000) {
        return StatusCode::FORBIDDEN.into_response();
    }
    server.registered.lock().unwrap().insert(number);
    format!(
        "{{\"key\":\"{}\",\"media_token\":\"{number:032x}\"}}",
        "07".repeat(32)
    )
    .into_response()
}

/// Whether the header names a registered number with its token.
fn authorized(server: &Server, headers: &HeaderMap) -> bool {
    let bearer = headers["authorization"]
        .to_str()
        .unwrap()
        .strip_prefix("Bearer ")
        .unwrap();
    let (number, token) = bearer.split_once(':').unwrap();
    let number: u64 = number.parse().unwrap();
    token == format!("{number:032x}") && server.registered.lock().unwrap().contains(&number)
}

async fn upload(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    if !authorized(&server, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut files = server.files.lock().unwrap();
    let link = format!("/v1/media/{}", files.len());
    files.insert(link.clone(), body);
    (StatusCode::CREATED, format!("{{\"link\":\"{link}\"}}")).into_response()
}

async fn download(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    UrlPath(id): UrlPath<String>,
) -> Response {
    if !authorized(&server, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match server.files.lock().unwrap().get(&format!("/v1/media/{id}")) {
        Some(_) if server.spoil => "something else".into_response(),
        Some(body) => body.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn look_up(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    UrlPath(number): UrlPath<u64>,
) -> Response {
    // A stranger has few; a storm must not be one.
    if !authorized(&server, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let registered = server.registered.lock().unwrap().contains(&number);
    format!("{{\"registered\":{registered}}}").into_response()
}

/// Serves until the runtime is dropped, which is another than goose's.
fn start(runtime: &tokio::runtime::Runtime, sink: &Path, spoil: bool) -> (SocketAddr, Arc<Server>) {
    let server = Arc::new(Server {
        sink: sink.to_owned(),
        spoil,
        ..Server::default()
    });
    let router = Router::new()
        .route("/v1/register", post(register))
        .route("/v1/prove", post(prove))
        .route("/v1/media", put(upload))
        .route("/v1/media/{id}", get(download))
        .route("/v1/accounts/{number}", get(look_up))
        .with_state(Arc::clone(&server));
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move { axum::serve(listener, router).await });
    (address, server)
}

fn config(server: SocketAddr, sink: &Path) -> StormConfig {
    StormConfig {
        server,
        pins: sink.to_owned(),
        users: 3,
        duration_s: 1,
        first_number: 7_000,
        numbers: 1_000_000,
        upload_bytes: 4_096,
        requests_per_second_max: 0,
        timeout_ms: 30_000,
        wait_ms: (1, 5),
        mix: StormMix::default(),
        seed: 3,
    }
}

fn of(outcome: &StormOutcome, name: &str) -> (u64, u64) {
    let named = outcome.requests.iter().find(|requests| requests.name == name);
    named.map_or((0, 0), |named| (named.requests, named.failures))
}

#[test]
fn storms_come_and_go() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    all_goes_well(&runtime, &folder.path().join("well.jsonl"));
    spoilt_downloads_are_failures(&runtime, &folder.path().join("spoilt.jsonl"));
    nobody_is_there(&folder.path().join("nobody.jsonl"));
    goose_refuses(&folder.path().join("refused.jsonl"));
}

fn all_goes_well(runtime: &tokio::runtime::Runtime, sink: &Path) {
    let (address, server) = start(runtime, sink, false);
    // As the child does it: a line in, a line out.
    let line = serde_json::to_string(&config(address, sink)).unwrap();
    let mut output = Vec::new();
    serve(line.as_bytes(), &mut output).unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output).unwrap();
    let outcome: StormOutcome = serde_json::from_value(said["storm"].clone()).unwrap();

    assert_eq!(
        (outcome.storm.failures, outcome.pins_missing, outcome.errors.len()),
        (0, 0, 0),
        "{outcome:?}"
    );
    let registered = server.registered.lock().unwrap().len() as u64;
    assert_eq!(outcome.storm.registrations, registered);
    assert_eq!(
        (of(&outcome, "register"), of(&outcome, "prove")),
        ((registered, 0), (registered, 0))
    );
    assert_eq!(
        of(&outcome, "upload"),
        (server.files.lock().unwrap().len() as u64, 0)
    );
    for name in ["upload", "download", "look up"] {
        assert!(of(&outcome, name).0 > 0, "{name}: {outcome:?}");
    }
    let response = outcome.storm.response_ms;
    assert_eq!(response.count, outcome.storm.requests);
    assert!(response.p50 > 0.0 && response.p50 <= response.p99 && response.p99 <= response.max);
}

fn spoilt_downloads_are_failures(runtime: &tokio::runtime::Runtime, sink: &Path) {
    let (address, _server) = start(runtime, sink, true);
    let outcome = run(config(address, sink)).unwrap();
    let (downloads, failures) = of(&outcome, "download");
    assert!(
        downloads > 0 && downloads == failures && failures == outcome.storm.failures,
        "{outcome:?}"
    );
    assert!(
        outcome
            .errors
            .iter()
            .any(|fault| fault.error.contains("not what was uploaded")),
        "{outcome:?}"
    );
}

fn nobody_is_there(sink: &Path) {
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let outcome = run(config(gone, sink)).unwrap();
    assert!(
        outcome.storm.requests > 0 && outcome.storm.failures == outcome.storm.requests,
        "{outcome:?}"
    );
    // After a failure a user pauses: a server that is down is not asked in a spin.
    assert!(outcome.storm.requests < 1_000, "{outcome:?}");
}

fn goose_refuses(sink: &Path) {
    let mut config = config(([127, 0, 0, 1], 9).into(), sink);
    config.users = 0;
    assert!(matches!(run(config), Err(StormError::Config { .. })));
}
