//! The HTTP side over real connections on loopback, before an office that answers by a script.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use reactor::{Queue, Wake};
use reqwest::header::{CONTENT_TYPE, HOST, LOCATION, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::chat::{Code, Key, Number};

use super::*;
use crate::desk::Inquiry;
use crate::warden::Pace;

mod admin;
mod downloads;
mod life;
mod media;
mod registration;

const ANN: u64 = 15_550_000_001;
/// The office refuses these numbers, each in its way.
const LIMITED: u64 = 429;
const IGNORED: u64 = 503;
const WITHOUT_PIN: u64 = 409;
const PIN: u32 = 42;
const TOKEN: &str = "0123456789abcdef";
const FOREVER: Duration = Duration::from_secs(3_600);

/// An office of one thread.
struct Office {
    wake: Wake,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Office {
    fn open() -> (Self, Desk) {
        let wake = Wake::new().unwrap();
        let (queue, receiver) = Queue::new("desk", 100, wake.clone());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (mut inquiries, mut kept) = (Vec::new(), Vec::new());
            while !stopped.load(SeqCst) {
                receiver.wake().wait(FOREVER);
                receiver.take(&mut inquiries);
                inquiries
                    .drain(..)
                    .for_each(|inquiry| kept.extend(answer(inquiry)));
            }
        });
        (
            Self {
                wake,
                stop,
                thread: Some(thread),
            },
            Desk::new(queue),
        )
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        self.wake.wake();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Answers, or gives back an inquiry that is never to be answered.
fn answer(inquiry: Inquiry) -> Option<Inquiry> {
    // Whether anybody still waits for an answer is not the office's concern.
    match inquiry {
        Inquiry::Register { number, .. } if number.value() == IGNORED => return Some(inquiry),
        Inquiry::Register { number, reply, .. } => {
            let _ = reply.send(if number.value() == LIMITED {
                Err(Code::RateLimited)
            } else {
                Ok(())
            });
        }
        Inquiry::Prove { number, pin, reply } => {
            let _ = reply.send(match (number.value(), pin) {
                (WITHOUT_PIN, _) => Err(Code::NoPin),
                (_, PIN) => Ok(Key([0xab; 32])),
                _ => Err(Code::BadPin),
            });
        }
        Inquiry::Exists { number, reply } => {
            let _ = reply.send(number.value() == ANN);
        }
    }
    None
}

/// A running HTTP side.
struct Bench {
    http: HttpHandle,
    client: Client,
    knobs: Knobs,
    health: Health,
    folder: TempDir,
    _office: Office,
}

fn local() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn secret() -> Secret {
    Secret::new(b"secret")
}

fn credential(number: u64) -> String {
    let token = secret().media_token(Number::new(number).unwrap());
    format!("{number}:{}", credential::encode(&token.0))
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

impl Bench {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut HttpConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let admin = Admin::new(local(), None).unwrap();
        let mut config = HttpConfig::new(
            admin,
            local(),
            MediaOptions::in_folder(folder.path().join("media")),
        );
        // So that no time-out ends a test on a slow machine.
        (config.request_timeout, config.transfer_timeout) = (FOREVER, FOREVER);
        change(&mut config);
        let (office, desk) = Office::open();
        let (knobs, health) = (Knobs::default(), Health::default());
        let figures = || {
            let mut snapshot = Snapshot {
                counters: BTreeMap::from([("server.commits".to_owned(), 7)]),
                gauges: BTreeMap::from([("server.online".to_owned(), 2.5)]),
            };
            Pace::new().report(&mut snapshot);
            snapshot
        };
        let parts = HttpParts {
            desk,
            secret: secret(),
            knobs: knobs.clone(),
            health: health.clone(),
            figures: Arc::new(figures),
        };
        let http = serve(bind(config).await.unwrap(), parts).unwrap();
        Self {
            http,
            client: client(),
            knobs,
            health,
            folder,
            _office: office,
        }
    }

    fn public(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.http.public_addr))
    }

    fn admin(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.http.admin_addr))
    }

    fn upload(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.public(Method::PUT, "/v1/media")
            .bearer_auth(credential(ANN))
            .body(body)
    }

    async fn stats(&self) -> Value {
        json_of(self.admin(Method::GET, "/stats").send().await.unwrap()).await
    }

    async fn refused(&self, name: &str) -> u64 {
        self.stats().await["counters"][format!("server.http.refused.{name}")]
            .as_u64()
            .unwrap()
    }

    async fn media_bytes(&self) -> f64 {
        self.stats().await["gauges"]["server.http.media_bytes"]
            .as_f64()
            .unwrap()
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("media"))
            .unwrap()
            .count()
    }
}

async fn json_of(response: Response) -> Value {
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// A refusal's status, code and name.
async fn refusal(request: RequestBuilder) -> (u16, u64, String) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = json_of(response).await;
    (
        status,
        body["code"].as_u64().unwrap(),
        body["error"].as_str().unwrap().to_owned(),
    )
}

fn refusal_is(status: u16, code: u64, name: &str) -> (u16, u64, String) {
    (status, code, name.to_owned())
}
