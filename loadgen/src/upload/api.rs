//! The server's HTTP API as a client sees it: registrations and media.
//!
//! It does not know schedules, latencies or counters: a call is made now and says how it ended.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use wire::chat::{Key, LINK_MAX_BYTES, MediaToken, Number};

use super::{Failure, FailureKind};

/// The longest answer read, but for media.
const ANSWER_MAX_BYTES: usize = 16 * 1024;

/// The HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make an HTTP client: {0}")]
pub struct ClientError(#[from] reqwest::Error);

/// What a proven PIN gives.
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    /// The key to log in with; any earlier one of the number is void.
    pub key: Key,
    /// The token to upload and download with.
    pub token: MediaToken,
}

/// A client of one server. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    base: String,
}

#[derive(Deserialize)]
struct Uploaded {
    link: String,
}

#[derive(Deserialize)]
struct Proved {
    key: String,
    media_token: String,
}

impl Api {
    /// A client that keeps up to `idle_max` connections for later calls and gives each call `timeout`, its answer's
    /// body included.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn new(server: SocketAddr, timeout: Duration, idle_max: usize) -> Result<Self, ClientError> {
        let client = Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout)
            .pool_max_idle_per_host(idle_max)
            // The load goes where it was aimed, whatever the environment says of proxies.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // A call that fails is counted, not tried again behind the schedule's back.
            .retry(reqwest::retry::never())
            // Plain HTTP alone: the host's certificates, which may be missing, are not wanted.
            .tls_certs_only([])
            .build()?;
        Ok(Self {
            client,
            base: format!("http://{server}"),
        })
    }

    /// Uploads a file and returns its link.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn upload(&self, number: Number, token: &MediaToken, body: Vec<u8>) -> Result<String, Failure> {
        let request = self
            .client
            .put(format!("{}/v1/media", self.base))
            .header("authorization", bearer(number, token))
            .header("content-type", "application/octet-stream")
            .body(body);
        let answer = whole(accepted(request.send().await)?).await?;
        link(&answer)
    }

    /// Downloads a link's content and returns its SHA-256. Stops, as [`FailureKind::Corrupted`], past `bytes_max`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn download(
        &self,
        number: Number,
        token: &MediaToken,
        link: &str,
        bytes_max: usize,
    ) -> Result<[u8; 32], Failure> {
        let request = self
            .client
            .get(format!("{}{link}", self.base))
            .header("authorization", bearer(number, token));
        let mut response = accepted(request.send().await)?;
        let mut hash = Sha256::new();
        let mut read_bytes = 0usize;
        while let Some(chunk) = response.chunk().await? {
            read_bytes = read_bytes.saturating_add(chunk.len());
            if read_bytes > bytes_max {
                return Err(FailureKind::Corrupted.into());
            }
            hash.update(&chunk);
        }
        Ok(hash.finalize().into())
    }

    /// Asks for a PIN, which the server sends by its SMS gateway.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn register(&self, number: Number) -> Result<(), Failure> {
        let body = serde_json::json!({ "number": number.value() });
        whole(accepted(self.post("/v1/register", &body).await)?)
            .await
            .map(drop)
    }

    /// Proves the PIN.
    ///
    /// # Errors
    /// See [`Failure`]; a wrong PIN is [`FailureKind::Refused`].
    pub async fn prove(&self, number: Number, pin: &str) -> Result<Registered, Failure> {
        let body = serde_json::json!({ "number": number.value(), "pin": pin });
        let answer = whole(accepted(self.post("/v1/prove", &body).await)?).await?;
        registered(&answer)
    }

    async fn post(&self, path: &str, body: &serde_json::Value) -> Result<Response, reqwest::Error> {
        self.client
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
    }
}

/// The value of the `Authorization` header: `Bearer NUMBER:TOKEN`, the token in hexadecimal.
pub(crate) fn bearer(number: Number, token: &MediaToken) -> String {
    use std::fmt::Write as _;
    let mut text = format!("Bearer {}:", number.value());
    for byte in token.0 {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The link in the answer to an upload: a path of printable ASCII.
pub(crate) fn link(answer: &[u8]) -> Result<String, Failure> {
    let Uploaded { link } = serde_json::from_slice(answer).map_err(|_| FailureKind::Malformed)?;
    let sound =
        link.starts_with('/') && link.len() <= LINK_MAX_BYTES && link.bytes().all(|b| b.is_ascii_graphic());
    if sound {
        Ok(link)
    } else {
        Err(FailureKind::Malformed.into())
    }
}

/// The key and the token in the answer to a proof.
pub(crate) fn registered(answer: &[u8]) -> Result<Registered, Failure> {
    let proved: Proved = serde_json::from_slice(answer).map_err(|_| FailureKind::Malformed)?;
    match (unhex(&proved.key), unhex(&proved.media_token)) {
        (Some(key), Some(token)) => Ok(Registered {
            key: Key(key),
            token: MediaToken(token),
        }),
        _ => Err(FailureKind::Malformed.into()),
    }
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Some(bytes)
}

fn accepted(sent: Result<Response, reqwest::Error>) -> Result<Response, Failure> {
    let response = sent?;
    let kind = match response.status() {
        status if status.is_success() => return Ok(response),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => FailureKind::Overloaded,
        status if status.is_server_error() => FailureKind::Server,
        _ => FailureKind::Refused,
    };
    Err(Failure {
        kind,
        status: Some(response.status().as_u16()),
    })
}

async fn whole(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if answer.len() + chunk.len() > ANSWER_MAX_BYTES {
            return Err(FailureKind::Malformed.into());
        }
        answer.extend_from_slice(&chunk);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_the_number_and_the_token() {
        let number = Number::new(4_915_112_345_678).unwrap();
        assert_eq!(
            bearer(number, &MediaToken([0x0a; 16])),
            format!("Bearer 4915112345678:{}", "0a".repeat(16))
        );
    }

    #[test]
    fn a_key_and_a_token_are_read_from_hexadecimal() {
        let answer = format!(
            "{{\"key\":\"{}\",\"media_token\":\"{}\"}}",
            "0F".repeat(32),
            "a1".repeat(16)
        );
        let registered = registered(answer.as_bytes()).unwrap();
        assert!(registered.key.0 == [0x0f; 32] && registered.token.0 == [0xa1; 16]);
    }

    #[test]
    fn an_answer_that_is_none_is_malformed() {
        let key = "00".repeat(32);
        for answer in [
            String::new(),
            "{}".into(),
            format!("{{\"key\":\"{key}\",\"media_token\":\"00\"}}"),
            format!("{{\"key\":\"{key}\",\"media_token\":\"{}\"}}", "0g".repeat(16)),
            format!("{{\"key\":\"{key}\",\"media_token\":\"{}\"}}", "é".repeat(16)),
        ] {
            assert_eq!(
                registered(answer.as_bytes()).unwrap_err().kind,
                FailureKind::Malformed,
                "{answer}"
            );
        }
        for answer in [
            "[]",
            "{\"link\":\"\"}",
            "{\"link\":\"v1/media/1\"}",
            "{\"link\":\"/a b\"}",
        ] {
            assert_eq!(
                link(answer.as_bytes()),
                Err(FailureKind::Malformed.into()),
                "{answer}"
            );
        }
        let long = format!("{{\"link\":\"/{}\"}}", "x".repeat(LINK_MAX_BYTES));
        assert_eq!(link(long.as_bytes()), Err(FailureKind::Malformed.into()));
        assert_eq!(link(b"{\"link\":\"/v1/media/1\"}").as_deref(), Ok("/v1/media/1"));
    }
}
