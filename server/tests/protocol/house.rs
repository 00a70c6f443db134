//! A server on a folder of its own, started and stopped at will.
//!
//! It does not speak the protocol.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use server::knobs::Knobs;
use server::{Config, Provisioned, Server, StartError};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wire::chat::{Key, Number, Secret};

use crate::phone::Phone;

/// The first provisioned number.
pub(crate) const BASE: u64 = 15_550_000_000;
/// How many numbers are provisioned.
pub(crate) const COUNT: u64 = 100_000;
/// However slow the host: what takes longer than this will not come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const SECRET: &[u8] = b"a secret of these tests";

/// A provisioned number by its index.
pub(crate) fn number(index: u64) -> Number {
    Number::new(BASE + index).unwrap()
}

/// A provisioned number's key.
pub(crate) fn key(index: u64) -> Key {
    Secret::new(SECRET).key(number(index))
}

/// A configuration with free ports and everything under a folder.
pub(crate) fn config(data: PathBuf) -> Config {
    Config {
        sms: format!("file:{}", data.join("sms").display()),
        push: format!("file:{}", data.join("push").display()),
        provisioned: Provisioned {
            base: BASE,
            count: COUNT,
        },
        ..Config::on_loopback(data, SECRET)
    }
}

/// A server, or the folder of one that was stopped.
pub(crate) struct House {
    pub(crate) knobs: Knobs,
    config: Config,
    server: Option<Server>,
    runtime: Runtime,
    _folder: TempDir,
}

impl House {
    /// A server that keeps what it accepts on disk.
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// A server configured otherwise.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path().to_owned());
        change(&mut config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut house = Self {
            knobs: Knobs::default(),
            config,
            server: None,
            runtime,
            _folder: folder,
        };
        house.start();
        house
    }

    pub(crate) fn start(&mut self) {
        let start = Server::start(self.config.clone(), self.knobs.clone());
        self.server = Some(self.runtime.block_on(start).unwrap());
    }

    pub(crate) fn stop(&mut self) {
        let server = self.server.take().unwrap();
        self.runtime.block_on(server.stop()).unwrap();
    }

    /// A second server on the same folder.
    pub(crate) fn start_another(&self) -> Result<Server, StartError> {
        let start = Server::start(self.config.clone(), self.knobs.clone());
        self.runtime.block_on(start)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.as_ref().unwrap().address()
    }

    /// A counter, by its name in the run folder.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.server.as_ref().unwrap().figures().snapshot().counters[name]
    }

    /// A gauge, likewise.
    pub(crate) fn gauge(&self, name: &str) -> u64 {
        self.server.as_ref().unwrap().figures().snapshot().gauges[name] as u64
    }

    /// A phone that was greeted.
    pub(crate) fn guest(&self) -> Phone {
        Phone::connect(self.address())
    }

    /// A provisioned number's phone, logged in; `Welcome` was taken.
    pub(crate) fn phone(&self, index: u64) -> Phone {
        let mut phone = self.guest();
        phone.log_in(number(index), &key(index));
        let said = phone.next();
        assert!(said.starts_with("Welcome"), "{said}");
        phone
    }

    /// The last PIN that was sent to a number. `pace` makes a round trip between two looks.
    pub(crate) fn pin(&self, number: Number, other_than: Option<u32>, pace: &mut Phone) -> u32 {
        let prefix = format!("\"number\":{}", number.value());
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let text = std::fs::read_to_string(self.config.data.join("sms")).unwrap_or_default();
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            let line = whole.lines().rfind(|line| line.contains(&prefix));
            let pin = line.and_then(|line| line.split("\"pin\":\"").nth(1)?.get(..6)?.parse().ok());
            if let Some(pin) = pin.filter(|pin| Some(*pin) != other_than) {
                return pin;
            }
            pace.round_trip();
        }
        panic!("no PIN came");
    }

    /// The status that the health endpoint answers with.
    pub(crate) fn health(&self) -> u16 {
        let mut stream = TcpStream::connect(self.server.as_ref().unwrap().admin_address()).unwrap();
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap();
        status.parse().unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if self.server.is_some() && !std::thread::panicking() {
            self.stop();
        }
    }
}
