//! What a replay says of its capture: visits that were spoilt in known ways, and every byte of them in the ledger.

use std::collections::BTreeMap;
use std::path::Path;

use record::{CapturedBytes, ReplayBytes, ReplayDatagrams, Run, Verdict};

use crate::home::Home;
use crate::inspect::json;
use crate::replay::{closes, replay};
use crate::tapped::{ACK, FIN, Tapped};
use crate::visits::{Visits, visit};
use crate::wiretap::Wiretap;

/// Requests of each visitor behind the greeting.
const REQUESTS: usize = 3;
/// Visitors, each spoilt in a way of his own; the last is not asked for.
const VISITORS: usize = 7;

/// What is told of the datagrams that are added to a capture.
const UDP_NOTE: &str = "2 UDP flows of 3 packets are not replayed";

/// A capture of visits, one after the other.
fn visits(home: &Home) -> Tapped {
    let server = Visits::start(u64::MAX, 1);
    let tap = Wiretap::before(&server.address);
    let address = tap.address.to_string();
    (0..VISITORS).for_each(|_| visit(&address, REQUESTS));
    let path = home.path("visits.pcap");
    tap.write(&path);
    Tapped::read(&path, &server.address)
}

/// Bytes that a side of a visit says.
fn said(capture: &Tapped, client: u16, side: usize) -> u64 {
    let of = |at: usize| capture.payload(at).len() as u64;
    capture.of(client, side).into_iter().map(of).sum()
}

/// What was done to a capture: bytes that came twice, twice and otherwise, behind a FIN, after the end, and never.
#[derive(Default)]
struct Truth {
    repeated: u64,
    changed: u64,
    behind: u64,
    late: u64,
    unanswered: u64,
    unasked: u64,
}

/// Spoils each visit but one in its way.
fn spoil(capture: &mut Tapped) -> Truth {
    let clients = capture.clients();
    let [repeated, changed, unanswered, unasked, joined, behind, _] = clients.as_slice() else {
        panic!("{clients:?}")
    };
    let mut truth = Truth::default();
    // An answer comes twice, and the client asks whether anybody is there.
    let at = capture.saying(*repeated, 1)[1];
    truth.repeated = capture.again(at, |_| {}) as u64;
    let at = capture.saying(*repeated, 0)[1];
    capture.keep_alive(at);
    // A request comes again and is another one.
    let at = capture.saying(*changed, 0)[2];
    truth.changed = capture.again(at, |payload| payload[5] ^= 1) as u64;
    let at = capture.saying(*unanswered, 1)[2];
    truth.unanswered = capture.take(at) as u64;
    let at = capture.saying(*unasked, 0)[2];
    truth.unasked = capture.take(at) as u64;
    // The handshake's three.
    for _ in 0..3 {
        capture.take(capture.all_of(*joined)[0]);
    }
    // Something behind the client's FIN, and something once both ends had finished.
    let fin = capture.with_flags(*behind, 0, FIN);
    truth.behind = capture.insert_behind(fin, 1, ACK, b"too much") as u64;
    let last = *capture.all_of(*behind).last().unwrap();
    truth.late = capture.insert_behind(last, 9, ACK, b"too late") as u64;
    truth
}

#[test]
fn every_byte_of_a_spoilt_capture_is_in_the_ledger() {
    let home = Home::new();
    let mut capture = visits(&home);
    let whole = capture.clone();
    let truth = spoil(&mut capture);
    let added = datagrams(&mut capture);
    let path = home.path("spoilt.pcap");
    capture.write(&path);
    let fresh = Visits::start(u64::MAX, 1_000_000);
    let arguments = [
        path.to_str().unwrap(),
        "--target",
        &fresh.address,
        "--causal",
        "--flow",
        "0-5",
    ];
    let (done, run) = replay(&home, "out", &arguments);
    done.code(0);
    let summary = run.summary();
    assert_eq!(summary.verdict, Verdict::Pass);
    let figures = closes(&summary);

    check(&whole, &truth, &figures.bytes);
    assert_eq!(figures.datagrams, Some(added));
    assert_eq!(
        (figures.sessions.planned, figures.sends.sent),
        (4, 4 * (1 + REQUESTS as u64))
    );
    let page = run.text("report.html");
    for told in [
        "bytes captured in TCP segments",
        "not driven: client-gap",
        "keep-alive",
        "after the end",
    ] {
        assert!(page.contains(told), "{told}");
    }
    from_sessions(&home, &path, figures.bytes.recorded, added);
}

/// The figures beside what was done to the capture, byte by byte.
fn check(whole: &Tapped, truth: &Truth, bytes: &ReplayBytes) {
    let clients = whole.clients();
    let both = |client: usize| said(whole, clients[client], 0) + said(whole, clients[client], 1);
    let driven = [0, 1, 2, 5];
    let of_driven = |side| {
        driven
            .map(|client| said(whole, clients[client], side))
            .iter()
            .sum::<u64>()
    };
    let skipped_by = BTreeMap::from([
        ("retransmitted".to_owned(), truth.repeated + truth.changed),
        ("keep-alive".to_owned(), 1),
        ("outlying".to_owned(), truth.behind),
        ("refused".to_owned(), truth.late),
    ]);
    let recorded: u64 = (0..VISITORS).map(both).sum::<u64>() - truth.unanswered - truth.unasked;
    assert_eq!(
        bytes.capture,
        Some(CapturedBytes {
            captured: recorded + skipped_by.values().sum::<u64>(),
            reassembled: recorded,
            recorded,
            skipped_by,
            inconsistent: truth.changed,
            gapped: truth.unanswered + truth.unasked,
            gaps: 2,
            tls: 0,
            tls_by: Some(BTreeMap::new()),
            tls_unbalanced: 0,
        })
    );
    assert_eq!(bytes.recorded, Some(recorded));
    assert_eq!(bytes.recorded_client, of_driven(0));
    assert_eq!(bytes.recorded_server, of_driven(1) - truth.unanswered);
    assert_eq!(bytes.gapped_server, truth.unanswered);
    assert_eq!(
        bytes.undriven_by,
        BTreeMap::from([
            ("client-gap".to_owned(), both(3) - truth.unasked),
            ("midway".to_owned(), both(4)),
            ("not-wanted".to_owned(), both(6)),
        ])
    );
    assert_eq!(
        bytes.unused_by,
        BTreeMap::from([("after the end".to_owned(), 1), ("not IP".to_owned(), 1)])
    );
}

/// The same from a file of sessions, which has no more than what was put together.
fn from_sessions(home: &Home, capture: &Path, recorded: Option<u64>, added: ReplayDatagrams) {
    let saved = home.path("saved.teem");
    json(
        home,
        &[capture.to_str().unwrap(), "--save", saved.to_str().unwrap()],
    );
    let fresh = Visits::start(u64::MAX, 1_000_000);
    let arguments = [
        saved.to_str().unwrap(),
        "--target",
        &fresh.address,
        "--causal",
        "--flow",
        "0-5",
    ];
    let (done, run) = replay(home, "again", &arguments);
    let done = done.code(0);
    assert!(done.err.contains(UDP_NOTE), "{done:?}");
    let figures = closes(&run.summary());
    assert_eq!((figures.bytes.recorded, figures.bytes.capture), (recorded, None));
    assert_eq!(figures.datagrams, Some(added));
}

/// Puts a question by UDP with its answer, the first packet of QUIC, and one that is not even IP into a capture.
fn datagrams(capture: &mut Tapped) -> ReplayDatagrams {
    let (client, resolver, server) = ("10.0.0.7:5353", "10.0.0.53:53", "10.0.0.9:443");
    let mut initial = vec![0xc0, 0, 0, 0, 1, 8];
    initial.resize(1_200, 0);
    capture.datagram(client, resolver, b"where is it?");
    capture.datagram(resolver, client, b"over there");
    capture.datagram(client, server, &initial);
    capture.arp();
    ReplayDatagrams {
        flows: 2,
        quic: 1,
        packets: 3,
        bytes: 12 + 10 + 1_200,
        unlisted: 0,
    }
}

#[test]
fn datagrams_are_listed_counted_and_not_replayed_and_the_report_says_so() {
    let home = Home::new();
    let mut capture = visits(&home);
    let added = datagrams(&mut capture);
    let path = home.path("mixed.pcap");
    capture.write(&path);
    let path = path.to_str().unwrap();
    let found = json(&home, &[path]);
    let flows = found["flows"].as_array().unwrap();
    let udp: Vec<_> = flows.iter().filter(|flow| flow["transport"] == "udp").collect();
    assert_eq!(udp.len(), 2, "{udp:?}");
    for (flow, server, protocol) in [(udp[0], "10.0.0.53:53", "dns"), (udp[1], "10.0.0.9:443", "quic")] {
        assert_eq!(
            (&flow["server"], &flow["protocol"]),
            (&server.into(), &protocol.into()),
            "{flow}"
        );
        assert_eq!(
            (&flow["replayable"], &flow["why"]),
            (&false.into(), &"datagrams".into()),
            "{flow}"
        );
    }
    let fresh = Visits::start(u64::MAX, 1_000_000);
    let (done, run) = replay(&home, "out", &[path, "--target", &fresh.address, "--causal"]);
    let done = done.code(0);
    assert!(done.err.contains(UDP_NOTE), "{done:?}");
    assert!(
        run.events().iter().any(|event| event.detail.contains(UDP_NOTE)),
        "{:?}",
        run.events()
    );
    let figures = closes(&run.summary());
    assert_eq!(figures.datagrams, Some(added));
    assert_eq!(
        figures.sessions.planned, VISITORS as u64,
        "nothing but what TCP carried"
    );
    let told = "2 UDP flows, 1 of them QUIC, were captured and are not replayed: 3 packets, 1.22 kB.";
    for page in ["report.html", "summary.md"] {
        assert!(run.text(page).contains(told), "{page}: {}", run.text(page));
    }
    assert_eq!(
        Run::read(&home.path("out")).unwrap().replay.unwrap().datagrams,
        Some(added)
    );

    // Where there is nothing else, nothing is driven.
    let mut alone = capture.emptied();
    datagrams(&mut alone);
    let path = home.path("alone.pcap");
    alone.write(&path);
    let done = home.teem(&["replay", path.to_str().unwrap(), "--target", &fresh.address]);
    let done = done.mistake(&["no session is left"]);
    assert!(done.err.contains(UDP_NOTE), "{done:?}");
}

/// The UDP flows that an inspection lists, and what it counts.
fn udp_of(home: &Home, arguments: &[&str]) -> (Vec<serde_json::Value>, serde_json::Value) {
    let found = json(home, arguments);
    let flows = found["flows"].as_array().unwrap().iter();
    let udp = flows.filter(|flow| flow["transport"] == "udp").cloned();
    (udp.collect(), found["udp"].clone())
}

#[test]
fn a_file_of_sessions_tells_of_datagrams_as_its_capture_does() {
    let home = Home::new();
    let mut capture = visits(&home);
    datagrams(&mut capture);
    let path = home.path("mixed.pcap");
    capture.write(&path);
    let (path, saved) = (path.to_str().unwrap(), home.path("saved.teem"));
    let saved = saved.to_str().unwrap();
    let (listed, counted) = udp_of(&home, &[path, "--save", saved]);
    assert_eq!(
        (listed.len(), &counted["packets"], &counted["quic"]),
        (2, &3.into(), &1.into())
    );
    assert_eq!(udp_of(&home, &[saved]), (listed.clone(), counted));
    let done = home.teem(&["replay", "inspect", saved]).code(0);
    assert!(
        done.out
            .contains("UDP: 2 flows, 1 of them QUIC, 3 packets: listed, not replayed"),
        "{done:?}"
    );
    // A part of it has those that fit, be it made of the capture or of the file.
    for whole in [path, saved] {
        let part = home.path("part.teem");
        let part = part.to_str().unwrap();
        json(&home, &[whole, "--port", "53", "--save", part]);
        let (some, counted) = udp_of(&home, &[part]);
        assert_eq!((some.as_slice(), &counted["packets"]), (&listed[..1], &2.into()));
        json(&home, &[whole, "--flow", "0", "--save", part]);
        assert_eq!(udp_of(&home, &[part]).0, [] as [serde_json::Value; 0]);
    }
}
