//! What it means that a side cannot be read on: that the flow is none to decrypt, that a record is to be looked for, or that the
//! side is given up.
//!
//! It reads no record. While nothing was opened, one side's failure waits for the other: the secrets may yet be right.

use super::Conversation;
use crate::decrypt::output::Output;
use crate::decrypt::report::{TlsOverhead, Undecrypted};
use crate::decrypt::resync::Search;
use crate::decrypt::side::Reading;
use crate::event::{Side, Sink};

impl Conversation {
    /// What it means that a side's records cannot be read on.
    pub(super) fn judge<S: Sink>(
        &mut self,
        side: Side,
        result: Result<(), Undecrypted>,
        out: &mut Output<'_, S>,
    ) -> Result<(), Undecrypted> {
        let Err(why) = result else { return Ok(()) };
        if self.holding {
            return self.fail(side, why);
        }
        let half = &mut self.halves[side as usize];
        if why == Undecrypted::RecordFailed && half.gapped && half.opener.is_some() {
            // What was missing may have held a KeyUpdate, or the boundary was not one.
            half.compact();
            half.reading = Reading::Searching(Search::default());
            return Ok(());
        }
        out.figures.records_failed += u64::from(matches!(
            why,
            Undecrypted::RecordFailed | Undecrypted::SecretsWrong
        ));
        half.lose(TlsOverhead::Sealed, out);
        if why == Undecrypted::Renegotiated {
            self.halves[side.other() as usize].lose(TlsOverhead::Sealed, out);
        }
        self.about.undecrypted.get_or_insert(why);
        Ok(())
    }

    /// A side cannot be read, and no record was opened yet. That ends it, unless the other side can still open one: what
    /// comes of a flow must not hang on which of the two was heard first.
    fn fail(&mut self, side: Side, why: Undecrypted) -> Result<(), Undecrypted> {
        if let Some(first) = self.failed() {
            return Err(first);
        }
        if side == Side::Server && !self.is_answered() {
            return Err(why);
        }
        self.halves[side as usize].reading = Reading::Failed(why);
        Ok(())
    }

    /// Why a side failed while nothing was opened.
    pub(super) fn failed(&self) -> Option<Undecrypted> {
        self.halves.iter().find_map(|half| match half.reading {
            Reading::Failed(why) => Some(why),
            _ => None,
        })
    }

    /// Once a record is opened, judges a side that failed before as one that fails after.
    pub(super) fn settle<S: Sink>(&mut self, at_ns: u64, out: &mut Output<'_, S>) -> Result<(), Undecrypted> {
        if self.holding {
            return Ok(());
        }
        for side in [Side::Client, Side::Server] {
            let reading = &mut self.halves[side as usize].reading;
            if let Reading::Failed(why) = *reading {
                *reading = Reading::Records;
                // An alert is now an end, and no refusal.
                if !matches!(why, Undecrypted::Refused(_)) {
                    self.judge(side, Err(why), out)?;
                }
                self.read_on(side, at_ns, out)?;
            }
        }
        Ok(())
    }
}
