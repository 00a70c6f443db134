//! What goes wrong under TLS, and what the application hears of it.

use wire::tls::{Alert, Fault, OwnFault, PeerFault};

use super::end::{Conn, End, id};
use super::*;

/// Notes what it is told.
#[derive(Default)]
struct Recorder {
    opened: Vec<u32>,
    got: Vec<u8>,
    closed: Vec<(u32, Closed)>,
    /// Waits for the end of a frame that never comes.
    takes_nothing: bool,
    /// Has yet to answer those that have said their last, and how many were told so.
    owes: bool,
    finished: u32,
    to_send: Vec<(u32, Vec<u8>)>,
    to_close: Vec<(u32, Close)>,
    connects: Vec<Result<Id, Closed>>,
    to_connect: u32,
}

impl<L: Link> App<L> for Recorder {
    fn opened(&mut self, _: &mut L, id: Id, _: Origin, _: u64) {
        self.opened.push(id.index);
    }
    fn received(&mut self, _: &mut L, _: Id, bytes: &[u8], _: u64) -> Taken {
        if self.takes_nothing {
            return Taken(0);
        }
        self.got.extend_from_slice(bytes);
        Taken(bytes.len())
    }
    fn finished(&mut self, _: &mut L, _: Id, _: u64) -> bool {
        self.finished += 1;
        self.owes
    }
    fn closed(&mut self, _: &mut L, id: Id, why: Closed, _: u64) {
        self.closed.push((id.index, why));
    }
    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        for _ in 0..std::mem::take(&mut self.to_connect) {
            self.connects.push(link.connect("127.0.0.1:1".parse().unwrap()));
        }
        for (index, bytes) in self.to_send.drain(..) {
            link.send(id(index as usize), &bytes).unwrap();
        }
        for (index, how) in self.to_close.drain(..) {
            link.close(id(index as usize), how);
        }
        Some(now_us + 1)
    }
}

/// A client's shard and a server's with a wire between.
struct Duo {
    apps: [Secure<Recorder>; 2],
    ends: [End; 2],
    now_us: u64,
}

impl Duo {
    fn new((client, server): (SecureOptions, SecureOptions)) -> Self {
        Self {
            apps: [client, server].map(|options| Secure::new(Recorder::default(), options)),
            ends: [End::new(1 << 20), End::new(1 << 20)],
            now_us: 1,
        }
    }

    fn turn(&mut self) {
        for (app, end) in self.apps.iter_mut().zip(&mut self.ends) {
            app.turn(end, self.now_us);
        }
    }

    /// Connects one more, as far as the transport goes.
    fn connect(&mut self) {
        self.apps[0].app.to_connect = 1;
        self.turn();
        self.accept();
    }

    fn accept(&mut self) {
        let index = self.ends[1].conns.len();
        self.ends[1].conns.push(Conn::default());
        self.apps[1].opened(&mut self.ends[1], id(index), Origin::Accepted, self.now_us);
        if index < self.ends[0].conns.len() {
            self.apps[0].opened(&mut self.ends[0], id(index), Origin::Connected, self.now_us);
        }
    }

    /// Delivers what is on its way from one end to the other.
    fn deliver(&mut self, from: usize, change: impl Fn(&mut Vec<u8>)) {
        for index in 0..self.ends[from].conns.len() {
            let mut bytes: Vec<_> = self.ends[from].conns[index].out.drain(..).collect();
            change(&mut bytes);
            if !bytes.is_empty() && self.ends[1 - from].conns[index].closed.is_none() {
                self.apps[1 - from].received(&mut self.ends[1 - from], id(index), &bytes, self.now_us);
            }
        }
        self.turn();
    }

    fn settle(&mut self) {
        for _ in 0..4 {
            self.deliver(0, |_| {});
            self.deliver(1, |_| {});
        }
    }

    /// One connection whose handshake is done.
    fn open(options: (SecureOptions, SecureOptions)) -> Self {
        let mut duo = Self::new(options);
        duo.connect();
        duo.settle();
        assert_eq!(
            (&duo.apps[0].app.opened[..], &duo.apps[1].app.opened[..]),
            (&[0][..], &[0][..])
        );
        duo
    }
}

fn peer(fault: PeerFault) -> Closed {
    Closed::Tls(Fault::Peer(fault))
}

#[test]
fn a_handshake_that_takes_too_long_is_ended_on_both_sides() {
    let mut duo = Duo::new(options(0));
    duo.connect();
    duo.turn();
    duo.now_us += SecureOptions::default().handshake_timeout_us;
    duo.turn();
    assert_eq!(duo.apps[0].app.closed, [(0, Closed::TimedOut)]);
    assert_eq!(duo.apps[1].app.closed, [], "it never heard of it");
    for (app, end) in duo.apps.iter().zip(&duo.ends) {
        assert_eq!(
            (app.stats().timed_out, end.conns[0].closed),
            (1, Some(Close::Reset))
        );
        assert_eq!(app.opening(), 0);
    }
}

#[test]
fn too_many_handshakes_are_refused_and_there_is_room_again() {
    let (mut client, mut server) = options(0);
    (client.handshakes_max, server.handshakes_max) = (2, 1);
    let mut duo = Duo::new((client, server));
    duo.apps[0].app.to_connect = 3;
    duo.turn();
    assert_eq!(
        duo.apps[0].app.connects,
        [Ok(id(0)), Ok(id(1)), Err(Closed::Crowded)]
    );
    duo.accept();
    duo.accept();
    assert_eq!(
        (duo.apps[1].stats().refused, duo.ends[1].conns[1].closed),
        (1, Some(Close::Reset))
    );
    let Duo { apps, ends, .. } = &mut duo;
    apps[0].closed(&mut ends[0], id(1), Closed::Reset, 1);
    assert_eq!(apps[0].app.closed, [(1, Closed::Reset)]);
    duo.settle();
    duo.connect();
    duo.settle();
    assert_eq!(
        (&duo.apps[0].app.opened[..], &duo.apps[1].app.opened[..]),
        (&[0, 2][..], &[0, 2][..])
    );
    assert_eq!((duo.apps[0].opening(), duo.apps[1].opening()), (0, 0));
}

#[test]
fn a_shard_without_the_configuration_neither_connects_nor_accepts() {
    let mut duo = Duo::new((SecureOptions::default(), SecureOptions::default()));
    duo.connect();
    assert_eq!(
        duo.apps[0].app.connects,
        [Err(Closed::Tls(OwnFault::Config.into()))]
    );
    assert_eq!(
        (duo.apps[1].stats().refused, duo.ends[1].conns[0].closed),
        (1, Some(Close::Reset))
    );
}

#[test]
fn a_stranger_gets_an_alert_and_the_application_hears_nothing() {
    let mut duo = Duo::new(options(0));
    duo.accept();
    let Duo { apps, ends, .. } = &mut duo;
    apps[1].received(&mut ends[1], id(0), b"GET / HTTP/1.1\r\n\r\n", 1);
    duo.turn();
    let conn = &duo.ends[1].conns[0];
    assert_eq!(
        (conn.out[0], conn.out.len(), conn.closed),
        (21, 7, Some(Close::Graceful))
    );
    assert_eq!(
        (&duo.apps[1].app.closed[..], duo.apps[1].stats().failed),
        (&[][..], 1)
    );
    assert_eq!(duo.apps[1].opening(), 0);
}

#[test]
fn an_untrusted_server_is_told_so() {
    let ((client, _), (_, server)) = (options(0), options(0));
    let mut duo = Duo::new((client, server));
    duo.connect();
    duo.settle();
    assert_eq!(
        duo.apps[0].app.closed,
        [(0, peer(PeerFault::Untrusted(Alert(48))))]
    );
    assert_eq!((duo.apps[0].stats().failed, duo.apps[1].stats().failed), (1, 1));
    assert_eq!(duo.apps[1].app.opened, []);
}

#[test]
fn an_end_without_close_notify_is_a_truncation() {
    let mut duo = Duo::open(options(0));
    let Duo { apps, ends, .. } = &mut duo;
    apps[1].closed(&mut ends[1], id(0), Closed::Peer, 1);
    assert_eq!(apps[1].app.closed, [(0, peer(PeerFault::Truncated))]);
    assert_eq!(apps[1].stats().truncated, 1);
    apps[0].closed(&mut ends[0], id(0), Closed::Reset, 1);
    assert_eq!(apps[0].app.closed, [(0, Closed::Reset)], "a reset is a reset");
}

#[test]
fn a_close_is_told_and_answered() {
    let mut duo = Duo::open(options(0));
    duo.apps[0].app.to_send.push((0, b"last words".to_vec()));
    duo.apps[0].app.to_close.push((0, Close::Graceful));
    duo.turn();
    duo.settle();
    assert_eq!(duo.apps[1].app.got, b"last words");
    assert_eq!(duo.apps[1].app.closed, [(0, Closed::Peer)]);
    assert_eq!(duo.apps[0].app.closed, [], "who closes is not told");
    assert_eq!(duo.ends[1].conns[0].closed, Some(Close::Graceful));
    assert_eq!(duo.apps[1].stats().truncated, 0);
}

#[test]
fn a_record_that_was_changed_ends_the_session_after_those_before_it() {
    let mut duo = Duo::open(options(0));
    duo.apps[0].app.to_send = vec![(0, b"whole".to_vec()), (0, b"changed".to_vec())];
    duo.turn();
    duo.deliver(0, |bytes| {
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
    });
    assert_eq!(duo.apps[1].app.got, b"whole");
    assert_eq!(
        duo.apps[1].app.closed,
        [(0, peer(PeerFault::Violated(Alert::BAD_RECORD_MAC)))]
    );
    duo.settle();
    assert_eq!(
        duo.apps[0].app.closed,
        [(0, peer(PeerFault::Alerted(Alert::BAD_RECORD_MAC)))]
    );
}

#[test]
fn a_frame_that_never_ends_is_kept_up_to_a_bound() {
    let (client, mut server) = options(0);
    server.stash_max_bytes = 1000;
    let mut duo = Duo::open((client, server));
    duo.apps[1].app.takes_nothing = true;
    for length in [600, 400, 1] {
        assert_eq!(duo.apps[1].app.closed, []);
        duo.apps[0].app.to_send.push((0, vec![1; length]));
        duo.turn();
        duo.deliver(0, |_| {});
    }
    assert_eq!(
        duo.apps[1].app.closed,
        [(0, peer(PeerFault::Violated(Alert::RECORD_OVERFLOW)))]
    );
}

#[test]
fn a_client_that_has_said_close_notify_still_gets_its_answer() {
    let mut duo = Duo::open(options(0));
    assert!(
        !duo.apps[1].finished(&mut duo.ends[1], id(0), 1),
        "a FIN alone breaks off"
    );
    duo.apps[1].app.owes = true;
    duo.apps[0].app.to_close.push((0, Close::Graceful));
    duo.turn();
    duo.deliver(0, |_| {});
    assert_eq!(
        (duo.apps[1].app.finished, &duo.apps[1].app.closed[..]),
        (1, &[][..])
    );
    assert!(
        duo.apps[1].finished(&mut duo.ends[1], id(0), 1),
        "a FIN after it does not"
    );
    duo.apps[1].app.to_send.push((0, b"answer".to_vec()));
    duo.turn();
    assert!(duo.ends[1].conns[0].out.len() > b"answer".len());
    assert_eq!(duo.ends[1].conns[0].closed, None);
    duo.apps[1].app.to_close.push((0, Close::Graceful));
    duo.turn();
    assert_eq!(duo.ends[1].conns[0].closed, Some(Close::Graceful));
    assert!(!duo.apps[1].tls.has_finished(id(0)), "nothing is kept of it");
    assert_eq!(duo.apps[1].stats().truncated, 0);
}
