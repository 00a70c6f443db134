//! The chat protocol: a compact length-prefixed binary protocol for a phone messenger.
//!
//! It is written down in `docs/protocol.md`, from which another language can implement it. This module knows frames
//! and a client's states; it does not know how bytes travel.

mod account;
mod address;
mod client;
mod code;
mod field;
mod frame;
mod media;

pub use account::{Key, MediaToken, Nonce, Proof, Secret};
pub use address::{Address, AddressError, GroupId, Number, TAG_MAX};
pub use client::{Client, Event, Identity, Phase};
pub use code::Code;
pub use frame::{Body, ClientFrame, FrameError, HEADER_BYTES, Kind, Members, Presence, ServerFrame};
pub use media::{Media, MediaError};

/// The version that *hello* announces.
pub const VERSION: u8 = 1;
/// The longest frame, type and fields, without its two length bytes.
pub const FRAME_MAX_BYTES: usize = 12 * 1024;
/// The longest body of a message.
pub const BODY_MAX_BYTES: usize = 8 * 1024;
/// The longest link in a media message.
pub const LINK_MAX_BYTES: usize = 256;
/// The largest thumbnail in a media message.
pub const THUMBNAIL_MAX_BYTES: usize = 4 * 1024;
/// The most people in a group, its owner among them.
pub const MEMBERS_MAX: usize = 256;
/// The most people whose presence a connection may watch.
pub const WATCHES_MAX: usize = 32;
/// How far below a sender's highest accepted id a repeated id is still recognised.
pub const ID_WINDOW: u64 = 64;
/// How many undelivered items the server sends ahead of the recipient's acknowledgement.
pub const DELIVER_WINDOW: u16 = 64;
/// Digits of a PIN.
pub const PIN_DIGITS: u32 = 6;
