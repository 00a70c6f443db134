//! Sessions drawn from known distributions are fitted, and the distributions found again.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF as _, LogNormal};

use super::*;
use crate::drive::testing::{Said, recorded, said};
use crate::{Event, Flow, RecordingWriter, Side, Sink as _};

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
        }
        let sessions = fitted.groups.iter().map(|group| (group.sessions, group.cut_off));
        assert!(
            sessions.eq([(800, 0), (400, 0)]),
            "seed {seed}: all were seen whole"
        );
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

/// Three at one server: a chat that was seen whole, one that was joined, one that goes on; and one that is joined and says nothing.
fn long_lived() -> Recording {
    use wire::chat::{Address, Body, ClientFrame, Kind, Number, Proof, ServerFrame};
    let number = |value| Number::new(value).unwrap();
    let (mut hello, mut login, mut message) = (Vec::new(), Vec::new(), Vec::new());
    let nonce = [3; 16];
    ServerFrame::Hello { version: 1, nonce }.encode(&mut hello);
    let proof = Proof([5; 16]);
    ClientFrame::Login {
        number: number(7),
        proof,
    }
    .encode(&mut login);
    let body = Body {
        kind: Kind::Text,
        bytes: b"ten bytes.",
    };
    let to = Address::Person(number(8));
    ClientFrame::Send { id: 1, to, body }.encode(&mut message);

    let mut writer = RecordingWriter::memory();
    let mut offsets = [[0; 2]; 4];
    let mut said = |writer: &mut RecordingWriter, second: u64, flow: u64, side: Side, bytes: &[u8]| {
        let offset = &mut offsets[flow as usize][usize::from(side == Side::Server)];
        let (flow, at_ns) = (Flow(flow), second * 1_000_000_000);
        writer.event(Event::Data {
            flow,
            side,
            at_ns,
            offset: *offset,
            bytes,
        });
        *offset += bytes.len() as u64;
    };
    let open = |writer: &mut RecordingWriter, second: u64, flow: u64, start: Start| {
        writer.event(Event::Open {
            flow: Flow(flow),
            at_ns: second * 1_000_000_000,
            client: ([10, 0, 0, flow as u8], 40_000).into(),
            server: ([10, 9, 0, 1], 7_700).into(),
            start,
        });
    };
    let close = |writer: &mut RecordingWriter, second: u64, flow: u64, end: End| {
        writer.event(Event::Close {
            flow: Flow(flow),
            at_ns: second * 1_000_000_000,
            end,
        });
    };
    let (client, server) = (Side::Client, Side::Server);
    open(&mut writer, 0, 0, Start::Midway);
    said(&mut writer, 0, 0, server, b"\0\x03of a frame that began before");
    open(&mut writer, 10, 1, Start::Midway);
    // The end of a frame that began before, and a whole one after it.
    said(&mut writer, 10, 1, client, &message[message.len() - 9..]);
    said(&mut writer, 12, 1, client, &message);
    for flow in [2, 3] {
        open(&mut writer, 20, flow, Start::Handshake);
        said(&mut writer, 20, flow, server, &hello);
        said(&mut writer, 20, flow, client, &login);
    }
    for flow in [2, 3] {
        said(&mut writer, 30, flow, client, &message);
    }
    close(&mut writer, 60, 2, End::Finished(client));
    said(&mut writer, 70, 1, client, &message);
    for (flow, end) in [(0, End::Open), (1, End::Finished(server)), (3, End::Open)] {
        close(&mut writer, 100, flow, end);
    }
    writer.finish().unwrap()
}

#[test]
fn whom_the_capture_joined_or_left_is_counted_with_what_was_heard_of_him() {
    let recording = long_lived();
    assert!(recording.sessions()[1].replayable.is_err());
    let fitted = Fitted::of(&recording, FitBy::Service).unwrap();
    assert_eq!((fitted.groups.len(), fitted.left_out), (1, 1), "{fitted:?}");
    let group = &fitted.groups[0];
    assert_eq!(group.name, "chat-7700");
    assert_eq!((group.sessions, group.cut_off, group.messages), (3, 2, 4));
    // One was there all along, one stayed 40 s, one was there for the last 80.
    assert_eq!(group.online_s, 100.0 + 40.0 + 80.0);
    assert_eq!((group.stays_s.count, group.stays_s.mean), (1, 40.0));
    assert_eq!((group.bytes.count, group.bytes.mean), (4, 10.0));
    assert_eq!((group.gaps_s.count, group.gaps_s.mean), (1, 58.0));
    assert_eq!(group.aways_s.count, 0);
    assert_eq!(fitted.lasted_s, 100.0);
}
