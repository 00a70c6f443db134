//! Where short messages with PINs and notices of waiting messages go: a file, a webhook, or nowhere.
//!
//! It does not know who needs a PIN or who is away. Whoever does pushes to a [`Sink`] from any thread, a shard with a
//! descriptor table of its own among them: a push is a bounded queue and an eventfd, never a call into tokio. One
//! thread drains the queue in batches. What does not fit or cannot be handed over is dropped and counted, never
//! waited for: a chat server does not stop because an SMS gateway did.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use reactor::{Queue, Wake};
use reqwest::Url;
use tokio::sync::{oneshot, watch};

use crate::figures::Snapshot;

mod coalescer;
mod item;
mod outlet;
mod task;

pub use item::{Item, Notice, Sms};
pub use outlet::Retry;

use outlet::Outlet;
use task::{Phase, Task};

/// A mistake in naming a sink, or one that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Not the name of a sink.
    #[error(
        "`{given}` is not a sink: expected `file:PATH`, `http://HOST/PATH`, `https://HOST/PATH` or `none`{detail}"
    )]
    NotASink {
        /// What was given.
        given: String,
        /// More, where something is known.
        detail: String,
    },
    /// The file cannot be appended to.
    #[error("the {name} sink cannot append to {}: {source}; give a path in a folder that exists and may be written", path.display())]
    File {
        /// The sink's name.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The web client cannot be made.
    #[error("the {name} sink cannot make its web client: {source}")]
    Client {
        /// The sink's name.
        name: &'static str,
        /// Why.
        source: reqwest::Error,
    },
    /// A webhook was to be started outside a tokio runtime.
    #[error("the {name} sink posts by HTTP and must be started within a tokio runtime")]
    NoRuntime {
        /// The sink's name.
        name: &'static str,
    },
    /// Out of descriptors or threads.
    #[error(
        "the {name} sink cannot make its eventfd or thread: {source}; raise the limits (ulimit -n, ulimit -u)"
    )]
    Resources {
        /// The sink's name.
        name: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

/// Where a sink's items go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nowhere.
    Discard,
    /// Appended to a file that only its owner may read, a JSON object a line.
    File(PathBuf),
    /// Posted as JSON arrays of at most [`Options::batch_max_items`] objects.
    Webhook(Url),
}

/// How a sink works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name: its queue's and its counters', such as `sms`.
    pub name: &'static str,
    /// Items that may wait; more are dropped and counted.
    pub capacity_items: usize,
    /// The most items handed over at once.
    pub batch_max_items: usize,
    /// How long items about one number are gathered into one ([`Item::coalesces`]).
    pub window: Duration,
    /// How a webhook is tried again.
    pub retry: Retry,
}

/// The way to a sink. Clones feed the same one.
#[derive(Debug)]
pub struct Sink<T> {
    name: &'static str,
    /// None where items go nowhere: then nothing wakes and no thread runs.
    queue: Option<Queue<T>>,
    counts: Arc<Counts>,
}

/// A sink's thread. Dropped, it ends without having its last posts answered; [`SinkTask::stop`] waits for them.
#[derive(Debug)]
pub struct SinkTask {
    phase: watch::Sender<Phase>,
    /// What the thread sleeps on, and what it drops when it ends; none where items go nowhere.
    thread: Option<(Wake, oneshot::Receiver<()>)>,
}

/// What a sink counts. Several threads add.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    written: AtomicU64,
    failed: AtomicU64,
    coalesced: AtomicU64,
    discarded: AtomicU64,
}

impl Options {
    /// What suits a server: 65,536 items may wait, 100 go at once, one notice a number in 10 seconds.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self {
            name,
            capacity_items: 65_536,
            batch_max_items: 100,
            window: Duration::from_secs(10),
            retry: Retry::default(),
        }
    }
}

impl FromStr for Target {
    type Err = SinkError;

    /// Reads `file:PATH`, `http://…`, `https://…` or `none`.
    fn from_str(given: &str) -> Result<Self, SinkError> {
        let refuse = |detail: &str| {
            Err(SinkError::NotASink {
                given: given.to_owned(),
                detail: detail.to_owned(),
            })
        };
        if given == "none" {
            return Ok(Self::Discard);
        }
        if let Some(path) = given.strip_prefix("file:") {
            return if path.is_empty() {
                refuse("; the path is missing")
            } else {
                Ok(Self::File(path.into()))
            };
        }
        if !(given.starts_with("http://") || given.starts_with("https://")) {
            return refuse("");
        }
        match Url::parse(given) {
            Ok(url) => Ok(Self::Webhook(url)),
            Err(error) => refuse(&format!("; {error}")),
        }
    }
}

impl Target {
    /// Starts a sink. A webhook needs the current tokio runtime.
    ///
    /// Start it before any thread parts with its descriptor table: the queue's eventfd must be in both tables.
    ///
    /// # Errors
    /// The file cannot be appended to, the web client cannot be made, or descriptors or threads ran out.
    pub fn start<T: Item>(self, options: &Options) -> Result<(Sink<T>, SinkTask), SinkError> {
        let name = options.name;
        let counts = Arc::new(Counts::default());
        let (phase, phases) = watch::channel(Phase::Run);
        let Some(outlet) = Outlet::open(self, options)? else {
            let sink = Sink {
                name,
                queue: None,
                counts,
            };
            return Ok((sink, SinkTask { phase, thread: None }));
        };
        let resources = |source| SinkError::Resources { name, source };
        let wake = Wake::new().map_err(resources)?;
        let (queue, receiver) = Queue::new(name, options.capacity_items, wake.clone());
        let task = Task::new(receiver, outlet, options, Arc::clone(&counts), phases);
        let (alive, ended) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name(format!("sink-{name}"))
            .spawn(move || {
                let _alive = alive;
                task.run();
            })
            .map_err(resources)?;
        let sink = Sink {
            name,
            queue: Some(queue),
            counts,
        };
        Ok((
            sink,
            SinkTask {
                phase,
                thread: Some((wake, ended)),
            },
        ))
    }
}

impl<T> Sink<T> {
    /// A sink that keeps nothing, for a server without one.
    #[must_use]
    pub fn discard(name: &'static str) -> Self {
        Self {
            name,
            queue: None,
            counts: Arc::default(),
        }
    }

    /// Hands an item over; where the queue is full it is dropped and counted.
    pub fn push(&self, item: T) {
        match &self.queue {
            // The queue counts what it refuses.
            Some(queue) => drop(queue.push(item)),
            None => drop(self.counts.discarded.fetch_add(1, Relaxed)),
        }
    }

    /// Adds the sink's figures: `server.sink.<name>.written`, `.failed`, `.coalesced`, `.discarded`, `.dropped`, and
    /// `server.queue.<name>.depth`, `.longest` (of one queue the same), `.peak`, `.refused`.
    pub fn report(&self, snapshot: &mut Snapshot) {
        let name = self.name;
        let refused = self.queue.as_ref().map_or(0, |queue| queue.stats().refused());
        for (figure, value) in [
            ("written", self.counts.written.load(Relaxed)),
            ("failed", self.counts.failed.load(Relaxed)),
            ("coalesced", self.counts.coalesced.load(Relaxed)),
            ("discarded", self.counts.discarded.load(Relaxed)),
            ("dropped", refused),
        ] {
            snapshot
                .counters
                .insert(format!("server.sink.{name}.{figure}"), value);
        }
        if let Some(queue) = &self.queue {
            let stats = queue.stats();
            let gauges = [
                ("depth", stats.depth()),
                ("longest", stats.depth()),
                ("peak", stats.longest()),
                ("refused", stats.refused()),
            ];
            for (figure, value) in gauges {
                snapshot
                    .gauges
                    .insert(format!("server.queue.{name}.{figure}"), value as f64);
            }
        }
    }
}

impl<T> Clone for Sink<T> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            queue: self.queue.clone(),
            counts: Arc::clone(&self.counts),
        }
    }
}

impl SinkTask {
    /// Hands over what waits, and ends; what takes longer than `grace` is given up and counted as failed.
    pub async fn stop(mut self, grace: Duration) {
        self.enter(Phase::Drain);
        if let Some((_, mut ended)) = self.thread.take()
            && tokio::time::timeout(grace, &mut ended).await.is_err()
        {
            self.enter(Phase::Abandon);
            // A post ends at once; a disk that hangs must not hold up the server's end.
            let _ = tokio::time::timeout(Duration::from_millis(100), ended).await;
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
        if let Some((wake, _)) = &self.thread {
            wake.wake();
        }
    }
}

impl Drop for SinkTask {
    fn drop(&mut self) {
        self.enter(Phase::Abandon);
    }
}

#[cfg(test)]
mod tests;
