//! Opening: the log is read from its first segment to its last, and the index is built from it.
//!
//! It refuses to mend what it reads: reading a segment ends at the first record that is not one, and what a crash left
//! behind that is wiped, after a copy of it was made where it may be more than the torn end of a commit. Appending starts in a
//! new segment.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::collection::CHUNK_BYTES;
use super::copies::Copies;
use super::damage;
use super::disk::{Disk, RealDisk, read_exact_at, write_all_at};
use super::index::{Index, NewEntry, Place, SEGMENT_BYTES_MAX};
use super::keeper::Keeper;
use super::log::{Log, serial_of};
use super::record::{self, ItemRecord, Parsed, Record, SEGMENT_BYTES};
use super::segment::Backing;
use super::slab::NONE;
use super::window::Windows;
use super::{Durability, Error, Options, Recovery, Stats, Store};

/// Sequence numbers left out at each start, so that none is used twice even if a crash took the last ones.
const SEQ_GAP: u64 = 1 << 24;
/// Sequence numbers a millisecond of the clock stands for: more than can be given out in one.
const SEQ_PER_MS_BITS: u32 = 20;

/// An item as found, before it is known whether anybody still waits for it.
struct Found {
    to: u64,
    entry: NewEntry,
    /// Where in its segment's list its slot goes.
    position: usize,
    /// Whether its body is there.
    whole: bool,
    time_ms: u64,
}

/// What one pass over the files gathers.
struct Reading {
    log: Log,
    copies: Copies,
    windows: Windows,
    found: Vec<Found>,
    acknowledged: HashMap<u64, u64, RandomState>,
    highest_seq: u64,
    report: Recovery,
}

impl Store {
    /// Opens the store and recovers what its directory holds.
    ///
    /// # Errors
    /// [`Error::Options`] and [`Error::Quota`] for options that cannot be, [`Error::InUse`] where another has the
    /// directory, [`Error::Io`] where it cannot be read or written.
    pub fn open(options: Options, now_ms: u64) -> Result<(Self, Recovery), Error> {
        let Some(directory) = options.dir.clone() else {
            return Self::start(&options, None, None, now_ms);
        };
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(directory)?);
        let keeper = Keeper::start(disk.clone())?;
        Self::start(&options, Some(disk), Some(keeper), now_ms)
    }

    /// Opens on a given disk.
    pub(super) fn start(
        options: &Options,
        disk: Option<Arc<dyn Disk>>,
        keeper: Option<Keeper>,
        now_ms: u64,
    ) -> Result<(Self, Recovery), Error> {
        let start = Instant::now();
        validate(options, disk.is_some())?;
        let log = Log::new(
            disk,
            keeper,
            options.durability,
            options.segment_bytes,
            options.quota_bytes,
            now_ms,
        );
        let copies = match &log.disk {
            Some(disk) => Copies::find(&**disk, now_ms)?,
            None => Copies::default(),
        };
        let mut reading = Reading {
            log,
            copies,
            windows: Windows::new(options.window_age_ms, options.windows_max)
                .with_room(options.windows_expected),
            found: Vec::new(),
            acknowledged: HashMap::default(),
            highest_seq: 0,
            report: Recovery::default(),
        };
        reading.read_files()?;
        let mut store = Self {
            log: reading.log,
            copies: reading.copies,
            windows: reading.windows,
            index: Index::new(),
            shared: HashMap::default(),
            erase_within_ms: options.erase_within_ms,
            copies_kept_ms: options.copies_kept_ms,
            quota_bytes: options.quota_bytes,
            mailbox_max_items: options.mailbox_max_items,
            pending_items: 0,
            appended_bytes: 0,
            wrote_ms: now_ms,
            synced_ms: now_ms,
            collecting: None,
            erasing: None,
            scratch: Vec::with_capacity(CHUNK_BYTES),
            survivors: Vec::new(),
            counts: Stats::default(),
        };
        let mut report = reading.report;
        store.fill_index(reading.found, &reading.acknowledged, &mut report);
        store.windows.settle(now_ms);
        store.log.next_seq = (reading.highest_seq + SEQ_GAP).max(now_ms << SEQ_PER_MS_BITS);
        store.log.request_reserves();
        report.items = store.index.items();
        report.windows = store.windows.len();
        report.seconds = start.elapsed().as_secs_f64();
        Ok((store, report))
    }

    fn fill_index(
        &mut self,
        mut found: Vec<Found>,
        acknowledged: &HashMap<u64, u64, RandomState>,
        report: &mut Recovery,
    ) {
        found.sort_by_key(|found| found.entry.seq);
        for places in found.chunk_by(|one, other| one.entry.seq == other.entry.seq) {
            // An item may be found twice, where a crash came between its copying and the removal of the old file. The
            // last whole one counts: the sort is stable and the files were read in order.
            let chosen = places.iter().rposition(|found| found.whole);
            let Some(found) = places.get(chosen.unwrap_or(0)) else {
                continue;
            };
            let is_wanted = acknowledged
                .get(&found.to)
                .is_none_or(|through| *through < found.entry.seq);
            // A body that is not whole was erased, if it was acknowledged; else it was never committed, and its
            // sender will repeat it.
            if !found.entry.tick && (found.whole || !is_wanted) {
                self.windows
                    .recover_id(found.entry.from, found.entry.id, found.time_ms);
            }
            report.torn_items += usize::from(is_wanted && !found.whole);
            let living = chosen.filter(|_| is_wanted);
            for (position, found) in places.iter().enumerate() {
                if Some(position) != living {
                    self.note_dead(found);
                }
            }
            if living.is_some()
                && let Some(slot) = self.index.push(found.to, &found.entry)
            {
                self.note_living(found, slot);
            }
        }
    }

    fn note_living(&mut self, found: &Found, slot: u32) {
        let place = found.entry.place;
        let mut bytes = record::item_bytes(usize::from(found.entry.body_bytes), 1);
        if place.shared {
            let living = self.shared.entry((place.segment, place.offset)).or_insert(0);
            if *living > 0 {
                bytes = record::RECIPIENT_BYTES;
            }
            *living += 1;
        }
        // Orders begin at 0 when the store opens, so they are positions still.
        if let Some(segment) = self.log.segments.get_mut(usize::from(place.segment)) {
            segment.slots[found.position] = slot;
            segment.live_bytes += bytes as u64;
            self.log.live_bytes += bytes as u64;
        }
    }

    fn note_dead(&mut self, found: &Found) {
        let now_ms = self.log.now_ms;
        if let Some(segment) = self.log.segments.get_mut(usize::from(found.entry.place.segment))
            && found.entry.body_bytes > 0
        {
            segment.dead_since_ms = Some(now_ms);
        }
    }
}

impl Reading {
    fn read_files(&mut self) -> Result<(), Error> {
        let Some(disk) = self.log.disk.clone() else {
            return Ok(());
        };
        let mut segments = Vec::new();
        let mut head = Vec::new();
        for name in disk.list()? {
            if serial_of(&name).is_none() {
                continue;
            }
            self.log.skip_file(&name);
            let file = disk.open(&name)?;
            let size = usize::try_from(file.size()?).unwrap_or(usize::MAX);
            head.clear();
            head.resize(SEGMENT_BYTES.min(size), 0);
            read_exact_at(&*file, &mut head, 0)?;
            match record::parse_segment(&head) {
                Some(head) if size <= SEGMENT_BYTES_MAX => {
                    segments.push((head, Backing { name, file }, size))
                }
                // A reserve, or a segment whose first commit did not finish.
                None if head.iter().all(|byte| *byte == 0) => disk.remove(&name)?,
                _ => {
                    self.report.damaged_files += 1;
                    tracing::error!(file = name, "a file is not what was written, and is put aside");
                    disk.rename(&name, &self.copies.damaged(&name, self.log.now_ms))?;
                }
            }
        }
        segments.sort_by_key(|(head, ..)| head.number);
        let mut bytes = Vec::new();
        let last = segments.len().saturating_sub(1);
        for (place, (head, backing, size)) in segments.into_iter().enumerate() {
            self.highest_seq = self.highest_seq.max(head.next_seq);
            bytes.clear();
            bytes.resize(size, 0);
            read_exact_at(&*backing.file, &mut bytes, 0)?;
            self.read_segment(head.number, backing, &bytes, place == last)?;
        }
        Ok(())
    }

    fn read_segment(&mut self, number: u64, backing: Backing, bytes: &[u8], is_last: bool) -> io::Result<()> {
        self.report.segments += 1;
        let order = self.report.segments as u64 - 1;
        let mut offset = SEGMENT_BYTES;
        let mut slots = 0;
        while let Parsed::Whole(record, length) = record::parse(&bytes[offset..], number) {
            match record {
                Record::Item(item) => {
                    self.take_item(order, offset, slots, &item);
                    slots += item.recipients().len();
                }
                Record::Ack { to, through } => {
                    let known = self.acknowledged.entry(to).or_insert(0);
                    *known = through.max(*known);
                }
                Record::Window(window) => self.windows.recover(&window, order),
            }
            offset += length;
        }
        let garbage = bytes[offset..]
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        self.report.torn_bytes += garbage as u64;
        let rest = &bytes[offset..offset + garbage];
        // A crash tears the last segment; another one had been left behind. Where sound records stand behind the tear, more
        // than the end is lost: a crash does that, too, to what it did not sync in order, and nobody can tell which it was.
        if garbage > 0
            && (!is_last || damage::has_sound_record(&bytes[offset..], garbage, number))
            && let Some(disk) = &self.log.disk
        {
            let name = &backing.name;
            let copy = self.copies.damaged(&format!("{name}.{offset}"), self.log.now_ms);
            match damage::keep(&**disk, name, offset as u64, rest, &copy) {
                Ok(()) => self.report.damaged_tails += 1,
                // A crash on a full disk must not keep the server from starting.
                Err(error) if is_last && error.kind() == io::ErrorKind::StorageFull => {
                    tracing::error!(
                        file = backing.name,
                        offset,
                        "a torn tail is wiped without a copy: {error}"
                    );
                }
                Err(error) => return Err(error),
            }
        }
        // Nobody would ever come back to erase the bodies in there.
        write_all_at(&*backing.file, &vec![0; garbage], offset as u64)?;
        // What the page cache shows may not be on the disk yet, and answers will be built on it.
        backing.file.sync_data()?;
        let segment = self.log.adopt(number, backing, offset);
        segment.slots = vec![NONE; slots];
        Ok(())
    }

    fn take_item(&mut self, order: u64, offset: usize, position: usize, item: &ItemRecord<'_>) {
        let recipients = item.recipients().len();
        let whole = item.is_body_whole();
        for (index, (to, seq)) in item.recipients().enumerate() {
            self.highest_seq = self.highest_seq.max(seq);
            self.found.push(Found {
                to,
                entry: NewEntry {
                    seq,
                    from: item.from,
                    id: item.id,
                    group: item.group,
                    kind: item.kind,
                    tick: item.tick,
                    body_bytes: item.body.len() as u16,
                    place: Place {
                        segment: order as u16,
                        offset: offset as u32,
                        shared: recipients > 1,
                    },
                },
                position: position + index,
                whole,
                time_ms: item.time_ms,
            });
        }
    }
}

fn validate(options: &Options, has_disk: bool) -> Result<(), Error> {
    let segment = options.segment_bytes;
    if !segment.is_multiple_of(8) || !(1024..=SEGMENT_BYTES_MAX).contains(&segment) {
        return Err(Error::Options(
            "a segment is a multiple of 8 bytes, from 1 KiB to 32 MiB",
        ));
    }
    let least_bytes = 6 * segment as u64;
    if options.quota_bytes < least_bytes {
        return Err(Error::Quota {
            quota_bytes: options.quota_bytes,
            least_bytes,
        });
    }
    if !has_disk && options.durability != Durability::Memory {
        return Err(Error::Options("a durable store needs a directory"));
    }
    Ok(())
}
