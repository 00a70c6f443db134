//! Where the HTTP side asks the office: registrations and look-ups, answered over a channel.

use tokio::sync::oneshot;
use wire::chat::{Code, Key, Number};

use crate::source::Source;

/// A question to the office.
#[derive(Debug)]
pub enum Inquiry {
    /// Make a PIN for a number and give it to the SMS sink.
    Register {
        /// The number.
        number: Number,
        /// Where it is asked from.
        source: Source,
        /// The answer.
        reply: oneshot::Sender<Result<(), Code>>,
    },
    /// Prove a PIN; the answer is the device's new key.
    Prove {
        /// The number.
        number: Number,
        /// The PIN.
        pin: u32,
        /// The answer.
        reply: oneshot::Sender<Result<Key, Code>>,
    },
    /// Whether a number has an account.
    Exists {
        /// The number.
        number: Number,
        /// The answer.
        reply: oneshot::Sender<bool>,
    },
}

/// The HTTP side's way to the office. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk {
    office: reactor::Queue<Inquiry>,
}

impl Desk {
    /// A desk whose inquiries go to this queue.
    #[must_use]
    pub fn new(office: reactor::Queue<Inquiry>) -> Self {
        Self { office }
    }

    /// Asks for a PIN.
    ///
    /// # Errors
    /// The office refuses, or is too busy or gone ([`Code::Busy`]).
    pub async fn register(&self, number: Number, source: Source) -> Result<(), Code> {
        self.ask(|reply| Inquiry::Register {
            number,
            source,
            reply,
        })
        .await?
    }

    /// Proves a PIN.
    ///
    /// # Errors
    /// The PIN is wrong or gone, or the office is too busy ([`Code::Busy`]).
    pub async fn prove(&self, number: Number, pin: u32) -> Result<Key, Code> {
        self.ask(|reply| Inquiry::Prove { number, pin, reply }).await?
    }

    /// Whether a number has an account.
    ///
    /// # Errors
    /// The office is too busy or gone ([`Code::Busy`]).
    pub async fn exists(&self, number: Number) -> Result<bool, Code> {
        self.ask(|reply| Inquiry::Exists { number, reply }).await
    }

    async fn ask<T>(&self, inquiry: impl FnOnce(oneshot::Sender<T>) -> Inquiry) -> Result<T, Code> {
        let (reply, answer) = oneshot::channel();
        self.office.push(inquiry(reply)).map_err(|_| Code::Busy)?;
        answer.await.map_err(|_| Code::Busy)
    }
}
