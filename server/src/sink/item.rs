//! What goes to a sink: a PIN by SMS, or a notice that something waits for someone away.
//!
//! It does not know where a sink leads.

use serde_json::{Value, json};
use wire::chat::Number;

/// Something that a sink takes.
pub trait Item: Send + 'static {
    /// It as a JSON object.
    fn json(&self) -> Value;

    /// The number within whose window this item and later ones are gathered into one; none where each must arrive.
    fn coalesces(&self) -> Option<Number>;
}

/// A PIN on its way to a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    /// The phone.
    pub number: Number,
    /// The PIN.
    pub pin: u32,
    /// How long the PIN holds, seconds.
    pub expires_s: u64,
}

/// Something waits for someone away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Who is away.
    pub number: Number,
    /// Who sent the last of it.
    pub from: Number,
    /// How many items wait.
    pub queued: u64,
}

impl Item for Sms {
    fn json(&self) -> Value {
        let pin = format!("{:0width$}", self.pin, width = wire::chat::PIN_DIGITS as usize);
        json!({"number": self.number.value(), "pin": pin, "expires_s": self.expires_s})
    }

    fn coalesces(&self) -> Option<Number> {
        None
    }
}

impl Item for Notice {
    fn json(&self) -> Value {
        json!({"number": self.number.value(), "from": self.from.value(), "queued": self.queued})
    }

    /// A phone needs to be woken once, not for each message.
    fn coalesces(&self) -> Option<Number> {
        Some(self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_written_as_documented() {
        let (ann, bob) = (Number::new(15_550_000_001).unwrap(), Number::new(2).unwrap());
        let sms = Sms {
            number: ann,
            pin: 42,
            expires_s: 600,
        };
        assert_eq!(
            sms.json(),
            json!({"number": 15_550_000_001_u64, "pin": "000042", "expires_s": 600})
        );
        let notice = Notice {
            number: ann,
            from: bob,
            queued: 3,
        };
        assert_eq!(
            notice.json(),
            json!({"number": 15_550_000_001_u64, "from": 2, "queued": 3})
        );
    }
}
