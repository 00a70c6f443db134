//! A swarm over packets, against servers that reset, stall, half-close, flood, break the protocol or are not there.

use std::net::Ipv4Addr;

use reactor::{Close, Interfaces};

use super::*;

const SERVER: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 254);
/// What a flooding server says at once, and again with whatever it hears.
const FLOOD_BYTES: usize = 200_000;
/// Everybody is there from the first second on, and tries for two more.
const PATIENT: &str = r#"
name = "hostile"
connections = 60
[[population]]
name = "everyone"
share = "100%"
away = "0%"
groups = 0
[[phase]]
kind = "ramp"
duration = "1s"
[[phase]]
kind = "hold"
duration = "3s"
[drain]
settle = "100ms"
"#;

/// A server's manners.
#[derive(Clone, Copy)]
enum Manners {
    Resets,
    Stalls,
    HalfCloses,
    Floods,
    Babbles,
}

const ALL: [Manners; 5] = [
    Manners::Resets,
    Manners::Stalls,
    Manners::HalfCloses,
    Manners::Floods,
    Manners::Babbles,
];

/// Treats each connection by the next of all manners.
struct Hostile {
    stop: Arc<AtomicBool>,
    accepted: usize,
}

impl<L: Link> App<L> for Hostile {
    fn opened(&mut self, link: &mut L, id: Id, _: Origin, _: u64) {
        let manners = ALL[self.accepted % ALL.len()];
        self.accepted += 1;
        match manners {
            Manners::Resets => link.close(id, Close::Reset),
            Manners::Stalls => {}
            Manners::HalfCloses => link.close(id, Close::Graceful),
            // A frame that never ends: its length says that all of it is still to come.
            Manners::Floods => {
                let mut flood = vec![0; FLOOD_BYTES];
                flood[..4].copy_from_slice(&[0, 0, 0x1f, 0xff]);
                let _ = link.send(id, &flood);
            }
            Manners::Babbles => {
                let _ = link.send(id, b"HTTP/1.1 400 Bad Request\r\n\r\n");
            }
        }
    }
    fn received(&mut self, _: &mut L, _: Id, bytes: &[u8], _: u64) -> Taken {
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut L, _: Id, _: Closed, _: u64) {}
    fn turn(&mut self, _: &mut L, now_us: u64) -> Option<u64> {
        (!self.stop.load(Ordering::Relaxed)).then_some(now_us + 1_000)
    }
}

fn serve_badly(
    listener: Listener,
    stop: &Arc<AtomicBool>,
    clock: Clock,
) -> JoinHandle<Result<(), ShardError>> {
    let (wake, stop) = (Wake::new().unwrap(), Arc::clone(stop));
    reactor::spawn("hostile".to_owned(), None, move || {
        let options = KernelOptions {
            out_max_bytes: 2 * FLOOD_BYTES,
        };
        let mut kernel = Kernel::new(Some(listener), Sources::default(), options, &wake)?;
        let mut app = Hostile { stop, accepted: 0 };
        reactor::Shard::new(clock, wake, Arc::default()).run(&mut kernel, &mut app)
    })
    .unwrap()
}

/// A test cannot be made here. Where `TEEM_NO_SKIP` is set, as in `.ci/run`, that fails.
fn skipped(why: &str) {
    assert!(std::env::var_os("TEEM_NO_SKIP").is_none(), "{why}");
    // Past the harness, which keeps to itself what a test that passes prints: `make test` counts these lines.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {why}\n").as_bytes());
}

#[test]
fn a_hostile_server_is_told_by_kind_and_leaves_no_block_behind() {
    let outcome = std::thread::spawn(|| {
        // SAFETY: only the network namespace is left, which no owner of a descriptor cares for.
        #[allow(unsafe_code)]
        let left = unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) };
        if left.is_err() || !std::path::Path::new("/dev/net/tun").exists() {
            return skipped("a network namespace with a TUN device needs CAP_SYS_ADMIN and /dev/net/tun");
        }
        let interfaces = Interfaces::here().unwrap();
        interfaces.up("lo").unwrap();
        interfaces.set_address("lo:1", SERVER).unwrap();
        meet();
    });
    if let Err(panic) = outcome.join() {
        std::panic::resume_unwind(panic);
    }
}

/// The swarm's part of the test, in a namespace.
fn meet() {
    let clock = Clock::start();
    let listener = listen((SERVER, 0).into(), 1_024).unwrap();
    let nobody = SocketAddr::from((SERVER, 1));
    let mut options = options(listener.address, clock);
    options.targets.push(nobody);
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
    let stop = Arc::new(AtomicBool::new(false));
    let server = serve_badly(listener, &stop, clock);
    let swarm = Swarm::start(options).unwrap();
    let meters = swarm.meters.clone();
    let mut last = Sample::default();
    let ledger = swarm.join(&mut last).unwrap().ledger;
    assert_eq!(ledger, Figures::default());

    let failed = |kind: &str| last.counters[&format!("{}{kind}", name::CONNECT_FAILURES_BY_KIND)];
    for kind in ["reset", "timed_out", "refused", "protocol"] {
        assert!(failed(kind) > 0, "{kind}: {:?}", last.counters);
    }
    let all: u64 = name::CONNECT_FAILURE_KINDS.into_iter().map(failed).sum();
    assert_eq!(
        all,
        last.counters[name::CONNECT_FAILURES] + last.counters[name::LOGIN_FAILURES],
        "{:?}",
        last.counters
    );
    assert_eq!(last.counters[name::LOGINS], 0);
    // The shards may still be closing what they had.
    let in_use = || meters.iter().map(|meter| meter.read().packet.in_use).sum::<u32>();
    while in_use() > 0 {
        assert!(clock.now_us() < 120_000_000, "{} blocks are left", in_use());
        std::thread::yield_now();
    }
    stop.store(true, Ordering::Relaxed);
    server.join().unwrap().unwrap();
}
