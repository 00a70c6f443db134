//! Sinks against a real file and a real web server on loopback.

use std::collections::VecDeque;
use std::sync::Mutex;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use wire::chat::Number;

use super::*;

const GRACE: Duration = Duration::from_secs(60);

fn sms(pin: u32) -> Sms {
    Sms {
        number: Number::new(15_550_000_001).unwrap(),
        pin,
        expires_s: 600,
    }
}

fn counters<T>(sink: &Sink<T>, figure: &str) -> u64 {
    let mut snapshot = Snapshot::default();
    sink.report(&mut snapshot);
    snapshot.counters[&format!("server.sink.test.{figure}")]
}

/// A gateway that answers by a script, 200 after its end, and passes on what it got.
async fn gateway(script: &[u16]) -> (Target, mpsc::Receiver<Value>) {
    type Shared = Arc<(Mutex<VecDeque<u16>>, mpsc::Sender<Value>)>;
    async fn answer(State(shared): State<Shared>, body: String) -> StatusCode {
        let status = shared.0.lock().unwrap().pop_front().unwrap_or(200);
        shared.1.send(serde_json::from_str(&body).unwrap()).await.unwrap();
        StatusCode::from_u16(status).unwrap()
    }
    let (sender, receiver) = mpsc::channel(1_000);
    let shared: Shared = Arc::new((Mutex::new(script.iter().copied().collect()), sender));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}/hook", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let app = Router::new().route("/hook", post(answer)).with_state(shared);
    tokio::spawn(async move { axum::serve(listener, app).await });
    (target, receiver)
}

fn options() -> Options {
    let mut options = Options::named("test");
    options.retry.pause = Duration::from_millis(1);
    options.retry.timeout = Duration::from_secs(60);
    options
}

#[test]
fn targets_are_read_and_mistakes_explained() {
    assert_eq!("none".parse::<Target>().unwrap(), Target::Discard);
    assert_eq!(
        "file:/a/b c".parse::<Target>().unwrap(),
        Target::File("/a/b c".into())
    );
    let url = "https://sms.example/send?k=1";
    assert_eq!(
        url.parse::<Target>().unwrap(),
        Target::Webhook(url.parse().unwrap())
    );
    for (given, detail) in [
        ("", "or `none`"),
        ("file:", "the path is missing"),
        ("ftp://host/", "expected `file:PATH`"),
        ("http://", "empty host"),
        ("/var/log/sms", "expected `file:PATH`"),
    ] {
        let error = given.parse::<Target>().unwrap_err().to_string();
        assert!(
            error.contains(detail) && error.contains(&format!("`{given}`")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_file_gets_a_line_an_item_from_any_thread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sms.jsonl");
    let (sink, task) = Target::File(path.clone()).start(&options()).unwrap();
    let pushers: Vec<_> = (0..4)
        .map(|thread| {
            let sink = sink.clone();
            std::thread::spawn(move || (0..250).for_each(|pin| sink.push(sms(thread * 1_000 + pin))))
        })
        .collect();
    pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
    task.stop(GRACE).await;
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1_000);
    assert!(lines.contains(&json!({"number": 15_550_000_001_u64, "pin": "003249", "expires_s": 600})));
    assert_eq!(
        (counters(&sink, "written"), counters(&sink, "failed")),
        (1_000, 0)
    );
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_told_at_the_start() {
    let target = Target::File("/nowhere/at/all".into());
    let error = target.start::<Sms>(&options()).unwrap_err().to_string();
    assert!(
        error.contains("/nowhere/at/all") && error.contains("folder that exists"),
        "{error}"
    );
}

#[tokio::test]
async fn a_webhook_gets_arrays_and_is_tried_again() {
    let (target, mut received) = gateway(&[503, 429, 200]).await;
    let (sink, task) = target.start(&options()).unwrap();
    sink.push(sms(7));
    let expected = json!([{"number": 15_550_000_001_u64, "pin": "000007", "expires_s": 600}]);
    for _ in 0..3 {
        assert_eq!(received.recv().await.unwrap(), expected);
    }
    task.stop(GRACE).await;
    assert_eq!((counters(&sink, "written"), counters(&sink, "failed")), (1, 0));
}

#[tokio::test]
async fn a_webhook_that_refuses_is_not_tried_again_and_counted() {
    let (target, mut received) = gateway(&[400]).await;
    let (sink, task) = target.start(&options()).unwrap();
    sink.push(sms(1));
    received.recv().await.unwrap();
    sink.push(sms(2));
    let second = received.recv().await.unwrap();
    assert_eq!(second[0]["pin"], "000002");
    task.stop(GRACE).await;
    assert_eq!((counters(&sink, "written"), counters(&sink, "failed")), (1, 1));
}

#[tokio::test]
async fn a_webhook_that_is_gone_is_given_up_after_its_tries() {
    let (target, received) = gateway(&[500; 3]).await;
    let (sink, task) = target.start(&options()).unwrap();
    sink.push(sms(1));
    task.stop(GRACE).await;
    assert_eq!((counters(&sink, "written"), counters(&sink, "failed")), (0, 1));
    assert_eq!(received.len(), 3);
}

#[tokio::test]
async fn a_full_queue_drops_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options();
    options.capacity_items = 0;
    let target = Target::File(folder.path().join("sms.jsonl"));
    let (sink, task) = target.start(&options).unwrap();
    (0..5).for_each(|pin| sink.push(sms(pin)));
    task.stop(GRACE).await;
    assert_eq!((counters(&sink, "dropped"), counters(&sink, "written")), (5, 0));
}

#[tokio::test]
async fn a_webhook_that_never_answers_does_not_hold_up_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target: Target = format!("http://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let (sink, task) = target.start(&options()).unwrap();
    sink.push(sms(1));
    let _unanswered = listener.accept().await.unwrap();
    task.stop(Duration::ZERO).await;
    while counters(&sink, "failed") == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn notices_about_one_number_are_gathered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("push.jsonl");
    let mut options = options();
    options.window = Duration::from_secs(3_600);
    let (sink, task) = Target::File(path.clone()).start(&options).unwrap();
    let [ann, bob] = [1, 2].map(|number| Number::new(number).unwrap());
    for queued in 1..=100 {
        sink.push(Notice {
            number: ann,
            from: bob,
            queued,
        });
    }
    task.stop(GRACE).await;
    let text = std::fs::read_to_string(&path).unwrap();
    let queued: Vec<_> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["queued"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(queued, [1, 100], "the first at once, the latest at the end");
    assert_eq!(
        (counters(&sink, "written"), counters(&sink, "coalesced")),
        (2, 98)
    );
}

#[tokio::test]
async fn a_discarding_sink_counts_and_needs_no_thread() {
    let (sink, task) = Target::Discard.start(&options()).unwrap();
    sink.push(sms(1));
    Sink::discard("test").push(sms(1));
    task.stop(GRACE).await;
    assert_eq!(counters(&sink, "discarded"), 1);
}
