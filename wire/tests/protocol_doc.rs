//! Holds `docs/protocol.md` to the code: its bytes, layouts, bounds, codes and vectors.
//!
//! The page is what another language is written from, so nothing in it may be only nearly right. This test knows the
//! page's form (headings, tables, fenced blocks) and the crate's public items, nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used)] // clippy.toml allows them in test functions, not in their helpers

#[path = "protocol_doc/page.rs"]
mod page;

use page::Page;
use wire::chat::{
    self, Address, Body, Client, ClientFrame, Code, GroupId, Identity, Key, Kind, Media, MediaToken, Members,
    Nonce, Number, Phase, Presence, Proof, Secret, ServerFrame,
};

const NONCE: Nonce = [0xa5; 16];
const TIME_MS: u64 = 1_767_225_600_000;

fn ann() -> Number {
    Number::new(15_550_000_001).unwrap()
}

fn bob() -> Number {
    Number::new(15_550_000_002).unwrap()
}

fn group() -> GroupId {
    GroupId::new(ann(), 3).unwrap()
}

fn secret() -> Secret {
    Secret::new(&[0x0b; 32])
}

fn text(bytes: &[u8]) -> Body<'_> {
    Body {
        kind: Kind::Text,
        bytes,
    }
}

fn client(frame: ClientFrame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    frame.encode(&mut out);
    out
}

fn server(frame: ServerFrame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    frame.encode(&mut out);
    out
}

/// The frame that each section of the page shows, by the section's name, in the page's order.
fn examples() -> Vec<(&'static str, Vec<u8>)> {
    let members: Vec<u8> = [ann(), bob()]
        .iter()
        .flat_map(|n| n.value().to_be_bytes())
        .collect();
    let members = Members::parse(&members).unwrap();
    let proof = secret().key(ann()).prove(&NONCE, ann());
    let (id, to) = (42, Address::Person(bob()));
    let media_token = secret().media_token(ann());
    vec![
        ("register", client(ClientFrame::Register { number: ann() })),
        (
            "prove",
            client(ClientFrame::Prove {
                number: ann(),
                pin: 123_456,
            }),
        ),
        ("login", client(ClientFrame::Login { number: ann(), proof })),
        (
            "send",
            client(ClientFrame::Send {
                id,
                to,
                body: text(b"hello"),
            }),
        ),
        ("ack", client(ClientFrame::Ack { seq: 7 })),
        ("typing", client(ClientFrame::Typing { to: bob(), on: true })),
        (
            "watch",
            client(ClientFrame::Watch {
                number: bob(),
                on: true,
            }),
        ),
        ("set_group", client(ClientFrame::SetGroup { tag: 3, members })),
        ("leave_group", client(ClientFrame::LeaveGroup { group: group() })),
        ("ping", client(ClientFrame::Ping { token: 0xdead_beef })),
        (
            "hello",
            server(ServerFrame::Hello {
                version: chat::VERSION,
                nonce: NONCE,
            }),
        ),
        ("pin_sent", server(ServerFrame::PinSent { number: ann() })),
        (
            "new_key",
            server(ServerFrame::NewKey {
                number: ann(),
                key: secret().key(ann()),
            }),
        ),
        (
            "welcome",
            server(ServerFrame::Welcome {
                last_id: 41,
                queued: 1,
                media_token,
            }),
        ),
        ("accepted", server(ServerFrame::Accepted { id })),
        (
            "refused",
            server(ServerFrame::Refused {
                id,
                code: Code::MailboxFull,
            }),
        ),
        ("deliver", server(deliver())),
        (
            "delivered",
            server(ServerFrame::Delivered {
                seq: 8,
                id,
                by: bob(),
            }),
        ),
        (
            "typing_from",
            server(ServerFrame::Typing {
                from: bob(),
                on: true,
            }),
        ),
        (
            "presence",
            server(ServerFrame::Presence {
                number: bob(),
                presence: Presence::Online,
            }),
        ),
        (
            "group",
            server(ServerFrame::Group {
                group: group(),
                members: 2,
            }),
        ),
        ("pong", server(ServerFrame::Pong { token: 0xdead_beef })),
        (
            "error",
            server(ServerFrame::Error {
                code: Code::NoSuchNumber,
                about: 0x07,
            }),
        ),
        (
            "bye",
            server(ServerFrame::Bye {
                code: Code::ShuttingDown,
            }),
        ),
    ]
}

fn deliver() -> ServerFrame<'static> {
    let (from, group) = (bob(), None);
    ServerFrame::Deliver {
        seq: 7,
        from,
        group,
        id: 9,
        time_ms: TIME_MS,
        body: text(b"hi"),
    }
}

/// Every bound the crate exports, by name.
fn bounds() -> Vec<(&'static str, u64)> {
    vec![
        ("VERSION", u64::from(chat::VERSION)),
        ("HEADER_BYTES", chat::HEADER_BYTES as u64),
        ("FRAME_MAX_BYTES", chat::FRAME_MAX_BYTES as u64),
        ("BODY_MAX_BYTES", chat::BODY_MAX_BYTES as u64),
        ("LINK_MAX_BYTES", chat::LINK_MAX_BYTES as u64),
        ("THUMBNAIL_MAX_BYTES", chat::THUMBNAIL_MAX_BYTES as u64),
        ("MEMBERS_MAX", chat::MEMBERS_MAX as u64),
        ("TAG_MAX", u64::from(chat::TAG_MAX)),
        ("WATCHES_MAX", chat::WATCHES_MAX as u64),
        ("ID_WINDOW", chat::ID_WINDOW),
        ("DELIVER_WINDOW", u64::from(chat::DELIVER_WINDOW)),
        ("PIN_DIGITS", u64::from(chat::PIN_DIGITS)),
        ("NUMBER_MAX", Number::MAX.value()),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Decodes one frame by the direction its type names; the name it prints and the bytes it encodes to.
fn decode(bytes: &[u8]) -> (String, Vec<u8>) {
    let mut again = Vec::new();
    let debug = if bytes[chat::HEADER_BYTES] < 0x80 {
        let (frame, length) = ClientFrame::decode(bytes).unwrap().expect("a whole frame");
        assert_eq!(length, bytes.len());
        frame.encode(&mut again);
        format!("{frame:?}")
    } else {
        let (frame, length) = ServerFrame::decode(bytes).unwrap().expect("a whole frame");
        assert_eq!(length, bytes.len());
        frame.encode(&mut again);
        format!("{frame:?}")
    };
    (debug, again)
}

#[test]
fn each_frame_is_laid_out_and_shown_as_the_code_encodes_it() {
    let page = Page::load();
    let sections = page.frames();
    let names: Vec<_> = sections.iter().map(|section| section.name.as_str()).collect();
    let expected: Vec<_> = examples().iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names, expected,
        "the frames the page describes, in the order of their types"
    );

    for (section, (name, bytes)) in sections.iter().zip(examples()) {
        assert_eq!(hex(&section.dump()), hex(&bytes), "the example of `{name}`");
        assert_eq!(decode(&bytes).1, bytes);
        assert_eq!(section.kind, bytes[chat::HEADER_BYTES], "the type of `{name}`");
        section.check_layout();
    }
}

#[test]
fn the_table_of_frames_names_each_once() {
    let listed: Vec<_> = Page::load()
        .table("type", "frame")
        .iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let expected: Vec<_> = examples()
        .iter()
        .map(|(name, bytes)| {
            (
                format!("0x{:02x}", bytes[chat::HEADER_BYTES]),
                format!("`{name}`"),
            )
        })
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn each_code_has_its_number_its_name_and_its_close() {
    let rows = Page::load().table("code", "name");
    assert_eq!(rows.len(), Code::ALL.len());
    for (row, code) in rows.iter().zip(Code::ALL) {
        assert_eq!(row[0], code.value().to_string());
        assert_eq!(row[1], format!("`{code:?}`"));
        assert_eq!(row[2] == "yes", closes(code), "whether {code:?} closes");
        assert_eq!(
            row[3].contains("`bye`"),
            closes(code),
            "{code:?} comes in `bye` exactly if it closes"
        );
    }
}

/// Whether a code closes the connection, by its documentation in the code.
fn closes(code: Code) -> bool {
    let source = include_str!("../src/chat/code.rs");
    let line = format!("    {code:?} = {},", code.value());
    let (before, _) = source
        .split_once(&line)
        .unwrap_or_else(|| panic!("no line `{line}`"));
    before.lines().last().unwrap_or_default().ends_with("Closes.")
}

#[test]
fn each_bound_is_listed_with_its_value() {
    let rows = Page::load().table("bound", "value");
    let listed: Vec<_> = rows
        .iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), page::count(&row[1])))
        .collect();
    let expected: Vec<_> = bounds()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn every_value_beside_a_name_in_the_text_is_that_names() {
    let mut checked = 0;
    for (name, value) in Page::load().mentions() {
        let bound = bounds()
            .into_iter()
            .find(|(bound, _)| *bound == name)
            .map(|(_, value)| value);
        let code = Code::ALL
            .into_iter()
            .find(|code| format!("{code:?}") == name)
            .map(|code| u64::from(code.value()));
        match bound.or(code) {
            Some(expected) => assert_eq!(value.unwrap_or(expected), expected, "`{name}`"),
            None => panic!("the page names `{name}`, which is neither a bound nor a code"),
        }
        checked += usize::from(value.is_some());
    }
    assert!(
        checked >= 20,
        "only {checked} values stood beside a name: is the page still read right?"
    );
}

#[test]
fn every_link_within_the_page_leads_somewhere() {
    let page = Page::load();
    let anchors = page.anchors();
    let links = page.links();
    assert!(
        links.len() >= 20,
        "only {} links: is the page still read right?",
        links.len()
    );
    for link in links {
        assert!(anchors.contains(&link), "#{link} is no heading");
    }
}

#[test]
fn the_vectors_are_what_the_code_computes() {
    let (secret, key) = (secret(), secret().key(ann()));
    let expected = [
        ("number", hex(&ann().value().to_be_bytes())),
        ("secret", hex(&[0x0b; 32])),
        ("nonce", hex(&NONCE)),
        ("key", hex(&key.0)),
        ("proof", hex(&key.prove(&NONCE, ann()).0)),
        ("media_token", hex(&secret.media_token(ann()).0)),
    ];
    let blocks = Page::load().blocks("vectors");
    let found: Vec<_> = blocks
        .iter()
        .flatten()
        .filter_map(|line| line.split_once('='))
        .collect();
    assert_eq!(found.len(), expected.len());
    for ((name, value), (expected_name, expected)) in found.into_iter().zip(expected) {
        assert_eq!((name.trim(), value.trim()), (expected_name, expected.as_str()));
    }
}

#[test]
fn a_media_body_is_read_as_the_page_says() {
    let bytes = Page::load()
        .blocks("media")
        .first()
        .map(|lines| page::dump(lines))
        .unwrap();
    let media = Media::parse(&bytes).unwrap();
    assert_eq!(
        media,
        Media::new(
            "/v1/media/0123456789abcdef0123456789abcdef",
            &[0xff, 0xd8, 0xff, 0xd9]
        )
        .unwrap()
    );
}

struct Ann;

impl Identity for Ann {
    fn number(&self) -> Number {
        ann()
    }

    fn key(&self) -> Key {
        secret().key(ann())
    }
}

#[test]
fn the_session_in_bytes_is_one_that_the_client_has() {
    let blocks = Page::load().blocks("session");
    let (mut machine, mut answers) = (Client::default(), Vec::new());
    let (mut sent, mut received) = (0, 0);
    for line in blocks.iter().flatten() {
        let (side, bytes) = page::transcript(line);
        let (debug, again) = decode(&bytes);
        assert_eq!(hex(&again), hex(&bytes), "{debug}");
        match side {
            'S' => {
                let (frame, _) = ServerFrame::decode(&bytes).unwrap().unwrap();
                let event = machine.receive(frame, &Ann, &mut answers);
                assert!(!matches!(event, chat::Event::Unexpected), "{debug}");
                received += 1;
            }
            'C' => {
                // What the machine answers by itself comes next on the page, byte for byte.
                if answers.is_empty() {
                    if let (ClientFrame::Send { id, .. }, _) = ClientFrame::decode(&bytes).unwrap().unwrap() {
                        assert_eq!(id, machine.next_id(), "{debug}");
                    }
                } else {
                    let rest = answers.split_off(bytes.len());
                    assert_eq!(hex(&answers), hex(&bytes), "{debug}");
                    answers = rest;
                }
                sent += 1;
            }
            other => panic!("neither C nor S: {other}"),
        }
    }
    assert!(answers.is_empty() && machine.phase() == Phase::Over && sent >= 4 && received >= 6);
}

#[test]
fn the_proof_in_the_page_is_the_one_the_server_would_take() {
    let key = secret().key(ann());
    let proof = Page::load()
        .frames()
        .into_iter()
        .find(|section| section.name == "login")
        .unwrap()
        .dump();
    let proof: [u8; 16] = proof[proof.len() - 16..].try_into().unwrap();
    assert!(key.verify(&NONCE, ann(), &Proof(proof)));
    let token = Page::load()
        .frames()
        .into_iter()
        .find(|section| section.name == "welcome")
        .unwrap()
        .dump();
    let token: [u8; 16] = token[token.len() - 16..].try_into().unwrap();
    assert!(secret().media_token(ann()).verify(&MediaToken(token)));
}
