//! A shard under TLS that says what TLS takes of its memory, and what becomes of handshakes and sessions.
//!
//! It knows neither records nor frames. A turn costs one store and one look at the time more, and a second nine stores; sums
//! are the sampler's.

use std::sync::Arc;

use reactor::{App, Closed, Id, Kernel, Origin, Secure, SecureOptions, Taken};

use super::ServerShard;
use crate::figures::ShardFigures;

/// See the module.
pub(crate) struct Measured {
    app: Secure<ServerShard>,
    figures: Arc<ShardFigures>,
    /// When counters are published next.
    publish_us: u64,
}

/// How often they are: figures are sampled once a second.
const PUBLISH_US: u64 = 250_000;

impl Measured {
    pub(crate) fn new(shard: ServerShard, options: SecureOptions) -> Self {
        Self {
            figures: Arc::clone(&shard.parts.figures),
            app: Secure::new(shard, options),
            publish_us: 0,
        }
    }

    pub(crate) fn into_shard(self) -> ServerShard {
        self.app.into_app()
    }
}

impl App<Kernel> for Measured {
    fn opened(&mut self, link: &mut Kernel, id: Id, origin: Origin, now_us: u64) {
        self.app.opened(link, id, origin, now_us);
    }

    fn received(&mut self, link: &mut Kernel, id: Id, bytes: &[u8], now_us: u64) -> Taken {
        self.app.received(link, id, bytes, now_us)
    }

    fn finished(&mut self, link: &mut Kernel, id: Id, now_us: u64) -> bool {
        self.app.finished(link, id, now_us)
    }

    fn closed(&mut self, link: &mut Kernel, id: Id, why: Closed, now_us: u64) {
        self.app.closed(link, id, why, now_us);
    }

    fn turn(&mut self, link: &mut Kernel, now_us: u64) -> Option<u64> {
        let due_us = self.app.turn(link, now_us);
        self.figures.tls_bytes.set(self.app.bytes());
        if now_us >= self.publish_us {
            self.publish_us = now_us + PUBLISH_US;
            self.figures.tls.set(&self.app.stats());
        }
        due_us
    }
}
