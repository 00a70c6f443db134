//! Puts a server together: ports, then what is on disk, then HTTP and the sinks, and the threads last.
//!
//! It knows neither what the office does nor what a shard says.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use reactor::{PART_FLOOR, raise_nofile, reserve};
use wire::chat::Secret;

use super::opening::{open_office, open_store};
use super::threads::{Crew, secure};
use super::wiring::Wiring;
use super::{Server, StartError};
use crate::config::{Config, ShardPlan};
use crate::desk::Desk;
use crate::figures::{Figures, OfficeFigures, ShardFigures};
use crate::http::{self, Admin, Bound, FigureSource, Health, HttpConfig, HttpParts, MediaOptions};
use crate::knobs::Knobs;
use crate::sink::{self, Notice, Sink, SinkTask, Sms, Target};
use crate::warden::{Pace, Warden};

/// Where PINs and notices go.
struct Sinks {
    sms: Sink<Sms>,
    push: Sink<Notice>,
    tasks: Vec<SinkTask>,
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
        let bound = bind_http(&config, plan).await?;
        // Before the store: a shard that parts keeps its wakers' numbers, which are below a floor.
        let wiring = Wiring::new(plan)?;
        let kept = open_store(&config)?;

        let shard_figures: Arc<[Arc<ShardFigures>]> = (0..plan.shards).map(|_| Arc::default()).collect();
        let office_figures = Arc::<OfficeFigures>::default();
        office_figures.damaged_files.add(kept.damaged_files);
        let figures = Figures::new(Arc::clone(&shard_figures), Arc::clone(&office_figures));
        let (health, pace, sinks) = (Health::default(), Pace::new(), Sinks::start(&config)?);
        let parts = HttpParts {
            desk: Desk::new(wiring.inquiries.clone()),
            secret: Secret::new(&config.secret),
            knobs: knobs.clone(),
            health: health.clone(),
            figures: all_figures(figures.clone(), pace.clone(), &sinks),
        };
        let parts_of_office = (office_figures, health.clone(), sinks.sms, sinks.push);
        let office = open_office(&config, plan.shards, &knobs, kept, parts_of_office);
        let http = http::serve(bound, parts)?;
        let mut server = Self {
            address: reserved.address,
            plan,
            secure: secure(&config, plan),
            figures: figures.clone(),
            http_addresses: (http.public_addr, http.admin_addr),
            http: Some(http),
            health: health.clone(),
            sinks: sinks.tasks,
            stop: Arc::new(AtomicBool::new(false)),
            office_stop: Arc::new(AtomicBool::new(false)),
            wakes: wiring.wakes.clone(),
            office_wake: wiring.office_wake.clone(),
            shards: Vec::new(),
            office: None,
            warden: None,
        };
        let lives = server.start_threads(Crew {
            wiring,
            office,
            reserved,
            figures: shard_figures,
            knobs,
        })?;
        server.warden = Some(Warden::start(lives, pace, figures, health));
        Ok(server)
    }
}

impl Sinks {
    fn start(config: &Config) -> Result<Self, StartError> {
        let (sms, sms_task) = config
            .sms
            .parse::<Target>()?
            .start(&sink::Options::named("sms"))?;
        let (push, push_task) = config
            .push
            .parse::<Target>()?
            .start(&sink::Options::named("push"))?;
        Ok(Self {
            sms,
            push,
            tasks: vec![sms_task, push_task],
        })
    }
}

/// Takes the ports of the HTTP side.
async fn bind_http(config: &Config, plan: ShardPlan) -> Result<Bound, StartError> {
    let mut http = HttpConfig::new(
        Admin::new(config.admin, config.admin_token.clone())?,
        config.http,
        MediaOptions::in_folder(config.data.join("media")),
    );
    http.connections_max = plan.http_connections(http.connections_max, http.admin_connections_max);
    http.descriptors_end = plan.parted.then_some(PART_FLOOR);
    Ok(http::bind(http).await?)
}

/// What the HTTP side says of the whole server.
fn all_figures(figures: Figures, pace: Pace, sinks: &Sinks) -> FigureSource {
    let (sms, push) = (sinks.sms.clone(), sinks.push.clone());
    Arc::new(move || {
        let mut snapshot = figures.snapshot();
        pace.report(&mut snapshot);
        sms.report(&mut snapshot);
        push.report(&mut snapshot);
        snapshot
    })
}
