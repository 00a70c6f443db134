//! The far end of a sink: an open file, or a webhook with its retries.
//!
//! It does not know what its items mean; it gets them as JSON.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::task::Phase;
use super::{Options, SinkError, Target};

/// How a webhook is tried again when it fails or answers that it is overloaded.
#[derive(Clone, Debug)]
pub struct Retry {
    /// Tries in all, at least one.
    pub tries: u32,
    /// The wait before the second try; it doubles with each further one.
    pub pause: Duration,
    /// How long one try may take.
    pub timeout: Duration,
}

/// A batch that could not be handed over.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutletError {
    #[error("cannot append to {}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{at} answered {status}")]
    Answer { at: String, status: StatusCode },
    #[error("cannot post to {at}: {cause}")]
    Post { at: String, cause: String },
    #[error("the server stopped before {at} took it")]
    Abandoned { at: String },
}

/// Host and port of a webhook, for the log: the rest of its address may be its password.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Why a post failed, without the address that the error would tell.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause = error.to_string();
    let mut inner = std::error::Error::source(&error);
    while let Some(error) = inner {
        cause = format!("{cause}: {error}");
        inner = error.source();
    }
    cause
}

/// Where batches go.
#[derive(Debug)]
pub(super) enum Outlet {
    File {
        path: PathBuf,
        file: File,
        /// The last write failed and may have left half a line, which the next one must end.
        torn: bool,
    },
    Webhook {
        runtime: Handle,
        client: Client,
        url: Url,
        retry: Retry,
    },
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 3,
            pause: Duration::from_millis(200),
            timeout: Duration::from_secs(5),
        }
    }
}

impl Outlet {
    /// Opens a target; there is none for what is discarded.
    pub(super) fn open(target: Target, options: &Options) -> Result<Option<Self>, SinkError> {
        let name = options.name;
        match target {
            Target::Discard => Ok(None),
            Target::File(path) => {
                // A PIN opens an account: nobody but the owner reads the file.
                let opened = OpenOptions::new()
                    .create(true)
                    .append(true)
                    .mode(0o600)
                    .open(&path);
                match opened {
                    Ok(file) => Ok(Some(Self::File {
                        path,
                        file,
                        torn: false,
                    })),
                    Err(source) => Err(SinkError::File { name, path, source }),
                }
            }
            Target::Webhook(url) => {
                let runtime = Handle::try_current().map_err(|_| SinkError::NoRuntime { name })?;
                // No proxy from the environment and no redirect: a PIN goes where the operator said, nowhere else.
                let client = Client::builder()
                    .timeout(options.retry.timeout)
                    .redirect(reqwest::redirect::Policy::none())
                    .no_proxy()
                    .build()
                    .map_err(|source| SinkError::Client { name, source })?;
                let retry = options.retry.clone();
                Ok(Some(Self::Webhook {
                    runtime,
                    client,
                    url,
                    retry,
                }))
            }
        }
    }

    /// Hands a batch over: one write, or one post and its retries. Blocks; a post is given up once the sink is abandoned.
    pub(super) fn hand_over(
        &mut self,
        batch: Vec<Value>,
        phase: &mut watch::Receiver<Phase>,
    ) -> Result<(), OutletError> {
        match self {
            Self::File { path, file, torn } => {
                let written = file.write_all(lines(&batch, *torn).as_bytes());
                *torn = written.is_err();
                written.map_err(|source| OutletError::Write {
                    path: path.clone(),
                    source,
                })
            }
            Self::Webhook {
                runtime,
                client,
                url,
                retry,
            } => {
                let body = Value::Array(batch).to_string();
                runtime.block_on(async {
                    tokio::select! {
                        posted = post(client, url, &body, retry) => posted,
                        // A sink task that was dropped abandons too.
                        _ = phase.wait_for(|phase| *phase == Phase::Abandon) => {
                            Err(OutletError::Abandoned { at: place(url) })
                        }
                    }
                })
            }
        }
    }
}

fn lines(batch: &[Value], torn: bool) -> String {
    let mut lines = String::new();
    if torn {
        lines.push('\n');
    }
    for item in batch {
        lines.push_str(&item.to_string());
        lines.push('\n');
    }
    lines
}

async fn post(client: &Client, url: &Url, body: &str, retry: &Retry) -> Result<(), OutletError> {
    let mut pause = retry.pause;
    let mut tries_left = retry.tries.max(1);
    loop {
        tries_left -= 1;
        let request = client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_owned());
        let (error, transient) = match request.send().await {
            Ok(response) if response.status().is_success() => return Ok(()),
            Ok(response) => {
                let status = response.status();
                (
                    OutletError::Answer {
                        at: place(url),
                        status,
                    },
                    is_transient(status),
                )
            }
            Err(error) => {
                let (at, cause) = (place(url), cause(error));
                (OutletError::Post { at, cause }, true)
            }
        };
        if !transient || tries_left == 0 {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// Whether the same request may succeed later (RFC 9110, section 15.5.9 and 15.6; RFC 6585, section 4).
fn is_transient(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::REQUEST_TIMEOUT
        || status == StatusCode::TOO_MANY_REQUESTS
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_torn_line_is_ended_before_the_next() {
        let batch = [json!({"a": 1}), json!({"a": 2})];
        assert_eq!(lines(&batch, false), "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!(lines(&batch, true), "\n{\"a\":1}\n{\"a\":2}\n");
    }

    #[test]
    fn a_full_disk_is_told() {
        let target = Target::File("/dev/full".into());
        let mut outlet = Outlet::open(target, &Options::named("test")).unwrap().unwrap();
        let (_sender, mut phase) = watch::channel(Phase::Run);
        let error = outlet.hand_over(vec![json!({})], &mut phase).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot append to /dev/full: "),
            "{error}"
        );
        assert!(matches!(outlet, Outlet::File { torn: true, .. }));
    }

    #[test]
    fn what_is_logged_names_no_password() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _guard = runtime.enter();
        // A port that was free a moment ago: nobody answers.
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let target = format!("http://user:secret@{free}/hook/secret?token=secret");
        let options = Options {
            retry: Retry {
                tries: 1,
                ..Retry::default()
            },
            ..Options::named("test")
        };
        let mut outlet = Outlet::open(target.parse().unwrap(), &options).unwrap().unwrap();
        let (_sender, mut phase) = watch::channel(Phase::Run);
        let error = outlet
            .hand_over(vec![json!({})], &mut phase)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!("cannot post to {free}: ")), "{error}");
        assert!(!error.contains("secret") && error.contains("refused"), "{error}");
    }

    #[test]
    fn a_webhook_needs_a_runtime() {
        let target: Target = "http://127.0.0.1/".parse().unwrap();
        assert!(matches!(
            Outlet::open(target, &Options::named("test")),
            Err(SinkError::NoRuntime { .. })
        ));
    }
}
