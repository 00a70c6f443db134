//! Keeping what recovery is about to cut off though a crash does not explain it.
//!
//! It refuses to mend it: the copy is for whoever wants to look, and nothing here reads it, nor knows how long it is kept.

use std::io;

use super::disk::{Disk, write_all_at};
use super::record::{self, Parsed};

/// The longest record that is looked for: a body, and more recipients than a group has members.
const RECORD_MAX_BYTES: usize = 128 * 1024;

/// Whether a whole record of this segment begins behind the first of so many bytes; there stands none.
pub(super) fn has_sound_record(bytes: &[u8], within: usize, segment: u64) -> bool {
    (8..within).step_by(8).any(|offset| {
        let end = bytes.len().min(offset + RECORD_MAX_BYTES);
        matches!(record::parse(&bytes[offset..end], segment), Parsed::Whole(..))
    })
}

/// Copies the bytes that stand in a file from `offset` on to another, and says so in the log.
pub(super) fn keep(disk: &dyn Disk, name: &str, offset: u64, bytes: &[u8], copy: &str) -> io::Result<()> {
    let file = disk.create(copy, bytes.len() as u64)?;
    write_all_at(&*file, bytes, 0)?;
    file.sync_data()?;
    tracing::error!(
        file = name,
        offset,
        bytes = bytes.len(),
        copy,
        "a record in the middle of a file is damaged: what follows it is lost to the server, and kept as a copy"
    );
    Ok(())
}
