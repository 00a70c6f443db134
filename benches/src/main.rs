//! Whole-run benchmarks beside real peers.
fn main() {}
