//! The secrets of recorded TLS sessions, by the random of their *ClientHello*.
//!
//! They come as a key log (draft-ietf-tls-keylogfile), from a file or out of a pcapng's decryption secrets block. It does
//! not know what is decrypted with them, nor show them: what prints it prints counts. All of them are wiped when dropped.
//!
//! A session takes 98 bytes of the table and a box of its own with 2 bytes and 32 or 48 a secret: 250 bytes under TLS 1.3, 164 under
//! TLS 1.2. A growing table moves no secret and leaves no copy behind.

mod line;
mod packed;
mod secret;

use std::fmt;
use std::io::{self, Read};

use hashbrown::HashMap;
use zeroize::Zeroizing;

use line::Line;
use packed::Packed;
pub(crate) use packed::SessionSecrets;
pub(crate) use secret::{Label, SECRET_MAX_BYTES, Secret};

/// Bytes that secrets may take, with the table they are in, unless told otherwise.
const KEPT_MAX_BYTES: usize = 24 << 20;
/// What a session takes of the table: twice its entry, for a table that has just doubled.
const ENTRY_BYTES: usize = 2 * (size_of::<(Random, Packed)>() + 1);
/// Bytes of a line at most; the longest of the format has fewer than 256.
const LINE_MAX_BYTES: usize = 1 << 10;

/// The random of a *ClientHello*, which names a session.
pub(crate) type Random = [u8; 32];

/// Key logs, read.
pub struct Secrets {
    sessions: HashMap<Random, Packed>,
    kept_bytes: usize,
    kept_max_bytes: usize,
    figures: SecretsFigures,
    /// The start of a line whose end has not come yet.
    partial: Zeroizing<Vec<u8>>,
    /// Whether the rest of a line is dropped, which was too long.
    overlong: bool,
}

/// What was found in the key logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecretsFigures {
    /// Lines, of whatever kind.
    pub lines: u64,
    /// Secrets kept.
    pub secrets: u64,
    /// Lines with a label that decrypts nothing here.
    pub ignored: u64,
    /// Lines that are none of a key log.
    pub malformed: u64,
    /// The first of these.
    pub first_malformed: Option<Malformed>,
    /// Secrets beyond the bound.
    pub refused: u64,
}

/// A line that is none of a key log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}")]
pub struct Malformed {
    /// Which, from 1.
    pub line: u64,
    /// What should stand there.
    pub expected: &'static str,
}

/// Why there are no secrets.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// It cannot be read.
    #[error("the key log cannot be read: {0}")]
    Read(#[from] io::Error),
    /// Not one line of it is of a key log.
    #[error("this is no key log: {0}")]
    Foreign(Malformed),
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new(KEPT_MAX_BYTES)
    }
}

impl Secrets {
    /// No secrets yet; those to come take so many bytes at most.
    #[must_use]
    pub fn new(kept_max_bytes: usize) -> Self {
        Self {
            sessions: HashMap::new(),
            kept_bytes: 0,
            kept_max_bytes,
            figures: SecretsFigures::default(),
            partial: Zeroizing::new(Vec::with_capacity(LINE_MAX_BYTES)),
            overlong: false,
        }
    }

    /// Reads a key log to its end, through a buffer of a bounded size. What is malformed is counted and left out: a key log
    /// that is still written to ends in half a line.
    ///
    /// # Errors
    /// It cannot be read, or holds lines and none of a key log.
    pub fn read(&mut self, mut log: impl Read) -> Result<(), SecretsError> {
        let before = self.figures;
        let mut buffer = Zeroizing::new([0; 1 << 14]);
        loop {
            match log.read(&mut *buffer) {
                Ok(0) => break,
                Ok(length) => self.feed(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.end();
        let good = self.figures.secrets + self.figures.ignored + self.figures.refused;
        match self.figures.first_malformed {
            Some(first) if good == before.secrets + before.ignored + before.refused => {
                Err(SecretsError::Foreign(first))
            }
            _ => Ok(()),
        }
    }

    /// Takes the whole text of a decryption secrets block, of the type *TLS Key Log*.
    pub fn add(&mut self, text: &[u8]) {
        self.feed(text);
        self.end();
    }

    /// What was found so far.
    #[must_use]
    pub fn figures(&self) -> SecretsFigures {
        self.figures
    }

    /// Sessions of which anything is known.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn session(&self, random: &Random) -> Option<SessionSecrets<'_>> {
        self.sessions.get(random).map(Packed::secrets)
    }

    fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            self.partial(line);
            self.end();
            bytes = &rest[1..];
        }
        self.partial(bytes);
    }

    fn partial(&mut self, bytes: &[u8]) {
        if self.partial.len() + bytes.len() > LINE_MAX_BYTES {
            self.overlong = true;
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }

    /// The line is whole, or nothing more comes.
    fn end(&mut self) {
        if self.overlong {
            self.figures.lines += 1;
            self.malformed("a line of at most 1024 bytes");
        } else if !self.partial.is_empty() {
            self.figures.lines += 1;
            let partial = std::mem::take(&mut self.partial);
            match line::parse(&partial) {
                Ok(Line::Secret(label, random, secret)) => self.insert(label, random, secret),
                Ok(Line::Ignored) => self.figures.ignored += 1,
                Ok(Line::Comment) => {}
                Err(expected) => self.malformed(expected),
            }
            self.partial = partial;
        } else {
            self.figures.lines += 1;
        }
        self.partial.clear();
        self.overlong = false;
    }

    fn insert(&mut self, label: Label, random: Random, secret: Secret) {
        let known = self.sessions.get(&random);
        let entry_bytes = if known.is_some() { 0 } else { ENTRY_BYTES };
        let old_bytes = known.map_or(0, Packed::bytes);
        let packed = known
            .map(Packed::secrets)
            .unwrap_or_default()
            .with(label, &secret);
        let kept_bytes = self.kept_bytes - old_bytes + packed.bytes() + entry_bytes;
        if kept_bytes > self.kept_max_bytes {
            self.figures.refused += 1;
            return;
        }
        self.figures.secrets += 1;
        self.kept_bytes = kept_bytes;
        self.sessions.insert(random, packed);
    }

    fn malformed(&mut self, expected: &'static str) {
        self.figures.malformed += 1;
        let line = self.figures.lines;
        self.figures
            .first_malformed
            .get_or_insert(Malformed { line, expected });
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("sessions", &self.sessions.len())
            .field("figures", &self.figures)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(label: &str, random: u8, secret: &str) -> String {
        format!("{label} {} {secret}\n", format!("{random:02x}").repeat(32))
    }

    #[test]
    fn a_key_log_is_read_in_any_pieces_and_strangers_are_left_out() {
        let text = [
            "# a comment\r\n",
            "\n",
            &line("CLIENT_RANDOM", 1, &"a5".repeat(48)),
            &line("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 2, &"01".repeat(32)),
            &line("SERVER_TRAFFIC_SECRET_0", 2, &"Fe".repeat(48)),
            &line("EXPORTER_SECRET", 2, &"00".repeat(32)),
            &line("CLIENT_TRAFFIC_SECRET_0", 3, &"0g".repeat(32)),
            "nonsense\n",
            "CLIENT_RANDOM 0011",
        ]
        .concat();
        for piece in [1, 7, 4096] {
            let mut secrets = Secrets::default();
            text.as_bytes()
                .chunks(piece)
                .for_each(|piece| secrets.feed(piece));
            secrets.end();
            assert_eq!(secrets.sessions(), 2);
            let master = secrets.session(&[1; 32]).unwrap().secret(Label::Master).unwrap();
            assert_eq!(master.bytes(), [0xa5; 48]);
            let server = secrets.session(&[2; 32]).unwrap();
            assert_eq!(
                server.secret(Label::ServerApplication).unwrap().bytes(),
                [0xfe; 48]
            );
            assert!(server.secret(Label::ClientApplication).is_none());
            let figures = secrets.figures();
            assert_eq!(
                (figures.lines, figures.secrets, figures.ignored, figures.malformed),
                (9, 3, 1, 3)
            );
            assert_eq!(figures.first_malformed.unwrap().line, 7);
        }
    }

    #[test]
    fn what_is_no_key_log_is_said_with_its_line() {
        let mut secrets = Secrets::default();
        let error = secrets.read(&b"\n{\"not\": \"a key log\"}\n"[..]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "this is no key log: line 2: expected a label, a random and a secret, with one space between them"
        );
        let long = vec![b'A'; 5000];
        assert!(matches!(secrets.read(&long[..]), Err(SecretsError::Foreign(_))));
        assert!(
            Secrets::default().read(&b""[..]).is_ok(),
            "an empty one is written to yet"
        );
    }

    #[test]
    fn secrets_beyond_the_bound_are_counted_and_those_kept_stay() {
        let of = |random| line("CLIENT_RANDOM", random, &"aa".repeat(48));
        let room = ENTRY_BYTES + packed::OVERHEAD_BYTES + 48 + 2;
        let mut secrets = Secrets::new(room);
        secrets.add((of(1) + &of(2) + &of(1)).as_bytes());
        let more = line("CLIENT_TRAFFIC_SECRET_0", 1, &"bb".repeat(32));
        secrets.add(more.as_bytes());
        assert_eq!((secrets.sessions(), secrets.figures().refused), (1, 2));
        assert_eq!((secrets.kept_bytes, secrets.figures().secrets), (room, 2));
        let session = secrets.session(&[1; 32]).unwrap();
        assert_eq!(session.secret(Label::Master).unwrap().bytes(), [0xaa; 48]);
        assert!(session.secret(Label::ClientApplication).is_none());
    }

    #[test]
    fn a_session_under_tls_1_3_costs_what_is_said_of_it() {
        let mut secrets = Secrets::default();
        for label in [
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            "CLIENT_TRAFFIC_SECRET_0",
            "SERVER_TRAFFIC_SECRET_0",
        ] {
            secrets.add(line(label, 1, &"01".repeat(32)).as_bytes());
        }
        assert_eq!(secrets.kept_bytes, 250);
        let mut older = Secrets::default();
        older.add(line("CLIENT_RANDOM", 1, &"01".repeat(48)).as_bytes());
        assert_eq!(older.kept_bytes, 164);
    }

    #[test]
    fn no_secret_is_printed() {
        let mut secrets = Secrets::default();
        secrets.add(line("CLIENT_RANDOM", 1, &"a5".repeat(48)).as_bytes());
        let session = secrets.session(&[1; 32]).unwrap();
        let printed = format!("{secrets:?} {:?}", session.secret(Label::Master).unwrap());
        assert!(!printed.contains("a5") && !printed.contains("165"), "{printed}");
    }
}
