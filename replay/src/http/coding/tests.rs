//! Packed bodies, in pieces of any size: what they say, and those that say nothing.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::super::Responses;
use super::*;

/// A way of packing, as a head names it.
type Way = (&'static str, fn(&[u8]) -> Vec<u8>);

const WAYS: [Way; 5] = [
    ("gzip", gzipped),
    ("X-Gzip, identity", gzipped),
    ("deflate", |body| {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }),
    ("deflate", |body| {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }),
    ("zstd", |body| zstd::encode_all(body, 0).unwrap()),
];

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// What a response says whose body was sent like this, in pieces of these sizes.
fn content(coding: &str, sent: &[u8], sizes: &[usize]) -> Option<Kept> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        sent.len()
    );
    let (mut responses, mut said) = (Responses::default(), Vec::new());
    let mut rest = &[head.as_bytes(), sent].concat()[..];
    for size in sizes.iter().copied().chain([rest.len()]) {
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        responses.read(piece, |response| {
            said.push(response.content().map(Cow::into_owned));
        });
        rest = behind;
    }
    assert_eq!(said.len(), 1);
    said.remove(0)
}

fn kept(body: &[u8]) -> Kept {
    let mut kept = Kept::default();
    kept.push(body);
    kept
}

fn is(content: Option<&Kept>, body: &[u8]) -> bool {
    let expected = kept(body);
    content.is_some_and(|kept| (&kept.front, kept.beyond()) == (&expected.front, expected.beyond()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Short or long, of text or of noise, in pieces of any size: what was packed is what is said.
    #[test]
    fn what_was_packed_is_what_is_said(
        words in prop::collection::vec(any::<u64>(), 0..40),
        times in prop_oneof![Just(1usize), 2..2_000usize],
        noise in prop_oneof![Just(0usize), 1..200_000usize],
        sizes in prop::collection::vec(1usize..50_000, 0..20),
    ) {
        let mut body = format!("{words:?}").repeat(times).into_bytes();
        body.extend((0..noise as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8));
        for (coding, pack) in WAYS {
            prop_assert!(is(content(coding, &pack(&body), &sizes).as_ref(), &body), "{coding}: {} bytes", body.len());
        }
        prop_assert!(is(content("identity", &body, &sizes).as_ref(), &body));
    }

    /// Whatever a body is: no more is said than the bound, and nobody falls over.
    #[test]
    fn noise_says_nothing_that_is_unbounded(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        for (coding, pack) in WAYS {
            let magic = &pack(b"")[..2];
            for body in [noise.clone(), [magic, &noise].concat()] {
                let said = content(coding, &body, &[]);
                prop_assert!(said.is_none_or(|said| said.bytes <= UNPACKED_MAX_BYTES));
            }
        }
    }
}

#[test]
fn a_body_that_unpacks_to_too_much_is_left_packed_and_holds_no_more_than_its_front() {
    let bomb = vec![0; UNPACKED_MAX_BYTES as usize + 1];
    for (coding, pack) in WAYS {
        let (most, packed) = (pack(&bomb[1..]), pack(&bomb));
        assert!(packed.len() < BODY_MAX_BYTES, "{coding}: {}", packed.len());
        assert_eq!(content(coding, &most, &[]).unwrap().front.len(), BODY_MAX_BYTES);
        assert!(content(coding, &packed, &[]).is_none(), "{coding}");
    }
    // One that is long as it is sent, too: it is given up on its way.
    let long = gzipped(&bomb).repeat(20);
    assert!(long.len() > 3 * BODY_MAX_BYTES);
    assert!(content("gzip", &long, &[]).is_none());
}

#[test]
fn what_is_torn_broken_or_packed_otherwise_says_nothing() {
    let body = b"{\"token\": \"abcdefgh\"}".repeat(20);
    for (coding, pack) in WAYS {
        let packed = pack(&body);
        let (torn, followed) = (&packed[..packed.len() - 1], [&packed[..], b"x"].concat());
        assert!(content(coding, torn, &[]).is_none(), "{coding}");
        assert!(content(coding, &followed, &[]).is_none(), "{coding}");
        for other in ["br", "gzip, gzip", "zstd, br"] {
            assert!(content(other, &packed, &[]).is_none(), "{other}");
        }
    }
    let mut broken = gzipped(&body);
    let sum = broken.len() - 8;
    broken[sum] ^= 1;
    assert!(content("gzip", &broken, &[]).is_none(), "its sum is another's");
}

#[test]
fn several_members_and_frames_are_one_body() {
    for coding in ["gzip", "zstd"] {
        let pack = WAYS.iter().find(|(name, _)| *name == coding).unwrap().1;
        let packed = [pack(b"one, "), pack(b"two, "), pack(&[b'3'; 40_000])].concat();
        let said = [&b"one, two, "[..], &[b'3'; 40_000]].concat();
        assert!(is(content(coding, &packed, &[]).as_ref(), &said), "{coding}");
    }
}

#[test]
fn an_answer_without_a_body_says_nothing_and_is_not_sealed() {
    let mut responses = Responses::default();
    let mut said = 0;
    let head = b"HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\n\r\n";
    responses.read(head, |response| {
        said += 1;
        assert!(is(response.content().as_deref(), b""));
    });
    assert_eq!(said, 1);
}
