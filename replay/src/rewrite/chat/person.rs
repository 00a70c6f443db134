//! Who a recorded person is at the target: the clone's number, its groups, its PIN.
//!
//! It knows no frame.

use wire::chat::{GroupId, Number};

use crate::rewrite::{Patience, RewriteError, Scene};

impl Scene {
    /// A recorded number in this clone.
    pub(in crate::rewrite) fn number(&self, recorded: Number) -> Result<Number, RewriteError> {
        let shift = self.rules.chat.shift(self.clone);
        u64::try_from(i128::from(recorded.value()) + shift)
            .ok()
            .and_then(|value| Number::new(value).ok())
            .ok_or(RewriteError::Number {
                number: recorded.value(),
                clone: self.clone,
            })
    }

    /// A recorded group in this clone: its owner's, by the same tag.
    pub(super) fn group(&self, recorded: GroupId) -> Result<GroupId, RewriteError> {
        let owner = self.number(recorded.owner())?;
        GroupId::new(owner, recorded.tag()).map_err(|_| RewriteError::Number {
            number: recorded.owner().value(),
            clone: self.clone,
        })
    }
    /// The PIN that the target sent a number, or the recorded one where nobody reads any; `None` while it may still come.
    pub(super) fn pin(&mut self, patience: Patience, number: Number, recorded: u32) -> Option<u32> {
        match self.rules.accounts.take_pin(number) {
            Some(pin) => Some(pin),
            None if !self.rules.accounts.has_pins() => Some(recorded),
            None if patience == Patience::Waits => None,
            None => {
                self.unlearned += 1;
                Some(recorded)
            }
        }
    }
}
