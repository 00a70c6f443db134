//! The servers under test: how each is started, what it guarantees, and how its clients speak.

mod command;

use std::net::SocketAddrV4;
use std::path::PathBuf;

use anyhow::Context as _;
use tempfile::TempDir;
use wire::chat::Secret;

use crate::child::{Server, free_address, program};
use crate::floor;
use crate::load::{self, Plan, Report};
use crate::login::{self, Storm, Stormed};
use crate::protocol::{Chat, Guarantee, Mqtt, Names, Xmpp};
use command::{ejabberd_command, floor_command, mosquitto_command, teem_can, teem_command};

/// The first provisioned number, and the secret of a server that lives for one benchmark.
const BASE: u64 = 15_550_000_000;
const SECRET: [u8; 32] = [0x5a; 32];
const SECRET_FILE: &str = "secret";

/// A server under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The bare forwarder.
    Floor {
        /// Whether the second tick is sent.
        ticks: bool,
    },
    /// The reference server.
    Teem {
        /// `memory`, `async` or `commit`.
        durability: &'static str,
        /// Whether the second tick is sent.
        ticks: bool,
    },
    /// Debian's mosquitto.
    Mosquitto,
    /// Debian's ejabberd.
    Ejabberd(Guarantee),
}

/// Every subject by its name on the command line.
pub(crate) const SUBJECTS: [(&str, Subject); 12] = [
    ("floor", Subject::Floor { ticks: false }),
    ("floor-tick", Subject::Floor { ticks: true }),
    ("teem-memory", teem("memory", false)),
    ("teem-memory-tick", teem("memory", true)),
    ("teem-async", teem("async", false)),
    ("teem-async-tick", teem("async", true)),
    ("teem-commit", teem("commit", false)),
    ("teem-commit-tick", teem("commit", true)),
    ("mosquitto", Subject::Mosquitto),
    ("ejabberd", Subject::Ejabberd(Guarantee::Acknowledged)),
    ("ejabberd-plain", Subject::Ejabberd(Guarantee::Plain)),
    ("ejabberd-receipts", Subject::Ejabberd(Guarantee::Receipts)),
];

const fn teem(durability: &'static str, ticks: bool) -> Subject {
    Subject::Teem { durability, ticks }
}

/// What subjects are started with.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    /// The `teem` binary.
    pub(crate) teem: PathBuf,
    /// Where servers keep what they must, a folder a start.
    pub(crate) scratch: PathBuf,
}

/// A subject that listens.
#[derive(Debug)]
pub(crate) struct Running {
    subject: Subject,
    /// The server.
    pub(crate) server: Server,
    /// Where it listens.
    pub(crate) address: SocketAddrV4,
    /// Removed at the end.
    folder: TempDir,
}

impl Subject {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        SUBJECTS
            .iter()
            .find(|(_, subject)| *subject == self)
            .map_or("?", |(name, _)| name)
    }

    /// The subject of a name.
    ///
    /// # Errors
    /// There is none; the error lists them.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let names: Vec<&str> = SUBJECTS.iter().map(|(name, _)| *name).collect();
        SUBJECTS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, subject)| *subject)
            .ok_or_else(|| format!("there is no subject `{name}`; there are {}", names.join(", ")))
    }

    /// What a sender and a recipient may rely on.
    pub(crate) fn guarantee(self) -> &'static str {
        match self {
            Self::Floor { ticks: false } => "none: forwarded, answered, acknowledged, nothing kept",
            Self::Floor { ticks: true } => "none: the same and the second tick",
            Self::Teem {
                durability: "memory",
                ticks: false,
            } => "accepted in memory, delivered, acknowledged",
            Self::Teem {
                durability: "memory",
                ticks: true,
            } => "the same and the second tick",
            Self::Teem {
                durability: "async",
                ticks: false,
            } => "accepted once handed to the log's writer",
            Self::Teem {
                durability: "async",
                ticks: true,
            } => "the same and the second tick",
            Self::Teem { ticks: false, .. } => "accepted once on disk (group commit)",
            Self::Teem { ticks: true, .. } => "the same and the second tick",
            Self::Mosquitto => "QoS 1 both ways: accepted in memory, delivered, acknowledged",
            Self::Ejabberd(Guarantee::Acknowledged) => {
                "XEP-0198 both ways: accepted in memory, delivered, acknowledged"
            }
            Self::Ejabberd(Guarantee::Plain) => "none: handed on, nothing acknowledged",
            Self::Ejabberd(Guarantee::Receipts) => "XEP-0184: the recipient's receipt, not the server's",
        }
    }

    /// Whether its clients get second ticks.
    pub(crate) fn has_ticks(self) -> bool {
        matches!(self, Self::Floor { ticks: true } | Self::Teem { ticks: true, .. })
    }

    /// Whether it can be started here.
    ///
    /// # Errors
    /// It is not installed, not built, or cannot do what the subject is about; the error says what to do.
    pub(crate) fn installed(self, bench: &Bench) -> anyhow::Result<()> {
        match self {
            Self::Floor { .. } => Ok(()),
            Self::Teem { ticks, .. } => teem_can(&bench.teem, ticks),
            Self::Mosquitto => program("mosquitto", "mosquitto").map(drop),
            Self::Ejabberd(_) => program("ejabberdctl", "ejabberd").map(drop),
        }
    }

    /// Starts it, pinned where asked, with room for so many connections, and waits until it listens.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub(crate) fn start(
        self,
        bench: &Bench,
        connections: u64,
        cpu: Option<usize>,
    ) -> anyhow::Result<Running> {
        let folder = tempfile::Builder::new()
            .prefix("teem-bench-")
            .tempdir_in(&bench.scratch)
            .with_context(|| format!("cannot make a folder in {}", bench.scratch.display()))?;
        let (address, at) = (free_address()?, folder.path());
        let command = match self {
            Self::Floor { ticks } => floor_command(address, ticks)?,
            Self::Teem { durability, ticks } => {
                teem_command(&bench.teem, at, address, connections, durability, ticks)?
            }
            Self::Mosquitto => mosquitto_command(at, address)?,
            Self::Ejabberd(_) => ejabberd_command(at, address, connections)?,
        };
        let mut server = Server::start(self.name(), command, at, cpu)?;
        server.listening(address)?;
        Ok(Running {
            subject: self,
            server,
            address,
            folder,
        })
    }
}

impl Running {
    /// Drives messages through it.
    ///
    /// # Errors
    /// See [`load::run`].
    pub(crate) fn load(&self, plan: Plan) -> anyhow::Result<Report> {
        let result = match self.subject {
            Subject::Floor { ticks } | Subject::Teem { ticks, .. } => load::run(self.chat(ticks), plan),
            Subject::Mosquitto => load::run(Mqtt { subscribe: true }, plan),
            Subject::Ejabberd(guarantee) => load::run(Xmpp { guarantee }, plan),
        };
        self.explain(result)
    }

    /// Drives log-ins at it.
    ///
    /// # Errors
    /// See [`login::run`].
    pub(crate) fn log_in(&self, storm: &Storm) -> anyhow::Result<Stormed> {
        let result = match self.subject {
            Subject::Floor { .. } | Subject::Teem { .. } => login::run(&self.chat(true), storm),
            Subject::Mosquitto => login::run(&Mqtt { subscribe: false }, storm),
            Subject::Ejabberd(_) => {
                let plain = Xmpp {
                    guarantee: Guarantee::Plain,
                };
                login::run(&plain, storm)
            }
        };
        self.explain(result)
    }

    /// The file with the secret of its provisioned keys; the reference server alone has one.
    pub(crate) fn secret_file(&self) -> PathBuf {
        self.folder.path().join(SECRET_FILE)
    }

    fn chat(&self, ticks: bool) -> Chat {
        let base = if matches!(self.subject, Subject::Floor { .. }) {
            floor::BASE
        } else {
            BASE
        };
        Chat {
            names: Names {
                base,
                secret: Secret::new(&SECRET),
            },
            ticks,
        }
    }

    fn explain<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        result.with_context(|| format!("{}; it said: {}", self.subject.name(), self.server.last_words()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_is_found_by_its_name() {
        for (name, subject) in SUBJECTS {
            assert_eq!(Subject::parse(name), Ok(subject));
            assert_eq!(subject.name(), name);
        }
        assert!(Subject::parse("apache").unwrap_err().contains("mosquitto"));
    }
}
