//! What a stranger may hand to `teem replay inspect`: files that are none, are damaged, or want all memory for themselves.
//!
//! It knows the bytes of captures; what a sound one amounts to is looked at elsewhere.

use std::process::Command;

use crate::home::{Done, Home, binary};

/// What any capture may take, in memory that is written, with all of the program: a bound of 256 MB that the kernel keeps.
const MEMORY_BYTES: u64 = 256_000_000;

/// Connections of a hostile capture that lack every other byte, and those of which everything waits.
const GAPPED: u32 = 20_000;
const GREEDY: u32 = 1_000;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// A capture's header: libpcap's classic format, little-endian, microseconds, packets of this link type.
fn head(link: u32) -> Vec<u8> {
    let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(65_535_u32.to_le_bytes());
    file.extend(link.to_le_bytes());
    file
}

/// Appends a record of a packet a microsecond after the last.
fn record(file: &mut Vec<u8>, at_us: u32, packet: &[u8]) {
    let length = packet.len() as u32;
    for field in [1 + at_us / 1_000_000, at_us % 1_000_000, length, length] {
        file.extend(field.to_le_bytes());
    }
    file.extend(packet);
}

/// A client's IPv4 packet with a TCP segment; clients differ in address and port.
fn segment(client: u32, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((40 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    packet.extend((0x0a00_0000 + client / 1_000).to_be_bytes());
    packet.extend([192, 0, 2, 1]);
    packet.extend((10_000 + (client % 1_000) as u16).to_be_bytes());
    packet.extend(443_u16.to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend(1_u32.to_be_bytes());
    packet.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend(payload);
    packet
}

/// Inspects these bytes.
fn inspect(home: &Home, bytes: &[u8]) -> Done {
    std::fs::write(home.path("a.pcap"), bytes).unwrap();
    home.teem(&["replay", "inspect", "a.pcap"])
}

#[test]
fn what_is_no_capture_gets_a_sentence_that_says_where() {
    let home = Home::new();
    let refused = |bytes: &[u8], words: &[&str]| {
        inspect(&home, bytes).mistake(&[&["a.pcap"][..], words].concat());
    };
    refused(b"", &["the capture is empty"]);
    refused(
        b"Dear Sir or Madam",
        &["not a capture", "44 65 61 72", "expected pcap or pcapng"],
    );
    refused(&head(101)[..19], &["offset 0", "it ends there"]);
    refused(
        &head(147),
        &["unknown link type 147 at offset 20", "Ethernet (1)"],
    );
    let mut version = head(101);
    version[4] = 9;
    refused(&version, &["offset 4", "version 9.4"]);
    // A zstd frame (RFC 8878, section 3.1.1.1.2) that asks for a window of 2 GiB.
    refused(
        &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 1, 0, 0],
        &["zstd", "cannot unpack"],
    );
    refused(&[0x1f, 0x8b, 8, 0, 0, 0], &["offset 0"]);
}

#[test]
fn what_is_sound_before_the_damage_is_used_and_the_damage_has_an_offset() {
    let home = Home::new();
    let mut sound = head(101);
    record(&mut sound, 0, &segment(1, 0, SYN, b""));
    record(&mut sound, 1, &segment(1, 1, ACK, b"PING\r\n"));
    let used = |bytes: &[u8], words: &[&str]| {
        let done = inspect(&home, bytes).code(0);
        assert!(done.out.contains("capture: 2 packets"), "{done:#?}");
        let notes: Vec<&str> = done
            .err
            .lines()
            .filter(|line| line.starts_with("note:"))
            .collect();
        assert_eq!(notes.len(), 1, "{done:#?}");
        for word in words {
            assert!(notes[0].contains(word), "`{word}` is not in {done:#?}");
        }
    };
    let offset = format!("offset {}", sound.len());
    let mut cut = sound.clone();
    record(&mut cut, 2, &segment(1, 7, ACK, b"PING\r\n"));
    cut.truncate(cut.len() - 3);
    used(&cut, &[&offset]);
    let mut absurd = sound.clone();
    absurd.extend([0xee; 16]);
    used(&absurd, &["damaged", &offset]);
}

/// A *ClientHello* with this number for its random and the longest name of a server there is (RFC 8446, sections 4.1.2 and 5.1), and
/// behind it the beginning of a record that never ends.
fn client_hello(number: u32) -> Vec<u8> {
    const NAME_BYTES: u16 = 255;
    let mut body = vec![3, 3];
    body.extend([0; 28]);
    body.extend(number.to_be_bytes());
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    let lengths = [NAME_BYTES + 9, 0, NAME_BYTES + 5, NAME_BYTES + 3];
    lengths
        .iter()
        .for_each(|length| body.extend(length.to_be_bytes()));
    body.push(0);
    body.extend(NAME_BYTES.to_be_bytes());
    body.extend([b'n'; NAME_BYTES as usize]);
    let length = body.len() as u16;
    let mut said = vec![22, 3, 1];
    said.extend((length + 4).to_be_bytes());
    said.extend([1, 0]);
    said.extend(length.to_be_bytes());
    said.extend(body);
    said.extend([22, 3, 3, 0x40, 0]);
    said.extend([0x5a; 500]);
    said
}

/// The secrets of so many sessions, of which the capture has some.
fn key_log(sessions: u32) -> String {
    let secret = "a5".repeat(48);
    (0..sessions)
        .map(|number| format!("CLIENT_RANDOM {number:064x} {secret}\n"))
        .collect()
}

/// Clients in the middle of a handshake, half-open connections without end, of which some say every other byte, holes without end behind
/// which everything waits, fragments of which none is the last.
fn hostile(shaking: u32, half_open: u32) -> Vec<u8> {
    const HOLES: u32 = 9;
    const PIECES: u32 = 60;
    let mut file = head(101);
    let mut at_us = 0;
    let mut say = |file: &mut Vec<u8>, packet: &[u8]| {
        at_us += 1;
        record(file, at_us, packet);
    };
    for client in 0..shaking {
        say(&mut file, &segment(client, 0, SYN, b""));
        say(&mut file, &segment(client, 1, ACK, &client_hello(client)));
    }
    for client in 0..GAPPED {
        say(&mut file, &segment(shaking + client, 0, SYN, b""));
    }
    for piece in 0..HOLES {
        for client in 0..GAPPED {
            say(&mut file, &segment(shaking + client, 2 + 2 * piece, ACK, b"?"));
        }
    }
    let first = shaking + GAPPED;
    for client in 0..half_open {
        say(&mut file, &segment(first + client, 0, SYN, b""));
    }
    let greedy = first + half_open;
    for client in 0..GREEDY {
        say(&mut file, &segment(greedy + client, 0, SYN, b""));
    }
    for piece in 0..PIECES {
        for client in 0..GREEDY {
            // Every other thousand bytes is missing, and nobody acknowledges any.
            let sequence = 1 + 1_000 + 2_000 * piece;
            say(
                &mut file,
                &segment(greedy + client, sequence, ACK, &[0x5a; 1_000]),
            );
        }
    }
    for id in 0..20_000_u16 {
        // But for the last, fragments are multiples of eight bytes (RFC 791, section 3.2).
        let mut packet = segment(0, 0, ACK, &[0x5a; 404]);
        packet[4..6].copy_from_slice(&id.to_be_bytes());
        packet[6] = 0x20; // more fragments
        say(&mut file, &packet);
    }
    file
}

/// A zstd frame that asks for 128 MiB of window, of raw blocks (RFC 8878, sections 3.1.1.1.2 and 3.1.1.2).
fn framed(capture: &[u8]) -> Vec<u8> {
    let mut file = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3];
    let mut blocks = capture.chunks(128 << 10).peekable();
    while let Some(block) = blocks.next() {
        let is_last = u32::from(blocks.peek().is_none());
        let header = (block.len() as u32) << 3 | is_last;
        file.extend(&header.to_le_bytes()[..3]);
        file.extend(block);
    }
    file
}

/// Inspects a capture with no more memory than any may take.
fn bounded(home: &Home, capture: &[u8]) -> Done {
    std::fs::write(home.path("a.pcap"), capture).unwrap();
    let mut command = Command::new("prlimit");
    command.arg(format!("--data={MEMORY_BYTES}")).arg(binary());
    command.args(["replay", "inspect", "a.pcap", "--json", "--keys", "keys.log"]);
    home.settle(&mut command);
    home.finish(command).code(0)
}

/// Every room full at once: connections, what waits, handshakes, secrets, fragments, the list; and beside a window of 128 MiB, too.
#[test]
fn a_capture_that_wants_all_memory_gets_its_share_and_what_it_lost_is_counted() {
    let home = Home::new();
    std::fs::write(home.path("keys.log"), key_log(160_000)).unwrap();
    let fits = |shaking: u32, half_open: u32, open: u32, waiting_bytes: u64, packed: bool| {
        let sound = hostile(shaking, half_open);
        let done = bounded(&home, &if packed { framed(&sound) } else { sound });
        let found: serde_json::Value = serde_json::from_str(&done.out).unwrap();
        let (capture, totals) = (&found["capture"], &found["totals"]);
        let connections = shaking + GAPPED + half_open + GREEDY;
        assert_eq!(totals["connections"], connections);
        assert_eq!(totals["unlisted"], connections - 50_000);
        let number = |name: &str| capture[name].as_u64().unwrap();
        assert_eq!(number("dropped_connections"), u64::from(connections - open));
        assert!(number("overflowed_holes") > 1_000, "{capture}");
        let peak = number("waiting_bytes_peak");
        assert!(
            (waiting_bytes - (4 << 20)..=waiting_bytes + 70_000).contains(&peak),
            "{capture}"
        );
        let fragments = &capture["skipped_packets"]["incomplete fragments"];
        assert!(fragments.as_u64().unwrap() > 10_000, "{capture}");
        let lost = capture["tls_not_decrypted"].as_object().unwrap();
        assert_eq!(
            lost.values().map(|count| count.as_u64().unwrap()).sum::<u64>(),
            u64::from(shaking)
        );
        assert!(lost["room"].as_u64().unwrap() > 1_000, "{capture}");
        assert!(
            done.err.contains("secrets of the key logs were not kept"),
            "{}",
            done.err
        );
        assert!(
            done.err.contains("connections were not looked at for TLS"),
            "{}",
            done.err
        );
    };
    fits(30_000, 220_000, 1 << 18, 32 << 20, false);
    fits(20_000, 50_000, 1 << 16, 12 << 20, true);
}
