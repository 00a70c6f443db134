//! Shards against a server in memory, over a network in memory, on a virtual clock.

pub(crate) mod server;
mod ticks;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Mutex;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use reactor::{Arena, SendError, Wake};
use scenarios::{To, What};
use wire::chat::{Number, Secret};

use super::*;
use crate::ledger::{Figures, Ledger};
use crate::members::tests::Neighbours;
use crate::tally::Count;
use crate::timing::Metric;
use server::{Arrival, Fault, Server};

const USERS: u32 = 24;
const SHARDS: u32 = 3;
const DEALING: Dealing = Dealing {
    cells: 256,
    shards: SHARDS,
};
/// When the last message is planned.
const TALK_US: u64 = 20_000_000;
/// When everything must have settled.
const END_US: u64 = 200_000_000;

/// One shard's end of the network.
struct Net {
    shard: usize,
    server: Rc<RefCell<Server>>,
    conns: Arena<()>,
}

impl Link for Net {
    fn connect(&mut self, _: SocketAddr) -> Result<Id, Closed> {
        let id = self.conns.insert(());
        self.server.borrow_mut().connect(self.shard, id);
        Ok(id)
    }
    fn send(&mut self, id: Id, bytes: &[u8]) -> Result<(), SendError> {
        self.conns.get(id).ok_or(SendError::Gone)?;
        let taken = self.server.borrow_mut().receive(self.shard, id, bytes);
        assert_eq!(taken, bytes.len(), "clients write whole frames");
        Ok(())
    }
    fn close(&mut self, id: Id, _: Close) {
        self.conns.remove(id);
        self.server.borrow_mut().close(self.shard, id);
    }
    fn connections(&self) -> u32 {
        self.conns.len()
    }
    fn pause_accepting(&mut self, _: bool) {}
    fn stop_listening(&mut self) {}
}

/// Does uploads at once; their links come back with the next turn.
#[derive(Clone, Default)]
struct Errand(Arc<Mutex<Vec<UploadJob>>>);

impl Errands for Errand {
    fn upload(&self, job: UploadJob) -> bool {
        self.0.lock().unwrap().push(job);
        true
    }
    fn register(&self, _: RegisterJob) -> bool {
        false
    }
}

struct World {
    shards: Vec<(Shard, Net, u64)>,
    stashes: HashMap<(usize, Id), Vec<u8>>,
    server: Rc<RefCell<Server>>,
    errand: Errand,
    uploads: Vec<Queue<UploadDone>>,
    events: QueueReceiver<Event>,
    timings: QueueReceiver<Timing>,
    members: Arc<dyn Members>,
    ledger: Ledger,
    deliveries: Vec<Timing>,
    ticks_timed: u64,
    boards: Vec<Arc<Board>>,
    control: Arc<Control>,
    /// Instants of cuts that the network makes.
    cuts: Vec<u64>,
    now_us: u64,
}

impl World {
    fn new(seed: u64, fault: Fault, mut plan: Vec<Action>, cuts: Vec<u64>) -> Self {
        plan.sort();
        let secret = Secret::new(b"secret");
        let base = Number::new(10_000_000_000).unwrap();
        let server = Rc::new(RefCell::new(Server::new(secret.clone(), seed, fault)));
        let (to_ledger, events) = Queue::new("events", 1 << 16, Wake::new().unwrap());
        let (to_histograms, timings) = Queue::new("timings", 1 << 16, Wake::new().unwrap());
        let members: Arc<dyn Members> = Arc::new(Neighbours { users: USERS });
        let errand = Errand::default();
        let control = Arc::new(Control::default());
        control.begin(1_000);
        let common = Common {
            population: Arc::new(Population::new(base, u64::from(USERS), secret).unwrap()),
            members: Arc::clone(&members),
            presence: Arc::new(Presence::new(USERS)),
            control: Arc::clone(&control),
            targets: Arc::new(["127.0.0.1:1".parse().unwrap()]),
            limits: Limits {
                lag_us: 1_000_000,
                connecting: 5,
                welcome_us: 2_000_000,
                backoff_us: 200_000,
                backoff_max_us: 5_000_000,
                ping_every_us: 3_000_000,
            },
            to_ledger,
            to_histograms,
        };
        let (mut shards, mut uploads, mut boards) = (Vec::new(), Vec::new(), Vec::new());
        for shard in 0..SHARDS {
            let part: Vec<_> = plan
                .iter()
                .filter(|action| DEALING.shard(action.user) == shard)
                .copied()
                .collect();
            let (queue, receiver) = Queue::new("uploads", 100, Wake::new().unwrap());
            let board = Arc::new(Board::default());
            let own = Own {
                shard,
                dealing: DEALING,
                schedule: Box::new(part.into_iter()),
                seed,
                errands: Some(Box::new(errand.clone())),
                uploads: receiver,
                board: Arc::clone(&board),
            };
            let net = Net {
                shard: shard as usize,
                server: Rc::clone(&server),
                conns: Arena::default(),
            };
            shards.push((Shard::new(common.clone(), own), net, 0));
            uploads.push(queue);
            boards.push(board);
        }
        Self {
            shards,
            stashes: HashMap::new(),
            server,
            errand,
            uploads,
            events,
            timings,
            members,
            ledger: Ledger::new(USERS),
            deliveries: Vec::new(),
            ticks_timed: 0,
            boards,
            control,
            cuts,
            now_us: 0,
        }
    }

    /// Runs until everything is settled, or for as long as there is.
    fn run(&mut self) {
        while self.now_us < END_US {
            self.step();
            let idle = self.boards.iter().all(|board| board.is_idle());
            if idle && self.ledger.figures().is_settled() && self.now_us > TALK_US + 10_000_000 {
                break;
            }
        }
        // Acknowledgements and ticks under way.
        let end_us = self.now_us + 1_000_000;
        while self.now_us < end_us {
            self.step();
        }
    }

    fn step(&mut self) {
        let due_us = self.shards.iter().map(|(.., due_us)| *due_us).min().unwrap();
        let due_us = due_us
            .min(self.cuts.first().copied().unwrap_or(u64::MAX))
            .max(self.now_us);
        let next = self.server.borrow_mut().next(due_us);
        self.now_us = next.as_ref().map_or(due_us, |(at_us, ..)| *at_us);
        self.server.borrow_mut().now_us = self.now_us;
        if let Some((_, shard, id, arrival)) = next {
            self.arrive(shard, id, arrival);
            self.turn(shard);
        } else if self.cuts.first().is_some_and(|at_us| *at_us <= self.now_us) {
            self.cuts.remove(0);
            self.server.borrow_mut().cut_one();
        }
        for shard in 0..self.shards.len() {
            if self.shards[shard].2 <= self.now_us {
                self.turn(shard);
            }
        }
        self.upload();
        self.keep();
    }

    fn arrive(&mut self, shard: usize, id: Id, arrival: Arrival) {
        let (app, net, _) = &mut self.shards[shard];
        if net.conns.get(id).is_none() {
            return;
        }
        match arrival {
            Arrival::Opened => app.opened(net, id, Origin::Connected, self.now_us),
            Arrival::Bytes(bytes) => {
                let mut stash = self.stashes.remove(&(shard, id)).unwrap_or_default();
                stash.extend(bytes);
                let Taken(taken) = app.received(net, id, &stash, self.now_us);
                self.stashes.insert((shard, id), stash.split_off(taken));
            }
            Arrival::Closed => {
                net.conns.remove(id);
                net.server.borrow_mut().close(shard, id);
                app.closed(net, id, Closed::Reset, self.now_us);
            }
        }
    }

    fn turn(&mut self, shard: usize) {
        let (app, net, due_us) = &mut self.shards[shard];
        *due_us = app.turn(net, self.now_us).unwrap_or(u64::MAX);
    }

    fn upload(&mut self) {
        for job in self.errand.0.lock().unwrap().drain(..) {
            let done = UploadDone {
                user: job.user,
                to: job.to,
                intended_us: job.intended_us,
                finished_us: self.now_us,
                link: Ok(format!("/media/{}", job.bytes).into()),
            };
            let shard = DEALING.shard(job.user) as usize;
            self.uploads[shard].push(done).unwrap();
            self.shards[shard].2 = self.now_us;
        }
    }

    fn keep(&mut self) {
        let mut events = Vec::new();
        self.events.take(&mut events);
        for event in events {
            self.ledger
                .observe(event, &*self.members, (self.now_us / 1_000) as u32);
        }
        let mut timings = Vec::new();
        self.timings.take(&mut timings);
        for timing in timings {
            match timing.metric {
                Metric::Delivery => self.deliveries.push(timing),
                Metric::Tick => self.ticks_timed += 1,
                _ => {}
            }
        }
    }

    /// Ends the run: the shards hand in what they know.
    fn end(&mut self) -> Tally {
        self.control.end();
        (0..self.shards.len()).for_each(|shard| self.turn(shard));
        self.keep();
        self.tally()
    }

    fn figures(&self) -> Figures {
        self.ledger.figures()
    }

    fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        self.boards.iter().for_each(|board| sum.merge(&board.tally()));
        sum
    }
}

/// Everybody connects; group owners set their groups; people talk; some come and go; in the end all but three are there.
fn plan(seed: u64, restless: bool) -> Vec<Action> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut plan = Vec::new();
    let mut add = |at_us, user, what| plan.push(Action { at_us, user, what });
    let away = USERS - 3;
    for user in 0..away {
        add(rng.random_range(0..500_000), user, What::Connect);
        if user % 3 == 0 {
            add(1_500_000, user, What::CreateGroup { group: user / 3 });
        }
    }
    for _ in 0..400 {
        let at_us = rng.random_range(2_000_000..TALK_US);
        let user = rng.random_range(0..away);
        let peer = (user + rng.random_range(1..4)) % USERS;
        let to = if rng.random_range(0..3) == 0 {
            To::Group(user / 3)
        } else {
            To::User(peer)
        };
        let what = match rng.random_range(0..20) {
            0 => What::Upload { bytes: 5_000, to },
            1 => What::Typing { to: peer },
            2 if restless => What::Disconnect,
            3 if restless => What::Connect,
            4 if restless => What::Cut {
                until_us: at_us + 800_000,
            },
            n => What::Send {
                to,
                bytes: 120,
                media: n == 5,
            },
        };
        add(at_us, user, what);
    }
    (0..away).for_each(|user| add(TALK_US + 1_000_000, user, What::Connect));
    plan
}

fn cuts(seed: u64) -> Vec<u64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut cuts: Vec<_> = (0..60)
        .map(|_| rng.random_range(100_000..TALK_US + 2_000_000))
        .collect();
    cuts.sort_unstable();
    cuts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A faultless server behind a network that cuts: the ledger balances, agrees with the server, and accuses nobody.
    #[test]
    fn whatever_is_cut_the_ledger_agrees_with_a_faultless_server(seed: u64) {
        let mut world = World::new(seed, Fault::None, plan(seed, true), cuts(seed));
        world.server.borrow_mut().refusals = 30;
        world.run();
        let (figures, server) = (world.figures(), world.server.borrow());
        prop_assert!(figures.is_settled(), "{figures:?}");
        prop_assert_eq!(figures.accepted, server.copies_accepted);
        prop_assert_eq!(figures.queued, server.queued());
        prop_assert_eq!(figures.accepted, figures.delivered + figures.queued);
        prop_assert_eq!(figures.sent, figures.accepted + figures.refused);
        let Figures { duplicated, corrupted, misordered, delivered_refused, delivered_unanswered, .. } = figures;
        prop_assert_eq!([duplicated, corrupted, misordered, delivered_refused, delivered_unanswered], [0; 5]);
        prop_assert!(figures.delivered > 100);
        prop_assert_eq!(world.tally().of(Count::Online), u64::from(USERS - 3));
        drop(server);
        let tally = world.end();
        prop_assert_eq!((tally.of(Count::TicksMissing), tally.of(Count::TicksUntimed)), (0, 0));
    }
}

#[test]
fn cuts_make_repeats_and_redeliveries_and_both_are_excused() {
    let (mut repeats, mut redelivered, mut reconnects, mut cut) = (0, 0, 0, 0);
    for seed in 0..10 {
        let mut world = World::new(seed, Fault::None, plan(seed, false), cuts(seed));
        world.run();
        repeats += world.server.borrow().repeats;
        redelivered += world.figures().redelivered;
        reconnects += world.tally().of(Count::Reconnects);
        cut += world.tally().of(Count::Cuts);
    }
    assert!(
        [repeats, redelivered, reconnects, cut]
            .iter()
            .all(|count| *count > 0),
        "{repeats} {redelivered} {reconnects} {cut}"
    );
}

fn after(fault: Fault) -> Figures {
    let mut world = World::new(7, fault, plan(7, false), Vec::new());
    world.run();
    let figures = world.figures();
    assert_eq!(
        figures.sent,
        figures.accepted + figures.refused + figures.unanswered()
    );
    assert_eq!(
        figures.accepted,
        figures.delivered + figures.queued + figures.missing
    );
    figures
}

#[test]
fn a_quiet_network_and_a_faultless_server_leave_nothing_to_say() {
    let mut world = World::new(7, Fault::None, plan(7, false), Vec::new());
    world.run();
    let (figures, tally) = (world.figures(), world.tally());
    assert!(figures.is_settled());
    let spotless = Figures {
        sent: figures.sent,
        accepted: figures.sent,
        delivered: figures.delivered,
        queued: world.server.borrow().queued(),
        ..Figures::default()
    };
    assert_eq!(figures, spotless);
    assert!(figures.queued > 0, "three were away");
    assert_eq!(tally.of(Count::Ticks), figures.delivered);
    assert_eq!((tally.of(Count::Cuts), tally.of(Count::ArrivalsUnsent)), (0, 0));
    assert_eq!(
        world.deliveries.len() as u64,
        figures.delivered,
        "all were online when the messages were due"
    );
    assert!(tally.of(Count::CopiesSentGroup) > 0);
}

#[test]
fn a_duplicate_is_found() {
    let figures = after(Fault::Duplicate);
    assert_eq!(
        (figures.duplicated, figures.missing, figures.corrupted),
        (1, 0, 0)
    );
}

#[test]
fn a_loss_is_found() {
    let figures = after(Fault::Lose);
    assert_eq!(
        (figures.missing, figures.duplicated, figures.corrupted),
        (1, 0, 0)
    );
}

#[test]
fn damage_is_found() {
    let figures = after(Fault::Corrupt);
    assert_eq!(
        (figures.corrupted, figures.missing),
        (1, 1),
        "and the copy itself never came"
    );
}

#[test]
fn one_message_after_a_later_one_is_found() {
    let figures = after(Fault::Misorder);
    assert_eq!(
        (figures.misordered, figures.missing, figures.duplicated),
        (1, 0, 0)
    );
}

#[test]
fn a_message_to_the_wrong_person_is_found() {
    let figures = after(Fault::Misdirect);
    assert_eq!((figures.corrupted, figures.missing), (1, 1));
}

#[test]
fn a_message_that_was_refused_and_came_is_found() {
    let figures = after(Fault::Contradict);
    assert!(figures.delivered_refused > 0);
    assert_eq!(figures.missing, 0);
}

#[test]
fn what_cannot_be_carried_out_is_counted_and_not_put_off() {
    let send = What::Send {
        to: To::User(1),
        bytes: 50,
        media: false,
    };
    let plan = vec![
        Action {
            at_us: 10,
            user: 0,
            what: send,
        },
        Action {
            at_us: 20,
            user: 2,
            what: What::Typing { to: 1 },
        },
    ];
    let mut world = World::new(1, Fault::None, plan, Vec::new());
    world.run();
    assert_eq!(world.tally().of(Count::ArrivalsUnsent), 2);
    assert_eq!(world.figures(), Figures::default());
}

#[test]
fn a_late_turn_is_told_from_a_punctual_one() {
    let connect = |at_us, user| Action {
        at_us,
        user,
        what: What::Connect,
    };
    let mut world = World::new(1, Fault::None, vec![connect(0, 0), connect(0, 3)], Vec::new());
    // The loop was kept from its first turn for two seconds.
    world.shards[0].2 = 2_000_000;
    world.run();
    assert_eq!(world.tally().of(Count::ArrivalsLate), 2);
    assert_eq!(world.tally().of(Count::Logins), 2);
}
