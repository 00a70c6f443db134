//! What is printed: on standard output what was asked for, on standard error how it goes.
//!
//! The library's macros panic where nobody reads on (`| head`); a run must not end by that, nor say nothing of a full disk.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something that was asked for was not written.
static IS_CUT: AtomicBool = AtomicBool::new(false);

/// As `println!`, and goes on where nobody reads.
macro_rules! outln {
    () => { $crate::say::out(format_args!("\n")) };
    ($($said:tt)*) => { $crate::say::out(format_args!("{}\n", format_args!($($said)*))) };
}

/// As `eprintln!`, and goes on where nobody reads.
macro_rules! errln {
    ($($said:tt)*) => { $crate::say::err(format_args!("{}\n", format_args!($($said)*))) };
}

/// Writes to standard output.
pub(crate) fn out(said: Arguments<'_>) {
    keep(std::io::stdout().write_fmt(said));
}

/// Writes to standard error.
pub(crate) fn err(said: Arguments<'_>) {
    // There is nobody else to tell.
    let _ = std::io::stderr().write_fmt(said);
}

/// Takes note of how writing to standard output went: who has read enough closes a pipe, anything else is told, once.
pub(crate) fn keep(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != ErrorKind::BrokenPipe
        && !IS_CUT.swap(true, Ordering::Relaxed)
    {
        errln!("error: standard output cannot be written: {error}");
    }
}

/// Whether all was written that somebody was there to read.
pub(crate) fn is_whole() -> bool {
    keep(std::io::stdout().flush());
    !IS_CUT.load(Ordering::Relaxed)
}
