//! Holds what `docs/protocol.md` says of the operator's limits to the code: each row of its table, and no row without code.
//!
//! It knows Markdown as far as that table uses it; the protocol's own bounds are held by `wire`'s tests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::http::{Admin, HttpConfig, MediaOptions};
use crate::knobs::{Knobs, Value};
use crate::office::{groups, registrar, watches};
use crate::shard::GUEST_S;
use crate::store::{Options, accounts};

const PAGE: &str = include_str!("../../docs/protocol.md");
/// The titles of the table.
const TITLES: &str = "| limit | default | when it is passed |";

/// What a cell says, in the unit that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Count(u64),
    Bytes(u64),
    Seconds(u64),
}

use Bound::{Bytes, Count, Seconds};

/// The rows: of what, and the default.
fn rows(page: &str) -> BTreeMap<String, Bound> {
    page.lines()
        .skip_while(|line| *line != TITLES)
        .skip(2)
        .map_while(|line| {
            let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
            Some((cells.next()?.to_owned(), bound(cells.next()?)))
        })
        .collect()
}

fn bound(cell: &str) -> Bound {
    if cell == "unlimited" {
        return Count(0);
    }
    let (digits, unit) = cell.split_once(' ').unwrap_or((cell, ""));
    let count: u64 = digits.replace(',', "").parse().unwrap();
    match unit {
        "" => Count(count),
        "s" => Seconds(count),
        "min" => Seconds(60 * count),
        "h" => Seconds(3_600 * count),
        "days" => Seconds(86_400 * count),
        "bytes" => Bytes(count),
        "MiB" => Bytes(count << 20),
        "GiB" => Bytes(count << 30),
        other => panic!("the unit `{other}` is not one that this test knows"),
    }
}

/// The knobs' defaults.
fn knobs() -> impl Fn(&str) -> u64 {
    let list = Knobs::default().list();
    move |name| {
        let reading = list.iter().find(|reading| reading.name == name).unwrap();
        match reading.default {
            Value::Count(count) => count,
            Value::Word(_) => panic!("{name} is no count"),
        }
    }
}

/// What holds for the chat protocol.
fn of_chat() -> Vec<(&'static str, Bound)> {
    let (knob, store) = (knobs(), Options::default());
    // The store's own bound is the knob's, too, until that is turned.
    assert_eq!(store.mailbox_max_items as u64, knob("mailbox_max_items"));
    let life_min = registrar::LIFE_MS / 60_000;
    assert_eq!(life_min, 10, "rows below name it");
    vec![
        ("silence on a connection", Seconds(knob("idle_timeout_s"))),
        ("life of a PIN", Seconds(registrar::LIFE_MS / 1_000)),
        (
            "wrong tries of a number's PINs in 10 min",
            Count(registrar::TRIES_MAX.into()),
        ),
        (
            "time between two PINs for a number",
            Seconds(registrar::PAUSE_MS / 1_000),
        ),
        (
            "PINs that one address (IPv6: one /64) asks for in 10 min and nobody proves",
            Count(knob("pins_a_source")),
        ),
        ("PINs pending in all", Count(registrar::PINS_MAX as u64)),
        ("items waiting in a mailbox", Count(knob("mailbox_max_items"))),
        (
            "frames but `ping` and `ack` a second on a connection",
            Count(knob("messages_per_second")),
        ),
        ("watchers of one number", Count(watches::WATCHERS_MAX as u64)),
        ("watches in all", Count(watches::ALL_MAX as u64)),
        (
            "members of all groups, each group counted as six more",
            Count(groups::PLACES_MAX as u64),
        ),
        ("time to log in", Seconds(GUEST_S.into())),
        ("connections on the server", Count(knob("connections_max"))),
        (
            "bytes that wait for one client whose socket takes no more",
            Count(knob("unread_max_bytes")),
        ),
        (
            "bytes that wait so for all clients",
            Bytes(knob("unread_total_max_bytes")),
        ),
        (
            "how long a quiet sender's ids are remembered",
            Seconds(store.window_age_ms / 1_000),
        ),
        (
            "senders whose ids are remembered",
            Count(store.windows_max as u64),
        ),
        (
            "an erased body's time on the server's disk",
            Seconds(store.erase_within_ms / 1_000),
        ),
        (
            "a copy of what was damaged in the store",
            Seconds(store.copies_kept_ms / 1_000),
        ),
    ]
}

/// What holds for HTTP.
fn of_http() -> Vec<(&'static str, Bound)> {
    let admin = Admin::new("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let media = MediaOptions::in_folder(PathBuf::new());
    let http = HttpConfig::new(admin, "127.0.0.1:0".parse().unwrap(), media);
    assert_eq!(crate::http::LOOKUPS_WINDOW_S, 600, "a row below names it");
    vec![
        ("one medium by HTTP", Bytes(http.media.media_max_bytes)),
        ("all media", Bytes(http.media.total_max_bytes)),
        ("how long media are kept", Seconds(http.media.keep.as_secs())),
        ("an upload or download", Seconds(http.transfer_timeout.as_secs())),
        (
            "a client that takes nothing of an answer by HTTP",
            Seconds(http.stall_timeout.as_secs()),
        ),
        ("connections by HTTP", Count(http.connections_max.into())),
        ("uploads under way", Count(http.uploads_max as u64)),
        (
            "uploads under way of one address (IPv6: one /64)",
            Count(http.uploads_a_source as u64),
        ),
        ("downloads under way", Count(http.downloads_max as u64)),
        (
            "downloads under way of one address (IPv6: one /64)",
            Count(http.downloads_a_source as u64),
        ),
        (
            "look-ups without a credential that one address (IPv6: one /64) makes in 10 min",
            Count(knobs()("lookups_a_source")),
        ),
        (
            "a request's body but media",
            Bytes(crate::http::SMALL_MAX_BYTES as u64),
        ),
        (
            "a request's body but media, until it is there",
            Seconds(http.request_timeout.as_secs()),
        ),
    ]
}

/// What a page says and the code does not, and the other way round.
fn differences(page: &str) -> Vec<String> {
    let said = rows(page);
    let code: BTreeMap<String, Bound> = of_chat()
        .into_iter()
        .chain(of_http())
        .map(|(row, bound)| (row.to_owned(), bound))
        .collect();
    let every = said
        .keys()
        .chain(code.keys().filter(|row| !said.contains_key(*row)));
    every
        .filter(|row| said.get(*row) != code.get(*row))
        .map(|row| format!("{row}: {:?}, and {:?} in the code", said.get(row), code.get(row)))
        .collect()
}

#[test]
fn the_operators_limits_are_those_of_the_code() {
    assert_eq!(differences(PAGE), [""; 0]);
    assert_eq!(accounts::GROUP_COST, 6, "a row names it");
}

#[test]
fn another_number_is_seen_and_so_is_a_row_too_many_or_too_few() {
    let row = "| all media | 64 GiB |";
    let (other, more) = ("| all media | 63 GiB |", format!("| a row | 1 |\n{row}"));
    for (change, count) in [(other, 1), (&more, 1), ("| no media | 64 GiB |", 2)] {
        let page = PAGE.replacen(row, change, 1);
        assert_eq!(differences(&page).len(), count, "{change}");
    }
}
