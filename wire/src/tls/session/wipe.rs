//! A session's end in place: its secrets are wiped where they lie.
//!
//! Dropping a session wipes it too, but one that is moved to be dropped leaves its bytes where it was. Copies that a
//! compiler made on a stack on the way there are beyond this.

use super::Session;

impl Session {
    /// Wipes the secrets, and forgets what is held beside them. Nothing can be sealed or opened after it.
    pub fn wipe(&mut self) {
        self.read_secret.wipe();
        self.write_secret.wipe();
        // A key that everybody knows must not be used by mistake: no number is left for a record.
        self.read_sequence = u32::MAX;
        self.write_sequence = u32::MAX;
        self.aside = None;
    }
}

#[cfg(test)]
mod tests {
    use crate::tls::secret::Secret;
    use crate::tls::session::{Direction, Role};
    use crate::tls::suite::Suite;
    use crate::tls::{Fault, Keys, OwnFault};

    use super::*;

    #[test]
    fn nothing_is_left_of_the_secrets_and_nothing_can_be_sealed() {
        let direction = |byte| Direction {
            secret: Secret::new(&[byte; 32]).unwrap(),
            sequence: 0,
        };
        let mut session = Session::new(Role::Client, Suite::Aes128Gcm, direction(1), direction(2));
        session.stash(b"unread");
        session.wipe();
        assert!(session.read_secret.is_wiped() && session.write_secret.is_wiped() && session.is_idle());
        let (mut keys, mut out) = (Keys::new(2), Vec::new());
        let refused = session.seal(&mut keys, 0, b"x", &mut out).unwrap_err();
        assert_eq!(refused, Fault::from(OwnFault::Exhausted));
    }
}
