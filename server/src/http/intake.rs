//! Bodies of requests: bounded in bytes and in time.
//!
//! It does not know what is in them.

use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use hyper::body::Body as _;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use wire::chat::Code;

use super::refusal::{Reason, Refusal};

/// The longest body of a request that is not media.
pub(crate) const SMALL_MAX_BYTES: usize = 1024;
/// How much of a refused body is still read, so that the answer is not lost with the connection: closing a socket
/// that has unread bytes resets it, and a reset may overtake the answer (RFC 9112, section 9.6).
const LINGER_MAX_BYTES: u64 = 4 << 20;
/// How long a refused body is still read.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// The next bytes of a body; none at its end.
///
/// # Errors
/// The connection broke or the body's framing is wrong.
pub(super) async fn chunk(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(Refusal::malformed(error)),
            Some(Ok(frame)) => {
                // What is not data is a trailer, which nothing here reads.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// A whole small body.
pub(super) async fn small(mut body: Body, within: Duration) -> Result<Vec<u8>, Refusal> {
    let read = async {
        let mut whole = Vec::new();
        while let Some(data) = chunk(&mut body).await? {
            if whole.len() + data.len() > SMALL_MAX_BYTES {
                return Err(Refusal::detailed(
                    Reason::Protocol(Code::Oversized),
                    format!("the body is longer than {SMALL_MAX_BYTES} bytes"),
                ));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole)
    };
    timeout(within, read)
        .await
        .map_err(|_| Refusal::from(Reason::TimedOut))?
}

/// A small body of JSON.
pub(super) async fn json<T: DeserializeOwned>(body: Body, within: Duration) -> Result<T, Refusal> {
    let whole = small(body, within).await?;
    serde_json::from_slice(&whole).map_err(Refusal::malformed)
}

/// Reads on a little after a refusal, so that the client hears it.
pub(super) async fn linger(headers: &HeaderMap, mut body: Body) {
    // A client that waits for `100 Continue` has sent nothing, and reading would invite it to.
    if headers.contains_key(EXPECT) || body.size_hint().lower() > LINGER_MAX_BYTES {
        return;
    }
    let read = async {
        let mut left = LINGER_MAX_BYTES;
        while let Ok(Some(data)) = chunk(&mut body).await {
            left = left.saturating_sub(data.len() as u64);
            if left == 0 {
                return;
            }
        }
    };
    // The answer goes out either way.
    let _ = timeout(LINGER_MAX, read).await;
}
