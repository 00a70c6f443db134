//! A capture of people whose every message, gap, stay and absence is known.
//!
//! It does not know what is made of it.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::home::Home;
use crate::wire::{ACK, FIN, SYN, Wire, capture};

/// People of each group.
const PEOPLE: u8 = 40;
/// Nobody comes later than this.
const LASTED_S: f64 = 240.0;
/// A server answers that fast, and nobody says two things in less.
const ANSWER: Duration = Duration::from_micros(100);
const PAUSE_S: f64 = 0.001;
/// How a group's people behave: drawn, bytes and seconds.
#[derive(Clone, Copy)]
struct Kind {
    /// Its service, and its clients' network.
    port: u16,
    network: u8,
    bytes: fn(&mut StdRng) -> f64,
    gap_s: fn(&mut StdRng) -> f64,
    stay_s: fn(&mut StdRng) -> f64,
    away_s: fn(&mut StdRng) -> f64,
}

/// Who writes when it comes to his mind, log-normally much.
const TALKERS: Kind = Kind {
    port: 5_000,
    network: 1,
    bytes: |rng| log_normal(rng, 120.0, 0.5),
    gap_s: |rng| exponential(rng, 0.5),
    stay_s: |rng| log_normal(rng, 20.0, 0.3),
    away_s: |rng| 5.0 + exponential(rng, 5.0),
};
/// What reports in turn, evenly much.
const SENSORS: Kind = Kind {
    port: 6_000,
    network: 2,
    bytes: |rng| rng.random_range(400.0..=600.0),
    gap_s: |rng| rng.random_range(1.0..3.0),
    stay_s: |rng| 10.0 + exponential(rng, 10.0),
    away_s: |rng| rng.random_range(4.0..8.0),
};

fn exponential(rng: &mut StdRng, mean: f64) -> f64 {
    -mean * (1.0 - rng.random::<f64>()).ln()
}

/// Of this median and standard deviation of the logarithm (Box and Muller, 1958).
fn log_normal(rng: &mut StdRng, median: f64, sigma: f64) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * rng.random::<f64>()).cos();
    median * (sigma * normal).exp()
}

/// What there is to be found of a group: everything that was drawn, as the capture has it.
#[derive(Default)]
pub(super) struct Truth {
    pub(super) connections: usize,
    pub(super) bytes: Vec<f64>,
    pub(super) gaps_s: Vec<f64>,
    pub(super) stays_s: Vec<f64>,
    pub(super) aways_s: Vec<f64>,
}

/// Packets, and when they were captured.
type Packets = Vec<(Duration, Vec<u8>)>;

impl Kind {
    /// All that its people do.
    fn live(self, rng: &mut StdRng, packets: &mut Packets) -> Truth {
        let mut truth = Truth::default();
        for person in 0..PEOPLE {
            let mut port = 10_000;
            let mut left_s = None;
            let mut at_s = rng.random_range(0.0..20.0);
            while at_s < LASTED_S {
                let client = SocketAddrV4::new(Ipv4Addr::new(10, self.network, 0, person + 1), port);
                if let Some(left_s) = left_s {
                    truth.aways_s.push(at_s - left_s);
                }
                let until_s = at_s + (self.stay_s)(rng);
                self.connect(rng, client, [at_s, until_s], packets, &mut truth);
                at_s = until_s + (self.away_s)(rng);
                left_s = Some(until_s);
                port += 1;
            }
        }
        [
            &mut truth.bytes,
            &mut truth.gaps_s,
            &mut truth.stays_s,
            &mut truth.aways_s,
        ]
        .into_iter()
        .for_each(|values| values.sort_by(f64::total_cmp));
        truth
    }

    /// A connection, open from then until then.
    fn connect(
        self,
        rng: &mut StdRng,
        client: SocketAddrV4,
        [opened_s, closed_s]: [f64; 2],
        packets: &mut Packets,
        truth: &mut Truth,
    ) {
        let server = SocketAddrV4::new(Ipv4Addr::new(10, 9, 0, 1), self.port);
        let mut wire = Wire::between(SocketAddr::V4(client), SocketAddr::V4(server));
        let mut say = |at: Duration, side: usize, flags: u8, said: &[u8]| {
            packets.push((at, wire.packet(side, flags, said)));
        };
        let after = Duration::from_secs_f64;
        for (side, flags) in [(0, SYN), (1, SYN | ACK), (0, ACK)] {
            say(after(opened_s), side, flags, &[]);
        }
        let mut at_s = opened_s + PAUSE_S + (self.gap_s)(rng);
        let mut before_s = None;
        while at_s < closed_s - PAUSE_S {
            let bytes = (self.bytes)(rng).round().clamp(1.0, 1_400.0);
            say(after(at_s), 0, ACK, &vec![b'='; bytes as usize]);
            say(after(at_s) + ANSWER, 1, ACK, b"ok");
            truth.bytes.push(bytes);
            truth
                .gaps_s
                .extend(before_s.replace(at_s).map(|before_s| at_s - before_s));
            at_s += PAUSE_S + (self.gap_s)(rng);
        }
        for (side, flags) in [(0, FIN | ACK), (1, FIN | ACK), (0, ACK)] {
            say(after(closed_s), side, flags, &[]);
        }
        truth.connections += 1;
        truth.stays_s.push(closed_s - opened_s);
    }
}

/// A capture of both groups, and the truth of them.
pub(super) fn lived(home: &Home, seed: u64) -> (&'static str, [Truth; 2]) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut packets = Packets::new();
    let truths = [TALKERS, SENSORS].map(|kind| kind.live(&mut rng, &mut packets));
    packets.sort_by_key(|(at, _)| *at);
    std::fs::write(home.path("town.pcap"), capture(&packets)).unwrap();
    ("town.pcap", truths)
}
