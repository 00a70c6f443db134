//! HTTP/1 as far as replaying needs it: heads, where a body ends, whole responses out of a stream (RFC 9112).
//!
//! It knows no connection, and nothing of what a field means to anybody.

mod body;
mod coding;
mod head;
mod response;

pub(crate) use body::{Body, Framing};
pub(crate) use head::{Head, blank_bytes, field};
pub(crate) use response::{Asked, Response, Responses};

/// The longest head that is looked into; with a longer one a stream is taken for something else than HTTP.
pub(crate) const HEAD_MAX_BYTES: usize = 64 * 1024;
/// The most of a body that is looked into, as it was sent and as it was before it was packed.
pub(crate) const BODY_MAX_BYTES: usize = 64 * 1024;
