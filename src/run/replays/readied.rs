//! A replay that is ready to begin: its capture read, its course planned, its people numbered.
//!
//! It reads files and starts nothing.

mod line;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use reactor::Clock;
use record::Replay;
use replay::{Cause, Drive, DriveOptions, People, Picked, Planned, Protocol, Speed};
use scenarios::{ReplaySettings, Scenario};

use crate::cli::{PROVISIONED_BASE, RunArgs};
use crate::exit::sentence;
use crate::replay::arguments::DriveArgs;
use crate::replay::drive;
use crate::replay::drive::books;
use crate::replay::source::{self, Recorded};
use crate::run::target::Target;
use line::line;

/// Where a session goes until the run's own server has told its ports: nobody listens at port 9 of loopback's last address.
const UNTOLD: &str = "127.255.255.254:9";

/// A replay before it begins.
pub(super) struct Readied {
    settings: ReplaySettings,
    args: DriveArgs,
    recorded: Recorded,
    /// With targets that are not all known yet.
    options: DriveOptions,
    picked: Picked,
    pub(super) planned: Planned,
    pub(super) at_us: u64,
    /// The recorded numbers of the people who chat, if anybody does, and what is added to them.
    people: Option<Numbers>,
    /// Its speeds, where a knob was turned before it began.
    pub(super) turned: Option<(Speed, Speed)>,
    /// It could not begin.
    pub(super) is_given_up: bool,
}

/// What becomes of recorded numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    first: u64,
    /// From one clone's to the next one's.
    stride: u64,
    /// Added to each.
    offset: i64,
}

/// Looks whether each file is there.
///
/// # Errors
/// The first that cannot be opened, with the place that names it.
pub(crate) fn check(scenario: &Scenario) -> Result<()> {
    for replay in &scenario.replay {
        let named = std::iter::once(&replay.capture)
            .chain(&replay.keys)
            .chain(&replay.rules);
        for file in named {
            let opened = std::fs::File::open(&file.path).and_then(|opened| opened.metadata());
            let why = match opened {
                Ok(found) if found.is_dir() => "it is a folder".to_owned(),
                Ok(_) => continue,
                Err(error) => error.to_string(),
            };
            let message = format!("cannot read {}: {why}", file.path.display());
            return Err(file.mistake(message).into());
        }
    }
    Ok(())
}

impl Readied {
    /// Reads a capture and plans its course, beginning `at_us` on the run's clock.
    pub(super) fn read(
        args: &RunArgs,
        settings: &ReplaySettings,
        scenario: &Scenario,
        at_us: u64,
    ) -> Result<Self> {
        // Of all files that a replay names, the one that the error does, or else the capture.
        let placed = |error: &anyhow::Error| {
            let told = sentence(error);
            let others = settings.keys.iter().chain(&settings.rules);
            let named = others
                .into_iter()
                .find(|file| told.contains(&file.path.display().to_string()));
            named.unwrap_or(&settings.capture).mistake(told)
        };
        let mut args_of = line(settings, scenario.clock.time_scale, scenario.seed)?;
        let keys = settings.keys.as_ref().map(|keys| keys.path.as_path());
        let selection = args_of.selection.selection();
        let recorded =
            source::recorded(&settings.capture.path, keys, selection).map_err(|error| placed(&error))?;
        let target = settings.target.clone().unwrap_or_else(|| UNTOLD.to_owned());
        args_of.target = vec![target];
        let options = drive::options(&args_of, &recorded).map_err(|error| placed(&error))?;
        let (planned, picked) = Drive::plan(&options).map_err(|error| placed(&error.into()))?;
        let mut readied = Self {
            settings: settings.clone(),
            args: args_of,
            recorded,
            options,
            picked,
            planned,
            at_us,
            people: None,
            turned: None,
            is_given_up: false,
        };
        readied.refuse_unknown_http(args)?;
        if readied.goes_to_the_run() {
            readied.people = readied.numbers()?;
        }
        Ok(readied)
    }

    /// A target that is not the run's own has to say where its HTTP is.
    fn refuse_unknown_http(&self, args: &RunArgs) -> Result<()> {
        let of_the_run = self.servers_of_the_run();
        if args.target.is_none()
            || args.target_http.is_some()
            || !of_the_run.iter().any(|server| self.speaks_http(*server))
        {
            return Ok(());
        }
        let message = "it speaks HTTP, and --target-http does not say where to";
        Err(self.settings.capture.mistake(message).into())
    }

    /// The recorded numbers of those who chat.
    fn numbers(&self) -> Result<Option<Numbers>> {
        let people = People::of(&self.recorded.recording, &self.picked.sessions)?;
        Ok(people.span().map(|span| Numbers {
            first: *span.start(),
            stride: span.end() - span.start() + 1,
            offset: 0,
        }))
    }

    /// Settles which numbers its people become: right below those that are taken already. Returns how many are then.
    pub(super) fn settle(&mut self, taken: u64) -> Result<u64> {
        let clones = self.options.clones;
        let people = u64::from(clones.count) * u64::from(clones.loops);
        let Some(numbers) = &mut self.people else {
            return Ok(taken);
        };
        let all = numbers
            .stride
            .checked_mul(people)
            .and_then(|all| all.checked_add(taken));
        let first = all.and_then(|all| PROVISIONED_BASE.checked_sub(all));
        let (Some(all), Some(first @ 1..)) = (all, first) else {
            let message = format!(
                "its numbers span {}, and {people} people of such do not fit below the swarm's, from {PROVISIONED_BASE} on",
                numbers.stride
            );
            return Err(self.settings.capture.mistake(message).into());
        };
        numbers.offset = first as i64 - numbers.first as i64;
        Ok(all)
    }

    /// What it is to do, now that the run's target is known.
    pub(super) fn options(&mut self, target: &Target, clock: Clock, neighbours: u32) -> Result<DriveOptions> {
        let of_the_run = self.servers_of_the_run();
        let mut flags = Vec::new();
        for server in &of_the_run {
            let address = match self.speaks_http(*server) {
                true => target.http.context("the target has no HTTP port")?,
                false => target.chat,
            };
            flags.push(format!("{server}={address}"));
        }
        flags.extend(self.settings.target.clone());
        self.args.target = flags;
        let mut options = drive::options(&self.args, &self.recorded)?;
        if let Some(tls) = &target.tls {
            let way = u16::try_from(options.ways.len()).context("more targets than 65,535")?;
            options.ways.push(Some(tls.clone()));
            for server in of_the_run.iter().filter(|server| !self.speaks_http(**server)) {
                if let Some(destination) = options.targets.get_mut(server) {
                    destination.way = way;
                }
            }
        }
        if let Some(numbers) = self.people {
            let rules = (*options.rules).clone().with_chat_secret(target.secret.clone());
            options.rules = Arc::new(rules.with_chat_numbers(numbers.offset, numbers.stride));
        }
        (options.clock, options.neighbours) = (clock, neighbours);
        Ok(options)
    }

    /// Recorded servers whose sessions go to the run's own target.
    fn servers_of_the_run(&self) -> Vec<SocketAddr> {
        let untold = UNTOLD.parse().ok();
        let picked = self.picked.sessions.iter();
        let mut servers: Vec<SocketAddr> = picked
            .filter_map(|place| self.recorded.recording.sessions().get(*place as usize))
            .map(|session| session.server)
            .filter(|server| self.options.targets.get(server).map(|target| target.address) == untold)
            .collect();
        servers.sort_unstable();
        servers.dedup();
        servers
    }

    pub(super) fn goes_to_the_run(&self) -> bool {
        !self.servers_of_the_run().is_empty()
    }

    fn speaks_http(&self, server: SocketAddr) -> bool {
        let sessions = self.recorded.recording.sessions();
        let of_server = self
            .picked
            .sessions
            .iter()
            .filter_map(|place| sessions.get(*place as usize))
            .filter(|session| session.server == server);
        of_server
            .map(|session| session.protocol)
            .any(|protocol| matches!(protocol, Protocol::Http | Protocol::WebSocket))
    }

    /// What of its capture is not used, a sentence each.
    pub(super) fn notices(&self) -> Vec<String> {
        let notes = self.recorded.notes();
        notes
            .into_iter()
            .map(|note| format!("{}: {note}", self.name()))
            .collect()
    }

    pub(super) fn speeds(&self) -> (Speed, Speed) {
        (self.options.connect_speed, self.options.think_speed)
    }

    pub(super) fn name(&self) -> String {
        self.settings.name()
    }

    /// What is known before the first connect.
    pub(super) fn record(&self) -> Replay {
        books::begun(
            &self.args,
            &self.recorded,
            &self.options,
            (&self.planned, &self.picked),
        )
    }

    /// The run ended before it began: nothing of it was done.
    pub(super) fn never_began(&self, record: &mut Replay) {
        let why = match self.is_given_up {
            true => Cause::Other,
            false => Cause::Stopped,
        };
        let (sessions, sends) = (&mut record.sessions, &mut record.sends);
        sessions.failed = sessions.planned;
        sessions.failed_by.insert(why.name().to_owned(), sessions.planned);
        sends.unsent = sends.planned;
        sends.unsent_by.insert(why.name().to_owned(), sends.planned);
        record.finished = true;
    }
}
