//! Keeping what recovery is about to cut off though a crash does not explain it.
//!
//! It refuses to mend it: the copy is for whoever wants to look, and nothing here reads or removes it.

use std::io;

use super::disk::{Disk, write_all_at};

/// What a file is called that is not what was written.
pub(super) const SUFFIX: &str = ".damaged";

/// Copies the bytes that stand in a file from `offset` on to `<name>.<offset>.damaged`, and says so in the log.
pub(super) fn keep(disk: &dyn Disk, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let copy = format!("{name}.{offset}{SUFFIX}");
    let file = disk.create(&copy, bytes.len() as u64)?;
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
