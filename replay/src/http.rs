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

/// How requests begin that almost everybody makes (RFC 9110, section 9.3, and RFC 5789).
pub(crate) const BEGINNINGS: [&[u8]; 9] = [
    b"GET ",
    b"POST ",
    b"PUT ",
    b"HEAD ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
];
/// The longest head that is looked into; with a longer one a stream is taken for something else than HTTP.
pub(crate) const HEAD_MAX_BYTES: usize = 64 * 1024;
/// The most of a body that is looked into, as it was sent and as it was before it was packed.
pub(crate) const BODY_MAX_BYTES: usize = 64 * 1024;
