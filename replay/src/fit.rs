//! A population fitted to a recording: how long messages are, how they follow each other, how long people stay.
//!
//! It knows recorded connections; it does not know what is made of the figures, nor that there are scenarios.
//!
//! People are told apart by what they use, a protocol at a port, since how long messages are and how they follow each other
//! is the application's doing; by where they are, their network, if that is asked for.

mod sample;
mod scenario;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

pub use sample::{LogNormalFit, Sample};

use crate::{End, Protocol, Recording, RecordingError, Session, Start, TurnKind};
use sample::Values;
use watch::Watch;

/// The most groups; connections of later ones are counted and not fitted.
const GROUPS_MAX: usize = 64;
/// The most people whose absences are watched; those of later ones are not.
const PEOPLE_MAX: usize = 1 << 20;

/// By what people are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FitBy {
    /// Protocol and port of the server.
    #[default]
    Service,
    /// The client's network: 24 bits of an IPv4 address, 48 of an IPv6 one.
    Network,
}

/// People who behave alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FittedGroup {
    /// `chat-7700`, `10.1.2.0`.
    pub name: String,
    /// Connections.
    pub sessions: u64,
    /// Of them, those that began before the recording or ended after it: how long they lasted is not known.
    pub cut_off: u64,
    /// All their lengths, seconds: of one that the capture joined, since the recording's begin.
    pub online_s: f64,
    /// Messages of clients.
    pub messages: u64,
    /// Of them, those to groups, where the protocol says so.
    pub to_groups: u64,
    /// Lengths of messages, bytes: of their bodies, where the protocol is known.
    pub bytes: Sample,
    /// From one message of a client to his next on the same connection, seconds.
    pub gaps_s: Sample,
    /// Lengths of the connections that were seen whole, seconds.
    pub stays_s: Sample,
    /// From a person's connection to his next, seconds.
    pub aways_s: Sample,
}

/// A recording's people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fitted {
    /// From the first connection to the last one's end, seconds.
    pub lasted_s: f64,
    /// The groups, by name.
    pub groups: Vec<FittedGroup>,
    /// Connections that are in none: the client said nothing, it is not known what, or there are too many groups.
    pub left_out: u64,
}

/// What is collected of a group.
#[derive(Debug, Default)]
struct Collected {
    group: FittedGroup,
    bytes: Values,
    gaps_s: Values,
    stays_s: Values,
    aways_s: Values,
}

impl Fitted {
    /// Looks through a recording.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(recording: &Recording, by: FitBy) -> Result<Self, RecordingError> {
        let mut fitted = Self::default();
        let mut groups = BTreeMap::<String, Collected>::new();
        let mut last_seen = HashMap::new();
        let sessions = recording.sessions();
        let first_ns = sessions.iter().map(|session| session.opened_ns).min();
        let last_ns = sessions.iter().map(|session| session.closed_ns).max();
        if let (Some(first_ns), Some(last_ns)) = (first_ns, last_ns) {
            fitted.lasted_s = seconds(last_ns - first_ns);
        }
        let services = services(sessions);
        let mut places: Vec<usize> = (0..sessions.len()).collect();
        places.sort_by_key(|place| sessions[*place].opened_ns);
        for place in places {
            let session = &sessions[place];
            let protocol = spoken(session, &services);
            let name = name_of(session, protocol, by);
            let is_known = groups.contains_key(&name);
            if !is_legible(session) || (!is_known && groups.len() >= GROUPS_MAX) {
                fitted.left_out += 1;
                continue;
            }
            let collected = groups.entry(name).or_default();
            let who = collected.session(recording, place, protocol, first_ns.unwrap_or(0))?;
            collected.absence(session, who, &mut last_seen);
        }
        fitted.groups = groups
            .into_iter()
            .map(|(name, collected)| collected.finish(name))
            .collect();
        Ok(fitted)
    }

    /// Connections that were open on average.
    #[must_use]
    pub fn open_on_average(&self) -> f64 {
        let online_s: f64 = self.groups.iter().map(|group| group.online_s).sum();
        online_s / self.lasted_s.max(1e-9)
    }
}

/// Somebody, as far as a recording tells: by his number, or else by his address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Number(u64),
    Address(IpAddr, SocketAddr),
}

impl Collected {
    /// Adds a connection of a recording that begins then. Returns whose it is.
    fn session(
        &mut self,
        recording: &Recording,
        place: usize,
        protocol: Protocol,
        first_ns: u64,
    ) -> Result<Who, RecordingError> {
        let session = &recording.sessions()[place];
        let group = &mut self.group;
        group.sessions += 1;
        // One that was joined was there before anything was heard of it.
        let since_ns = match session.start {
            Start::Handshake => session.opened_ns,
            Start::Midway => first_ns,
        };
        let lasted_s = seconds(session.closed_ns.saturating_sub(since_ns));
        group.online_s += lasted_s;
        if session.start == Start::Handshake && session.end != End::Open {
            self.stays_s.add(lasted_s);
        } else {
            group.cut_off += 1;
        }
        let mut watch = Watch::new(protocol);
        let mut scratch = Vec::new();
        for turn in recording.turns(place) {
            if matches!(turn.kind, TurnKind::Gap { .. }) {
                watch.lose(turn.side);
                continue;
            }
            let said = recording.bytes(turn, &mut scratch)?;
            watch.hear(turn.side, turn.at_ns, said);
        }
        watch.end();
        let mut before_ns = None;
        for message in &watch.messages {
            self.bytes.add(message.bytes as f64);
            if let Some(before_ns) = before_ns.replace(message.at_ns) {
                self.gaps_s.add(seconds(message.at_ns.saturating_sub(before_ns)));
            }
        }
        group.messages += watch.messages.len() as u64;
        group.to_groups += watch.to_groups;
        Ok(watch
            .number
            .map_or(Who::Address(session.client.ip(), session.server), Who::Number))
    }

    /// Notes how long somebody was away before this connection.
    fn absence(&mut self, session: &Session, who: Who, last_seen: &mut HashMap<Who, u64>) {
        if session.start == Start::Handshake
            && let Some(left_ns) = last_seen.get(&who)
            && let Some(away_ns) = session.opened_ns.checked_sub(*left_ns)
        {
            self.aways_s.add(seconds(away_ns));
        }
        if last_seen.len() < PEOPLE_MAX || last_seen.contains_key(&who) {
            let left_ns = last_seen.entry(who).or_default();
            *left_ns = session.closed_ns.max(*left_ns);
        }
    }

    fn finish(self, name: String) -> FittedGroup {
        FittedGroup {
            name,
            bytes: self.bytes.finish(),
            gaps_s: self.gaps_s.finish(),
            stays_s: self.stays_s.finish(),
            aways_s: self.aways_s.finish(),
            ..self.group
        }
    }
}

/// Whether some of what its client says can be read, wherever the capture joined it and whatever it lacks of it.
fn is_legible(session: &Session) -> bool {
    session.end != End::Dropped && !session.secrecy.is_sealed() && session.client_said.bytes > 0
}

/// What the servers speak, as far as it is known of any connection of theirs.
fn services(sessions: &[Session]) -> HashMap<SocketAddr, Protocol> {
    let known = sessions
        .iter()
        .filter(|session| session.protocol != Protocol::Unknown);
    known.map(|session| (session.server, session.protocol)).collect()
}

/// What a connection speaks: one that was joined does not tell, but others of its server do.
fn spoken(session: &Session, services: &HashMap<SocketAddr, Protocol>) -> Protocol {
    match (session.protocol, session.start) {
        (Protocol::Unknown, Start::Midway) => services
            .get(&session.server)
            .copied()
            .unwrap_or(Protocol::Unknown),
        (known, _) => known,
    }
}

fn name_of(session: &Session, protocol: Protocol, by: FitBy) -> String {
    match (by, session.client.ip()) {
        (FitBy::Service, _) => {
            let protocol = match protocol {
                Protocol::Unknown => "port".to_owned(),
                known => known.name().to_ascii_lowercase(),
            };
            format!("{protocol}-{}", session.server.port())
        }
        (FitBy::Network, IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0")
        }
        (FitBy::Network, IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::")
        }
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests;
