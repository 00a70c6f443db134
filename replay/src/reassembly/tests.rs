//! Single connections, segment by segment. Whole captures with a known truth are in `tests/captures/truth.rs`.

mod scene;

use super::*;
use crate::packet::{Endpoint, Path};
use Side::{Client, Server};
use scene::{MS, SERVER, Scene};

#[test]
fn a_whole_connection_is_told() {
    let mut scene = Scene::new(ReassemblyLimits::default());
    scene.shake();
    scene.say(Client, 0, 0, "ask").say(Server, 0, 3, "answer");
    scene
        .send(Server, Flags::FIN | Flags::ACK, 6, 3, "")
        .say(Client, 3, 7, "bye");
    scene
        .send(Client, Flags::FIN | Flags::ACK, 6, 7, "")
        .say(Server, 7, 7, "");
    let expected = [
        "1 0 open 40000 80 Handshake",
        "4 0 Client 0 ask",
        "5 0 Server 0 answer",
        "6 0 Server finishes",
        "7 0 Client 3 bye",
        "8 0 Client finishes",
        "8 0 close Finished(Server)",
    ];
    assert_eq!(scene.told(), expected);
    assert_eq!(scene.finish().0, [""; 0]);
}

#[test]
fn the_first_to_say_a_byte_is_believed() {
    let mut scene = Scene::open();
    scene
        .say(Client, 3, 0, "def")
        .say(Client, 1, 0, "bcDEFgh")
        .say(Client, 0, 0, "abc");
    assert_eq!(
        scene.told(),
        [
            "6 0 Client 0 a",
            "6 0 Client 1 bc",
            "6 0 Client 3 def",
            "6 0 Client 6 gh"
        ]
    );
    assert_eq!(
        (
            scene.figures().retransmitted_bytes,
            scene.figures().inconsistent_bytes
        ),
        (5, 3)
    );
    // What was given out is compared by its checksums.
    scene
        .say(Client, 0, 0, "a")
        .say(Client, 1, 0, "bX")
        .say(Client, 3, 0, "def");
    assert_eq!(scene.told(), [""; 0]);
    let (_, figures) = scene.finish();
    assert_eq!((figures.retransmitted_bytes, figures.inconsistent_bytes), (11, 5));
}

#[test]
fn a_hole_is_a_gap_once_its_peer_passed_it_and_the_grace_is_over() {
    let mut scene = Scene::open();
    scene
        .say(Client, 0, 0, "abc")
        .say(Client, 6, 0, "ghi")
        .wait(1_000);
    assert_eq!(scene.told(), ["4 0 Client 0 abc"], "nobody acknowledged it yet");
    scene.say(Server, 0, 9, "").wait(99);
    assert_eq!(scene.told(), [""; 0]);
    scene.wait(1);
    assert_eq!(scene.told(), ["1106 0 Client 3 lacks 3", "1106 0 Client 6 ghi"]);
    scene.say(Client, 3, 0, "def");
    let (lines, figures) = scene.finish();
    assert_eq!(lines, ["1107 0 close Open"]);
    assert_eq!(
        (figures.gaps, figures.gapped_bytes, figures.retransmitted_bytes),
        (1, 3, 3)
    );
}

#[test]
fn what_comes_late_within_the_grace_fills_the_hole() {
    let mut scene = Scene::open();
    scene.say(Client, 3, 0, "def").say(Server, 0, 6, "").wait(50);
    scene.say(Client, 0, 0, "abc").wait(200);
    assert_eq!(scene.told(), ["56 0 Client 0 abc", "56 0 Client 3 def"]);
    assert_eq!(scene.finish().1.gaps, 0);
}

#[test]
fn bytes_that_only_their_acknowledgement_shows_are_a_gap() {
    let mut scene = Scene::open();
    scene.say(Server, 0, 500, "ok").wait(100);
    assert_eq!(scene.told(), ["4 0 Server 0 ok", "104 0 Client 0 lacks 500"]);
}

#[test]
fn a_hole_that_nobody_passes_is_given_up_in_silence() {
    let mut scene = Scene::open();
    scene.say(Client, 3, 0, "def").wait(59_999);
    assert_eq!(scene.told(), [""; 0]);
    scene.wait(1);
    assert_eq!(scene.told(), ["60004 0 Client 0 lacks 3", "60004 0 Client 3 def"]);
}

#[test]
fn a_full_store_gives_the_hole_up() {
    let mut scene = Scene::new(ReassemblyLimits {
        waiting_bytes_side: 600,
        ..ReassemblyLimits::default()
    });
    scene.shake();
    scene.told();
    for at in [2, 4, 6] {
        scene.say(Client, at, 0, "x");
    }
    assert_eq!(scene.told(), [""; 0]);
    scene.say(Client, 8, 0, "x");
    assert_eq!(scene.told(), ["7 0 Client 0 lacks 2", "7 0 Client 2 x"]);
    let (_, figures) = scene.finish();
    assert_eq!(figures.overflows, 1);
    assert!(figures.waiting_bytes_peak <= 384 + 3 * 96 + 4);
}

#[test]
fn a_snapped_packet_is_a_gap_at_its_tail() {
    let mut scene = Scene::open();
    scene.send_snapped(Client, Flags::ACK, 0, 0, "abc", 10);
    scene
        .send_snapped(Client, Flags::ACK, 20, 0, "uv", 5)
        .say(Client, 10, 0, "0123456789");
    let expected = [
        "4 0 Client 0 abc",
        "4 0 Client 3 lacks 7",
        "6 0 Client 10 0123456789",
        "6 0 Client 20 uv",
        "6 0 Client 22 lacks 3",
    ];
    assert_eq!(scene.told(), expected);
}

#[test]
fn numbers_wrap() {
    // The server's first byte is two before the end of its numbers.
    let mut scene = Scene::open();
    scene.say(Server, 0, 0, "abcdef").say(Server, 6, 0, "ghi");
    assert_eq!(scene.told(), ["4 0 Server 0 abcdef", "5 0 Server 6 ghi"]);
}

#[test]
fn keepalives_say_nothing() {
    let mut scene = Scene::open();
    scene
        .say(Client, 0, 0, "abc")
        .say(Client, 2, 0, "")
        .say(Client, 2, 0, "\0")
        .say(Server, -1, 3, "\0");
    assert_eq!(scene.told(), ["4 0 Client 0 abc"]);
    let (_, figures) = scene.finish();
    assert_eq!((figures.keepalive_bytes, figures.inconsistent_bytes), (2, 0));
}

#[test]
fn a_stream_that_is_joined_with_a_keepalive_lacks_nothing() {
    for probe in ["", "\0"] {
        let mut scene = Scene::new(ReassemblyLimits::default());
        scene
            .say(Client, 499, 70, probe)
            .say(Server, 70, 500, "")
            .say(Client, 499, 70, probe)
            .say(Server, 70, 500, "")
            .wait(60_000);
        scene.say(Client, 500, 70, "ask").say(Server, 70, 503, "answer");
        scene.say(Client, 502, 76, probe).say(Client, 503, 76, "more");
        let (told, figures) = scene.finish();
        let expected = [
            "1 0 open 40000 80 Midway",
            "60005 0 Client 0 ask",
            "60006 0 Server 0 answer",
            "60008 0 Client 3 more",
            "60008 0 close Open",
        ];
        assert_eq!(told, expected, "{probe:?}");
        assert_eq!((figures.gaps, figures.outlying_bytes), (0, 0), "{probe:?}");
        assert_eq!(figures.keepalive_bytes, 3 * probe.len() as u64);
    }
}

#[test]
fn a_stream_that_is_joined_with_an_acknowledgement_lacks_what_was_lost_behind_it() {
    let mut scene = Scene::new(ReassemblyLimits::default());
    scene.say(Client, 500, 70, "").say(Client, 502, 70, "ter");
    scene.say(Server, 70, 505, "k");
    let (told, _) = scene.finish();
    assert_eq!(told[2..4], ["3 0 Client 0 lacks 2", "3 0 Client 2 ter"]);

    // What comes out of order is put in order, and a single byte that follows is said.
    let mut scene = Scene::new(ReassemblyLimits::default());
    scene.say(Client, 500, 70, "");
    scene.say(Client, 503, 70, "def").say(Client, 500, 70, "abc");
    scene.say(Server, 70, 506, "").say(Server, 70, 506, "k");
    let told = scene.told();
    assert_eq!(
        told[1..],
        ["3 0 Client 0 abc", "3 0 Client 3 def", "5 0 Server 0 k"]
    );
}

#[test]
fn a_reset_counts_only_in_the_window() {
    let mut scene = Scene::open();
    scene.say(Client, 0, 0, "abc").say(Server, 0, 3, "");
    scene
        .send(Client, Flags::RST, 2, 0, "")
        .send(Client, Flags::RST, 50_000, 0, "");
    assert_eq!(scene.told(), ["4 0 Client 0 abc"]);
    assert_eq!(scene.figures().skipped.packets(Skip::Outside), 2);
    scene.send(Client, Flags::RST, 3, 0, "");
    assert_eq!(scene.told(), ["8 0 close Reset(Client)"]);
    scene.say(Server, 0, 3, "too late").say(Server, 8, 3, "");
    assert_eq!(scene.figures().skipped.packets(Skip::Late), 1);
}

#[test]
fn a_refused_connection_is_a_reset() {
    let mut scene = Scene::new(ReassemblyLimits::default());
    scene.send(Client, Flags::SYN, -1, 0, "");
    // Its own number is 0, not one of the server's.
    scene.send(Server, Flags::RST | Flags::ACK, -i64::from(SERVER) - 1, 0, "");
    assert_eq!(
        scene.told(),
        ["1 0 open 40000 80 Handshake", "2 0 close Reset(Server)"]
    );
}

#[test]
fn data_on_a_syn_counts_and_is_believed_once() {
    let mut scene = Scene::new(ReassemblyLimits::default());
    scene.send(Client, Flags::SYN, -1, 0, "fast");
    scene.send(Server, Flags::SYN | Flags::ACK, -1, 0, "");
    scene.say(Client, 0, 0, "fast!");
    assert_eq!(scene.told()[1..], ["1 0 Client 0 fast", "3 0 Client 4 !"]);
}

#[test]
fn two_may_open_at_once() {
    let mut scene = Scene::new(ReassemblyLimits::default());
    scene
        .send(Client, Flags::SYN, -1, 0, "")
        .send(Server, Flags::SYN, -1, 0, "");
    scene
        .send(Client, Flags::SYN | Flags::ACK, -1, 0, "")
        .send(Server, Flags::SYN | Flags::ACK, -1, 0, "");
    scene.say(Server, 0, 0, "hello").say(Client, 0, 5, "hi");
    let expected = [
        "1 0 open 40000 80 Handshake",
        "5 0 Server 0 hello",
        "6 0 Client 0 hi",
    ];
    assert_eq!(scene.told(), expected);
}

#[test]
fn a_new_syn_begins_a_new_connection() {
    let mut scene = Scene::open();
    scene.say(Client, 0, 0, "old").say(Client, 5, 0, "x");
    // The same number again is a repetition.
    scene.send(Client, Flags::SYN, -1, 0, "");
    scene.told();
    scene.send(Client, Flags::SYN, 70_000, 0, "new");
    let expected = [
        "7 0 Client 3 lacks 2",
        "7 0 Client 5 x",
        "7 0 close Open",
        "7 1 open 40000 80 Handshake",
        "7 1 Client 0 new",
    ];
    assert_eq!(scene.told(), expected);
}

#[test]
fn a_connection_may_be_joined_in_mid_stream() {
    let mut scene = Scene::new(ReassemblyLimits::default());
    // The server had more under way than its client had acknowledged.
    scene
        .say(Client, 5_000, 70, "ask")
        .say(Server, 90, 5_003, "swer")
        .say(Server, 80, 5_003, "an")
        .wait(1_000);
    let expected = [
        "1 0 open 40000 80 Midway",
        "1 0 Client 0 ask",
        "2 0 Server 0 swer",
    ];
    assert_eq!(scene.told(), expected);
    let (_, figures) = scene.finish();
    assert_eq!((figures.outlying_bytes, figures.gaps), (2, 0));
}

#[test]
fn an_answer_may_be_seen_before_its_syn() {
    let mut scene = Scene::new(ReassemblyLimits::default());
    scene
        .send(Server, Flags::SYN | Flags::ACK, -1, 0, "")
        .send(Client, Flags::SYN, -1, 0, "");
    scene.say(Client, 0, 0, "hi");
    assert_eq!(scene.told(), ["1 0 open 40000 80 Handshake", "3 0 Client 0 hi"]);
}

#[test]
fn a_fin_that_was_not_captured_shows_in_its_acknowledgement() {
    let mut scene = Scene::open();
    scene.say(Client, 0, 0, "abc").say(Server, 0, 4, "").wait(1_000);
    scene.send(Server, Flags::FIN | Flags::ACK, 0, 4, "").wait(200);
    let expected = [
        "4 0 Client 0 abc",
        "1006 0 Server finishes",
        "1106 0 Client finishes",
        "1106 0 close Finished(Server)",
    ];
    assert_eq!(scene.told(), expected);
}

#[test]
fn a_fin_waits_for_what_is_before_it() {
    let mut scene = Scene::open();
    scene
        .send(Client, Flags::FIN | Flags::ACK, 3, 0, "d")
        .say(Client, 0, 0, "abc")
        .say(Client, 4, 0, "more");
    assert_eq!(
        scene.told(),
        ["5 0 Client 0 abc", "5 0 Client 3 d", "5 0 Client finishes"]
    );
    assert_eq!(scene.finish().1.outlying_bytes, 4);
}

#[test]
fn numbers_that_no_window_reaches_are_refused() {
    let mut scene = Scene::open();
    scene
        .say(Client, 1 << 30, 0, "edge")
        .say(Client, (1 << 30) + 1, 0, "far");
    scene
        .say(Client, -(1 << 30) - 5, 0, "old")
        .say(Client, 0, 0, "here");
    assert_eq!(scene.told(), ["7 0 Client 0 here"]);
    let (_, figures) = scene.finish();
    assert_eq!(figures.skipped.packets(Skip::Outside), 2);
}

#[test]
fn silence_ends_a_connection() {
    let limits = ReassemblyLimits::default();
    let mut scene = Scene::new(limits);
    scene.shake();
    scene.say(Client, 0, 0, "abc");
    scene.told();
    scene.wait(limits.idle_ns / MS + limits.idle_ns / MS / 16);
    assert_eq!(scene.told(), ["8606251 0 close Idle"]);
    // Then it is forgotten, and whoever speaks joins in mid-stream.
    scene.wait(limits.linger_ns / MS).say(Client, 3, 0, "def");
    assert_eq!(scene.told()[0], "8666255 1 open 40000 80 Midway");
}

#[test]
fn too_many_connections_cost_the_one_that_was_silent_longest() {
    let mut scene = Scene::new(ReassemblyLimits {
        flows: 3,
        ..ReassemblyLimits::default()
    });
    for port in 0..3 {
        scene.client_port = port;
        scene.say(Client, 0, 0, "hi");
    }
    scene.client_port = 0;
    scene.say(Client, 2, 0, "still here");
    scene.told();
    scene.client_port = 7;
    scene.say(Client, 0, 0, "hi");
    let expected = ["5 1 close Dropped", "5 3 open 7 80 Midway", "5 3 Client 0 hi"];
    // A server's port is the lower one, so 0 and 7 speak as servers: only the order counts here.
    assert_eq!(scene.told()[0], expected[0]);
    assert_eq!(scene.finish().1.flows_dropped, 1);
}

#[test]
fn times_never_run_backwards() {
    let mut scene = Scene::open();
    scene.say(Client, 0, 0, "a");
    scene.at_ms = 1;
    scene.say(Client, 1, 0, "b");
    assert_eq!(scene.told(), ["4 0 Client 0 a", "4 0 Client 1 b"]);
}

#[test]
fn a_socket_that_talks_to_itself_is_skipped() {
    let mut scene = Scene::new(ReassemblyLimits::default());
    let end = Endpoint::from(std::net::SocketAddr::from(([10, 0, 0, 1], 5)));
    let segment = Segment {
        source: end,
        to: end,
        path: Path::default(),
        seq: 0,
        ack: 0,
        flags: Flags::SYN,
        window: 0,
        scale: None,
        payload: b"?",
        length: 1,
    };
    scene.reassembly.segment(0, &segment, &mut scene.lines);
    let (lines, figures) = scene.finish();
    assert_eq!((lines.len(), figures.skipped.packets(Skip::Itself)), (0, 1));
}

#[test]
fn a_connection_holds_256_bytes() {
    assert!(size_of::<Connection>() <= 256, "{}", size_of::<Connection>());
}

#[test]
fn damaged_stamps_at_the_end_of_time_end_nothing_but_the_capture_does() {
    let mut scene = Scene::new(ReassemblyLimits::default());
    scene.at_ms = u64::MAX / MS - 10;
    scene.shake();
    scene.say(Client, 3, 0, "early");
    scene.reassembly.advance(u64::MAX, &mut scene.lines);
    let (told, figures) = scene.finish();
    assert_eq!((figures.gaps, figures.reassembled_bytes), (1, 5), "{told:?}");
}
