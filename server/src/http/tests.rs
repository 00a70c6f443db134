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
        Inquiry::Register { number, reply } => {
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
        let figures = || Snapshot {
            counters: BTreeMap::from([("server.commits".to_owned(), 7)]),
            gauges: BTreeMap::from([("server.online".to_owned(), 2.5)]),
        };
        let parts = HttpParts {
            desk,
            secret: secret(),
            knobs: knobs.clone(),
            health: health.clone(),
            figures: Arc::new(figures),
        };
        let http = serve(config, parts).await.unwrap();
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

#[tokio::test]
async fn a_number_registers_proves_and_is_known() {
    let bench = Bench::start().await;
    let register = bench
        .public(Method::POST, "/v1/register")
        .body(json!({"number": ANN}).to_string());
    assert_eq!(register.send().await.unwrap().status(), 202);
    let prove = bench
        .public(Method::POST, "/v1/prove")
        .body(json!({"number": ANN, "pin": "000042"}).to_string());
    let proved = json_of(prove.send().await.unwrap()).await;
    let (_, token) = credential(ANN)
        .split_once(':')
        .map(|(n, t)| (n.to_owned(), t.to_owned()))
        .unwrap();
    assert_eq!(proved, json!({"key": "ab".repeat(32), "media_token": token}));
    for (number, registered) in [(ANN, true), (7, false)] {
        let known = bench
            .public(Method::GET, &format!("/v1/accounts/{number}"))
            .send()
            .await
            .unwrap();
        assert_eq!(json_of(known).await, json!({"registered": registered}));
    }
    let counters = bench.stats().await["counters"].clone();
    for (name, count) in [("registrations", 1), ("proofs", 1), ("lookups", 2)] {
        assert_eq!(counters[format!("server.http.{name}")], count, "{name}");
    }
}

#[tokio::test]
async fn registration_refuses_with_the_protocols_codes() {
    let bench = Bench::start().await;
    let long = format!("{{\"number\": {}1}}", " ".repeat(2_000));
    for (path, body, expected) in [
        ("/v1/register", "", refusal_is(400, 1, "malformed")),
        ("/v1/register", "{\"number\": 0}", refusal_is(400, 1, "malformed")),
        (
            "/v1/register",
            "{\"number\": \"1\"}",
            refusal_is(400, 1, "malformed"),
        ),
        (
            "/v1/register",
            "{\"number\": 1, \"pin\": \"1\"}",
            refusal_is(400, 1, "malformed"),
        ),
        (
            "/v1/register",
            "{\"number\": 429}",
            refusal_is(429, 12, "rate_limited"),
        ),
        ("/v1/register", &long, refusal_is(413, 2, "oversized")),
        (
            "/v1/prove",
            "{\"number\": 1, \"pin\": 42}",
            refusal_is(400, 1, "malformed"),
        ),
        (
            "/v1/prove",
            "{\"number\": 1, \"pin\": \"42\"}",
            refusal_is(400, 1, "malformed"),
        ),
        (
            "/v1/prove",
            "{\"number\": 1, \"pin\": \"000043\"}",
            refusal_is(403, 10, "bad_pin"),
        ),
        (
            "/v1/prove",
            "{\"number\": 409, \"pin\": \"000042\"}",
            refusal_is(409, 11, "no_pin"),
        ),
        ("/v1/elsewhere", "{}", refusal_is(404, 0, "no_such_route")),
        ("/v1/accounts/1", "{}", refusal_is(405, 0, "no_such_method")),
    ] {
        let request = bench.public(Method::POST, path).body(body.to_owned());
        assert_eq!(refusal(request).await, expected, "{path} {body}");
    }
    for number in ["0", "01", "+1", "1234567890123456", "ann"] {
        let request = bench.public(Method::GET, &format!("/v1/accounts/{number}"));
        assert_eq!(
            refusal(request).await,
            refusal_is(400, 1, "malformed"),
            "{number}"
        );
    }
    assert_eq!(bench.refused("malformed").await, 11);
    assert_eq!(bench.refused("no_such_route").await, 1);
}

#[tokio::test]
async fn an_office_that_does_not_answer_is_busy() {
    let bench = Bench::with(|config| config.request_timeout = Duration::from_millis(50)).await;
    let request = bench
        .public(Method::POST, "/v1/register")
        .body(format!("{{\"number\": {IGNORED}}}"));
    let response = request.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
        (503, &"1".parse().unwrap())
    );
    assert_eq!(json_of(response).await, json!({"code": 17, "error": "busy"}));
}

#[tokio::test]
async fn health_and_figures_are_shown() {
    let bench = Bench::start().await;
    let health = async || {
        let response = bench.admin(Method::GET, "/healthz").send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(health().await, (200, "ok\n".to_owned()));
    bench.health.store_refuses("the disk is full");
    assert_eq!(
        health().await,
        (503, "the store takes nothing new: the disk is full\n".to_owned())
    );
    bench.health.store_recovers();
    assert_eq!(health().await.0, 200);
    bench.health.drain();
    assert_eq!(health().await, (503, "the server is stopping\n".to_owned()));

    let stats = bench.stats().await;
    assert_eq!(
        (
            &stats["counters"]["server.commits"],
            &stats["gauges"]["server.online"]
        ),
        (&json!(7), &json!(2.5))
    );
    assert_eq!(
        stats["gauges"]["server.http.connections"], 1.0,
        "the one that asks"
    );

    let metrics = bench.admin(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(
        metrics.headers()[CONTENT_TYPE],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = metrics.text().await.unwrap();
    for line in [
        "teem_server_commits_total 7",
        "teem_server_online 2.5",
        "teem_server_http_refused_busy_total 0",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "{line} is not in\n{text}"
        );
    }
}

#[tokio::test]
async fn knobs_are_shown_and_turned() {
    let bench = Bench::start().await;
    let knobs = json_of(bench.admin(Method::GET, "/knobs").send().await.unwrap()).await;
    let idle = knobs
        .as_array()
        .unwrap()
        .iter()
        .find(|knob| knob["name"] == "idle_timeout_s")
        .unwrap()
        .clone();
    assert_eq!((&idle["value"], &idle["unit"]), (&json!(1_800), &json!("s")));
    assert_eq!(idle["expected"], "a whole number from 1 to 604800");

    let turned = bench
        .admin(Method::PUT, "/knobs/idle_timeout_s")
        .body("60")
        .send()
        .await
        .unwrap();
    assert_eq!(
        json_of(turned).await,
        json!({"name": "idle_timeout_s", "from": 1_800, "to": 60})
    );
    assert_eq!(bench.knobs.idle_timeout(), Duration::from_secs(60));
    let turned = bench
        .admin(Method::POST, "/knobs/durability")
        .body("async\n")
        .send()
        .await
        .unwrap();
    assert_eq!(
        json_of(turned).await,
        json!({"name": "durability", "from": "commit", "to": "async"})
    );

    for (path, body, expected) in [
        ("/knobs/idle_timeout", "60", refusal_is(404, 0, "no_such_knob")),
        ("/knobs/idle_timeout_s", "0", refusal_is(400, 1, "malformed")),
        (
            "/knobs/idle_timeout_s",
            &"6".repeat(2_000),
            refusal_is(413, 2, "oversized"),
        ),
        ("/knobs/log_level", "debug", refusal_is(400, 1, "malformed")),
        ("/knobs", "1", refusal_is(405, 0, "no_such_method")),
        ("/nothing", "1", refusal_is(404, 0, "no_such_route")),
    ] {
        let request = bench.admin(Method::PUT, path).body(body.to_owned());
        assert_eq!(refusal(request).await, expected, "{path} {body}");
    }
    let wrong = bench
        .admin(Method::PUT, "/knobs/idle_timeout")
        .body("60")
        .send()
        .await
        .unwrap();
    let detail = json_of(wrong).await["detail"].clone();
    assert_eq!(
        detail,
        "there is no knob `idle_timeout`; did you mean `idle_timeout_s`?"
    );
    assert_eq!(bench.knobs.idle_timeout(), Duration::from_secs(60));
}

#[tokio::test]
async fn without_a_token_only_this_hosts_own_programs_are_heard() {
    let bench = Bench::start().await;
    for path in ["/healthz", "/metrics", "/stats", "/knobs", "/nothing"] {
        let request = bench.admin(Method::GET, path).header(HOST, "evil.example");
        assert_eq!(
            refusal(request).await,
            refusal_is(403, 0, "foreign_host"),
            "{path}"
        );
    }
    let page = || {
        bench
            .admin(Method::POST, "/knobs/idle_timeout_s")
            .header(ORIGIN, "http://evil.example")
            .body("1")
    };
    assert_eq!(refusal(page()).await, refusal_is(403, 0, "foreign_origin"));
    assert_eq!(bench.knobs.idle_timeout(), Duration::from_secs(1_800));
    let localhost = bench
        .admin(Method::GET, "/healthz")
        .header(HOST, "localhost:1234")
        .send()
        .await
        .unwrap();
    assert_eq!(localhost.status(), 200);
    assert_eq!(
        (
            bench.refused("foreign_host").await,
            bench.refused("foreign_origin").await
        ),
        (5, 1)
    );
}

#[tokio::test]
async fn with_a_token_only_its_holders_are_heard() {
    let bench =
        Bench::with(|config| config.admin = Admin::new(local(), Some(TOKEN.to_owned())).unwrap()).await;
    for path in ["/healthz", "/metrics", "/stats", "/knobs", "/nothing"] {
        for token in ["", "0123456789abcdeg", "0123456789abcde", "0123456789abcdef0"] {
            let request = bench.admin(Method::GET, path).bearer_auth(token);
            assert_eq!(
                refusal(request).await,
                refusal_is(401, 0, "unauthorized"),
                "{path} {token}"
            );
        }
    }
    let bare = bench
        .admin(Method::PUT, "/knobs/idle_timeout_s")
        .body("1")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (bare.status().as_u16(), &bare.headers()[WWW_AUTHENTICATE]),
        (401, &"Bearer".parse().unwrap())
    );
    let held = bench
        .admin(Method::PUT, "/knobs/idle_timeout_s")
        .header(HOST, "chat.example")
        .bearer_auth(TOKEN)
        .body("60");
    assert_eq!(held.send().await.unwrap().status(), 200);
    assert_eq!(bench.knobs.idle_timeout(), Duration::from_secs(60));
}

#[tokio::test]
async fn media_come_back_as_they_went() {
    let bench = Bench::start().await;
    let picture: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 251) as u8).collect();
    let mut links = Vec::new();
    for (method, body) in [(Method::PUT, picture.clone()), (Method::POST, vec![1])] {
        let request = bench
            .public(method, "/v1/media")
            .bearer_auth(credential(ANN))
            .body(body.clone());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 201);
        let location = response.headers()[LOCATION].clone();
        let link = json_of(response).await["link"].as_str().unwrap().to_owned();
        assert_eq!(location, link.as_str());
        assert!(link.len() <= wire::chat::LINK_MAX_BYTES);
        // Whoever got the link downloads with a token of their own.
        let download = bench
            .public(Method::GET, &link)
            .bearer_auth(credential(7))
            .send()
            .await
            .unwrap();
        assert_eq!(
            (download.status().as_u16(), download.content_length()),
            (200, Some(body.len() as u64))
        );
        assert!(download.bytes().await.unwrap() == body.as_slice());
        links.push(link);
    }
    assert_ne!(links[0], links[1]);
    let stats = bench.stats().await;
    for (name, count) in [("uploads", 2), ("downloads", 2), ("uploaded_bytes", 3_000_001)] {
        assert_eq!(stats["counters"][format!("server.http.{name}")], count, "{name}");
    }
    assert_eq!((bench.media_bytes().await, bench.files()), (3_000_001.0, 2));
}

#[tokio::test]
async fn media_want_the_numbers_own_token() {
    let bench = Bench::start().await;
    let (_, anns) = credential(ANN)
        .split_once(':')
        .map(|(n, t)| (n.to_owned(), t.to_owned()))
        .unwrap();
    let link = json_of(bench.upload("x").send().await.unwrap()).await["link"]
        .as_str()
        .unwrap()
        .to_owned();
    for wrong in [
        "",
        "nonsense",
        &format!("7:{anns}"),
        &format!("{ANN}:{}", "0".repeat(32)),
        &anns,
    ] {
        let upload = bench
            .public(Method::PUT, "/v1/media")
            .bearer_auth(wrong)
            .body("x");
        assert_eq!(
            refusal(upload).await,
            refusal_is(401, 0, "unauthorized"),
            "{wrong}"
        );
        let download = bench.public(Method::GET, &link).bearer_auth(wrong);
        assert_eq!(
            refusal(download).await,
            refusal_is(401, 0, "unauthorized"),
            "{wrong}"
        );
    }
    assert_eq!((bench.files(), bench.refused("unauthorized").await), (1, 10));
}

#[tokio::test]
async fn what_is_no_id_is_not_found() {
    let bench = Bench::start().await;
    std::fs::write(bench.folder.path().join("secret"), "secret").unwrap();
    let unknown = "0".repeat(32);
    for id in [
        unknown.as_str(),
        "..%2fsecret",
        "%2e%2e%2fsecret",
        "A0000000000000000000000000000000",
        "x.part",
    ] {
        let request = bench
            .public(Method::GET, &format!("/v1/media/{id}"))
            .bearer_auth(credential(ANN));
        assert_eq!(
            refusal(request).await,
            refusal_is(404, 0, "no_such_media"),
            "{id}"
        );
    }
    assert_eq!(bench.refused("no_such_media").await, 5);
}

#[tokio::test]
async fn media_are_bounded_each_and_together() {
    let bench =
        Bench::with(|config| (config.media.media_max_bytes, config.media.total_max_bytes) = (1_000, 1_500))
            .await;
    assert_eq!(bench.upload(vec![1; 1_000]).send().await.unwrap().status(), 201);
    assert_eq!(
        refusal(bench.upload(vec![1; 1_001])).await,
        refusal_is(413, 2, "oversized")
    );
    assert_eq!(
        refusal(bench.upload(vec![1; 501])).await,
        refusal_is(507, 14, "storage_full")
    );
    assert_eq!(refusal(bench.upload("")).await, refusal_is(400, 1, "malformed"));
    assert_eq!(bench.upload(vec![1; 500]).send().await.unwrap().status(), 201);
    assert_eq!((bench.media_bytes().await, bench.files()), (1_500.0, 2));
    // Without a length in front, the bound is met on the way.
    let head = format!(
        "PUT /v1/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        credential(ANN)
    );
    let chunk = format!("320\r\n{}\r\n", "x".repeat(0x320));
    let answer = converse(bench.http.public_addr, &format!("{head}{chunk}{chunk}0\r\n\r\n")).await;
    assert!(
        answer.starts_with("HTTP/1.1 507 ") || answer.starts_with("HTTP/1.1 413 "),
        "{answer}"
    );
    assert_eq!((bench.media_bytes().await, bench.files()), (1_500.0, 2));
}

/// Sends bytes and reads until one answer's end, told by its closing brace.
async fn converse(addr: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") && stream.read_buf(&mut answer).await.unwrap() > 0 {}
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn too_many_uploads_at_once_are_busy() {
    let bench = Bench::with(|config| config.uploads_max = 1).await;
    let mut slow = TcpStream::connect(bench.http.public_addr).await.unwrap();
    let head = format!(
        "PUT /v1/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 10\r\n\r\n12345",
        credential(ANN)
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    while bench.media_bytes().await < 5.0 {}
    assert_eq!(refusal(bench.upload("x")).await, refusal_is(503, 17, "busy"));
    // The client that went away leaves neither its half nor its place.
    drop(slow);
    while bench.media_bytes().await > 0.0 {}
    while bench.upload("x").send().await.unwrap().status() == 503 {}
    assert_eq!(bench.files(), 1);
}

#[tokio::test]
async fn an_upload_that_stalls_is_given_up() {
    let bench = Bench::with(|config| config.transfer_timeout = Duration::from_millis(50)).await;
    let text = format!(
        "PUT /v1/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 10\r\n\r\n12345",
        credential(ANN)
    );
    let answer = converse(bench.http.public_addr, &text).await;
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"timed_out\""),
        "{answer}"
    );
    assert_eq!((bench.media_bytes().await, bench.files()), (0.0, 0));
}

#[tokio::test]
async fn clients_that_keep_their_connections_do_not_shut_others_out() {
    let bench = Bench::with(|config| config.connections_max = 1).await;
    // Each keeps its pool until the end.
    let clients: Vec<_> = (0..5).map(|_| client()).collect();
    for client in &clients {
        let url = format!("http://{}/v1/accounts/{ANN}", bench.http.public_addr);
        assert_eq!(client.get(url).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_stop_frees_the_ports_and_cuts_what_takes_too_long() {
    let mut bench = Bench::with(|config| config.grace = Duration::from_millis(50)).await;
    let hanging = bench
        .public(Method::POST, "/v1/register")
        .body(format!("{{\"number\": {IGNORED}}}"));
    let hanging = tokio::spawn(hanging.send());
    while bench.stats().await["gauges"]["server.http.connections"] != 2.0 {}
    bench.http.stop().await;
    assert!(hanging.await.unwrap().is_err());
    for addr in [bench.http.public_addr, bench.http.admin_addr] {
        assert!(TcpStream::connect(addr).await.is_err());
    }
}

#[tokio::test]
async fn a_port_in_use_is_told_with_a_remedy() {
    let taken = tokio::net::TcpListener::bind(local()).await.unwrap();
    let addr = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (_office, desk) = Office::open();
    let parts = HttpParts {
        desk,
        secret: secret(),
        knobs: Knobs::default(),
        health: Health::default(),
        figures: Arc::new(Snapshot::default),
    };
    let media = MediaOptions::in_folder(folder.path().to_owned());
    let config = HttpConfig::new(Admin::new(addr, None).unwrap(), local(), media);
    let error = serve(config, parts).await.unwrap_err().to_string();
    let port = addr.port();
    assert!(
        error.starts_with(&format!("cannot listen for admin HTTP at {addr}: ")),
        "{error}"
    );
    assert!(
        error.contains(&format!("`ss -ltnp 'sport = :{port}'`")),
        "{error}"
    );
}
