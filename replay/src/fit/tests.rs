//! Sessions drawn from known distributions are fitted, and the distributions found again.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF as _, LogNormal};

use super::*;
use crate::Side;
use crate::drive::testing::{Said, recorded, said};

static LONG: [u8; 1 << 16] = [b'='; 1 << 16];

/// People of two services: what they say is log-normal, how it follows exponential, how long they stay log-normal.
fn talkers(seed: u64) -> Recording {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let sizes =
        [(200.0, 0.7), (2_000.0, 0.3)].map(|(median, sigma)| LogNormal::new(f64::ln(median), sigma).unwrap());
    let stays = LogNormal::new(30f64.ln(), 0.5).unwrap();
    let mut sessions = Vec::new();
    for person in 0..300u64 {
        let service = (person % 3 == 0) as usize;
        let mut at_s = rng.random::<f64>() * 20.0;
        for visit in 0..4 {
            let until_s = at_s + stays.inverse_cdf(rng.random::<f64>().max(1e-12));
            let opened_ns = (at_s * 1e9) as u64;
            let mut turns: Vec<Said> = Vec::new();
            let mut now_s = at_s + 0.001;
            while now_s < until_s {
                let bytes = sizes[service].inverse_cdf(rng.random::<f64>().max(1e-12)).round();
                turns.push(said(
                    Side::Client,
                    (now_s * 1e9) as u64,
                    &LONG[..(bytes as usize).clamp(1, LONG.len())],
                ));
                turns.push(said(Side::Server, (now_s * 1e9) as u64 + 1_000, b"ok"));
                now_s += -2.0 * (1.0 - rng.random::<f64>()).ln();
            }
            turns.push(said(Side::Server, (until_s * 1e9) as u64, b"bye"));
            let client = format!("10.0.{}.{}:{}", person / 200, person % 200 + 1, 2_000 + visit);
            let server = ["10.9.0.1:7001", "10.9.0.1:7002"][service];
            sessions.push((opened_ns, client, server, turns));
            at_s = until_s - 10.0 * (1.0 - rng.random::<f64>()).ln();
        }
    }
    // A capture numbers connections as they open.
    sessions.sort_by_key(|(opened_ns, ..)| *opened_ns);
    let borrowed: Vec<_> = sessions
        .iter()
        .map(|(opened_ns, client, server, turns)| (*opened_ns, client.as_str(), *server, turns.as_slice()))
        .collect();
    recorded(&borrowed)
}

#[test]
fn known_distributions_are_found_again_by_service() {
    for seed in 1..=3 {
        let fitted = Fitted::of(&talkers(seed), FitBy::Service).unwrap();
        let names: Vec<&str> = fitted.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["port-7001", "port-7002"], "seed {seed}");
        for (group, median, sigma) in [(&fitted.groups[0], 200.0, 0.7), (&fitted.groups[1], 2_000.0, 0.3)] {
            let bytes = group.bytes.log_normal.unwrap();
            assert!(
                (bytes.median / median - 1.0).abs() < 0.05,
                "seed {seed}: {bytes:?}"
            );
            assert!((bytes.sigma - sigma).abs() < 0.03, "seed {seed}: {bytes:?}");
            assert!(bytes.distance < 0.03, "seed {seed}: {bytes:?}");
            // A gap that would outlast the visit is not seen, which takes a little off the mean.
            assert!(
                (group.gaps_s.mean - 2.0).abs() < 0.25,
                "seed {seed}: {}",
                group.gaps_s.mean
            );
            assert!(group.gaps_s.exponential_distance.unwrap() < 0.05, "seed {seed}");
            let stays = group.stays_s.log_normal.unwrap();
            assert!((stays.median / 30.0 - 1.0).abs() < 0.15, "seed {seed}: {stays:?}");
            assert!((stays.sigma - 0.5).abs() < 0.08, "seed {seed}: {stays:?}");
            assert!(
                (group.aways_s.mean - 10.0).abs() < 2.0,
                "seed {seed}: {}",
                group.aways_s.mean
            );
            assert_eq!(group.stays_s.count + group.cut_off, group.sessions);
        }
        assert_eq!(fitted.groups[0].sessions, 800);
        assert!(fitted.open_on_average() > 100.0);
    }
}

#[test]
fn people_are_told_apart_by_network_where_that_is_asked_for() {
    let fitted = Fitted::of(&talkers(9), FitBy::Network).unwrap();
    let names: Vec<&str> = fitted.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["10.0.0.0", "10.0.1.0"]);
    assert_eq!(
        fitted.groups.iter().map(|group| group.sessions).sum::<u64>(),
        1_200
    );
}
