//! The records of accounts and groups, byte by byte, little-endian.
//!
//! It refuses to know which of them still count.
//!
//! ```text
//! every record  0 CRC32C of the rest u32, 4 type u8, 5 zero u8, 6 members u16
//! account (1)   8 number u64, 16 epoch u32, 20 key [32]
//! group (2)     8 group u64, 16 members u64 each
//! ```

use super::Account;

/// Type of an account's record.
pub(super) const ACCOUNT: u8 = 1;
/// Type of a group's record.
pub(super) const GROUP: u8 = 2;
/// Bytes of an account.
pub(super) const ACCOUNT_BYTES: usize = 52;
/// Bytes of a group before its members.
pub(super) const GROUP_HEAD_BYTES: usize = 16;

/// Appends an account.
pub(super) fn append_account(out: &mut Vec<u8>, number: u64, account: &Account) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, ACCOUNT, 0, 0, 0]);
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&account.epoch.to_le_bytes());
    out.extend_from_slice(&account.key);
    seal(out, start);
}

/// Appends a group; the caller has bounded its members (65,535).
pub(super) fn append_group(out: &mut Vec<u8>, group: u64, members: &[u64]) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, GROUP, 0]);
    out.extend_from_slice(&(members.len() as u16).to_le_bytes());
    out.extend_from_slice(&group.to_le_bytes());
    for member in members {
        out.extend_from_slice(&member.to_le_bytes());
    }
    seal(out, start);
}

fn seal(out: &mut [u8], start: usize) {
    let crc = crc32c::crc32c(&out[start + 4..]);
    out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
}

/// A number from its bytes.
pub(super) fn u64_of(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}
