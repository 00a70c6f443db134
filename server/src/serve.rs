//! Puts a server together, starts its threads, and stops them.
//!
//! It knows neither what the office does nor what a shard says.

mod error;
mod opening;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use rand::SeedableRng as _;
use rand_chacha::ChaCha12Rng;
use reactor::{
    Clock, Kernel, KernelOptions, Parting, Queue, QueueReceiver, Reserved, SecureOptions, Shard, ShardError,
    Sources, Wake, raise_nofile, reserve, spawn,
};
use wire::chat::Secret;

use crate::config::{Config, ShardPlan};
use crate::desk::{Desk, Inquiry};
use crate::figures::{Figures, OfficeFigures, ShardFigures};
use crate::http::{self, Admin, Health, HttpConfig, HttpHandle, HttpParts, MediaOptions};
use crate::knobs::Knobs;
use crate::office::{Office, Runner};
use crate::parcel::{Outbox, Parcel};
use crate::shard::{BACKLOG, Measured, ServerShard, ShardParts, Way};
use crate::sink::{self, SinkTask, Target};
use crate::warden::{Lives, Pace, Warden};
pub use error::StartError;
use opening::{open_office, open_store};

/// Inquiries of the HTTP side that may wait.
const INQUIRIES_MAX: usize = 4096;
/// Outboxes that may wait for one shard.
const OUTBOXES_MAX: usize = 256;

/// TLS handshakes under way at once, all shards together, at some 20 KB each, and at least one shard's.
const HANDSHAKES_MAX: u32 = 8_192;
const HANDSHAKES_MIN: u32 = 64;
/// Keys ready for busy connections, all shards together, at some 700 B each.
const KEYS_MAX: usize = 32_768;

/// How long a sink may take to hand over what waits when the server stops.
const SINK_GRACE: std::time::Duration = std::time::Duration::from_secs(2);

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    plan: ShardPlan,
    secure: Option<SecureOptions>,
    figures: Figures,
    http: Option<HttpHandle>,
    health: Health,
    http_addresses: (SocketAddr, SocketAddr),
    sinks: Vec<SinkTask>,
    stop: Arc<AtomicBool>,
    office_stop: Arc<AtomicBool>,
    wakes: Vec<Wake>,
    office_wake: Wake,
    shards: Vec<JoinHandle<Result<(), ShardError>>>,
    office: Option<JoinHandle<()>>,
    warden: Option<Warden>,
}

/// The queues and wakers of all threads, made before any thread parts from the descriptor table.
struct Wiring {
    wakes: Vec<Wake>,
    office_wake: Wake,
    parcels: Queue<Parcel>,
    parcels_out: QueueReceiver<Parcel>,
    outboxes: Vec<Queue<Outbox>>,
    outboxes_out: Vec<QueueReceiver<Outbox>>,
}

impl Wiring {
    fn new(shards: u16) -> std::io::Result<Self> {
        let wakes = (0..shards).map(|_| Wake::new()).collect::<Result<Vec<_>, _>>()?;
        let office_wake = Wake::new()?;
        let (parcels, parcels_out) = Queue::new("parcels", 2 * usize::from(shards), office_wake.clone());
        let (outboxes, outboxes_out) = wakes
            .iter()
            .map(|wake| Queue::new("outboxes", OUTBOXES_MAX, wake.clone()))
            .unzip();
        Ok(Self {
            wakes,
            office_wake,
            parcels,
            parcels_out,
            outboxes,
            outboxes_out,
        })
    }
}

impl Server {
    /// Starts a server. The HTTP side and the sinks run on the tokio runtime that this is called from; it is ready
    /// for connections when this returns.
    ///
    /// # Errors
    /// A port is taken, a folder cannot be written, a limit is too low: the error says which and what to do.
    pub async fn start(config: Config, knobs: Knobs) -> Result<Self, StartError> {
        let nofile = raise_nofile()?;
        knobs.set("durability", config.durability.name())?;
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get().min(1024) as u16);
        let plan = ShardPlan::new(config.connections, nofile, cpus, config.shards)?;
        // The ports first: one who cannot have them leaves the disk alone.
        let reserved = reserve(config.listen)?;
        let address = reserved.address;
        let http_config = HttpConfig::new(
            Admin::new(config.admin, config.admin_token.clone())?,
            config.http,
            MediaOptions::in_folder(config.data.join("media")),
        );
        let bound = http::bind(http_config).await?;
        let kept = open_store(&config)?;

        let shard_figures: Arc<[Arc<ShardFigures>]> = (0..plan.shards).map(|_| Arc::default()).collect();
        let office_figures = Arc::<OfficeFigures>::default();
        office_figures.damaged_files.add(kept.damaged_files);
        let figures = Figures::new(Arc::clone(&shard_figures), Arc::clone(&office_figures));
        let wiring = Wiring::new(plan.shards)?;
        let inline = plan.shards == 1 && !plan.parted;
        // An inline office sleeps where its shard does.
        let desk_wake = if inline {
            wiring.wakes[0].clone()
        } else {
            wiring.office_wake.clone()
        };
        let (inquiries, inquiries_out) = Queue::new("inquiries", INQUIRIES_MAX, desk_wake);

        let health = Health::default();
        let (sms, sms_task) = config
            .sms
            .parse::<Target>()?
            .start(&sink::Options::named("sms"))?;
        let (push, push_task) = config
            .push
            .parse::<Target>()?
            .start(&sink::Options::named("push"))?;
        let report = (sms.clone(), push.clone());
        let parts = (office_figures, health.clone(), sms, push);
        let office = open_office(&config, plan.shards, &knobs, kept, parts);
        let (source, pace) = (figures.clone(), Pace::new());
        let paced = pace.clone();
        let parts = HttpParts {
            desk: Desk::new(inquiries),
            secret: Secret::new(&config.secret),
            knobs: knobs.clone(),
            health: health.clone(),
            figures: Arc::new(move || {
                let mut snapshot = source.snapshot();
                paced.report(&mut snapshot);
                report.0.report(&mut snapshot);
                report.1.report(&mut snapshot);
                snapshot
            }),
        };
        let http = http::serve(bound, parts)?;
        let stop = Arc::new(AtomicBool::new(false));
        let secure = secure(&config, plan);
        let office_stop = Arc::new(AtomicBool::new(false));
        let mut server = Self {
            address,
            plan,
            secure,
            figures,
            http_addresses: (http.public_addr, http.admin_addr),
            http: Some(http),
            health,
            sinks: vec![sms_task, push_task],
            stop: Arc::clone(&stop),
            office_stop,
            wakes: wiring.wakes.clone(),
            office_wake: wiring.office_wake.clone(),
            shards: Vec::new(),
            office: None,
            warden: None,
        };
        let lives = server.start_threads(
            wiring,
            office,
            inquiries_out,
            reserved,
            &shard_figures,
            &knobs,
            inline,
        )?;
        let (figures, health) = (server.figures.clone(), server.health.clone());
        server.warden = Some(Warden::start(lives, pace, figures, health));
        Ok(server)
    }

    #[allow(clippy::too_many_arguments)] // the pieces of one server, put together once
    fn start_threads(
        &mut self,
        wiring: Wiring,
        office: Office,
        inquiries: QueueReceiver<Inquiry>,
        reserved: Reserved,
        figures: &Arc<[Arc<ShardFigures>]>,
        knobs: &Knobs,
        inline: bool,
    ) -> Result<Lives, StartError> {
        let mut lives = Lives::default();
        let mut runner = Some(Box::new(Runner::new(office, inquiries)));
        let keep: Vec<Wake> = wiring
            .wakes
            .iter()
            .chain([&wiring.office_wake])
            .cloned()
            .collect();
        let clock = Clock::start();
        let (ready, is_ready) = mpsc::channel();
        for (index, outboxes) in (0..self.plan.shards).zip(wiring.outboxes_out) {
            let way = match runner.take_if(|_| inline) {
                Some(runner) => Way::Inline(runner),
                None => Way::Thread {
                    parcels: wiring.parcels.clone(),
                    outboxes,
                },
            };
            let parts = ShardParts {
                index,
                address: self.address,
                way,
                knobs: knobs.clone(),
                figures: Arc::clone(&figures[usize::from(index)]),
                others: Arc::clone(figures),
                connections_max: self.plan.connections_max,
                parted: self.plan.parted,
                stop: Arc::clone(&self.stop),
                rng: ChaCha12Rng::from_rng(&mut rand::rng()),
            };
            let (secure, spacing_us) = (self.secure.clone(), self.plan.spacing_us());
            let (wake, ready) = (wiring.wakes[usize::from(index)].clone(), ready.clone());
            let parting = self.plan.parted.then(|| Parting { keep: keep.clone() });
            let name = format!("shard-{index}");
            let life = lives.begin(&name);
            match spawn(name, parting, move || {
                let _life = life;
                run_shard(parts, secure, spacing_us, clock, wake, ready)
            }) {
                Ok(shard) => self.shards.push(shard),
                Err(error) => return self.join().and(Err(error.into())),
            }
        }
        // A shard that fails lets go of its end without a word.
        drop(ready);
        if is_ready.iter().count() < usize::from(self.plan.shards) {
            let unknown = StartError::Ended("a shard ended as soon as it had begun");
            return self.join().and(Err(unknown));
        }
        drop(reserved);
        if let Some(runner) = runner {
            let stop = Arc::clone(&self.office_stop);
            let life = lives.begin("office");
            self.office = Some(runner.spawn(wiring.parcels_out, wiring.outboxes, stop, life)?);
        }
        Ok(lives)
    }

    /// Returns once one of its threads has ended though nobody stopped the server: it serves no more as it should, and is to
    /// be stopped. The name is the thread's.
    pub async fn ended(&self) -> String {
        match &self.warden {
            Some(warden) => warden.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The shards it has.
    #[must_use]
    pub fn plan(&self) -> ShardPlan {
        self.plan
    }

    /// Its figures.
    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Where media and registration are.
    #[must_use]
    pub fn http_address(&self) -> SocketAddr {
        self.http_addresses.0
    }

    /// Where the admin HTTP is.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.http_addresses.1
    }

    /// Stops gracefully: no new connections, a farewell to everybody, what was accepted on disk.
    ///
    /// # Errors
    /// A shard had failed before.
    pub async fn stop(mut self) -> Result<(), StartError> {
        self.health.drain();
        // From now on threads end because they are told to.
        self.warden = None;
        if let Some(mut http) = self.http.take() {
            http.stop().await;
        }
        let sinks = std::mem::take(&mut self.sinks);
        let result = tokio::task::spawn_blocking(move || self.join())
            .await
            .map_err(|_| StartError::Ended("the thread that waits for all others panicked"))?;
        for sink in sinks {
            sink.stop(SINK_GRACE).await;
        }
        result
    }

    fn join(&mut self) -> Result<(), StartError> {
        self.stop.store(true, Ordering::Release);
        self.wakes.iter().for_each(Wake::wake);
        let mut result = Ok(());
        for shard in self.shards.drain(..) {
            match shard.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => result = Err(error.into()),
                Err(_) => result = Err(StartError::Ended("a shard panicked")),
            }
        }
        // The office last: it still works off what the shards left.
        self.office_stop.store(true, Ordering::Release);
        self.office_wake.wake();
        if self.office.take().is_some_and(|office| office.join().is_err()) {
            result = Err(StartError::Ended("the office panicked"));
        }
        result
    }
}

/// A shard's thread: its listener and its epoll are made here, in its own descriptor table.
fn run_shard(
    parts: ShardParts,
    secure: Option<SecureOptions>,
    spacing_us: u64,
    clock: Clock,
    wake: Wake,
    ready: mpsc::Sender<()>,
) -> Result<(), ShardError> {
    let stats = Arc::clone(&parts.figures.loop_stats);
    let listener =
        reactor::listen(parts.address, BACKLOG).map_err(|error| std::io::Error::other(error.to_string()))?;
    let mut kernel = Kernel::new(
        Some(listener),
        Sources::default(),
        KernelOptions {
            out_max_bytes: parts.knobs.unread_max_bytes() as usize,
        },
        &wake,
    )?;
    let mut shard = ServerShard::new(parts);
    // Nobody waits any more if the start failed elsewhere.
    let _ = ready.send(());
    drop(ready);
    let looping = Shard::new(clock, wake, stats).spaced(spacing_us);
    match secure {
        None => looping.run(&mut kernel, &mut shard)?,
        Some(options) => {
            let mut secure = Measured::new(shard, options);
            looping.run(&mut kernel, &mut secure)?;
            shard = secure.into_shard();
        }
    }
    shard.close();
    Ok(())
}

/// What a shard needs to serve under TLS.
fn secure(config: &Config, plan: ShardPlan) -> Option<SecureOptions> {
    let shards = plan.shards.max(1);
    config.tls.clone().map(|tls| SecureOptions {
        server: Some(tls),
        handshakes_max: (HANDSHAKES_MAX / u32::from(shards)).max(HANDSHAKES_MIN),
        keys: (KEYS_MAX / usize::from(shards)).max(HANDSHAKES_MIN as usize),
        ..SecureOptions::default()
    })
}

#[cfg(test)]
mod tests;
