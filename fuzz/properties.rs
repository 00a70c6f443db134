//! What must hold of any bytes whatever. Each property panics when it does not.
//!
//! The fuzz targets call these with bytes they invent, `wire/tests/corpus.rs` with the bytes that were kept. This
//! file knows no fuzzing engine.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wire::chat::{
    Client, ClientFrame, Event, FRAME_MAX_BYTES, HEADER_BYTES, Identity, Key, Number, Phase, ServerFrame,
};
use wire::tls::{self, Fault, Handshake, Progress, ServerOptions, ServerTls};

/// Client frames: a decoder never panics, never takes more than it was given, and what it takes encodes to the
/// same bytes.
pub(crate) fn client_frames(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Some((frame, length))) = ClientFrame::decode(rest) {
        let (taken, left) = rest.split_at(length);
        let mut again = Vec::new();
        frame.encode(&mut again);
        check_frame(taken, &again, frame.kind());
        assert!(frame.kind() < 0x80, "a client's types are below 0x80");
        for cut in 0..length.min(HEADER_BYTES + 40) {
            assert!(
                matches!(ClientFrame::decode(&taken[..cut]), Ok(None)),
                "{frame:?} appeared before its last byte, after {cut}"
            );
        }
        rest = left;
    }
}

/// Server frames: the same.
pub(crate) fn server_frames(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Some((frame, length))) = ServerFrame::decode(rest) {
        let (taken, left) = rest.split_at(length);
        let mut again = Vec::new();
        frame.encode(&mut again);
        check_frame(taken, &again, frame.kind());
        assert!(frame.kind() >= 0x80, "a server's types are from 0x80");
        for cut in 0..length.min(HEADER_BYTES + 40) {
            assert!(
                matches!(ServerFrame::decode(&taken[..cut]), Ok(None)),
                "{frame:?} appeared before its last byte, after {cut}"
            );
        }
        rest = left;
    }
}

/// A session: the first byte says how the rest is cut into pieces. However it is cut, the client says and learns the
/// same, and keeps its own side of the protocol.
pub(crate) fn session(bytes: &[u8]) {
    let Some((&piece, stream)) = bytes.split_first() else {
        return;
    };
    let whole = converse(stream.chunks(stream.len().max(1)));
    let cut = converse(stream.chunks(usize::from(piece).max(1)));
    assert_eq!(
        whole, cut,
        "in pieces of {piece} bytes the session went otherwise"
    );
}

/// A server's TLS handshake: the first byte says how the rest is cut into pieces. However it is cut, it comes to the
/// same, and what is refused is the peer's fault.
pub(crate) fn tls_server(bytes: &[u8]) {
    let Some((&piece, stream)) = bytes.split_first() else {
        return;
    };
    let whole = shake(stream.chunks(stream.len().max(1)));
    let cut = shake(stream.chunks(usize::from(piece).max(1)));
    assert_eq!(
        whole, cut,
        "in pieces of {piece} bytes the handshake went otherwise"
    );
    if let Err(fault) = whole {
        assert!(matches!(fault, Fault::Peer(_)), "{fault}");
    }
}

fn shake<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Progress, Fault> {
    static SERVER: OnceLock<ServerTls> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let options = ServerOptions {
            identity: tls::Identity::generate(&["localhost"]).expect("a certificate"),
            alpn: Vec::new(),
            tickets: 1,
        };
        ServerTls::new(options, Arc::new(Epoch)).expect("a configuration")
    });
    let (mut handshake, mut out) = (Handshake::server(server).expect("a handshake"), Vec::new());
    let mut progress = Progress::Waiting;
    for piece in pieces {
        progress = handshake.receive(piece, &mut out)?;
    }
    Ok(progress)
}

/// A clock that stands still.
#[derive(Debug)]
struct Epoch;

impl tls::TimeProvider for Epoch {
    fn current_time(&self) -> Option<tls::UnixTime> {
        Some(tls::UnixTime::since_unix_epoch(Duration::from_secs(1)))
    }
}

fn check_frame(taken: &[u8], again: &[u8], kind: u8) {
    assert_eq!(taken, again, "a frame encodes to the bytes it came from");
    assert_eq!(taken[HEADER_BYTES], kind);
    assert!(taken.len() <= HEADER_BYTES + FRAME_MAX_BYTES);
}

/// Whose client it is. One key for all: the proof's worth is not in question here.
struct Somebody;

impl Identity for Somebody {
    fn number(&self) -> Number {
        Number::MAX
    }

    fn key(&self) -> Key {
        Key([0x6b; 32])
    }
}

/// What a session came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// Each event, as it prints.
    events: Vec<String>,
    /// All that the client sent.
    sent: Vec<u8>,
    /// The highest id it used or was told.
    last_id: u64,
    /// Bytes that became no frame.
    left: usize,
}

fn converse<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let (mut client, mut stash, mut sent) = (Client::default(), Vec::new(), Vec::new());
    let mut events = Vec::new();
    'stream: for piece in pieces {
        stash.extend_from_slice(piece);
        let mut taken = 0;
        loop {
            match ServerFrame::decode(&stash[taken..]) {
                Ok(Some((frame, length))) => {
                    taken += length;
                    events.push(receive(&mut client, frame, &mut sent));
                }
                Ok(None) => break,
                Err(error) => {
                    events.push(error.to_string());
                    // The bytes after a broken frame mean nothing, so how many came does not count.
                    stash.clear();
                    break 'stream;
                }
            }
        }
        stash.drain(..taken);
    }
    Outcome {
        events,
        sent,
        last_id: client.last_id(),
        left: stash.len(),
    }
}

/// Hands one frame over and checks the client's own side: phases only go forward, an ended client is silent, each
/// answer is a frame with a reason.
fn receive(client: &mut Client, frame: ServerFrame<'_>, sent: &mut Vec<u8>) -> String {
    let (phase, last_id, start) = (client.phase(), client.last_id(), sent.len());
    let event = client.receive(frame, &Somebody, sent);
    assert!(
        client.phase() as u8 >= phase as u8,
        "{phase:?} became {:?}",
        client.phase()
    );
    assert!(client.last_id() >= last_id, "an id may be used twice");

    let answers = answers(&sent[start..]);
    let expected = match (&event, frame) {
        (Event::LoggingIn, _) => vec![0x03],
        (Event::Message { .. }, _) => vec![0x05],
        (Event::Delivered { .. }, ServerFrame::Delivered { seq, .. }) if seq != 0 => vec![0x05],
        _ => vec![],
    };
    assert_eq!(answers, expected, "the answer to {event:?}");
    if phase == Phase::Over {
        assert!(matches!(event, Event::Unexpected), "{event:?} after the end");
    }
    if client.phase() == Phase::Online && client.last_id() < u64::MAX {
        let mut next = *client;
        assert_eq!(next.next_id(), client.last_id() + 1);
    }
    format!("{event:?}")
}

/// The types of the frames in `bytes`, which must be whole.
fn answers(mut bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while !bytes.is_empty() {
        match ClientFrame::decode(bytes) {
            Ok(Some((frame, length))) => {
                kinds.push(frame.kind());
                bytes = &bytes[length..];
            }
            other => panic!("the client sent what no server takes: {other:?}"),
        }
    }
    kinds
}
