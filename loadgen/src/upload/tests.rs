//! The HTTP side against a small server that stands for the real one, its faults included.

mod server;

use axum::body::Bytes;
use scenarios::To;
use tokio::net::TcpListener;
use wire::chat::{MediaToken, Number};

use self::server::{Fault, Media, media};
use super::*;
use crate::JobFailure;
use crate::pins::Begin;

const LONG: Duration = Duration::from_secs(60);
const TOKEN: MediaToken = MediaToken([0xab; 16]);

struct Done(mpsc::UnboundedSender<Result<UploadDone, RegisterDone>>);

impl Outcomes for Done {
    fn uploaded(&self, done: UploadDone) -> bool {
        self.0.send(Ok(done)).is_ok()
    }

    fn registered(&self, done: RegisterDone) -> bool {
        self.0.send(Err(done)).is_ok()
    }
}

/// The service against an address, and what comes back.
struct Bench {
    service: HttpService,
    queue: HttpQueue,
    done: mpsc::UnboundedReceiver<Result<UploadDone, RegisterDone>>,
    clock: Clock,
    folder: tempfile::TempDir,
}

fn settings(server: SocketAddr) -> HttpSettings {
    HttpSettings {
        server,
        seed: 5,
        concurrency: 8,
        capacity: 1_000,
        timeout: LONG,
        pin_timeout: LONG,
        late_us: u64::MAX,
        verify_share: 1.0,
    }
}

impl Bench {
    async fn new(fault: Fault, change: impl FnOnce(&mut HttpSettings)) -> (Self, Arc<Media>) {
        let folder = tempfile::tempdir().unwrap();
        let (server, media) = media(fault, &folder.path().join("sms.jsonl")).await;
        (Self::at(server, folder, change), media)
    }

    fn at(server: SocketAddr, folder: tempfile::TempDir, change: impl FnOnce(&mut HttpSettings)) -> Self {
        let mut settings = settings(server);
        change(&mut settings);
        let clock = Clock::start();
        let pins = Pins::tail(folder.path().join("sms.jsonl"), Begin::Start, 64);
        let (sender, done) = mpsc::unbounded_channel();
        let (service, queue) = HttpService::start(settings, clock, pins, Done(sender)).unwrap();
        Self {
            service,
            queue,
            done,
            clock,
            folder,
        }
    }

    fn upload(&self, user: u32, bytes: u32) -> Result<(), UploadJob> {
        self.queue.upload(UploadJob {
            user,
            number: Number::new(1_000 + u64::from(user)).unwrap(),
            token: TOKEN,
            bytes,
            to: To::User(7),
            intended_us: self.clock.now_us(),
        })
    }

    fn register(&self, user: u32) {
        let number = Number::new(9_000 + u64::from(user)).unwrap();
        self.queue
            .register(RegisterJob {
                user,
                number,
                intended_us: self.clock.now_us(),
            })
            .unwrap();
    }

    async fn uploaded(&mut self) -> UploadDone {
        self.done.recv().await.unwrap().unwrap()
    }

    async fn registered(&mut self) -> RegisterDone {
        self.done.recv().await.unwrap().unwrap_err()
    }

    /// Ends the service; the folder must outlive it.
    async fn finish(self) -> (HttpFigures, Sample) {
        let mut sample = Sample::default();
        let figures = self.service.finish(LONG, &mut sample).await;
        drop(self.folder);
        (figures, sample)
    }
}

#[tokio::test]
async fn uploads_are_stored_whole_and_verified() {
    let (mut bench, media) = Bench::new(Fault::None, |_| {}).await;
    for user in 0..20 {
        bench.upload(user, 1_000 * user).unwrap();
    }
    for _ in 0..20 {
        let done = bench.uploaded().await;
        let link = done.link.unwrap();
        assert_eq!(
            media.files.lock().unwrap()[&*link].len(),
            1_000 * done.user as usize
        );
        assert!(done.finished_us >= done.intended_us && done.to == To::User(7));
    }
    assert!(bench.service.alive());
    let (figures, sample) = bench.finish().await;
    assert_eq!(
        figures,
        HttpFigures {
            uploads: 20,
            upload_bytes: 190_000,
            verified: 20,
            ..HttpFigures::default()
        }
    );
    assert_eq!(sample.histograms[record::name::latency::UPLOAD].count(), 20);
    assert_eq!(sample.gauges[HTTP_DEPTH], 0.0);
}

#[tokio::test]
async fn the_seed_decides_contents_and_which_to_verify() {
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let (mut bench, media) = Bench::new(Fault::None, |settings| {
            settings.seed = seed;
            settings.verify_share = 0.5;
        })
        .await;
        for user in 0..40 {
            // The same instants in each run: the plan's, not the clock's.
            let number = Number::new(1_000 + u64::from(user)).unwrap();
            let job = UploadJob {
                user,
                number,
                token: TOKEN,
                bytes: 64,
                to: To::User(7),
                intended_us: u64::from(user),
            };
            bench.queue.upload(job).unwrap();
            bench.uploaded().await;
        }
        let (figures, _) = bench.finish().await;
        assert!((1..40).contains(&figures.verified) && figures.verify_failures.total() == 0);
        let mut files: Vec<Bytes> = media.files.lock().unwrap().values().cloned().collect();
        files.sort();
        runs.push((figures.verified, files));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0].1, runs[2].1);
}

#[tokio::test]
async fn what_comes_back_altered_is_corrupted() {
    for fault in [Fault::Spoil, Fault::Truncate] {
        let (mut bench, _media) = Bench::new(fault, |_| {}).await;
        bench.upload(1, 5_000).unwrap();
        bench.uploaded().await.link.unwrap();
        let (figures, sample) = bench.finish().await;
        assert_eq!(
            (
                figures.verified,
                figures.verify_failures.of(FailureKind::Corrupted)
            ),
            (1, 1),
            "{fault:?}"
        );
        assert_eq!(sample.counters["swarm.upload_verify_failures.corrupted"], 1);
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let cases = [
        (500, FailureKind::Server),
        (503, FailureKind::Overloaded),
        (429, FailureKind::Overloaded),
        (401, FailureKind::Refused),
        (307, FailureKind::Refused),
        (200, FailureKind::Malformed),
    ];
    for (status, kind) in cases {
        let (mut bench, _media) = Bench::new(Fault::Status(status), |_| {}).await;
        bench.upload(1, 10).unwrap();
        let failure = bench.uploaded().await.link.unwrap_err();
        let expected = if status == 200 {
            JobFailure::Connection
        } else {
            JobFailure::Refused(status)
        };
        assert_eq!(failure, expected);
        let (figures, sample) = bench.finish().await;
        assert_eq!(
            (figures.upload_failures.of(kind), figures.upload_failures.total()),
            (1, 1),
            "{status}"
        );
        assert!(!sample.histograms.contains_key(record::name::latency::UPLOAD));
    }
}

#[tokio::test]
async fn a_server_that_hangs_resets_or_is_not_there_fails_each_in_its_way() {
    let (mut bench, _media) = Bench::new(Fault::Hang, |settings| {
        settings.timeout = Duration::from_millis(50)
    })
    .await;
    bench.upload(1, 10).unwrap();
    assert_eq!(bench.uploaded().await.link.unwrap_err(), JobFailure::Timeout);
    assert_eq!(bench.finish().await.0.upload_failures.of(FailureKind::Timeout), 1);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let resets = tokio::spawn(async move {
        // Dropped with the request unread, each connection is reset.
        while let Ok((connection, _)) = listener.accept().await {
            drop(connection);
        }
    });
    let mut bench = Bench::at(address, tempfile::tempdir().unwrap(), |_| {});
    bench.upload(1, 1_000_000).unwrap();
    assert_eq!(bench.uploaded().await.link.unwrap_err(), JobFailure::Connection);
    assert_eq!(bench.finish().await.0.upload_failures.of(FailureKind::Broken), 1);
    resets.abort();
    assert!(resets.await.unwrap_err().is_cancelled());

    // The listener is gone with its task, so that nobody listens there.
    let mut bench = Bench::at(address, tempfile::tempdir().unwrap(), |_| {});
    bench.register(1);
    assert_eq!(
        bench.registered().await.key.map(drop),
        Err(JobFailure::Connection)
    );
    assert_eq!(
        bench
            .finish()
            .await
            .0
            .registration_failures
            .of(FailureKind::Connect),
        1
    );
}

#[tokio::test]
async fn a_registration_goes_by_way_of_the_pin() {
    let (mut bench, media) = Bench::new(Fault::None, |_| {}).await;
    for user in 0..10 {
        bench.register(user);
    }
    for _ in 0..10 {
        assert!(bench.registered().await.key.unwrap().0 == [7; 32]);
    }
    let (figures, sample) = bench.finish().await;
    assert_eq!(
        (figures.registrations, figures.registration_failures.total()),
        (10, 0)
    );
    assert_eq!(sample.histograms[REGISTRATION].count(), 10);
    let mut asked = media.asked.lock().unwrap().clone();
    asked.sort_unstable();
    assert_eq!(asked, (9_000..9_010).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_wrong_pin_is_refused_and_a_missing_one_times_out() {
    let (mut bench, _media) = Bench::new(Fault::WrongPin, |_| {}).await;
    bench.register(1);
    assert_eq!(
        bench.registered().await.key.map(drop),
        Err(JobFailure::Refused(403))
    );
    assert_eq!(
        bench
            .finish()
            .await
            .0
            .registration_failures
            .of(FailureKind::Refused),
        1
    );

    let (mut bench, _media) = Bench::new(Fault::NoPin, |settings| {
        settings.pin_timeout = Duration::from_millis(30)
    })
    .await;
    bench.register(1);
    assert_eq!(bench.registered().await.key.map(drop), Err(JobFailure::Timeout));
    assert_eq!(
        bench
            .finish()
            .await
            .0
            .registration_failures
            .of(FailureKind::NoPin),
        1
    );
}

#[tokio::test]
async fn beyond_its_width_a_lane_is_late_and_skips_nothing() {
    let (mut bench, media) = Bench::new(Fault::Gate, |settings| {
        settings.concurrency = 2;
        settings.late_us = 0;
        settings.capacity = 12;
    })
    .await;
    for user in 0..12 {
        bench.upload(user, 100).unwrap();
    }
    // The lane is full, counting those under way; the job comes back.
    assert_eq!(bench.upload(12, 100).unwrap_err().user, 12);
    let mut sample = Sample::default();
    bench.service.publish(&mut sample);
    assert_eq!(
        (sample.counters[HTTP_REFUSED], sample.gauges[HTTP_DEPTH]),
        (1, 12.0)
    );
    media.open.store(true, Ordering::Release);
    media.gate.notify_one();
    let mut users = Vec::new();
    for _ in 0..12 {
        users.push(bench.uploaded().await.user);
    }
    users.sort_unstable();
    assert_eq!(users, (0..12).collect::<Vec<_>>());
    assert!(media.at_once_most.load(Ordering::Acquire) <= 2);
    let (figures, sample) = bench.finish().await;
    // Each begins at least a microsecond after its instant: handing over takes longer than that.
    assert_eq!((figures.uploads, figures.late), (12, 12));
    assert_eq!(sample.counters[record::name::swarm::ARRIVALS_LATE], 12);
}

#[tokio::test]
async fn a_job_before_its_instant_waits_for_it() {
    let (mut bench, _media) = Bench::new(Fault::None, |_| {}).await;
    let intended_us = bench.clock.now_us() + 30_000;
    let number = Number::new(1_000).unwrap();
    let job = UploadJob {
        user: 1,
        number,
        token: TOKEN,
        bytes: 10,
        to: To::Group(3),
        intended_us,
    };
    bench.queue.upload(job).unwrap();
    let done = bench.uploaded().await;
    assert!(done.finished_us >= intended_us && done.to == To::Group(3));
}

#[tokio::test]
async fn what_is_not_done_at_the_end_is_counted_as_stopped() {
    let (bench, _media) = Bench::new(Fault::Hang, |settings| settings.concurrency = 1).await;
    for user in 0..3 {
        bench.upload(user, 10).unwrap();
    }
    bench.register(1);
    let queue = bench.queue.clone();
    let mut sample = Sample::default();
    let figures = bench
        .service
        .finish(Duration::from_millis(200), &mut sample)
        .await;
    assert_eq!(figures.upload_failures.of(FailureKind::Stopped), 3);
    assert_eq!(figures.registration_failures.of(FailureKind::Stopped), 1);
    assert_eq!(sample.counters["swarm.upload_failures.stopped"], 3);
    // The other end outlives the service without harm.
    drop(queue);
}
