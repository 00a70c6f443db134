//! Opening what a server keeps on disk, and the office over it.
//!
//! It knows no thread and no port.

use std::sync::Arc;

use rand::SeedableRng as _;
use rand_chacha::ChaCha12Rng;
use wire::chat::Secret;

use super::StartError;
use crate::config::Config;
use crate::custody::private_folder;
use crate::figures::OfficeFigures;
use crate::http::Health;
use crate::knobs::Knobs;
use crate::office::{Office, Parts, Provisioned, unix_ms};
use crate::sink::{Notice, Sink, Sms};
use crate::store::accounts::Accounts;
use crate::store::{self, Store};

/// Items that a mailbox may hold whatever the knob says.
const MAILBOX_MAX_ITEMS: usize = 10_000_000;

/// What the office keeps on disk.
pub(super) struct Kept {
    store: Store,
    accounts: Accounts,
    /// Files that were not what was written.
    pub(super) damaged_files: u64,
}

/// Opens what the office keeps, of which no other server may be the user.
pub(super) fn open_store(config: &Config) -> Result<Kept, StartError> {
    private_folder(&config.data).map_err(|source| StartError::Folder {
        folder: config.data.clone(),
        source,
    })?;
    let defaults = store::Options::default();
    let options = store::Options {
        dir: Some(config.data.join("mail")),
        durability: config.durability,
        quota_bytes: config.store_quota_bytes.unwrap_or(defaults.quota_bytes),
        mailbox_max_items: MAILBOX_MAX_ITEMS,
        windows_max: defaults.windows_max.max(config.connections as usize),
        windows_expected: config.connections as usize,
        ..defaults
    };
    let (store, recovery) = Store::open(options, unix_ms())?;
    tracing::info!(?recovery, "store opened");
    let accounts = Accounts::open(Some(config.data.join("accounts")))?;
    let damaged = recovery.damaged_files + recovery.damaged_tails + accounts.damaged_tails();
    Ok(Kept {
        store,
        accounts,
        damaged_files: damaged as u64,
    })
}

/// The office over what was opened.
pub(super) fn open_office(
    config: &Config,
    shards: u16,
    knobs: &Knobs,
    kept: Kept,
    (figures, health, sms, push): (Arc<OfficeFigures>, Health, Sink<Sms>, Sink<Notice>),
) -> Office {
    Office::new(Parts {
        store: kept.store,
        accounts: kept.accounts,
        secret: Secret::new(&config.secret),
        provisioned: config.provisioned,
        apart: config.apart.map(|count| Provisioned {
            count,
            ..config.provisioned
        }),
        second_ticks: config.second_ticks,
        knobs: knobs.clone(),
        figures,
        health,
        sms,
        push,
        rng: ChaCha12Rng::from_rng(&mut rand::rng()),
        shards,
    })
}
