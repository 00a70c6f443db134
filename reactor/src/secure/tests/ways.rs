//! Connections of one application, each in a way of its own: in the clear, and under TLS.

use super::end::{End, id};
use super::*;

/// Connects once in each of two ways, greets, and keeps what it hears.
#[derive(Default)]
struct Both {
    has_begun: bool,
    opened: Vec<u32>,
    heard: Vec<u8>,
    closed: Vec<Closed>,
}

impl<L: Link> App<L> for Both {
    fn opened(&mut self, link: &mut L, id: Id, _: Origin, _: u64) {
        link.send(id, b"hello").unwrap();
        self.opened.push(id.index);
    }
    fn received(&mut self, _: &mut L, _: Id, bytes: &[u8], _: u64) -> Taken {
        self.heard.extend_from_slice(bytes);
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut L, _: Id, why: Closed, _: u64) {
        self.closed.push(why);
    }
    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        if !std::mem::replace(&mut self.has_begun, true) {
            for way in [0, 1] {
                link.connect_by("10.0.0.1:1".parse().unwrap(), way).unwrap();
            }
        }
        Some(now_us + 1)
    }
}

#[test]
fn a_connection_in_the_clear_passes_beside_one_under_tls() {
    let (client, _) = options(0);
    let ways = vec![None, client.client];
    let mut app = Secure::new(
        Both::default(),
        SecureOptions {
            ways,
            ..SecureOptions::default()
        },
    );
    let mut end = End::new(1 << 16);
    app.turn(&mut end, 0);
    assert_eq!(app.opening(), 2);
    for index in [0, 1] {
        app.opened(&mut end, id(index), Origin::Connected, 0);
    }
    app.turn(&mut end, 1);
    assert_eq!((app.app().opened.as_slice(), app.opening()), (&[0][..], 1));
    assert_eq!(end.conns[0].out, b"hello");
    // A handshake's record (RFC 8446, section 5.1).
    assert_eq!(end.conns[1].out.front(), Some(&22));
    let Taken(taken) = app.received(&mut end, id(0), b"well met", 2);
    assert_eq!((taken, app.app().heard.as_slice()), (8, &b"well met"[..]));
    app.closed(&mut end, id(0), Closed::Peer, 3);
    assert_eq!(
        app.app().closed,
        [Closed::Peer],
        "in the clear, a FIN is an end like any other"
    );
}
