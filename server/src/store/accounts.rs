//! Accounts and groups that outlive the process: an append-only log of their last state.
//!
//! It refuses to know what a key proves and who may join a group.
//!
//! A record replaces the earlier ones of its number; a group without members is none. Reading stops at the first
//! record that is not whole, and what follows is cut off: it was never committed, unless the file is damaged; where whole
//! records follow, what is cut off is kept beside it first. When more than half of the file
//! is replaced records, a new file is written beside it, some at each commit, and takes its name.

mod reading;
mod record;
mod rewriting;
#[cfg(test)]
mod tests;

use std::hash::BuildHasher;
use std::path::PathBuf;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashTable};

use super::Error;
use super::damage;
use super::disk::{Disk, DiskFile, RealDisk, write_all_at};
use super::slab::{Linked, NONE, Slab};
use record::{ACCOUNT_BYTES, GROUP_HEAD_BYTES, append_account, append_group};
use rewriting::{NEW_FILE, Rewriting};

const FILE: &str = "accounts.log";
/// The most members of one group.
pub const MEMBERS_MAX: usize = 4096;
/// What a group costs beside its members, in members of 8 bytes: its entry and its allocation.
pub(crate) const GROUP_COST: usize = 6;
const CHUNK_BYTES: usize = 1 << 20;

/// What is kept of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The key that logs in.
    pub key: [u8; 32],
    /// Counts registrations; a key of an earlier one is void.
    pub epoch: u32,
}

/// One account: 44 bytes, and about 8 in the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    number: [u32; 2],
    epoch: u32,
    key: [u8; 32],
}

impl Row {
    fn number(&self) -> u64 {
        u64::from(self.number[0]) | u64::from(self.number[1]) << 32
    }
}

impl Linked for Row {
    const VACANT: Self = Self {
        number: [0; 2],
        epoch: 0,
        key: [0; 32],
    };

    fn link(&self) -> u32 {
        self.epoch
    }

    fn set_link(&mut self, slot: u32) {
        self.epoch = slot;
    }
}

/// All stored accounts and groups.
pub struct Accounts {
    disk: Option<Arc<dyn Disk>>,
    file: Option<Arc<dyn DiskFile>>,
    rows: Slab<Row>,
    table: HashTable<u32>,
    groups: HashMap<u64, Box<[u64]>, RandomState>,
    /// Members of all groups, with what the groups cost.
    places: usize,
    hasher: RandomState,
    pending: Vec<u8>,
    end: u64,
    is_synced: bool,
    dead_bytes: u64,
    rewriting: Option<Rewriting>,
    damaged_tails: usize,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Accounts")
            .field("accounts", &self.len())
            .finish_non_exhaustive()
    }
}

impl Accounts {
    /// Opens the table in a directory and reads it; without a directory it is in memory only.
    ///
    /// # Errors
    /// [`Error::Io`] where the directory or the file cannot be read or written.
    pub fn open(directory: Option<PathBuf>) -> Result<Self, Error> {
        let disk = match directory {
            Some(directory) => Some(Arc::new(RealDisk::open(directory)?) as Arc<dyn Disk>),
            None => None,
        };
        Self::start(disk)
    }

    fn start(disk: Option<Arc<dyn Disk>>) -> Result<Self, Error> {
        let mut accounts = Self {
            disk: disk.clone(),
            file: None,
            rows: Slab::new(),
            table: HashTable::new(),
            groups: HashMap::default(),
            places: 0,
            hasher: RandomState::default(),
            pending: Vec::new(),
            end: 0,
            is_synced: true,
            dead_bytes: 0,
            rewriting: None,
            damaged_tails: 0,
        };
        if let Some(disk) = disk {
            let names = disk.list()?;
            if names.iter().any(|name| name == NEW_FILE) {
                disk.remove(NEW_FILE)?;
            }
            let file = if names.iter().any(|name| name == FILE) {
                disk.open(FILE)?
            } else {
                disk.create(FILE, 0)?
            };
            accounts.read(&*file)?;
            if let Some(tail) = accounts.damaged_tail(&*file)? {
                let copy = format!("{FILE}.{}.damaged", accounts.end);
                damage::keep(&*disk, FILE, accounts.end, &tail, &copy)?;
                accounts.damaged_tails += 1;
            }
            file.truncate(accounts.end)?;
            file.sync_data()?;
            accounts.file = Some(file);
        }
        Ok(accounts)
    }

    /// How many accounts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory of accounts, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.rows.bytes() + self.table.allocation_size()
    }

    /// The account of a number.
    #[must_use]
    pub fn account(&self, number: u64) -> Option<Account> {
        let row = self.rows.at(self.slot(number)?)?;
        Some(Account {
            key: row.key,
            epoch: row.epoch,
        })
    }

    /// The members of a group.
    #[must_use]
    pub fn group(&self, group: u64) -> Option<&[u64]> {
        self.groups.get(&group).map(|members| &**members)
    }

    /// Memory of groups in members of 8 bytes, if a group had so many.
    #[must_use]
    pub fn group_places(&self, group: u64, members: usize) -> usize {
        let now = self.groups.get(&group).map_or(0, |members| cost(members.len()));
        self.places - now + cost(members)
    }

    /// Puts an account, in place of the number's earlier one. It is safe after the next good commit.
    pub fn put_account(&mut self, number: u64, account: &Account) {
        if self.file.is_some() {
            append_account(&mut self.pending, number, account);
        }
        self.set_account(number, account);
    }

    /// Puts a group, in place of its earlier members; without members it is gone. Safe after the next good commit.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond [`MEMBERS_MAX`].
    pub fn put_group(&mut self, group: u64, members: &[u64]) -> Result<(), Error> {
        if members.len() > MEMBERS_MAX {
            return Err(Error::TooLarge {
                bytes: members.len() * 8,
                max: MEMBERS_MAX * 8,
            });
        }
        if self.file.is_some() {
            append_group(&mut self.pending, group, members);
        }
        self.set_group(group, members.into());
        Ok(())
    }

    /// Whether anything waits for a commit.
    #[must_use]
    pub fn needs_commit(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Writes what was put, and syncs it where `sync`.
    ///
    /// # Errors
    /// The file refuses; what was put is tried again by the next call, and is not safe before one succeeds.
    pub fn commit(&mut self, sync: bool) -> Result<(), Error> {
        let Some(file) = self.file.clone() else {
            return Ok(());
        };
        if !self.pending.is_empty() {
            write_all_at(&*file, &self.pending, self.end)?;
            self.is_synced = false;
        }
        if sync && !self.is_synced {
            // Nothing counts as written before this: a failed sync may have dropped it.
            file.sync_data()?;
            self.is_synced = true;
        }
        if !self.pending.is_empty() {
            self.end += self.pending.len() as u64;
            self.copy_pending();
            self.pending.clear();
        }
        // Trouble with the new file only puts the rewriting off; the old file stays good.
        if self.rewrite().is_err() {
            self.rewriting = None;
        }
        Ok(())
    }

    fn set_account(&mut self, number: u64, account: &Account) {
        if let Some(slot) = self.slot(number) {
            self.dead_bytes += ACCOUNT_BYTES as u64;
            if let Some(row) = self.rows.at_mut(slot) {
                (row.key, row.epoch) = (account.key, account.epoch);
            }
            return;
        }
        let row = Row {
            number: [number as u32, (number >> 32) as u32],
            epoch: account.epoch,
            key: account.key,
        };
        let Some(slot) = self.rows.insert(row) else {
            return;
        };
        let Self {
            rows, table, hasher, ..
        } = self;
        table.insert_unique(hasher.hash_one(number), slot, |slot| {
            hasher.hash_one(rows.at(*slot).map_or(0, Row::number))
        });
    }

    fn set_group(&mut self, group: u64, members: Box<[u64]>) {
        self.places = self.group_places(group, members.len());
        let old = if members.is_empty() {
            self.dead_bytes += GROUP_HEAD_BYTES as u64;
            self.groups.remove(&group)
        } else {
            self.groups.insert(group, members)
        };
        if let Some(old) = old {
            self.dead_bytes += (GROUP_HEAD_BYTES + old.len() * 8) as u64;
        }
    }

    fn slot(&self, number: u64) -> Option<u32> {
        let is_number = |slot: &u32| self.rows.at(*slot).is_some_and(|row| row.number() == number);
        self.table.find(self.hasher.hash_one(number), is_number).copied()
    }

    /// How often opening found the file damaged and kept what it cut off: 0 or 1.
    #[must_use]
    pub fn damaged_tails(&self) -> usize {
        self.damaged_tails
    }
}

/// Places that a group of so many takes; one without members is none.
fn cost(members: usize) -> usize {
    if members == 0 { 0 } else { members + GROUP_COST }
}

const _: () = assert!(GROUP_HEAD_BYTES + MEMBERS_MAX * 8 < CHUNK_BYTES && NONE == u32::MAX);
