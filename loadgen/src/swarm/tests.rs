//! A whole swarm over kernel sockets, against the simulation's server behind a real listener.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use reactor::{App, Closed, Id, Kernel, KernelOptions, Link, Listener, Origin, Sources, Taken, listen};
use record::name::{latency, swarm as name};
use scenarios::Scenario;
use wire::chat::{Number, Secret};

use super::*;
use crate::shard::tests::server::{Arrival, Fault, Server};

mod hostile;

const SCENARIO: &str = r#"
name = "small"
connections = 300
ping_every = "1s"
[[population]]
name = "everyone"
share = "100%"
away = "10%"
groups = 1
[[phase]]
kind = "ramp"
duration = "500ms"
[[phase]]
kind = "hold"
duration = "4s"
[[phase]]
kind = "drain"
duration = "1s"
[messages]
rate = "300/s"
to_away = "20%"
to_groups = "30%"
group_size = 8
bytes = "100B"
[drain]
settle = "20s"
"#;

/// Puts the simulation's server behind a listener; its network is the kernel's now.
struct Front {
    server: Server,
    stop: Arc<AtomicBool>,
}

impl<L: Link> App<L> for Front {
    fn opened(&mut self, _: &mut L, id: Id, _: Origin, now_us: u64) {
        self.server.now_us = now_us;
        self.server.connect(0, id);
    }
    fn received(&mut self, _: &mut L, id: Id, bytes: &[u8], now_us: u64) -> Taken {
        self.server.now_us = now_us;
        Taken(self.server.receive(0, id, bytes))
    }
    fn closed(&mut self, _: &mut L, id: Id, _: Closed, _: u64) {
        self.server.close(0, id);
    }
    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        while let Some((_, _, id, arrival)) = self.server.next(now_us) {
            if let Arrival::Bytes(bytes) = arrival {
                // Of one who is gone, the loop will tell.
                let _ = link.send(id, &bytes);
            }
        }
        (!self.stop.load(Ordering::Relaxed)).then_some(now_us + 1_000)
    }
}

fn serve(listener: Listener, stop: &Arc<AtomicBool>, clock: Clock) -> JoinHandle<Result<Server, ShardError>> {
    let (wake, stop) = (Wake::new().unwrap(), Arc::clone(stop));
    reactor::spawn("server".to_owned(), None, move || {
        let mut server = Server::new(Secret::new(b"secret"), 1, Fault::None);
        server.delay_us = 1;
        let mut kernel = Kernel::new(
            Some(listener),
            Sources::default(),
            KernelOptions::default(),
            &wake,
        )?;
        let mut front = Front { server, stop };
        reactor::Shard::new(clock, wake, Arc::default()).run(&mut kernel, &mut front)?;
        Ok(front.server)
    })
    .unwrap()
}

fn options(target: SocketAddr, clock: Clock) -> SwarmOptions {
    let plan = Scenario::parse("small.toml", SCENARIO).unwrap().plan().unwrap();
    let base = Number::new(10_000_000_000).unwrap();
    let population = Population::new(base, plan.users(), Secret::new(b"secret")).unwrap();
    SwarmOptions::new(vec![target], plan, population, clock)
}

fn run(shards: u32, own_tables: bool) {
    let clock = Clock::start();
    let listener = listen("127.0.0.1:0".parse().unwrap(), 1_024).unwrap();
    let target = listener.address;
    let stop = Arc::new(AtomicBool::new(false));
    let server = serve(listener, &stop, clock);
    let mut options = options(target, clock);
    (options.shards, options.own_tables) = (Some(shards), Some(own_tables));
    let swarm = Swarm::start(options).unwrap();
    let mut last = Sample::default();
    let outcome = swarm.join(&mut last).unwrap();
    stop.store(true, Ordering::Relaxed);
    let server = server.join().unwrap().unwrap();

    let ledger = outcome.ledger;
    assert!(outcome.settled, "{ledger:?}");
    assert_eq!(ledger.accepted, server.copies_accepted);
    assert_eq!(ledger.queued, server.queued());
    let spotless = Figures {
        sent: ledger.sent,
        accepted: ledger.sent,
        delivered: ledger.delivered,
        queued: ledger.queued,
        ..Figures::default()
    };
    assert_eq!(ledger, spotless);
    assert!(ledger.delivered > 500, "{ledger:?}");
    assert_eq!(last.counters[name::COPIES_SENT], ledger.sent);
    // Those of senders who left before the end wait for them.
    let ticks = last.counters[name::TICKS];
    assert!(
        ticks <= ledger.delivered && ticks > ledger.delivered / 2,
        "{ticks} of {}",
        ledger.delivered
    );
    assert!(last.counters[name::LOGINS] >= 300);
    assert_eq!(last.gauges[name::SHARDS], f64::from(shards));
    for metric in [
        latency::CONNECT,
        latency::LOGIN,
        latency::DELIVERY,
        latency::TICK,
        latency::SCHEDULE_LAG,
    ] {
        assert!(last.histograms[metric].count() > 0, "{metric}");
    }
}

#[test]
fn a_swarm_settles_on_the_process_table() {
    run(2, false);
}

#[test]
fn a_swarm_settles_on_tables_of_its_shards_own() {
    run(3, true);
}

#[test]
fn a_stopped_swarm_hands_in_what_it_knows() {
    let clock = Clock::start();
    let listener = listen("127.0.0.1:0".parse().unwrap(), 1_024).unwrap();
    let target = listener.address;
    let stop = Arc::new(AtomicBool::new(false));
    let server = serve(listener, &stop, clock);
    let swarm = Swarm::start(options(target, clock)).unwrap();
    while swarm.ledger().delivered == 0 {
        assert!(!swarm.finished(), "it settled before anything was delivered");
        std::thread::yield_now();
    }
    swarm.stop();
    let mut last = Sample::default();
    let ledger = swarm.join(&mut last).unwrap().ledger;
    stop.store(true, Ordering::Relaxed);
    server.join().unwrap().unwrap();
    assert!(ledger.delivered > 0);
    assert_eq!(ledger.accepted, ledger.delivered + ledger.queued + ledger.missing);
    assert_eq!(last.counters[name::COPIES_SENT], ledger.sent);
}

#[test]
fn a_swarm_that_cannot_run_says_why() {
    let clock = Clock::start();
    let mut none = options("127.0.0.1:1".parse().unwrap(), clock);
    none.targets.clear();
    assert!(matches!(Swarm::start(none), Err(SwarmError::NoTarget)));
    let mut other = options("127.0.0.1:1".parse().unwrap(), clock);
    other.population = Population::new(Number::new(1).unwrap(), 5, Secret::new(b"secret")).unwrap();
    assert!(matches!(
        Swarm::start(other),
        Err(SwarmError::Users { population: 5, .. })
    ));
}
