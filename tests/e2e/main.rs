//! End to end, through the `teem` binary: what a person types, and what it answers, leaves behind and ends with.
//!
//! It knows the command line, the run folder and the admin HTTP; it calls into no room but `record` and `replay`, which
//! say how a run folder and a file of sessions are read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)] // tests and their helpers

mod accounted;
mod again;
mod bearer;
mod beside;
mod captured;
mod climb;
mod command;
mod crowd;
mod differing;
mod disk;
mod exchange;
mod filtered;
mod fitted;
mod foreign;
mod home;
mod hostile;
mod inspect;
mod interrupt;
mod kill;
mod lab;
mod masked;
mod message;
mod millions;
mod misfits;
mod misplaced;
mod mistake;
mod nginx;
mod overlaid;
mod overlap;
mod provision;
mod replay;
mod resumption;
mod ruled;
mod run_folder;
mod saved;
mod scenario;
mod serving;
mod silent;
mod smoke;
mod speeds;
mod stalled;
mod storm;
mod tables;
mod tapped;
mod tshark;
mod veil;
mod visits;
mod wire;
mod wiretap;
