//! What shards ask of the HTTP side, and what they get back.
//!
//! It knows neither how a job is done nor by whom: shards push jobs into bounded queues, and whoever does them answers
//! through [`Returns`](crate::Returns).

use scenarios::To;
use wire::chat::{Key, MediaToken, Number};

/// A file to upload.
#[derive(Clone, Copy, Debug)]
pub struct UploadJob {
    /// Who uploads.
    pub user: u32,
    /// His number.
    pub number: Number,
    /// What lets him upload in his number's name.
    pub token: MediaToken,
    /// Size of the file.
    pub bytes: u32,
    /// To whom its link will go. Carried there and back.
    pub to: To,
    /// When the plan wanted it, microseconds on the run's [`Clock`](reactor::Clock). Carried there and back.
    pub intended_us: u64,
}

/// How an upload ended.
#[derive(Clone, Debug)]
pub struct UploadDone {
    /// Who uploaded.
    pub user: u32,
    /// To whom the link goes.
    pub to: To,
    /// When the plan wanted the upload, microseconds on the run's clock.
    pub intended_us: u64,
    /// When it ended, microseconds on the run's clock.
    pub finished_us: u64,
    /// The link, 1 to [`LINK_MAX_BYTES`](wire::chat::LINK_MAX_BYTES) bytes.
    pub link: Result<Box<str>, JobFailure>,
}

/// A number to register: ask for a PIN, prove it, receive a key.
#[derive(Clone, Copy, Debug)]
pub struct RegisterJob {
    /// The person, beyond the plan's users.
    pub user: u32,
    /// His number.
    pub number: Number,
    /// When the plan wanted it, microseconds on the run's clock. Carried there and back.
    pub intended_us: u64,
}

/// How a registration ended.
#[derive(Clone, Copy, Debug)]
pub struct RegisterDone {
    /// The person.
    pub user: u32,
    /// When the plan wanted it, microseconds on the run's clock.
    pub intended_us: u64,
    /// When it ended, microseconds on the run's clock.
    pub finished_us: u64,
    /// The device's new key.
    pub key: Result<Key, JobFailure>,
}

/// Why a job was not done. Figures need no more than that it failed, and a run folder's events say what.
#[derive(Clone, Debug, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobFailure {
    /// The server refused, with this HTTP status or protocol code.
    #[error("refused with {0}")]
    Refused(u16),
    /// The server could not be reached, or the connection broke.
    #[error("the connection failed")]
    Connection,
    /// No answer in time.
    #[error("timed out")]
    Timeout,
    /// More jobs are under way than allowed.
    #[error("too many jobs under way")]
    Full,
}
