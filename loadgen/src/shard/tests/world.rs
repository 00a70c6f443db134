//! Shards, a network in memory and a server at its other end, turned by a virtual clock.
//!
//! It does not know what should come of it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Mutex;

use reactor::{Arena, SendError, Wake};
use wire::chat::{Number, Secret};

use super::super::*;
use super::server::{Arrival, Fault, Server};
use super::{DEALING, END_US, SHARDS, TALK_US, USERS};
use crate::ledger::{Figures, Ledger};
use crate::members::tests::Neighbours;
use crate::timing::Metric;

/// One shard's end of the network.
pub(super) struct Net {
    pub(super) shard: usize,
    pub(super) server: Rc<RefCell<Server>>,
    pub(super) conns: Arena<()>,
    pub(super) ends: Ends,
}

/// How connections ended by the shard's doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) reset: u32,
    pub(super) unsaid: u32,
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
    fn close(&mut self, id: Id, how: Close) {
        self.conns.remove(id);
        self.ends.reset += u32::from(how == Close::Reset);
        self.server.borrow_mut().close(self.shard, id);
    }
    fn connections(&self) -> u32 {
        self.conns.len()
    }
    fn pause_accepting(&mut self, _: bool) {}
    fn stop_listening(&mut self) {}
    fn misbehave(&mut self, id: Id, how: Misfit) -> bool {
        let vanishes = how == Misfit::Vanish && self.conns.remove(id).is_some();
        self.ends.unsaid += u32::from(vanishes);
        vanishes
    }
}

/// Does uploads at once; their links come back with the next turn.
#[derive(Clone, Default)]
pub(super) struct Errand(Arc<Mutex<Vec<UploadJob>>>);

impl Errands for Errand {
    fn upload(&self, job: UploadJob) -> bool {
        self.0.lock().unwrap().push(job);
        true
    }
    fn register(&self, _: RegisterJob) -> bool {
        false
    }
}

pub(super) struct World {
    pub(super) shards: Vec<(Shard, Net, u64)>,
    pub(super) stashes: HashMap<(usize, Id), Vec<u8>>,
    pub(super) server: Rc<RefCell<Server>>,
    pub(super) errand: Errand,
    pub(super) uploads: Vec<Queue<UploadDone>>,
    pub(super) events: QueueReceiver<Event>,
    pub(super) timings: QueueReceiver<Timing>,
    pub(super) members: Arc<dyn Members>,
    pub(super) ledger: Ledger,
    pub(super) deliveries: Vec<Timing>,
    pub(super) ticks_timed: u64,
    pub(super) boards: Vec<Arc<Board>>,
    pub(super) control: Arc<Control>,
    /// Instants of cuts that the network makes.
    pub(super) cuts: Vec<u64>,
    pub(super) now_us: u64,
}

impl World {
    pub(super) fn new(seed: u64, fault: Fault, plan: Vec<Action>, cuts: Vec<u64>) -> Self {
        Self::that_ends(Leaving::default(), seed, fault, plan, cuts)
    }

    pub(super) fn that_ends(
        leaving: Leaving,
        seed: u64,
        fault: Fault,
        mut plan: Vec<Action>,
        cuts: Vec<u64>,
    ) -> Self {
        plan.sort();
        let secret = Secret::new(b"secret");
        let base = Number::new(10_000_000_000).unwrap();
        let server = Rc::new(RefCell::new(Server::new(secret.clone(), seed, fault)));
        let (to_ledger, events) = Queue::new("events", 1 << 16, Wake::new().unwrap());
        let (to_histograms, timings) = Queue::new("timings", 1 << 16, Wake::new().unwrap());
        let members: Arc<dyn Members> = Arc::new(Neighbours { users: USERS });
        let errand = Errand::default();
        let control = Arc::new(Control::new(leaving));
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
                ends: Ends::default(),
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
    pub(super) fn run(&mut self) {
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

    pub(super) fn step(&mut self) {
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

    pub(super) fn arrive(&mut self, shard: usize, id: Id, arrival: Arrival) {
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

    pub(super) fn turn(&mut self, shard: usize) {
        let (app, net, due_us) = &mut self.shards[shard];
        *due_us = app.turn(net, self.now_us).unwrap_or(u64::MAX);
    }

    pub(super) fn upload(&mut self) {
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

    pub(super) fn keep(&mut self) {
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
    pub(super) fn end(&mut self) -> Tally {
        self.control.end();
        (0..self.shards.len()).for_each(|shard| self.turn(shard));
        self.keep();
        self.tally()
    }

    pub(super) fn figures(&self) -> Figures {
        self.ledger.figures()
    }

    pub(super) fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        self.boards.iter().for_each(|board| sum.merge(&board.tally()));
        sum
    }
}
