//! More connections than a process may have descriptors, and where `teem serve` keeps them.

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::home::{Home, PATIENCE, binary, until};
use crate::serving::{FREE_PORTS, Serving};

/// The server's limit on descriptors.
const NOFILE: u64 = 4_096;
/// Every number of the main table is below this; sockets are above it, in tables of their own.
const FLOOR: u64 = 1_024;
/// Connections, where this process may have as many.
const HELD: u64 = 18_000;
/// What this process and its other tests need beside.
const SPARE: u64 = 1_900;

#[test]
fn the_main_table_stays_small_however_many_connections_the_others_hold() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let held = limit
        .maximum
        .map_or(HELD, |most| HELD.min(most.saturating_sub(SPARE)));
    if held <= NOFILE {
        return testbed::skipped("this process may have too few descriptors");
    }
    let home = Home::new();
    let server = serve(&home, held);
    let mut greeted = Vec::new();
    for _ in 0..held {
        greeted.push(greeting(&server.ready.listen));
    }
    let numbers = || {
        fs::read_dir(format!("/proc/{}/fd", server.ready.pid))
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u64>().ok())
    };
    let (count, highest) = (numbers().count() as u64, numbers().max().unwrap());
    assert!(count < FLOOR && highest < FLOOR, "{count} up to {highest}");
    assert!(held > NOFILE && greeted.len() as u64 == held);
    assert!(server.log().contains("store opened"), "files are open, too");
    drop(greeted);
}

/// A server for so many connections that may have far fewer descriptors.
fn serve(home: &Home, connections: u64) -> Serving {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {NOFILE} && exec \"$0\" \"$@\"")])
        .arg(binary())
        .args(["serve", "--json", "--plain", "--durability", "memory"])
        .args(["--connections", &connections.to_string()])
        .args(FREE_PORTS);
    home.settle(&mut command);
    Serving::spawn(home, command)
}

/// A connection that was greeted. A full shard closes its listener, which resets who waits there: he comes again.
fn greeting(server: &str) -> TcpStream {
    until("a greeting", || {
        let mut stream = TcpStream::connect(server).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut hello = [0; 20];
        stream.read_exact(&mut hello).ok()?;
        // Its type; *bye* would be another.
        (hello[2] == 0x81).then_some(stream)
    })
}
