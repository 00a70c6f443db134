//! The threads of a server: one a shard, and one for the office where that does not run in the only shard.
//!
//! It knows neither what the office does nor what a shard says.

use std::sync::{Arc, mpsc};

use rand::SeedableRng as _;
use rand_chacha::ChaCha12Rng;
use reactor::{
    Clock, Kernel, KernelOptions, Parting, Reserved, SecureOptions, Shard, ShardError, Sources, Wake, spawn,
};

use super::wiring::Wiring;
use super::{Server, StartError};
use crate::config::{Config, ShardPlan};
use crate::figures::ShardFigures;
use crate::knobs::Knobs;
use crate::office::{Office, Runner};
use crate::shard::{BACKLOG, Measured, ServerShard, ShardParts, Way};
use crate::warden::{Life, Lives};

/// TLS handshakes under way at once, all shards together, at some 20 KB each, and at least one shard's.
const HANDSHAKES_MAX: u32 = 8_192;
const HANDSHAKES_MIN: u32 = 64;
/// Keys ready for busy connections, all shards together, at some 700 B each.
const KEYS_MAX: usize = 32_768;

/// What the threads are made of.
pub(super) struct Crew {
    pub(super) wiring: Wiring,
    pub(super) office: Office,
    /// The chat port, until the shards listen on it.
    pub(super) reserved: Reserved,
    pub(super) figures: Arc<[Arc<ShardFigures>]>,
    pub(super) knobs: Knobs,
}

/// What a shard's thread is started with, beside what the shard is made of.
struct Post {
    secure: Option<SecureOptions>,
    spacing_us: u64,
    clock: Clock,
    wake: Wake,
    ready: mpsc::Sender<()>,
    _life: Life,
}

impl Server {
    pub(super) fn start_threads(&mut self, crew: Crew) -> Result<Lives, StartError> {
        let Crew { wiring, office, .. } = crew;
        let mut lives = Lives::default();
        let mut runner = Some(Box::new(Runner::new(office, wiring.inquiries_out)));
        let others = wiring.wakes.iter().chain([&wiring.office_wake]);
        let keep: Vec<Wake> = others.cloned().collect();
        let clock = Clock::start();
        let (ready, is_ready) = mpsc::channel();
        for (index, outboxes) in (0..self.plan.shards).zip(wiring.outboxes_out) {
            let way = match runner.take_if(|_| wiring.inline) {
                Some(runner) => Way::Inline(runner),
                None => Way::Thread {
                    parcels: wiring.parcels.clone(),
                    outboxes,
                },
            };
            let parts = self.shard_parts(index, way, &crew.figures, &crew.knobs);
            let name = format!("shard-{index}");
            let post = Post {
                secure: self.secure.clone(),
                spacing_us: self.plan.spacing_us(),
                clock,
                wake: wiring.wakes[usize::from(index)].clone(),
                ready: ready.clone(),
                _life: lives.begin(&name),
            };
            let parting = self.plan.parted.then(|| Parting { keep: keep.clone() });
            match spawn(name, parting, move || run_shard(parts, post)) {
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
        drop(crew.reserved);
        if let Some(runner) = runner {
            let stop = Arc::clone(&self.office_stop);
            let life = lives.begin("office");
            self.office = Some(runner.spawn(wiring.parcels_out, wiring.outboxes, stop, life)?);
        }
        Ok(lives)
    }

    fn shard_parts(
        &self,
        index: u16,
        way: Way,
        figures: &Arc<[Arc<ShardFigures>]>,
        knobs: &Knobs,
    ) -> ShardParts {
        ShardParts {
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
        }
    }
}

/// A shard's thread: its listener and its epoll are made here, in its own descriptor table.
fn run_shard(parts: ShardParts, post: Post) -> Result<(), ShardError> {
    let stats = Arc::clone(&parts.figures.loop_stats);
    let listener =
        reactor::listen(parts.address, BACKLOG).map_err(|error| std::io::Error::other(error.to_string()))?;
    let mut kernel = Kernel::new(
        Some(listener),
        Sources::default(),
        KernelOptions {
            out_max_bytes: parts.knobs.unread_max_bytes() as usize,
        },
        &post.wake,
    )?;
    let mut shard = ServerShard::new(parts);
    // Nobody waits any more if the start failed elsewhere.
    let _ = post.ready.send(());
    drop(post.ready);
    let looping = Shard::new(post.clock, post.wake, stats).spaced(post.spacing_us);
    match post.secure {
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
pub(super) fn secure(config: &Config, plan: ShardPlan) -> Option<SecureOptions> {
    let shards = plan.shards.max(1);
    config.tls.clone().map(|tls| SecureOptions {
        server: Some(tls),
        handshakes_max: (HANDSHAKES_MAX / u32::from(shards)).max(HANDSHAKES_MIN),
        keys: (KEYS_MAX / usize::from(shards)).max(HANDSHAKES_MIN as usize),
        ..SecureOptions::default()
    })
}
