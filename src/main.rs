//! The `teem` command.
fn main() {}
