//! A swarm over packets, against servers that reset, stall, half-close, flood, break the protocol or are not there: each
//! by itself, told by its own kind, and leaving no control block behind.
//!
//! Where there is no privilege to make a network, each test is skipped.

use std::net::Ipv4Addr;

use reactor::Close;
use wire::chat::{Code, FRAME_MAX_BYTES, ServerFrame};

use super::*;

const SERVER: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 254);
/// What a flooding server keeps every socket filled with.
const FLOOD_BYTES: usize = 200_000;
/// Everybody is there after half a second, and tries for two more.
const PATIENT: &str = r#"
name = "hostile"
connections = 12
[[population]]
name = "everyone"
share = "100%"
away = "0%"
groups = 0
[[phase]]
kind = "ramp"
duration = "500ms"
[[phase]]
kind = "hold"
duration = "2s"
[drain]
settle = "100ms"
"#;

/// A server's manners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manners {
    Resets,
    Stalls,
    HalfCloses,
    /// Whole frames that any client takes in any phase, and no welcome among them, without an end.
    Floods,
    /// One frame that claims all the length there is, and bytes after it as fast as they are taken.
    Gushes,
    Babbles,
}

/// Treats each connection so.
struct Hostile {
    manners: Manners,
    stop: Arc<AtomicBool>,
    flooded: Vec<Id>,
    flood: Vec<u8>,
}

impl Hostile {
    fn new(manners: Manners, stop: Arc<AtomicBool>) -> Self {
        let mut flood = Vec::new();
        while flood.len() < FLOOD_BYTES / 10 {
            let (code, about) = (Code::Busy, 0);
            ServerFrame::Error { code, about }.encode(&mut flood);
        }
        if manners == Manners::Gushes {
            flood.fill(0);
            flood[..3].copy_from_slice(&[0x1f, 0xff, 0x87]);
        }
        Self {
            manners,
            stop,
            flooded: Vec::new(),
            flood,
        }
    }
}

impl<L: Link> App<L> for Hostile {
    fn opened(&mut self, link: &mut L, id: Id, _: Origin, _: u64) {
        match self.manners {
            Manners::Resets => link.close(id, Close::Reset),
            Manners::Stalls => {}
            Manners::HalfCloses => link.close(id, Close::Graceful),
            Manners::Floods | Manners::Gushes => self.flooded.push(id),
            Manners::Babbles => {
                let _ = link.send(id, b"HTTP/1.1 400 Bad Request\r\n\r\n");
            }
        }
    }
    fn received(&mut self, _: &mut L, _: Id, bytes: &[u8], _: u64) -> Taken {
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut L, id: Id, _: Closed, _: u64) {
        self.flooded.retain(|other| *other != id);
    }
    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        for id in &self.flooded {
            while link.send(*id, &self.flood).is_ok() {}
        }
        (!self.stop.load(Ordering::Relaxed)).then_some(now_us + 1_000)
    }
}

fn serve_badly(
    listener: Listener,
    manners: Manners,
    stop: &Arc<AtomicBool>,
    clock: Clock,
) -> JoinHandle<Result<(), ShardError>> {
    let (wake, stop) = (Wake::new().unwrap(), Arc::clone(stop));
    reactor::spawn("hostile".to_owned(), None, move || {
        let options = KernelOptions {
            out_max_bytes: FLOOD_BYTES,
        };
        let mut kernel = Kernel::new(Some(listener), Sources::default(), options, &wake)?;
        let mut app = Hostile::new(manners, stop);
        reactor::Shard::new(clock, wake, Arc::default()).run(&mut kernel, &mut app)
    })
    .unwrap()
}

/// Meets a server of these manners, or nobody, in a namespace of its own; all that fails must be of one kind.
fn meet(manners: Option<Manners>, kind: &'static str) {
    testbed::in_a_namespace(SERVER, move || judge(&swarm_against(manners), manners, kind));
}

/// Runs the swarm to its end. Returns its last sample, once no control block is left.
fn swarm_against(manners: Option<Manners>) -> Sample {
    let clock = Clock::start();
    let stop = Arc::new(AtomicBool::new(false));
    let mut target = SocketAddr::from((SERVER, 1));
    let server = manners.map(|manners| {
        let listener = listen((SERVER, 0).into(), 1_024).unwrap();
        target = listener.address;
        serve_badly(listener, manners, &stop, clock)
    });
    let mut options = options(target, clock);
    options.plan = Scenario::parse("hostile.toml", PATIENT).unwrap().plan().unwrap();
    let base = Number::new(10_000_000_000).unwrap();
    options.population = Population::new(base, options.plan.users(), Secret::new(b"secret")).unwrap();
    options.carrier = Carrier::Packet {
        subnet: "198.18.0.0/16".parse().unwrap(),
        loss: 0.0,
    };
    options.shards = Some(2);
    options.welcome_timeout = Duration::from_millis(300);
    options.backoff = (Duration::from_millis(50), Duration::from_millis(100));
    let swarm = Swarm::start(options).unwrap();
    let meters = swarm.meters.clone();
    let mut last = Sample::default();
    let ledger = swarm.join(&mut last).unwrap().ledger;
    assert_eq!(ledger, Figures::default());
    // The shards may still be closing what they had.
    let in_use = || meters.iter().map(|meter| meter.read().packet.in_use).sum::<u32>();
    while in_use() > 0 {
        assert!(clock.now_us() < 120_000_000, "{} blocks are left", in_use());
        std::thread::yield_now();
    }
    stop.store(true, Ordering::Relaxed);
    if let Some(server) = server {
        server.join().unwrap().unwrap();
    }
    last
}

/// Every try failed, and for one reason.
fn judge(last: &Sample, manners: Option<Manners>, kind: &str) {
    let failed = |kind: &str| last.counters[&format!("{}{kind}", name::CONNECT_FAILURES_BY_KIND)];
    let all = last.counters[name::CONNECT_FAILURES] + last.counters[name::LOGIN_FAILURES];
    assert!(all >= 12, "{:?}", last.counters);
    assert_eq!(failed(kind), all, "{kind}: {:?}", last.counters);
    assert_eq!(last.counters[name::LOGINS], 0);
    if manners == Some(Manners::Floods) {
        // Each was told more than any one frame holds, and its time ran out all the same.
        assert!(
            last.counters[name::BYTES_IN] > all * FRAME_MAX_BYTES as u64,
            "{:?}",
            last.counters
        );
    }
}

#[test]
fn a_server_that_resets() {
    meet(Some(Manners::Resets), "reset");
}

#[test]
fn a_server_that_stalls() {
    meet(Some(Manners::Stalls), "timed_out");
}

#[test]
fn a_server_that_half_closes() {
    meet(Some(Manners::HalfCloses), "closed");
}

#[test]
fn a_server_that_floods() {
    meet(Some(Manners::Floods), "timed_out");
}

#[test]
fn a_server_that_gushes() {
    meet(Some(Manners::Gushes), "protocol");
}

#[test]
fn a_server_that_babbles() {
    meet(Some(Manners::Babbles), "protocol");
}

#[test]
fn no_server_at_all() {
    meet(None, "refused");
}
