//! The queues and wakers between the threads of a server, made before any of them parts from the descriptor table.
//!
//! It does not know what travels on them.

use reactor::{Queue, QueueReceiver, Wake};

use crate::config::ShardPlan;
use crate::desk::Inquiry;
use crate::parcel::{Outbox, Parcel};

/// Inquiries of the HTTP side that may wait.
const INQUIRIES_MAX: usize = 4096;
/// Outboxes that may wait for one shard.
const OUTBOXES_MAX: usize = 256;

/// See the module.
pub(super) struct Wiring {
    /// Whether the office runs in the only shard: no wake-up a batch then.
    pub(super) inline: bool,
    pub(super) wakes: Vec<Wake>,
    pub(super) office_wake: Wake,
    pub(super) parcels: Queue<Parcel>,
    pub(super) parcels_out: QueueReceiver<Parcel>,
    pub(super) outboxes: Vec<Queue<Outbox>>,
    pub(super) outboxes_out: Vec<QueueReceiver<Outbox>>,
    pub(super) inquiries: Queue<Inquiry>,
    pub(super) inquiries_out: QueueReceiver<Inquiry>,
}

impl Wiring {
    pub(super) fn new(plan: ShardPlan) -> std::io::Result<Self> {
        let inline = plan.shards == 1 && !plan.parted;
        let wakes = (0..plan.shards)
            .map(|_| Wake::new())
            .collect::<Result<Vec<_>, _>>()?;
        let office_wake = Wake::new()?;
        let (parcels, parcels_out) = Queue::new("parcels", 2 * usize::from(plan.shards), office_wake.clone());
        let (outboxes, outboxes_out) = wakes
            .iter()
            .map(|wake| Queue::new("outboxes", OUTBOXES_MAX, wake.clone()))
            .unzip();
        // An inline office sleeps where its shard does.
        let desk_wake = wakes.first().filter(|_| inline).unwrap_or(&office_wake);
        let (inquiries, inquiries_out) = Queue::new("inquiries", INQUIRIES_MAX, desk_wake.clone());
        Ok(Self {
            inline,
            wakes,
            office_wake,
            parcels,
            parcels_out,
            outboxes,
            outboxes_out,
            inquiries,
            inquiries_out,
        })
    }
}
