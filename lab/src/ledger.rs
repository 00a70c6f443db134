//! The ledger: which labs there are, and what the host's settings were before the first of them changed any.
//!
//! It knows names and values, not which are changed or why. One file for all labs, replaced as a whole under a lock:
//! a setting's former value is written down before the setting is touched, and goes back when the last lab that is
//! alive has left. A lab that was killed is found dead by whoever opens the ledger next.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::STATE_VARIABLE;
use crate::error::LabError;
use crate::host::Host;
use crate::process::{Identity, members};

const FOLDER: &str = "/run/teem";
const FILE: &str = "labs.json";
/// How often a dead lab's processes are looked for: enough for all but those who fork to get away.
const ROUNDS_MAX: u32 = 16;

/// Where the ledger is.
#[derive(Clone, Debug)]
pub struct Ledger {
    folder: PathBuf,
}

/// The ledger, held: no other lab begins or ends meanwhile.
#[derive(Debug)]
pub struct Held {
    folder: PathBuf,
    pages: Pages,
    /// The lock lasts as long as the file is open.
    _lock: File,
}

/// What is in the file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pages {
    /// The boot that all this is of; another one has its settings afresh.
    boot: String,
    /// Labs, by the process that will clean up after them.
    labs: Vec<Identity>,
    /// Settings of the host, by name.
    settings: BTreeMap<String, Setting>,
}

/// A setting that was changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    former: String,
    /// What may stand there by a lab's hand: what stood there when the last change was written down, if a lab had put
    /// it there, and that change, which may have failed. So two at most.
    changed: Vec<String>,
}

/// What became of the host's settings when no lab was left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Settings put back.
    pub restored: Vec<String>,
    /// Settings that somebody else has changed meanwhile, left as they are: name and value.
    pub left: Vec<(String, String)>,
}

impl Settled {
    /// What was left alone, in one sentence; `None` where nothing was.
    #[must_use]
    pub fn left_alone(&self) -> Option<String> {
        if self.left.is_empty() {
            return None;
        }
        let named = self.left.iter().map(|(name, value)| format!("{name} = {value}"));
        Some(format!(
            "left alone, as no lab wrote what it is now: {}",
            named.collect::<Vec<_>>().join(", ")
        ))
    }
}

/// What was found and put right after labs that could not do so themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Labs whose process was dead.
    pub labs: usize,
    /// Their processes that were still there, ended.
    pub ended: usize,
    /// What became of the settings.
    pub settled: Settled,
}

impl std::fmt::Display for Recovered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { labs, ended, settled } = self;
        write!(
            f,
            "cleaned up after {labs} killed lab(s): {ended} process(es) ended, "
        )?;
        if settled.restored.is_empty() {
            write!(f, "no setting of the host to put back")?;
        } else {
            write!(f, "put back {}", settled.restored.join(", "))?;
        }
        match settled.left_alone() {
            Some(left) => write!(f, "; {left}"),
            None => Ok(()),
        }
    }
}

impl Default for Ledger {
    /// In the folder that the environment names, or in `/run/teem`.
    fn default() -> Self {
        Self::at(std::env::var_os(STATE_VARIABLE).unwrap_or_else(|| FOLDER.into()))
    }
}

impl Ledger {
    /// In this folder.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Puts right what killed labs left, if there are any and this process may.
    ///
    /// # Errors
    /// A setting cannot be put back, or the ledger cannot be written.
    pub fn recover(&self, host: &Host) -> Result<Option<Recovered>, LabError> {
        // Who may not look has made no lab; where there is no file, nobody has.
        match File::open(self.folder.join(FILE)) {
            Ok(_) => self.hold()?.recover(host),
            Err(_) => Ok(None),
        }
    }

    /// Waits for whoever holds the ledger, and holds it.
    ///
    /// # Errors
    /// The folder or the file cannot be made, locked or read.
    pub fn hold(&self) -> Result<Held, LabError> {
        self.open().map_err(|source| LabError::Ledger {
            path: self.folder.join(FILE),
            source,
        })
    }

    fn open(&self) -> io::Result<Held> {
        // What a lab was is written here and obeyed: only its owner may.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.folder.join("lock"))?;
        lock.lock()?;
        let pages = match fs::read(self.folder.join(FILE)) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => Pages::default(),
            Err(error) => return Err(error),
        };
        Ok(Held {
            folder: self.folder.clone(),
            pages,
            _lock: lock,
        })
    }
}

impl Held {
    /// Strikes out labs whose process is dead, ends what they left running, and puts settings back if nobody is left.
    ///
    /// # Errors
    /// A setting cannot be put back, or the ledger cannot be written.
    pub fn recover(&mut self, host: &Host) -> Result<Option<Recovered>, LabError> {
        let boot = boot();
        if self.pages.boot != boot {
            // The settings of another boot are gone with it.
            self.pages = Pages {
                boot,
                ..Pages::default()
            };
        }
        let (alive, dead): (Vec<Identity>, Vec<Identity>) =
            self.pages.labs.iter().copied().partition(Identity::is_alive);
        if dead.is_empty() && (!alive.is_empty() || self.pages.settings.is_empty()) {
            return Ok(None);
        }
        let ended = dead.iter().copied().map(end_members).sum();
        let labs = dead.len();
        self.pages.labs = alive;
        let settled = self.settle(host)?;
        Ok(Some(Recovered { labs, ended, settled }))
    }

    /// Writes down a lab.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn enter(&mut self, lab: Identity) -> Result<(), LabError> {
        self.pages.boot = boot();
        self.pages.labs.push(lab);
        self.write()
    }

    /// Changes a setting of the host, its former value written down first; which is handed back.
    ///
    /// # Errors
    /// The ledger cannot be written, or the setting cannot.
    pub fn change(&mut self, host: &Host, name: &str, value: &str) -> Result<String, LabError> {
        let refused = |source| LabError::Sysctl {
            name: name.to_owned(),
            value: value.to_owned(),
            source,
        };
        let former = host.sysctl(name).map_err(refused)?;
        self.note(name, &former, value)?;
        host.set_sysctl(name, value).map_err(refused)?;
        Ok(former)
    }

    /// Writes down a change that is about to be made: whether it will be, nobody knows.
    fn note(&mut self, name: &str, now: &str, value: &str) -> Result<(), LabError> {
        let setting = self
            .pages
            .settings
            .entry(name.to_owned())
            // A lab before this one knows what it was before any.
            .or_insert_with(|| Setting {
                former: now.to_owned(),
                changed: Vec::new(),
            });
        setting.changed.retain(|changed| same(changed, now));
        setting.changed.push(value.to_owned());
        self.write()
    }

    /// Puts one setting back at once.
    ///
    /// # Errors
    /// The setting cannot be put back, or the ledger cannot be written.
    pub fn put_back(&mut self, host: &Host, name: &str) -> Result<(), LabError> {
        if let Some(setting) = self.pages.settings.get(name).cloned() {
            restore(host, name, &setting)?;
            self.pages.settings.remove(name);
        }
        self.write()
    }

    /// Strikes out a lab; the last one's leaving puts every setting back.
    ///
    /// # Errors
    /// A setting cannot be put back, or the ledger cannot be written.
    pub fn leave(&mut self, host: &Host, lab: Identity) -> Result<Settled, LabError> {
        self.pages.labs.retain(|other| *other != lab);
        self.settle(host)
    }

    /// Puts every setting back where no lab is left.
    fn settle(&mut self, host: &Host) -> Result<Settled, LabError> {
        let mut settled = Settled::default();
        let mut failed = None;
        if self.pages.labs.is_empty() {
            for (name, setting) in std::mem::take(&mut self.pages.settings) {
                match restore(host, &name, &setting) {
                    Ok(Fate::Restored) => settled.restored.push(name),
                    Ok(Fate::AsBefore) => {}
                    Ok(Fate::Theirs(now)) => settled.left.push((name, now)),
                    Err(error) => {
                        // It stays on record for who may.
                        self.pages.settings.insert(name, setting);
                        failed = Some(error);
                    }
                }
            }
        }
        self.write()?;
        failed.map_or(Ok(settled), Err)
    }

    /// Replaces the file as a whole, so that a kill leaves the former or the new.
    fn write(&self) -> Result<(), LabError> {
        let path = self.folder.join(FILE);
        self.replace(&path)
            .map_err(|source| LabError::Ledger { path, source })
    }

    fn replace(&self, path: &Path) -> io::Result<()> {
        if self.pages.labs.is_empty() && self.pages.settings.is_empty() {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let new = self.folder.join("labs.json.new");
        fs::write(&new, serde_json::to_vec_pretty(&self.pages)?)?;
        fs::rename(&new, path)
    }
}

/// Ends what carries a lab's mark; how many did. A process may start another before it dies: looked for again.
pub(crate) fn end_members(lab: Identity) -> usize {
    let mut ended = 0;
    for _ in 0..ROUNDS_MAX {
        let killed = members(&lab.mark()).iter().filter(|member| member.kill()).count();
        ended += killed;
        if killed == 0 {
            break;
        }
    }
    ended
}

/// What became of a setting.
enum Fate {
    Restored,
    /// Nothing to do: no change came about.
    AsBefore,
    /// Somebody else's value, which is this.
    Theirs(String),
}

/// Puts a setting back, unless somebody else has changed it since.
fn restore(host: &Host, name: &str, setting: &Setting) -> Result<Fate, LabError> {
    let former = words(&setting.former).join(" ");
    let refused = |source| LabError::Sysctl {
        name: name.to_owned(),
        value: former.clone(),
        source,
    };
    let now = host.sysctl(name).map_err(refused)?;
    if same(&now, &former) {
        return Ok(Fate::AsBefore);
    }
    if !setting.changed.iter().any(|changed| same(changed, &now)) {
        return Ok(Fate::Theirs(words(&now).join(" ")));
    }
    host.set_sysctl(name, &former).map_err(refused)?;
    Ok(Fate::Restored)
}

/// Whether two values are one: the kernel puts tabs where we put spaces.
fn same(one: &str, other: &str) -> bool {
    words(one) == words(other)
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

#[cfg(test)]
mod tests;
