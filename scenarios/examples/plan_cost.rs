//! What a plan costs before a run begins, and what an action costs in it: time, and growth of anonymous memory.
//!
//! `cargo run --release -p teem-scenarios --example plan_cost [SCENARIO [CONNECTIONS]]`

#![allow(clippy::print_stdout, reason = "it is a tool")]

use std::time::Instant;

use scenarios::{CELLS, Scenario};

/// The swarm deals the cells to as many.
const SHARDS: u32 = 2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "climb".to_owned());
    let mut scenario = Scenario::by_name(&name)?;
    if let Some(connections) = arguments.next() {
        scenario = scenario.with_connections(connections.parse()?);
    }
    let before_bytes = anonymous_bytes()?;
    let told = |what: &str, since: Instant, users: u64| -> Result<(), Box<dyn std::error::Error>> {
        let grown = anonymous_bytes()?.saturating_sub(before_bytes);
        let a_user = grown as f64 / users as f64;
        println!(
            "{what:<9} {:>8.1} ms  {a_user:>6.2} B a user in all",
            since.elapsed().as_secs_f64() * 1e3
        );
        Ok(())
    };
    let since = Instant::now();
    let plan = scenario.plan()?;
    let users = plan.users();
    println!(
        "{name}: {users} users, about {:.0} messages",
        plan.expected_messages()
    );
    told("plan", since, users)?;
    let since = Instant::now();
    drop(plan.curve());
    told("curve", since, users)?;
    let since = Instant::now();
    let shards: Vec<_> = std::thread::scope(|scope| {
        let deal = |shard| (0..CELLS).filter(move |cell| cell % SHARDS == shard);
        let threads: Vec<_> = (0..SHARDS).map(|shard| (deal(shard), &plan)).collect();
        let threads: Vec<_> = threads
            .into_iter()
            .map(|(cells, plan)| scope.spawn(move || plan.actions(cells)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a thread broke"))
            .collect::<Result<_, _>>()
    })?;
    told("actions", since, users)?;
    let (since, mut drawn) = (Instant::now(), 0u64);
    for shard in shards {
        drawn += shard.count() as u64;
    }
    println!(
        "drawn     {:>8.1} ns an action, {drawn} of them, one thread",
        since.elapsed().as_nanos() as f64 / drawn as f64
    );
    Ok(())
}

/// `RssAnon` of this process.
fn anonymous_bytes() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("no RssAnon")?
        .parse()?;
    Ok(kib * 1024)
}
