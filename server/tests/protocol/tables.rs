//! More connections than one descriptor table holds, and what happens when even all tables are full.
//!
//! The limit on descriptors is the process's, so the server runs in a child: this binary again, told so by a variable.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use record::name::server as name;
use rustix::process::{Resource, Rlimit, setrlimit};
use server::knobs::{Durability, Knobs};
use server::{Server, StartError};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wire::chat::Code;

use crate::house::{self, PATIENCE, key, number};
use crate::phone::Phone;

const CHILD: &str = "TEEM_TEST_IS_SERVER";
/// The child's limit on descriptors; each table holds 960 connections of it.
const NOFILE: u64 = 2048;
const TABLES: u64 = 6;
/// Every number of the main table is below this.
const FLOOR: u64 = 1024;
const TABLE_HOLDS: u64 = NOFILE - FLOOR - 64;
/// Nearly all that the tables hold: spread evenly by chance, most are full by then and hand over.
const HELD: u64 = TABLES * TABLE_HOLDS - 60;

#[test]
fn a_limit_too_low_for_a_shard_is_an_error_and_not_a_wait() {
    if std::env::var_os(CHILD).is_some() {
        // One descriptor would be left in each shard's table: enough for its epoll, not for its listener.
        let error = start(1025, 10).map(drop).unwrap_err().to_string();
        assert!(
            error.contains("the limit of open files is 1025") && error.contains("ulimit -n"),
            "{error}"
        );
        return;
    }
    let mut child = spawn("tables::a_limit_too_low_for_a_shard_is_an_error_and_not_a_wait");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_server_holds_more_connections_than_its_limit_on_descriptors() {
    if std::env::var_os(CHILD).is_some() {
        return serve();
    }
    reactor::raise_nofile().unwrap();
    let mut child = spawn("tables::a_server_holds_more_connections_than_its_limit_on_descriptors");
    let address = address(&mut child);
    let until = Instant::now() + PATIENCE;
    let mut phones: Vec<Phone> = (0..HELD)
        .map(|index| {
            let mut phone = arrive(address, until).unwrap_or_else(|code| panic!("{index}: {code:?}"));
            phone.log_in(number(index), &key(index));
            phone
        })
        .collect();
    for phone in &mut phones {
        assert_eq!(phone.next(), "Welcome 0 0");
    }
    // Everybody sends to the next, and so hears from the one before.
    for (index, phone) in (1..).zip(&mut phones) {
        phone.text(1, number(index % HELD), "hello");
    }
    for (index, phone) in (0..).zip(&mut phones) {
        let mut said = phone.several(2);
        said.sort();
        let before = (index + HELD - 1) % HELD;
        assert_eq!(
            said,
            ["Accepted 1".to_owned(), format!("Deliver {before}/1 hello")]
        );
    }
    // Who comes when all tables are full is told so, rather than left to wait.
    let mut last = 0;
    while let Ok(phone) = arrive(address, until) {
        phones.push(phone);
        last += 1;
        assert!(last < 1000, "no end of room");
    }
    phones[0].round_trip();

    // The child ends when its input does.
    drop(child.stdin.take());
    phones[0].ends_with(Code::ShuttingDown);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_store_of_a_thousand_files_keeps_no_shard_from_a_table_of_its_own() {
    if std::env::var_os(CHILD).is_some() {
        let folder = tempfile::tempdir().unwrap();
        write_segments(&folder.path().join("mail"), FLOOR + 100);
        let (runtime, _folder, server) = start_in(folder, NOFILE, 5_000, Durability::Commit).unwrap();
        assert!(server.plan().parted);
        runtime.block_on(server.stop()).unwrap();
        return;
    }
    let mut child = spawn("tables::a_store_of_a_thousand_files_keeps_no_shard_from_a_table_of_its_own");
    assert!(child.wait().unwrap().success());
}

/// Segments of the store with nothing in them but their heads, each a file that the server keeps open.
fn write_segments(folder: &Path, count: u64) {
    std::fs::create_dir_all(folder).unwrap();
    for number in 1..=count {
        // A head's checksum, 5 for its type, number, next sequence, when it was opened, and what it is.
        let mut head = vec![0, 0, 0, 0, 5, 0, 0, 0];
        for word in [number, 1, 0, u64::from_le_bytes(*b"teemlog1")] {
            head.extend_from_slice(&word.to_le_bytes());
        }
        let crc = crc32c::crc32c_append(number as u32, &head[4..]);
        head[..4].copy_from_slice(&crc.to_le_bytes());
        std::fs::write(folder.join(format!("{number:016x}.segment")), head).unwrap();
    }
}

/// A connection that was greeted. A full shard closes its listener, which resets who waits there: he comes again.
fn arrive(address: SocketAddr, until: Instant) -> Result<Phone, String> {
    while Instant::now() < until {
        let Ok(mut phone) = Phone::open(address) else {
            continue;
        };
        match phone.read() {
            Ok(said) if said == "Hello 1" => return Ok(phone),
            Ok(said) => {
                assert_eq!(said, "Bye ConnectionLimit");
                return Err(said);
            }
            Err(_) => {}
        }
    }
    panic!("nobody is at the door");
}

/// This test in a process of its own.
fn spawn(test: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", test])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Where the child listens.
fn address(child: &mut Child) -> SocketAddr {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines
        .find_map(|line| line.unwrap().split_once("address=")?.1.trim().parse().ok())
        .unwrap();
    // What the child still prints must find a reader.
    std::thread::spawn(move || lines.for_each(drop));
    address
}

/// The child: a server until the input ends.
fn serve() {
    let (runtime, _folder, server) = start(NOFILE, 5_000).unwrap();
    let plan = server.plan();
    assert!(plan.parted, "{plan:?}");
    assert_eq!(
        (u64::from(plan.shards), u64::from(plan.connections_max)),
        (TABLES, TABLE_HOLDS)
    );
    println!("address={}", server.address());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let snapshot = server.figures().snapshot();
    // All of them are held, and none by the table that files and the runtime live in.
    assert!(snapshot.gauges[name::CONNECTIONS] >= HELD as f64 && HELD > 2 * NOFILE);
    let numbers = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = numbers.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u64>().ok());
    let highest = numbers.max().unwrap();
    assert!(highest < FLOOR, "{highest}");
    let counters = snapshot.counters;
    assert!(
        counters[name::ACCEPT_PAUSES] > 0,
        "no shard was full: {counters:?}"
    );
    assert!(counters[name::CONNECTIONS_REFUSED] > 0, "{counters:?}");
    runtime.block_on(server.stop()).unwrap();
}

/// A server for so many connections in a process of so many descriptors.
fn start(nofile: u64, connections: u64) -> Result<(Runtime, TempDir, Server), StartError> {
    let folder = tempfile::tempdir().unwrap();
    start_in(folder, nofile, connections, Durability::Memory)
}

/// The same on what a folder holds.
fn start_in(
    folder: TempDir,
    nofile: u64,
    connections: u64,
    durability: Durability,
) -> Result<(Runtime, TempDir, Server), StartError> {
    let limit = Rlimit {
        current: Some(nofile),
        maximum: Some(nofile),
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut config = house::config(folder.path().to_owned());
    config.durability = durability;
    config.connections = connections;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(Server::start(config, Knobs::default()))?;
    Ok((runtime, folder, server))
}
