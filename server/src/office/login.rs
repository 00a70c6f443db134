//! Arrivals and departures: log-in, log-out, registration, presence.

use rand::RngExt as _;
use wire::chat::{ClientFrame, Code, Key, Nonce, Number, Presence, ServerFrame};

use super::Office;
use super::registrar::Registrar;
use crate::parcel::Location;
use crate::sink::Sms;
use crate::source::Source;
use crate::store::accounts::Account;

impl Office {
    /// Logs in: the content is the nonce and the frame.
    pub(super) fn login(&mut self, at: Location, content: &[u8]) {
        let Some((nonce, frame)) = content.split_first_chunk::<{ size_of::<Nonce>() }>() else {
            return;
        };
        let Ok(Some((ClientFrame::Login { number, proof }, _))) = ClientFrame::decode(frame) else {
            return;
        };
        // The same answer whether the number or the proof is wrong: a stranger learns nothing of who is registered.
        let proven = self
            .key(number)
            .is_some_and(|key| key.verify(nonce, number, &proof));
        if !proven {
            self.parts.figures.logins_refused.add(1);
            return self.dismiss(at, Code::BadProof);
        }
        self.parts.figures.logins.add(1);
        if let Some(before) = self.directory.arrive(number.value(), at) {
            self.dismiss(before, Code::Replaced);
            self.watches.end_all(number.value());
        }
        let last_id = self.parts.store.last_id(number.value());
        let queued = self
            .parts
            .store
            .mailbox_len(number.value())
            .min(u32::MAX as usize) as u32;
        let media_token = self.parts.secret.media_token(number);
        if let Some(outbox) = self.out.get_mut(usize::from(at.shard)) {
            outbox.logged_in(
                at,
                number.value(),
                &ServerFrame::Welcome {
                    last_id,
                    queued,
                    media_token,
                },
            );
        }
        self.tell_watchers(number, Presence::Online);
        self.parts.store.set_sent(number.value(), 0, 0);
        self.pump(at, number);
    }

    /// A client has said its last: it has its answers by now, and is away.
    pub(super) fn end(&mut self, at: Location, number: u64) {
        self.leave(at, number);
        if let Some(outbox) = self.out.get_mut(usize::from(at.shard)) {
            outbox.end(at);
        }
    }

    /// A connection ended; whoever was logged in there is away, unless he came back elsewhere meanwhile.
    pub(super) fn leave(&mut self, at: Location, number: u64) {
        let Ok(who) = Number::new(number) else { return };
        if self.directory.leave(number, at) {
            self.parts.store.set_sent(number, 0, 0);
            self.watches.end_all(number);
            self.tell_watchers(who, Presence::Away);
        }
    }

    pub(super) fn watch(&mut self, at: Location, who: Number, number: Number, on: bool) -> Result<(), Code> {
        if !on {
            self.watches.end(who.value(), number.value());
            return Ok(());
        }
        self.watches.begin(who.value(), number.value())?;
        let presence = match self.directory.location(number.value()) {
            Some(_) => Presence::Online,
            None => Presence::Away,
        };
        self.reply(at, &ServerFrame::Presence { number, presence });
        Ok(())
    }

    /// Asks for a PIN: the content is the source and the frame.
    pub(super) fn register(&mut self, at: Location, content: &[u8]) {
        let Some((source, frame)) = content.split_first_chunk() else {
            return;
        };
        let Ok(Some((frame @ ClientFrame::Register { number }, _))) = ClientFrame::decode(frame) else {
            return;
        };
        let about = frame.kind();
        match self.issue_pin(number, Source::from_bytes(*source)) {
            Ok(()) => self.reply(at, &ServerFrame::PinSent { number }),
            Err(code) => self.reply(at, &ServerFrame::Error { code, about }),
        }
    }

    pub(super) fn issue_pin(&mut self, number: Number, source: Source) -> Result<(), Code> {
        let Self { registrar, parts, .. } = self;
        let most = parts.knobs.pins_a_source();
        let issued = registrar.issue(number, (source, most), &mut parts.rng, self.now_ms);
        parts.figures.pins_refused.add(u64::from(issued.is_err()));
        let pin = issued?;
        self.parts.sms.push(Sms {
            number,
            pin,
            expires_s: Registrar::life_s(),
        });
        Ok(())
    }

    /// Gives a number a new key, which voids any earlier one; [`Office::void_device`] follows once it is answered.
    ///
    /// Refused while the key could not be kept: the PIN still serves then.
    pub(super) fn redeem_pin(&mut self, number: Number, pin: u32) -> Result<Key, Code> {
        if self.trouble.refuses_accounts() {
            return Err(Code::StorageFull);
        }
        self.registrar.redeem(number, pin, self.now_ms)?;
        let key = Key(self.parts.rng.random());
        let epoch = self
            .parts
            .accounts
            .account(number.value())
            .map_or(1, |account| account.epoch + 1);
        self.parts
            .accounts
            .put_account(number.value(), &Account { key: key.0, epoch });
        self.parts.figures.registrations.add(1);
        Ok(key)
    }

    /// Dismisses the device whose key a new one has voided after the new key was answered: the same
    /// connection may hold both.
    pub(super) fn void_device(&mut self, number: Number) {
        if let Some(older) = self.directory.location(number.value()) {
            self.dismiss(older, Code::Replaced);
            self.leave(older, number.value());
        }
    }

    fn key(&self, number: Number) -> Option<Key> {
        match self.parts.accounts.account(number.value()) {
            Some(account) => Some(Key(account.key)),
            None => self
                .parts
                .provisioned
                .contains(number.value())
                .then(|| self.parts.secret.key(number)),
        }
    }

    fn tell_watchers(&mut self, number: Number, presence: Presence) {
        for &watcher in self.watches.watchers(number.value()) {
            if let Some(at) = self.directory.location(watcher)
                && let Some(outbox) = self.out.get_mut(usize::from(at.shard))
            {
                outbox.send(at, &ServerFrame::Presence { number, presence });
            }
        }
    }

    fn dismiss(&mut self, at: Location, code: Code) {
        if let Some(outbox) = self.out.get_mut(usize::from(at.shard)) {
            outbox.close(at, &ServerFrame::Bye { code });
        }
    }
}
