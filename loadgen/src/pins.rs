//! The PINs that the server's SMS gateway "sent": tails the sink's file and hands each PIN to whoever waits for it.
//!
//! It does not know what a PIN is for, nor who writes the file.
//!
//! The file holds JSON lines, `{"number":N,"pin":"123456","expires_s":S}`. It is polled: every [`POLL_WAITED`] while
//! someone waits, every [`POLL_IDLE`] otherwise. Everything kept is bounded: PINs nobody asks for expire, and the
//! oldest make room for new ones, counted.

mod desk;
mod tail;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use wire::chat::Number;

use desk::Desk;
pub use tail::Begin;
use tail::Tail;

/// How often the file is looked at while someone waits for a PIN.
pub const POLL_WAITED: Duration = Duration::from_millis(10);
/// How often the file is looked at while nobody waits.
pub const POLL_IDLE: Duration = Duration::from_millis(500);

/// So many looks follow soon after somebody took a PIN that was not there.
const LOOKS_WANTED: u32 = 100;

/// A desk where PINs are picked up. Clones share it; the last one dropped ends the tailing.
#[derive(Clone, Debug)]
pub struct Pins(Arc<Tailing>);

/// Why no PIN was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// None came in time.
    #[error("no PIN for {0} came within {1:?}")]
    Timeout(Number, Duration),
    /// Another already waits for this number's PIN.
    #[error("someone waits for the PIN of {0} already")]
    Awaited(Number),
    /// As many wait as the desk has room for.
    #[error("{0} wait for PINs already")]
    Full(usize),
    /// The tailing ended.
    #[error("the PINs' file is no longer read")]
    Stopped,
}

/// What the desk counted since it opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PinFigures {
    /// PINs read.
    pub read: u64,
    /// Lines that were no PIN, an overlong one among them.
    pub malformed: u64,
    /// PINs that made room for newer ones before anyone asked.
    pub evicted: u64,
    /// PINs that had expired when someone asked.
    pub expired: u64,
    /// Times that the file could not be read.
    pub unreadable: u64,
    /// Waits refused because the desk was full.
    pub refused: u64,
}

#[derive(Debug)]
struct Tailing {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    desk: Mutex<Desk>,
    /// The first of several waiters came: the file is worth a look at once.
    asked: Notify,
    /// Looks that are to follow soon, because somebody asked who cannot wait.
    wanted: AtomicU32,
    unreadable: AtomicU64,
}

impl Pins {
    /// Starts tailing on the current tokio runtime. The file need not exist yet. Keeps at most `capacity` PINs and
    /// as many waiters.
    ///
    /// # Panics
    /// Outside a tokio runtime, as [`tokio::spawn`] does.
    #[must_use]
    pub fn tail(path: PathBuf, begin: Begin, capacity: usize) -> Self {
        let shared = Arc::new(Shared {
            desk: Mutex::new(Desk::new(capacity)),
            asked: Notify::new(),
            wanted: AtomicU32::new(0),
            unreadable: AtomicU64::new(0),
        });
        // Where the end is must be settled now: what is written from here on belongs to the caller.
        let tail = Tail::new(path, begin);
        let task = tokio::spawn(follow(tail, Arc::clone(&shared))).abort_handle();
        Self(Arc::new(Tailing { shared, task }))
    }

    /// Waits for a number's PIN and takes it: the same PIN is handed out once.
    ///
    /// # Errors
    /// See [`PinError`].
    pub async fn wait(&self, number: Number, timeout: Duration) -> Result<String, PinError> {
        let shared = &self.0.shared;
        let (receiver, serial) = {
            let mut desk = shared.desk();
            if let Some(pin) = desk.take(number, Instant::now()) {
                return Ok(pin);
            }
            desk.wait(number)?
        };
        // `notify_one` keeps its permit until the tailing looks, and many calls keep one: waiters cost no extra polls.
        shared.asked.notify_one();
        let _leave = Leave {
            shared,
            number,
            serial,
        };
        match tokio::time::timeout(timeout, receiver).await {
            Ok(Ok(pin)) => Ok(pin),
            Ok(Err(_)) => Err(PinError::Stopped),
            Err(_) => Err(PinError::Timeout(number, timeout)),
        }
    }

    /// Takes a number's PIN if it is there, and has the file looked at soon if not. It wakes nobody: a thread with a descriptor
    /// table of its own may call it.
    #[must_use]
    pub fn take(&self, number: Number) -> Option<String> {
        let taken = self.0.shared.desk().take(number, Instant::now());
        if taken.is_none() {
            self.0.shared.wanted.store(LOOKS_WANTED, Ordering::Relaxed);
        }
        taken
    }

    /// Forgets a number's PIN, so that an earlier one is not taken for the one about to be asked for.
    pub fn forget(&self, number: Number) {
        self.0.shared.desk().pins.remove(&number);
    }

    /// What was counted so far.
    #[must_use]
    pub fn figures(&self) -> PinFigures {
        let unreadable = self.0.shared.unreadable.load(Ordering::Relaxed);
        PinFigures {
            unreadable,
            ..self.0.shared.desk().figures
        }
    }
}

impl Drop for Tailing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        // A panic while the lock was held leaves a desk that is merely short of a PIN.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a waiter who gave up or whose future was dropped.
struct Leave<'a> {
    shared: &'a Shared,
    number: Number,
    serial: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut desk = self.shared.desk();
        // One who was served may leave after the next began to wait for the same number.
        if desk
            .waiters
            .get(&self.number)
            .is_some_and(|(_, serial)| *serial == self.serial)
        {
            desk.waiters.remove(&self.number);
        }
    }
}

async fn follow(mut tail: Tail, shared: Arc<Shared>) {
    loop {
        let mut lines = Vec::new();
        let more = match tail.turn(&mut lines).await {
            Ok(more) => more,
            Err(_) => {
                shared.unreadable.fetch_add(1, Ordering::Relaxed);
                false
            }
        };
        let waited = {
            let mut desk = shared.desk();
            let now = Instant::now();
            lines.iter().for_each(|line| desk.line(line, now));
            desk.figures.malformed += tail.overlong();
            !desk.waiters.is_empty()
        };
        if more {
            continue;
        }
        let left = shared.wanted.load(Ordering::Relaxed);
        if left > 0 {
            shared.wanted.store(left - 1, Ordering::Relaxed);
        }
        let waited = waited || left > 0;
        let pause = if waited { POLL_WAITED } else { POLL_IDLE };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // While someone waits already, the next look is near enough.
            () = shared.asked.notified(), if !waited => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::desk::tests::{line, number};
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_wait_ends_when_its_line_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sms.jsonl");
        let pins = Pins::tail(path.clone(), Begin::Start, 8);
        // Nothing is there yet, not even the file; the wait begins before the line does.
        let waiting = tokio::spawn({
            let pins = pins.clone();
            async move { pins.wait(number(7), LONG).await }
        });
        while pins.0.shared.desk().waiters.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            pins.wait(number(7), LONG).await,
            Err(PinError::Awaited(number(7)))
        );
        let mut file = fs::File::create(&path).unwrap();
        let text = line(7, "987654", 300);
        file.write_all(&text[..10]).unwrap();
        file.write_all(&text[10..]).unwrap();
        file.write_all(b"\n").unwrap();
        assert_eq!(waiting.await.unwrap(), Ok("987654".into()));
        assert!(pins.0.shared.desk().waiters.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_bounded_in_time_and_in_number() {
        let folder = tempfile::tempdir().unwrap();
        let pins = Pins::tail(folder.path().join("none"), Begin::Start, 1);
        let wait = Duration::from_secs(5);
        let (first, second) = tokio::join!(pins.wait(number(1), wait), pins.wait(number(2), wait));
        assert_eq!(first, Err(PinError::Timeout(number(1), wait)));
        assert_eq!(second, Err(PinError::Full(1)));
        assert!(pins.0.shared.desk().waiters.is_empty());
        assert_eq!(pins.figures().refused, 1);
    }

    #[tokio::test]
    async fn a_pin_forgotten_is_not_mistaken_for_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sms.jsonl");
        fs::write(
            &path,
            [line(1, "111111", 300), line(2, "222222", 300), Vec::new()].join(&b'\n'),
        )
        .unwrap();
        let pins = Pins::tail(path.clone(), Begin::Start, 8);
        assert_eq!(pins.wait(number(2), LONG).await.as_deref(), Ok("222222"));
        pins.forget(number(1));
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&[line(1, "333333", 300), Vec::new()].join(&b'\n'))
            .unwrap();
        assert_eq!(pins.wait(number(1), LONG).await.as_deref(), Ok("333333"));
    }
}
