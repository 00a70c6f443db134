//! A shorter file in place of one that is mostly replaced records, written a piece at each commit.
//!
//! It refuses to touch the old file, which stays good until the new one has its name.

use std::io;
use std::sync::Arc;

use super::super::disk::{DiskFile, write_all_at};
use super::record::{append_account, append_group};
use super::{Account, Accounts, FILE};

/// The name while it is written.
pub(super) const NEW_FILE: &str = "accounts.new";
/// A file this short is not worth rewriting.
const COMPACT_FROM_BYTES: u64 = 1 << 20;
/// Accounts copied at each commit while the file is rewritten.
const COPIES: u32 = 4096;

/// The file that is written to take the log's place.
pub(super) struct Rewriting {
    file: Arc<dyn DiskFile>,
    end: u64,
    next_slot: u32,
    dead_bytes: u64,
}

impl Accounts {
    /// What is put while the file is rewritten goes to both files.
    pub(super) fn copy_pending(&mut self) {
        if let Some(rewriting) = &mut self.rewriting {
            match write_all_at(&*rewriting.file, &self.pending, rewriting.end) {
                Ok(()) => rewriting.end += self.pending.len() as u64,
                Err(_) => self.rewriting = None,
            }
        }
    }

    /// Does a piece of the rewriting, or begins one where it pays.
    pub(super) fn rewrite(&mut self) -> io::Result<()> {
        let Some(disk) = self.disk.clone() else {
            return Ok(());
        };
        if self.rewriting.is_none() {
            if self.end < COMPACT_FROM_BYTES || self.dead_bytes * 2 < self.end {
                return Ok(());
            }
            let file = disk.create(NEW_FILE, 0)?;
            let mut groups = Vec::new();
            for (group, members) in &self.groups {
                append_group(&mut groups, *group, members);
            }
            write_all_at(&*file, &groups, 0)?;
            let end = groups.len() as u64;
            // What dies from now on is dead in the new file too, at most.
            self.rewriting = Some(Rewriting {
                file,
                end,
                next_slot: 0,
                dead_bytes: self.dead_bytes,
            });
        }
        let Some(rewriting) = &mut self.rewriting else {
            return Ok(());
        };
        let mut copies = Vec::new();
        // Rows are never removed, so the slots below their number are all taken.
        let last = (rewriting.next_slot.saturating_add(COPIES)).min(self.rows.len() as u32);
        for slot in rewriting.next_slot..last {
            if let Some(row) = self.rows.at(slot) {
                append_account(
                    &mut copies,
                    row.number(),
                    &Account {
                        key: row.key,
                        epoch: row.epoch,
                    },
                );
            }
        }
        write_all_at(&*rewriting.file, &copies, rewriting.end)?;
        rewriting.end += copies.len() as u64;
        rewriting.next_slot = last;
        if (last as usize) < self.rows.len() {
            return Ok(());
        }
        rewriting.file.sync_data()?;
        disk.rename(NEW_FILE, FILE)?;
        if let Some(rewritten) = self.rewriting.take() {
            self.file = Some(rewritten.file);
            self.end = rewritten.end;
            self.dead_bytes -= rewritten.dead_bytes;
        }
        Ok(())
    }
}
