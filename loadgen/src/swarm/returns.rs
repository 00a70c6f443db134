//! The way back from the HTTP side to the shards.
//!
//! It exists before the shards do, because the HTTP side must be there first; what comes before they are is refused.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use reactor::{Queue, QueueReceiver, Wake};

use crate::job::{RegisterDone, UploadDone};
use crate::shard::Dealing;
use crate::upload::Outcomes;

/// Uploads done that a shard may leave waiting.
const CAPACITY: usize = 16_384;

/// Takes the HTTP side's outcomes to whom they concern. Clones are the same way.
#[derive(Clone, Debug, Default)]
pub struct Returns(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    shards: OnceLock<(Dealing, Vec<Queue<UploadDone>>)>,
    registered: AtomicU64,
    not_registered: AtomicU64,
}

impl Returns {
    /// Opens a way to each shard, which sleeps on its wake. Where they were opened before, the new ones lead nowhere.
    pub(super) fn open(&self, wakes: &[Wake], dealing: Dealing) -> Vec<QueueReceiver<UploadDone>> {
        let (queues, receivers) = wakes
            .iter()
            .map(|wake| Queue::new("swarm_uploads", CAPACITY, wake.clone()))
            .unzip();
        let _ = self.0.shards.set((dealing, queues));
        receivers
    }

    /// Registrations that ended well, and those that did not.
    #[must_use]
    pub fn registrations(&self) -> (u64, u64) {
        (
            self.0.registered.load(Ordering::Relaxed),
            self.0.not_registered.load(Ordering::Relaxed),
        )
    }
}

impl Outcomes for Returns {
    fn uploaded(&self, done: UploadDone) -> bool {
        let Some((dealing, shards)) = self.0.shards.get() else {
            return false;
        };
        let shard = dealing.shard(done.user);
        shards[shard as usize].push(done).is_ok()
    }

    fn registered(&self, done: RegisterDone) -> bool {
        let count = if done.key.is_ok() {
            &self.0.registered
        } else {
            &self.0.not_registered
        };
        count.fetch_add(1, Ordering::Relaxed);
        true
    }
}
