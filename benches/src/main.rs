//! Whole-run benchmarks: the server and its swarm beside real peers, in the same run. `benches/README.md` says how.

mod body;
mod child;
mod draw;
mod floor;
mod flight;
mod load;
mod process;
mod protocol;

fn main() {}
