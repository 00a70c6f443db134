//! The PINs that the server's SMS gateway "sent": tails the sink's file and hands each PIN to whoever waits for it.
//!
//! It does not know what a PIN is for, nor who writes the file.
//!
//! The file holds JSON lines, `{"number":N,"pin":"123456","expires_s":S}`. It is polled: every [`POLL_WAITED`] while
//! someone waits, every [`POLL_IDLE`] otherwise. Everything kept is bounded: PINs nobody asks for expire, and the
//! oldest make room for new ones, counted.

mod tail;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use wire::chat::{Number, PIN_DIGITS};

pub use tail::Begin;
use tail::Tail;

/// How often the file is looked at while someone waits for a PIN.
pub const POLL_WAITED: Duration = Duration::from_millis(10);
/// How often the file is looked at while nobody waits.
pub const POLL_IDLE: Duration = Duration::from_millis(500);

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

/// A line of the sink's file. Keys that later versions add are no error.
#[derive(Debug, Deserialize)]
struct Line {
    number: u64,
    pin: String,
    expires_s: u64,
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
        let _leave = Leave { shared, number, serial };
        match tokio::time::timeout(timeout, receiver).await {
            Ok(Ok(pin)) => Ok(pin),
            Ok(Err(_)) => Err(PinError::Stopped),
            Err(_) => Err(PinError::Timeout(number, timeout)),
        }
    }

    /// Forgets a number's PIN, so that an earlier one is not taken for the one about to be asked for.
    pub fn forget(&self, number: Number) {
        self.0.shared.desk().pins.remove(&number);
    }

    /// What was counted so far.
    #[must_use]
    pub fn figures(&self) -> PinFigures {
        let unreadable = self.0.shared.unreadable.load(Ordering::Relaxed);
        PinFigures { unreadable, ..self.0.shared.desk().figures }
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
        if desk.waiters.get(&self.number).is_some_and(|(_, serial)| *serial == self.serial) {
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
        let pause = if waited { POLL_WAITED } else { POLL_IDLE };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // While someone waits already, the next look is near enough.
            () = shared.asked.notified(), if !waited => {}
        }
    }
}

/// The PINs that lie ready and those who wait; it reads no clock.
#[derive(Debug)]
struct Desk {
    capacity: usize,
    pins: HashMap<Number, Ready>,
    /// Oldest first. An entry whose serial is not the PIN's any more is stale.
    order: VecDeque<(Number, u64)>,
    /// Tells apart the PINs, and the waiters, of one number.
    serial: u64,
    waiters: HashMap<Number, (oneshot::Sender<String>, u64)>,
    figures: PinFigures,
}

#[derive(Debug)]
struct Ready {
    pin: String,
    /// Absent where the stated life is beyond what an instant can hold.
    expires: Option<Instant>,
    serial: u64,
}

impl Desk {
    fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            pins: HashMap::new(),
            order: VecDeque::new(),
            serial: 0,
            waiters: HashMap::new(),
            figures: PinFigures::default(),
        }
    }

    fn line(&mut self, line: &[u8], now: Instant) {
        let parsed = serde_json::from_slice::<Line>(line).ok().filter(|line| is_pin(&line.pin));
        let Some((line, number)) = parsed.and_then(|line| Number::new(line.number).ok().map(|number| (line, number)))
        else {
            self.figures.malformed += 1;
            return;
        };
        self.figures.read += 1;
        let pin = match self.waiters.remove(&number) {
            None => line.pin,
            // A waiter who is gone leaves the PIN to the next.
            Some((waiter, _)) => match waiter.send(line.pin) {
                Ok(()) => return,
                Err(pin) => pin,
            },
        };
        self.keep(number, pin, now.checked_add(Duration::from_secs(line.expires_s)));
    }

    fn keep(&mut self, number: Number, pin: String, expires: Option<Instant>) {
        self.serial += 1;
        self.pins.insert(number, Ready { pin, expires, serial: self.serial });
        self.order.push_back((number, self.serial));
        // Stale entries leave with the live ones; twice the capacity bounds the two together.
        while self.pins.len() > self.capacity || self.order.len() > 2 * self.capacity {
            let Some((oldest, serial)) = self.order.pop_front() else { break };
            if self.pins.get(&oldest).is_some_and(|ready| ready.serial == serial) {
                self.pins.remove(&oldest);
                self.figures.evicted += 1;
            }
        }
    }

    fn take(&mut self, number: Number, now: Instant) -> Option<String> {
        let ready = self.pins.remove(&number)?;
        if ready.expires.is_some_and(|expires| expires <= now) {
            self.figures.expired += 1;
            return None;
        }
        Some(ready.pin)
    }

    fn wait(&mut self, number: Number) -> Result<(oneshot::Receiver<String>, u64), PinError> {
        if self.waiters.contains_key(&number) {
            return Err(PinError::Awaited(number));
        }
        if self.waiters.len() >= self.capacity {
            self.figures.refused += 1;
            return Err(PinError::Full(self.capacity));
        }
        let (sender, receiver) = oneshot::channel();
        self.serial += 1;
        self.waiters.insert(number, (sender, self.serial));
        Ok((receiver, self.serial))
    }
}

fn is_pin(pin: &str) -> bool {
    pin.len() == PIN_DIGITS as usize && pin.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn number(value: u64) -> Number {
        Number::new(value).unwrap()
    }

    fn line(number: u64, pin: &str, expires_s: u64) -> Vec<u8> {
        format!("{{\"number\":{number},\"pin\":\"{pin}\",\"expires_s\":{expires_s}}}").into_bytes()
    }

    #[test]
    fn a_pin_is_handed_out_once_and_not_after_its_life() {
        let now = Instant::now();
        let mut desk = Desk::new(8);
        desk.line(&line(1, "000111", 300), now);
        desk.line(&line(2, "222222", 5), now);
        assert_eq!(desk.take(number(1), now), Some("000111".into()));
        assert_eq!(desk.take(number(1), now), None);
        assert_eq!(desk.take(number(2), now + Duration::from_secs(5)), None);
        assert_eq!((desk.figures.read, desk.figures.expired), (2, 1));
    }

    #[test]
    fn the_newest_pin_of_a_number_wins_and_the_oldest_number_makes_room() {
        let now = Instant::now();
        let mut desk = Desk::new(2);
        for (who, pin) in [(1, "000001"), (2, "000002"), (1, "000003"), (3, "000004")] {
            desk.line(&line(who, pin, 300), now);
        }
        assert_eq!(desk.take(number(2), now), None);
        assert_eq!(desk.take(number(1), now).as_deref(), Some("000003"));
        assert_eq!(desk.take(number(3), now).as_deref(), Some("000004"));
        assert_eq!(desk.figures.evicted, 1);
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let now = Instant::now();
        let mut desk = Desk::new(4);
        for serial in 0..1_000 {
            desk.line(&line(1 + serial % 7, "123456", 300), now);
            desk.take(number(1 + serial % 3), now);
            assert!(desk.pins.len() <= 4 && desk.order.len() <= 8);
        }
    }

    #[test]
    fn what_is_no_pin_is_counted() {
        let now = Instant::now();
        let mut desk = Desk::new(4);
        let cases: [&[u8]; 7] = [
            b"",
            b"{",
            b"\xff\xfe",
            &line(1, "12345", 300),
            &line(1, "12345a", 300),
            &line(0, "123456", 300),
            &line(9_999_999_999_999_999, "123456", 300),
        ];
        for case in cases {
            desk.line(case, now);
        }
        assert_eq!(desk.figures, PinFigures { malformed: 7, ..PinFigures::default() });
    }

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
        assert_eq!(pins.wait(number(7), LONG).await, Err(PinError::Awaited(number(7))));
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
        fs::write(&path, [line(1, "111111", 300), line(2, "222222", 300), Vec::new()].join(&b'\n')).unwrap();
        let pins = Pins::tail(path.clone(), Begin::Start, 8);
        assert_eq!(pins.wait(number(2), LONG).await.as_deref(), Ok("222222"));
        pins.forget(number(1));
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&[line(1, "333333", 300), Vec::new()].join(&b'\n')).unwrap();
        assert_eq!(pins.wait(number(1), LONG).await.as_deref(), Ok("333333"));
    }
}
