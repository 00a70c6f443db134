//! The HTTP side: admin on one listener, registration and media on another.
//!
//! It knows no connection of the chat protocol and keeps no account: it asks the office at its [`Desk`], turns
//! [`Knobs`], and reads figures. Everything that comes in is bounded: connections, heads, bodies, time, uploads under
//! way. It runs on tokio, in threads of the process's own descriptor table; of that it takes at most two descriptors
//! a public connection (a download's file) and one an admin connection.
//!
//! | public | |
//! |---|---|
//! | `POST /v1/register` `{"number": 15550000001}` | 202; the PIN goes to the SMS sink |
//! | `POST /v1/prove` `{"number": 15550000001, "pin": "123456"}` | 200 `{"key": "<64 hex>", "media_token": "<32 hex>"}` |
//! | `GET /v1/accounts/15550000001`, the same header or, a few times, none | 200 `{"registered": true}` |
//! | `PUT` or `POST /v1/media`, `Authorization: Bearer <number>:<media token>`, a raw body | 201 `{"link": "/v1/media/<id>"}` |
//! | `GET /v1/media/<id>`, the same header | 200 and the body |
//!
//! | admin | |
//! |---|---|
//! | `GET /healthz` | 200 `ok`, or 503 and the reason |
//! | `GET /metrics` | Prometheus text, format 0.0.4 |
//! | `GET /stats` | `{"counters": {…}, "gauges": {…}}` |
//! | `GET /knobs` | every knob with its value, default, unit, bounds and meaning |
//! | `PUT` or `POST /knobs/<name>`, the value as the body | 200 `{"name": …, "from": …, "to": …}` |
//!
//! `/metrics` and `/stats` have the same figures, whose names begin with `server.`: what was counted since the start, what is
//! so now, and rates of `messages_in`, `copies_accepted`, `copies_sent` and `copies_acknowledged`, which decay over the time in
//! their names (`server.messages_in.1s_per_second`, `.10s_per_second`, `.100s_per_second`). A queue, `server.queue.<name>`, has its
//! `.depth` (the sum), its `.longest` (the longest of that name now), its `.peak` (the longest ever) and what it `.refused`; the
//! office's has `.in_per_second` and `.out_per_second`, too, and, where they can be told, `.delay_ms` and `.drain_ms`. What became
//! of TLS is in `server.tls.*`. What waits for clients whose sockets take no more is `server.output.waiting_bytes`; how many readers that
//! cost their connections, and how many bytes waited for them, `server.output.readers_cut` and `.bytes_cut`; `.leavers_reset` are
//! those who had been cut off and still took nothing.
//!
//! Whatever is refused is answered `{"code": …, "error": "<name>"}`, sometimes with a `detail` for a person, and
//! counted as `server.http.refused.<name>`; `code` is the chat protocol's, 0 where it has none.

use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wire::chat::Secret;

use crate::desk::Desk;
use crate::figures::Snapshot;
use crate::knobs::Knobs;

mod admin;
mod credential;
mod guard;
mod health;
mod intake;
mod listener;
mod media;
mod quota;
mod refusal;
mod registration;
mod slots;
mod tally;

pub use guard::Admin;
pub use health::Health;
pub use media::Options as MediaOptions;

#[cfg(test)]
pub(crate) use intake::SMALL_MAX_BYTES;
use listener::Listener;
use media::{Media, Shelf};
#[cfg(test)]
pub(crate) use quota::WINDOW_S as LOOKUPS_WINDOW_S;
use refusal::{Reason, Refusal};
use registration::Registration;
use slots::Slots;
use tally::Tally;

/// Gives the server's figures; called once a request to `/metrics` or `/stats`, on a tokio thread.
pub type FigureSource = Arc<dyn Fn() -> Snapshot + Send + Sync>;

/// A configuration that cannot work, or a host that does not allow it.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// An admin side that everybody could reach.
    #[error(
        "the admin listener at {addr} is not on loopback and has no token: give a token, or listen on 127.0.0.1"
    )]
    TokenMissing {
        /// The address.
        addr: SocketAddr,
    },
    /// A token that could be guessed or not be sent.
    #[error(
        "the admin token must have at least {min_bytes} visible ASCII characters; `openssl rand -hex 16` makes one"
    )]
    TokenWeak {
        /// The fewest characters.
        min_bytes: usize,
    },
    /// A listener could not be bound.
    #[error("cannot listen for {what} HTTP at {addr}: {source}; {remedy}")]
    Bind {
        /// Which listener: `admin` or `public`.
        what: &'static str,
        /// The address.
        addr: SocketAddr,
        /// What to do.
        remedy: String,
        /// Why.
        source: std::io::Error,
    },
    /// The media folder cannot be used.
    #[error("cannot use {} for media: {source}; give a folder that can be made and written", folder.display())]
    Media {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Where to listen, and the bounds.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// The admin listener.
    pub admin: Admin,
    /// The public listener: registration and media.
    pub public: SocketAddr,
    /// Media.
    pub media: MediaOptions,
    /// Connections that the public listener serves at once; further ones wait in the kernel's queue.
    pub connections_max: u32,
    /// Public connections whose descriptor has this number or a higher one are closed at once and counted
    /// (`server.http.connections_above_floor`): where shards have tables of their own, main's numbers end there.
    pub descriptors_end: Option<RawFd>,
    /// Connections that the admin listener serves at once.
    pub admin_connections_max: u32,
    /// Uploads under way at once; further ones are refused as busy.
    pub uploads_max: usize,
    /// Of these, those of one source; further ones of its are refused as too many.
    pub uploads_a_source: usize,
    /// Downloads under way at once; further ones are refused as busy.
    pub downloads_max: usize,
    /// Of these, those of one source; further ones of its are refused as too many.
    pub downloads_a_source: usize,
    /// How long a small body may take to come, and then the office to answer.
    pub request_timeout: Duration,
    /// How long an upload or a download may take.
    pub transfer_timeout: Duration,
    /// How long a client may take none of what was sent to it.
    pub stall_timeout: Duration,
    /// How long requests under way have when the server stops.
    pub grace: Duration,
}

/// What the HTTP side reaches of the rest of the server.
#[derive(Clone)]
pub struct HttpParts {
    /// The office.
    pub desk: Desk,
    /// Derives media tokens.
    pub secret: Secret,
    /// The knobs.
    pub knobs: Knobs,
    /// What `/healthz` says.
    pub health: Health,
    /// What `/metrics` and `/stats` say, beside the HTTP side's own figures.
    pub figures: FigureSource,
}

/// The running HTTP side. Dropped, it stops too, without anybody waiting for requests under way.
#[derive(Debug)]
pub struct HttpHandle {
    /// Where the admin listener is.
    pub admin_addr: SocketAddr,
    /// Where the public listener is.
    pub public_addr: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl HttpConfig {
    /// 256 public and 16 admin connections, 128 uploads and 128 downloads of which a source has half, 5 s a request, 60 s a transfer,
    /// 30 s without any of it taken, 1 s of grace.
    #[must_use]
    pub fn new(admin: Admin, public: SocketAddr, media: MediaOptions) -> Self {
        Self {
            admin,
            public,
            media,
            connections_max: 256,
            descriptors_end: None,
            admin_connections_max: 16,
            uploads_max: 128,
            uploads_a_source: 64,
            downloads_max: 128,
            downloads_a_source: 64,
            request_timeout: Duration::from_secs(5),
            transfer_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(1),
        }
    }
}

/// The HTTP side with its ports taken, before it serves: nothing on disk was touched.
#[derive(Debug)]
pub struct Bound {
    config: HttpConfig,
    tally: Arc<Tally>,
    admin: Listener,
    public: Listener,
}

/// Takes the ports, on the current tokio runtime.
///
/// # Errors
/// A listener cannot be bound.
pub async fn bind(config: HttpConfig) -> Result<Bound, HttpError> {
    let tally = Arc::new(Tally::new());
    let stall = config.stall_timeout;
    let bind = |what, addr, max| Listener::bind(what, addr, (max, stall), Arc::clone(&tally));
    let admin = bind("admin", config.admin.addr(), config.admin_connections_max).await?;
    let public = bind("public", config.public, config.connections_max).await?;
    let public = public.below(config.descriptors_end);
    Ok(Bound {
        config,
        tally,
        admin,
        public,
    })
}

/// Starts the HTTP side on the current tokio runtime.
///
/// # Errors
/// The media folder cannot be used. Nothing runs then.
pub fn serve(bound: Bound, parts: HttpParts) -> Result<HttpHandle, HttpError> {
    let Bound {
        config,
        tally,
        admin,
        public,
    } = bound;
    let shelf = Arc::new(Shelf::open(config.media)?);
    let media = Arc::new(Media {
        shelf,
        secret: parts.secret.clone(),
        tally: Arc::clone(&tally),
        uploads: Arc::new(Slots::new(config.uploads_max, config.uploads_a_source)),
        downloads: Arc::new(Slots::new(config.downloads_max, config.downloads_a_source)),
        timeout: config.transfer_timeout,
    });
    let registration = Arc::new(Registration {
        desk: parts.desk,
        secret: parts.secret,
        tally: Arc::clone(&tally),
        timeout: config.request_timeout,
        knobs: parts.knobs.clone(),
        lookups: Mutex::default(),
        begun: Instant::now(),
    });
    let office = Arc::new(admin::Office {
        knobs: parts.knobs,
        health: parts.health,
        figures: parts.figures,
        tally,
        media: Arc::clone(&media),
        timeout: config.request_timeout,
    });

    let (stop, stopped) = watch::channel(false);
    let (admin_addr, public_addr) = (admin.addr(), public.addr());
    let public_routes = closed(registration::routes(registration).merge(media::routes(Arc::clone(&media))));
    // The guard is laid over the fallbacks too: who may not ask does not learn which routes there are.
    let guarded = closed(admin::routes(office)).layer(from_fn_with_state(config.admin, guard::admit));
    let tasks = vec![
        tokio::spawn(admin.run(guarded, stopped.clone(), config.grace)),
        tokio::spawn(public.run(public_routes, stopped.clone(), config.grace)),
        tokio::spawn(media.sweep(stopped)),
    ];
    tracing::info!(admin = %admin_addr, public = %public_addr, "HTTP listens");
    Ok(HttpHandle {
        admin_addr,
        public_addr,
        stop,
        tasks,
    })
}

/// Routes with refusals of our own where there is no route or no such method.
fn closed(routes: Router) -> Router {
    routes
        .fallback(|| async { Refusal::from(Reason::NoSuchRoute) })
        .method_not_allowed_fallback(|| async { Refusal::from(Reason::NoSuchMethod) })
}

impl HttpHandle {
    /// Stops listening at once, lets requests under way end within the grace, and returns then.
    pub async fn stop(&mut self) {
        self.stop.send_replace(true);
        for task in self.tasks.drain(..) {
            // A task that panicked has ended too.
            let _ = task.await;
        }
    }
}

#[cfg(test)]
mod tests;
