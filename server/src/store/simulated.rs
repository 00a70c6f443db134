//! A disk for tests: it runs out of space, cuts writes short, fails, and at a crash keeps what was synced and any
//! part of the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::disk::{Disk, DiskFile};
use super::keeper::Keeper;
use super::{Options, Store};

/// A write is torn between sectors, never within one.
const SECTOR_BYTES: usize = 512;

#[derive(Default, Clone)]
struct Content {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What a crash keeps for sure.
    kept: Vec<u8>,
    /// Writes since the last sync.
    unsynced: Vec<(usize, Vec<u8>)>,
}

struct State {
    names: BTreeMap<String, u64>,
    files: BTreeMap<u64, Content>,
    next: u64,
    random: ChaCha8Rng,
    capacity_bytes: usize,
    fail_writes: bool,
    fail_syncs: bool,
    /// Whether a failed sync dropped bytes that are shown still.
    has_dropped: bool,
    /// Operations until the machine stops.
    lives: Option<u64>,
}

impl State {
    fn operate(&mut self) -> io::Result<()> {
        match &mut self.lives {
            Some(0) => Err(io::Error::other("the machine has stopped")),
            Some(lives) => {
                *lives -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn used(&self) -> usize {
        self.names.values().map(|file| self.files[file].seen.len()).sum()
    }
}

/// The disk; clones are the same disk.
#[derive(Clone)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

struct SimulatedFile {
    disk: SimulatedDisk,
    file: u64,
}

impl SimulatedDisk {
    /// A store on the disk.
    pub(crate) fn store(&self, options: &Options, now_ms: u64) -> Store {
        let disk: Arc<dyn Disk> = Arc::new(self.clone());
        let keeper = Keeper::inline(Arc::clone(&disk));
        Store::start(options, Some(disk), Some(keeper), now_ms).unwrap().0
    }

    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            names: BTreeMap::new(),
            files: BTreeMap::new(),
            next: 0,
            random: ChaCha8Rng::seed_from_u64(seed),
            capacity_bytes: usize::MAX,
            fail_writes: false,
            fail_syncs: false,
            has_dropped: false,
            lives: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Leaves so many bytes for all files.
    pub(super) fn limit(&self, capacity_bytes: usize) {
        self.state().capacity_bytes = capacity_bytes;
    }

    /// Makes writes and syncs fail, or not.
    pub(crate) fn fail(&self, writes: bool, syncs: bool) {
        let mut state = self.state();
        (state.fail_writes, state.fail_syncs) = (writes, syncs);
    }

    /// Ends all trouble; false if the machine has stopped already.
    pub(super) fn mend(&self) -> bool {
        let mut state = self.state();
        (state.fail_writes, state.fail_syncs) = (false, false);
        state.capacity_bytes = usize::MAX;
        state.lives = state.lives.filter(|lives| *lives == 0);
        state.lives.is_none()
    }

    /// Stops the machine after so many operations.
    pub(super) fn stop_after(&self, operations: u64) {
        self.state().lives = Some(operations);
    }

    /// The bytes of all files together.
    pub(super) fn used(&self) -> usize {
        self.state().used()
    }

    /// What follows each `marker` in any file of the store, as a reader sees it; copies of what was damaged have another term.
    pub(super) fn marked(&self, marker: u64) -> BTreeSet<u64> {
        let state = self.state();
        let marker = marker.to_le_bytes();
        let mut found = BTreeSet::new();
        let is_ours = |name: &str| !name.ends_with(".damaged");
        for (_, file) in state.names.iter().filter(|(name, _)| is_ours(name)) {
            for bytes in state.files[file]
                .seen
                .windows(16)
                .filter(|bytes| bytes[0] == marker[0])
            {
                if bytes[..8] == marker {
                    found.insert(u64::from_le_bytes(bytes[8..].try_into().unwrap()));
                }
            }
        }
        found
    }

    /// Changes one bit of a file.
    pub(super) fn damage(&self, name: &str, offset: usize) {
        let mut state = self.state();
        let file = state.names[name];
        let content = state.files.get_mut(&file).unwrap();
        content.seen[offset] ^= 1;
        content.kept = content.seen.clone();
    }

    /// Changes one bit of the first bytes like these in any file.
    pub(crate) fn damage_at(&self, bytes: &[u8]) {
        let state = self.state();
        let found = state.names.iter().find_map(|(name, file)| {
            let mut windows = state.files[file].seen.windows(bytes.len());
            Some((name.clone(), windows.position(|window| window == bytes)?))
        });
        drop(state);
        let (name, offset) = found.unwrap();
        self.damage(&name, offset);
    }

    /// The disk when only the process was killed: everything written is shown, but is no safer than before. After a
    /// failed sync the machine crashes too: nobody could tell what is shown only.
    pub(super) fn kill(&self) {
        let mut state = self.state();
        if state.has_dropped {
            drop(state);
            return self.crash();
        }
        state.lives = None;
        (state.fail_writes, state.fail_syncs) = (false, false);
        state.capacity_bytes = usize::MAX;
    }

    /// The disk after a crash of the machine: of what was not synced, any sectors. It works again.
    pub(super) fn crash(&self) {
        let mut state = self.state();
        let State { files, random, .. } = &mut *state;
        for content in files.values_mut() {
            let mut seen = std::mem::take(&mut content.kept);
            let kept = [1.0, 0.9, 0.5, 0.0][random.random_range(0..4)];
            let writes = std::mem::take(&mut content.unsynced);
            // Each sector has its own luck, and shows the writes to it up to some moment.
            let mut moments: BTreeMap<usize, usize> = BTreeMap::new();
            for (moment, (offset, bytes)) in writes.iter().enumerate() {
                let mut at = 0;
                while at < bytes.len() {
                    let sector = (offset + at) / SECTOR_BYTES;
                    let end = ((sector + 1) * SECTOR_BYTES - offset).min(bytes.len());
                    let last = *moments
                        .entry(sector)
                        .or_insert_with(|| match random.random_bool(kept) {
                            true => writes.len(),
                            false => random.random_range(0..=writes.len()),
                        });
                    if moment < last {
                        if seen.len() < offset + end {
                            seen.resize(offset + end, 0);
                        }
                        seen[offset + at..offset + end].copy_from_slice(&bytes[at..end]);
                    }
                    at = end;
                }
            }
            content.kept = seen.clone();
            content.seen = seen;
        }
        state.lives = None;
        state.has_dropped = false;
        (state.fail_writes, state.fail_syncs) = (false, false);
    }
}

impl Disk for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.operate()?;
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.operate()?;
        if state.used() + bytes as usize > state.capacity_bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = state.next;
        state.next += 1;
        let zeros = vec![0; bytes as usize];
        let content = Content {
            seen: zeros.clone(),
            kept: zeros,
            unsynced: Vec::new(),
        };
        state.files.insert(file, content);
        state.names.insert(name.into(), file);
        Ok(Arc::new(SimulatedFile {
            disk: self.clone(),
            file,
        }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.operate()?;
        let file = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimulatedFile {
            disk: self.clone(),
            file,
        }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        let file = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.into(), file);
        Ok(())
    }
}

impl DiskFile for SimulatedFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[&self.file].seen.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.operate()?;
        let seen = &state.files[&self.file].seen;
        let bytes = seen.get(offset as usize..).unwrap_or_default();
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.operate()?;
        if state.fail_writes {
            return Err(io::Error::from_raw_os_error(5));
        }
        let offset = offset as usize;
        // A write is cut short between sectors too.
        let sectors = (offset % SECTOR_BYTES + bytes.len() - 1) / SECTOR_BYTES;
        let count = match sectors > 0 && state.random.random_bool(0.1) {
            true => state.random.random_range(1..=sectors) * SECTOR_BYTES - offset % SECTOR_BYTES,
            false => bytes.len(),
        };
        let content = state.files.get_mut(&self.file).unwrap();
        if content.seen.len() < offset + count {
            content.seen.resize(offset + count, 0);
        }
        content.seen[offset..offset + count].copy_from_slice(&bytes[..count]);
        content.unsynced.push((offset, bytes[..count].to_vec()));
        Ok(count)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.operate()?;
        let fails = state.fail_syncs;
        let content = state.files.get_mut(&self.file).unwrap();
        if fails {
            // As hosts do: the bytes are shown still, but nobody will write them any more.
            content.unsynced.clear();
            state.has_dropped = true;
            return Err(io::Error::from_raw_os_error(5));
        }
        for (offset, bytes) in content.unsynced.drain(..) {
            if content.kept.len() < offset + bytes.len() {
                content.kept.resize(offset + bytes.len(), 0);
            }
            content.kept[offset..offset + bytes.len()].copy_from_slice(&bytes);
        }
        Ok(())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.operate()?;
        let content = state.files.get_mut(&self.file).unwrap();
        content.seen.truncate(bytes as usize);
        content.kept.truncate(bytes as usize);
        content
            .unsynced
            .retain(|(offset, written)| offset + written.len() <= bytes as usize);
        Ok(())
    }
}
