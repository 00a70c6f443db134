//! Whether the server is well, as `/healthz` says it.
//!
//! It does not find out: the store and the one who stops the server say so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The server's health. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Health {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    draining: bool,
    /// A thread that has ended, though the server has not.
    thread: Option<String>,
    /// Why the store takes nothing new.
    store: Option<String>,
}

impl Health {
    /// The server has begun to stop; there is no way back.
    pub fn drain(&self) {
        self.lock().draining = true;
    }

    /// A thread has ended, and nobody does its work; there is no way back.
    pub fn thread_ends(&self, name: impl Into<String>) {
        self.lock().thread = Some(name.into());
    }

    /// The store takes nothing new, and why.
    pub fn store_refuses(&self, reason: impl Into<String>) {
        self.lock().store = Some(reason.into());
    }

    /// The store takes messages again.
    pub fn store_recovers(&self) {
        self.lock().store = None;
    }

    /// What is wrong; nothing where all is well.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let state = self.lock();
        match (&state.thread, &state.store) {
            _ if state.draining => Some("the server is stopping".to_owned()),
            (Some(name), _) => Some(format!("the thread {name} has ended")),
            (None, Some(reason)) => Some(format!("the store takes nothing new: {reason}")),
            (None, None) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What a panicked holder leaves is whole: each setter writes one field.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_comes_and_goes_but_a_stop_stays() {
        let health = Health::default();
        assert_eq!(health.problem(), None);
        health.store_refuses("the disk is full");
        assert_eq!(
            health.clone().problem().unwrap(),
            "the store takes nothing new: the disk is full"
        );
        health.store_recovers();
        assert_eq!(health.problem(), None);
        health.drain();
        health.store_recovers();
        assert_eq!(health.problem().unwrap(), "the server is stopping");
    }
}
