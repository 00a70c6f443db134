//! From the two *Hellos* to keys: what was agreed on, whether its secrets are there, and which key comes when.
//!
//! It knows no record.

use super::Conversation;
use crate::decrypt::hello::{ClientHello, EncryptedExtensions, ServerHello};
use crate::decrypt::opener::Opener;
use crate::decrypt::output::Output;
use crate::decrypt::report::{CipherSuite, TlsVersion, Undecrypted};
use crate::decrypt::schedule;
use crate::decrypt::side::Phase;
use crate::decrypt::suite::Suite;
use crate::event::{Side, Sink};
use crate::secrets::{Label, SessionSecrets};

/// What a handshake needs until it is over.
#[derive(Default)]
pub(super) struct Opening {
    client: Option<ClientHello>,
    /// Whether the last *ClientHello* is not answered yet.
    asks: bool,
    /// Whether the server asked for another *ClientHello*.
    retried: bool,
    /// Whether the server's choice is known.
    answered: bool,
    /// Whether the client's next records wait until the server says that it takes data sent early.
    waits: bool,
    /// Keys of the phases to come, of the client and of the server.
    ahead: [Ahead; 2],
}

/// Keys of *Early*, *Handshake* and *Application*.
type Ahead = [Option<Opener>; 3];

/// Where a phase's key is in an [`Ahead`].
fn index(phase: Phase) -> Option<usize> {
    (phase as usize).checked_sub(Phase::Early as usize)
}

impl Conversation {
    /// Whether the meaning of a side's next record is known.
    pub(super) fn may_read(&self, side: Side) -> bool {
        let Some(opening) = &self.opening else {
            return true;
        };
        match side {
            Side::Client => !opening.asks && !opening.waits,
            Side::Server => opening.asks || opening.answered,
        }
    }

    /// Whether the server's choice is known.
    pub(super) fn is_answered(&self) -> bool {
        self.opening.as_ref().is_none_or(|opening| opening.answered)
    }

    /// What is missing where the server's choice is not known.
    pub(super) fn unanswered(&self) -> Undecrypted {
        match &self.opening {
            Some(opening) if opening.client.is_none() => Undecrypted::ClientHelloMissing,
            _ => Undecrypted::ServerHelloMissing,
        }
    }

    /// Whether records of data sent early may come that were refused.
    pub(super) fn skips_early(&self) -> bool {
        let opening = self.opening.as_ref();
        opening.is_some_and(|it| it.retried && it.client.as_ref().is_some_and(|client| client.early_data))
    }

    /// The key of a phase to come.
    pub(super) fn ahead(&self, side: Side, phase: Phase) -> Option<&Opener> {
        self.opening.as_ref()?.ahead[side as usize][index(phase)?].as_ref()
    }

    /// A side's next records are under the key of this phase.
    pub(super) fn switch(&mut self, side: Side, phase: Phase) -> Result<(), Undecrypted> {
        let Some(opening) = &mut self.opening else {
            return Err(Undecrypted::Malformed);
        };
        let half = &mut self.halves[side as usize];
        half.phase = Some(phase);
        half.opener = index(phase).and_then(|at| opening.ahead[side as usize][at].take());
        if phase == Phase::Application && half.opener.is_none() {
            return Err(Undecrypted::SecretsMissing);
        }
        if self.halves.iter().all(|half| half.phase() == Phase::Application) {
            self.opening = None;
        }
        Ok(())
    }

    pub(super) fn client_hello(&mut self, body: &[u8]) -> Result<(), Undecrypted> {
        let Some(opening) = &mut self.opening else {
            return Err(Undecrypted::Malformed);
        };
        let mut hello = ClientHello::parse(body).ok_or(Undecrypted::Malformed)?;
        opening.asks = true;
        // A second one repeats the first, but for what the server asked to change and data sent early.
        if let Some(first) = &opening.client {
            hello.early_data |= first.early_data;
        }
        if self.about.server_name.is_none() {
            self.about.server_name = hello.server_name.take();
        }
        opening.client = Some(hello);
        Ok(())
    }

    pub(super) fn server_hello<S: Sink>(
        &mut self,
        body: &[u8],
        out: &Output<'_, S>,
    ) -> Result<(), Undecrypted> {
        let hello = ServerHello::parse(body).ok_or(Undecrypted::Malformed)?;
        self.about.version = Some(TlsVersion(hello.version));
        self.about.suite = Some(CipherSuite(hello.suite));
        self.about.protocol.clone_from(&hello.protocol);
        self.tls13 = hello.version == TlsVersion::TLS13.0;
        let Some(opening) = &mut self.opening else {
            return Err(Undecrypted::Malformed);
        };
        let client = opening.client.as_ref().ok_or(Undecrypted::Malformed)?;
        let suite = supported(&hello)?;
        let secrets = out.secrets.session(&client.random);
        let secrets = secrets.ok_or(Undecrypted::SecretsMissing)?;
        opening.asks = false;
        if hello.retry && !opening.retried {
            opening.retried = true;
            return Ok(());
        }
        if !self.tls13 {
            let master = secrets.secret(Label::Master).ok_or(Undecrypted::SecretsMissing)?;
            let randoms = (&client.random, &hello.random);
            let keys = schedule::openers12(suite, &master, randoms, hello.encrypt_then_mac)
                .ok_or(Undecrypted::SecretsWrong)?;
            opening.ahead = keys.map(|key| [None, None, Some(key)]);
            opening.answered = true;
            return Ok(());
        }
        opening.ahead = ahead13(suite, secrets)?;
        opening.answered = true;
        let early = client.early_data;
        opening.waits = early && hello.resumes && !opening.retried;
        let waits = opening.waits;
        self.switch(Side::Server, Phase::Handshake)?;
        if waits {
            return Ok(());
        }
        self.halves[Side::Client as usize].skips = early;
        self.switch(Side::Client, Phase::Handshake)
    }

    pub(super) fn extensions(&mut self, body: &[u8]) -> Result<(), Undecrypted> {
        let said = EncryptedExtensions::parse(body).ok_or(Undecrypted::Malformed)?;
        self.about.protocol = said.protocol;
        self.accept_early(said.early_data);
        Ok(())
    }

    /// The server takes the data that was sent early, or does not; nothing if none waits to be read.
    pub(super) fn accept_early(&mut self, accepts: bool) {
        let waits = self
            .opening
            .as_mut()
            .map(|opening| std::mem::take(&mut opening.waits));
        if waits != Some(true) {
            return;
        }
        self.halves[Side::Client as usize].skips = !accepts;
        let phase = if accepts { Phase::Early } else { Phase::Handshake };
        // It fails only for an application's key.
        let _ = self.switch(Side::Client, phase);
    }
}

/// The suite, if what was agreed on can be decrypted.
fn supported(hello: &ServerHello) -> Result<&'static Suite, Undecrypted> {
    let version = TlsVersion(hello.version);
    if version != TlsVersion::TLS12 && version != TlsVersion::TLS13 {
        return Err(Undecrypted::Version(version));
    }
    if hello.compression != 0 {
        return Err(Undecrypted::Compressed);
    }
    Suite::of(hello.suite)
        .filter(|suite| suite.is_tls13() == (version == TlsVersion::TLS13))
        .ok_or(Undecrypted::Suite(CipherSuite(hello.suite)))
}

/// The keys of TLS 1.3; those of the applications' data there must be.
fn ahead13(suite: &'static Suite, secrets: SessionSecrets<'_>) -> Result<[Ahead; 2], Undecrypted> {
    let key = |label| match secrets.secret(label) {
        None => Ok(None),
        Some(secret) => schedule::opener13(suite, &secret)
            .map(Some)
            .ok_or(Undecrypted::SecretsWrong),
    };
    let application = |label| key(label)?.ok_or(Undecrypted::SecretsMissing).map(Some);
    Ok([
        [
            key(Label::ClientEarly)?,
            key(Label::ClientHandshake)?,
            application(Label::ClientApplication)?,
        ],
        [
            None,
            key(Label::ServerHandshake)?,
            application(Label::ServerApplication)?,
        ],
    ])
}
