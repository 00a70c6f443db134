//! Once a second: whether each of the server's threads lives, and how fast everything goes.
//!
//! It does not know what the threads do. One that ends says so by dropping its [`Life`], which a panic does, too: a store of
//! a flag, since a thread with a descriptor table of its own may not wake anybody of the runtime.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use crate::figures::{Figures, Snapshot};
use crate::http::Health;
use crate::rates::Rates;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

/// A thread's share: held by it for as long as it lives.
#[derive(Debug)]
pub(crate) struct Life(Arc<AtomicBool>);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The threads that are to live as long as the server.
#[derive(Debug, Default)]
pub(crate) struct Lives(Vec<(String, Arc<AtomicBool>)>);

impl Lives {
    /// One more.
    pub(crate) fn begin(&mut self, name: &str) -> Life {
        let ended = Arc::new(AtomicBool::new(false));
        self.0.push((name.to_owned(), Arc::clone(&ended)));
        Life(ended)
    }

    /// The first that has ended.
    fn ended(&self) -> Option<&str> {
        let mut ended = self.0.iter().filter(|(_, ended)| ended.load(Ordering::Acquire));
        ended.next().map(|(name, _)| name.as_str())
    }
}

/// The rates, which the HTTP side reads. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    rates: Arc<Mutex<Rates>>,
    began: Instant,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            rates: Arc::new(Mutex::new(Rates::new(0))),
            began: Instant::now(),
        }
    }

    /// Adds the rates to figures.
    pub(crate) fn report(&self, snapshot: &mut Snapshot) {
        self.rates().report(&mut snapshot.gauges);
    }

    fn observe(&self, figures: &Figures) {
        let now_us = self.began.elapsed().as_micros() as u64;
        self.rates().observe(&figures.totals(), now_us);
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        // Sums and floats: what a panicked holder leaves can be read.
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that looks. Dropped, it ends, and no thread that ends later is told of.
#[derive(Debug)]
pub(crate) struct Warden {
    task: JoinHandle<()>,
    ended: watch::Receiver<Option<String>>,
}

impl Warden {
    /// Begins to look, on the current tokio runtime.
    pub(crate) fn start(lives: Lives, pace: Pace, figures: Figures, health: Health) -> Self {
        let (sender, ended) = watch::channel(None);
        let task = tokio::spawn(async move {
            let mut every = tokio::time::interval(EVERY);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                every.tick().await;
                pace.observe(&figures);
                if sender.borrow().is_none()
                    && let Some(name) = lives.ended()
                {
                    tracing::error!("the thread {name} has ended, and nobody does its work");
                    health.thread_ends(name);
                    sender.send_replace(Some(name.to_owned()));
                }
            }
        });
        Self { task, ended }
    }

    /// Returns once a thread has ended, with its name.
    pub(crate) async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await.map(|name| name.clone()) {
            Ok(Some(name)) => name,
            // It looks no more: nobody will ever know.
            _ => std::future::pending().await,
        }
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_that_panics_is_told_and_is_no_health() {
        let (mut lives, health) = (Lives::default(), Health::default());
        let (stays, goes) = (lives.begin("stays"), lives.begin("goes"));
        let warden = Warden::start(lives, Pace::new(), Figures::default(), health.clone());
        assert_eq!(health.problem(), None);
        let thread = std::thread::spawn(move || {
            let _life = goes;
            panic!("on purpose");
        });
        assert_eq!(warden.ended().await, "goes");
        assert!(thread.join().is_err());
        assert_eq!(health.problem().unwrap(), "the thread goes has ended");
        drop(stays);
    }
}
