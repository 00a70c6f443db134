//! The figures: what each measures, over which subjects, and what it must reach.

pub(crate) mod beside;
pub(crate) mod capture;
pub(crate) mod climb;
pub(crate) mod crowd;
pub(crate) mod idle;
pub(crate) mod latency;
pub(crate) mod logins;
pub(crate) mod messages;
pub(crate) mod replay;
pub(crate) mod swarm;

use crate::outcome::Outcome;
use crate::subject::{Bench, Subject};

/// Says what is being done; results alone go to standard output.
pub(crate) fn progress(text: &str) {
    eprintln!("{text}");
}

/// Leaves out what cannot be started here, with a note.
pub(crate) fn available(bench: &Bench, subjects: &[Subject], outcome: &mut Outcome) -> Vec<Subject> {
    let mut kept = Vec::new();
    for &subject in subjects {
        match subject.installed(bench) {
            Ok(()) => kept.push(subject),
            Err(error) => outcome
                .notes
                .push(format!("{} was left out: {error:#}", subject.name())),
        }
    }
    kept
}
