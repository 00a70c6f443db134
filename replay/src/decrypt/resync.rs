//! Finds the next record that opens, where a capture lacks bytes and the records' boundaries with them.
//!
//! It does not know what the records say. A place where a header may stand is tried with the numbers that the record may
//! have, which are as many as records fit into what is missing; only a record that authenticates is believed. What all
//! trials of a side cost is bounded, as a capture may be made to cost much.

use super::opener::Opener;
use super::record::{HEADER_BYTES, Header};
use super::side::Phase;

/// Bytes that the trials of one side may open at most: about 50 ms of AES-GCM.
pub(super) const TRIAL_BYTES_MAX: u64 = 1 << 26;
/// What a trial costs beside its bytes, as if it were bytes: the set-up of a key.
const TRIAL_FIXED_BYTES: u64 = 256;

/// A search under way.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// Bytes missing or passed over, up to the buffer's first.
    pub(super) lost_bytes: u64,
}

/// A key that may be in force, and the first number that its record may have.
pub(super) struct Candidate {
    pub(super) opener: Opener,
    pub(super) from: u64,
    pub(super) phase: Phase,
}

/// What a search came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A record, after so many bytes, of the candidate and number.
    Record {
        at: usize,
        candidate: usize,
        sequence: u64,
    },
    /// None in so many bytes; what follows may be one when more has come.
    Nothing { passed: usize },
    /// The trials are used up.
    Spent,
}

impl Search {
    /// Looks through `bytes`.
    pub(super) fn find(
        &self,
        bytes: &[u8],
        candidates: &[Candidate],
        trials: &mut u64,
        plain: &mut Vec<u8>,
    ) -> Found {
        let mut at = 0;
        while let Some(header) = bytes[at..].first_chunk::<HEADER_BYTES>() {
            let header = Header::parse(*header).filter(|_| header[1..3] == [3, 3]);
            let fits = |candidate: &Candidate| header.is_some_and(|header| candidate.opener.may_open(header));
            if let Some(header) = header
                && candidates.iter().any(fits)
            {
                let Some(record) = bytes[at..].get(..header.record_bytes()) else {
                    return Found::Nothing { passed: at };
                };
                let lost_bytes = self.lost_bytes + at as u64;
                for (number, candidate) in candidates.iter().enumerate().filter(|(_, it)| fits(it)) {
                    match candidate.sequence(record, lost_bytes, trials, plain) {
                        Ok(None) => {}
                        Ok(Some(sequence)) => {
                            return Found::Record {
                                at,
                                candidate: number,
                                sequence,
                            };
                        }
                        Err(Spent) => return Found::Spent,
                    }
                }
            }
            at += 1;
        }
        Found::Nothing { passed: at }
    }
}

/// The trials are used up.
struct Spent;

impl Candidate {
    /// The number with which the record opens, if it does.
    fn sequence(
        &self,
        record: &[u8],
        lost_bytes: u64,
        trials: &mut u64,
        plain: &mut Vec<u8>,
    ) -> Result<Option<u64>, Spent> {
        let records_max = lost_bytes / self.opener.overhead_bytes() as u64 + 1;
        for sequence in self.from..=self.from.saturating_add(records_max) {
            let cost = record.len() as u64 + TRIAL_FIXED_BYTES;
            *trials = trials.checked_sub(cost).ok_or(Spent)?;
            if self.opener.open(sequence, record, plain).is_some() {
                return Ok(Some(sequence));
            }
        }
        Ok(None)
    }
}
