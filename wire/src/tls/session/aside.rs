//! What a session holds beside its secrets, for as long as it must: nothing, while it idles.
//!
//! It does not know what the bytes are for.

use super::Session;
use crate::tls::tickets::Tickets;

/// What a session holds beside, for as long as it must.
#[derive(Debug, Default)]
pub(super) struct Aside {
    /// The beginning of a handshake message whose end has not come.
    pub(super) fragment: Vec<u8>,
    /// Plaintext that the application has not taken.
    pub(super) stash: Vec<u8>,
    /// The beginning of a record that came with the handshake's end.
    pub(super) sealed: Vec<u8>,
    pub(super) tickets: Option<Tickets>,
}

impl Session {
    /// Keeps plaintext for the application, which will have it with what comes next.
    pub fn stash(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.aside().stash.extend_from_slice(bytes);
        }
    }

    /// Appends what was kept to `plain`, and keeps it no more.
    pub fn unstash(&mut self, plain: &mut Vec<u8>) {
        if let Some(aside) = &mut self.aside {
            plain.append(&mut std::mem::take(&mut aside.stash));
            self.tidy();
        }
    }

    /// Keeps the beginning of a record, where nobody else does.
    pub fn keep_sealed(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.aside().sealed.extend_from_slice(bytes);
        }
    }

    /// Gives back what [`Session::keep_sealed`] kept.
    pub fn take_sealed(&mut self) -> Option<Vec<u8>> {
        let sealed = std::mem::take(&mut self.aside.as_mut()?.sealed);
        self.tidy();
        (!sealed.is_empty()).then_some(sealed)
    }

    pub(super) fn aside(&mut self) -> &mut Aside {
        self.aside.get_or_insert_default()
    }

    pub(super) fn tidy(&mut self) {
        if self.aside.as_ref().is_some_and(|aside| aside.is_empty()) {
            self.aside = None;
        }
    }
}

impl Aside {
    fn is_empty(&self) -> bool {
        let Self {
            fragment,
            stash,
            sealed,
            tickets,
        } = self;
        fragment.is_empty() && stash.is_empty() && sealed.is_empty() && tickets.is_none()
    }
}
