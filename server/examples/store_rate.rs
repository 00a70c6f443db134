//! How many messages a second the mailbox store takes on this host: put, commit, acknowledge.
//!
//! `cargo run --release -p teem-server --example store_rate [DIRECTORY [MESSAGES]]`

#![allow(clippy::print_stdout, reason = "it is a tool")]

use std::path::PathBuf;
use std::time::Instant;

use server::store::{Durability, NewMessage, Options, Store};

const BATCH: u64 = 256;
const BODY: &[u8] = &[b'x'; 100];
/// Everyone sends to everyone in turn.
const PEOPLE: u64 = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let messages: u64 = arguments.next().map_or(Ok(2_000_000), |count| count.parse())?;
    for durability in [Durability::Memory, Durability::Async, Durability::Commit] {
        for behind in [1, 400] {
            let directory = directory.join(format!("store_rate.{}", std::process::id()));
            measure(durability, directory.clone(), messages, behind)?;
            std::fs::remove_dir_all(directory)?;
        }
    }
    Ok(())
}

/// Messages are acknowledged `behind` batches after they were put.
fn measure(
    durability: Durability,
    directory: PathBuf,
    messages: u64,
    behind: u64,
) -> Result<(), Box<dyn std::error::Error>> {
    let options = Options {
        dir: Some(directory),
        durability,
        ..Options::default()
    };
    let (start, cpu_before) = (Instant::now(), cpu_seconds());
    let now_ms = || 1_700_000_000_000 + start.elapsed().as_millis() as u64;
    let (mut store, _) = Store::open(options, now_ms())?;
    let mut worst_us = 0;
    let mut erased = 0u64;
    for batch in 0..messages / BATCH {
        let now = now_ms();
        for place in 0..BATCH {
            let number = batch * BATCH + place;
            let (from, id) = (number * 7 % PEOPLE, number / PEOPLE + 1);
            let message = NewMessage {
                from,
                group: 0,
                id,
                time_ms: now,
                kind: 0,
                body: BODY,
            };
            store.put_message(number % PEOPLE, &message)?;
            store.accept(from, id, now);
        }
        if let Some(old) = batch.checked_sub(behind) {
            for number in old * BATCH..(old + 1) * BATCH {
                store.ack(number % PEOPLE, u64::MAX, |_| erased += 1);
            }
        }
        let turn = Instant::now();
        store.commit(now)?;
        store.maintain(now);
        worst_us = worst_us.max(turn.elapsed().as_micros());
    }
    let seconds = start.elapsed().as_secs_f64();
    let cpu = cpu_seconds() - cpu_before;
    let stats = store.stats();
    println!(
        "{durability:?}, acknowledged {behind} batches later: {:.0} messages/s, {:.2} CPU-s a million, \
         {:.0} B written a message, \
         worst commit {worst_us} us, {} segments collected, {} MiB at the end, {erased} erased",
        messages as f64 / seconds,
        cpu * 1e6 / messages as f64,
        stats.committed_bytes as f64 / messages as f64,
        stats.collected_segments,
        stats.space_bytes >> 20,
    );
    store.close()?;
    Ok(())
}

/// What both threads have used.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
