//! Reading the file when the table opens, up to the first record that is not whole.
//!
//! It refuses to cut off what stands behind that: it tells whether whole records are among it.

use std::io;

use super::record::{ACCOUNT, ACCOUNT_BYTES, GROUP, GROUP_HEAD_BYTES, u64_of};
use super::{Account, Accounts, CHUNK_BYTES};
use crate::store::disk::{DiskFile, read_exact_at};

impl Accounts {
    /// Takes all records up to the first that is not whole.
    pub(super) fn read(&mut self, file: &dyn DiskFile) -> io::Result<()> {
        let size = file.size()?;
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        loop {
            let count = (size - self.end).min(CHUNK_BYTES as u64) as usize;
            chunk.clear();
            chunk.resize(count, 0);
            read_exact_at(file, &mut chunk, self.end)?;
            let mut at = 0;
            while let Some(bytes) = self.read_record(&chunk[at..]) {
                at += bytes;
            }
            if at == 0 {
                return Ok(());
            }
            self.end += at as u64;
        }
    }

    /// What stands behind the last whole record, if there are whole ones among it.
    ///
    /// A crash leaves such a tail, too, where it tore the first records of a commit and not the last; it is kept as well.
    pub(super) fn damaged_tail(&self, file: &dyn DiskFile) -> io::Result<Option<Vec<u8>>> {
        let mut tail = vec![0; usize::try_from(file.size()? - self.end).unwrap_or(usize::MAX)];
        read_exact_at(file, &mut tail, self.end)?;
        let is_damaged = (1..tail.len()).any(|offset| whole(&tail[offset..]).is_some());
        Ok(is_damaged.then_some(tail))
    }

    /// Takes the record at the start of `bytes`; its length, if it is whole.
    fn read_record(&mut self, bytes: &[u8]) -> Option<usize> {
        let bytes = whole(bytes)?;
        let length = bytes.len();
        let number = u64_of(&bytes[8..16]);
        if bytes[4] == ACCOUNT {
            let epoch = u32::from_le_bytes(bytes[16..20].try_into().ok()?);
            self.set_account(
                number,
                &Account {
                    key: bytes[20..].try_into().ok()?,
                    epoch,
                },
            );
        } else {
            self.set_group(
                number,
                bytes[GROUP_HEAD_BYTES..].chunks_exact(8).map(u64_of).collect(),
            );
        }
        Some(length)
    }
}

/// The record at the start of `bytes`, if it is whole.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let members = usize::from(u16::from_le_bytes(bytes.get(6..8)?.try_into().ok()?));
    let length = match bytes[4] {
        ACCOUNT => ACCOUNT_BYTES,
        GROUP => GROUP_HEAD_BYTES + members * 8,
        _ => return None,
    };
    let bytes = bytes.get(..length)?;
    (crc32c::crc32c(&bytes[4..]).to_le_bytes() == bytes[..4]).then_some(bytes)
}
