//! The types of frames, as they stand on the wire; a client's are below 0x80.
//!
//! It does not know their fields.

macro_rules! types {
    ($($name:ident = $value:literal),* $(,)?) => { $(pub(super) const $name: u8 = $value;)* };
}

types! {
    REGISTER = 0x01, PROVE = 0x02, LOGIN = 0x03, SEND = 0x04, ACK = 0x05, TYPING = 0x06, WATCH = 0x07,
    SET_GROUP = 0x08, LEAVE_GROUP = 0x09, PING = 0x0a,
    HELLO = 0x81, PIN_SENT = 0x82, NEW_KEY = 0x83, WELCOME = 0x84, ACCEPTED = 0x85, REFUSED = 0x86, DELIVER = 0x87,
    DELIVERED = 0x88, TYPING_FROM = 0x89, PRESENCE = 0x8a, GROUP = 0x8b, PONG = 0x8c, ERROR = 0x8d, BYE = 0x8e,
}
