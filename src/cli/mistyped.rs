//! A command that is none: which one was meant.
//!
//! It knows the names of commands; what they do is theirs.

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory as _, Error};

use super::Cli;

/// Below this Jaro-Winkler similarity a suggestion confuses more than it helps.
const SIMILAR: f64 = 0.75;

/// The error of a command line, with the command that was meant where clap does not find it: `teem inspct` is `teem replay inspect`, and
/// `teem replay inspct night.pcap` is no replay of a capture of that name.
pub(crate) fn explained(mut error: Error, words: &[OsString]) -> Error {
    if let (ErrorKind::ArgumentConflict, [_, replay, capture, ..]) = (error.kind(), words)
        && replay == "replay"
        && let Some(told) = no_capture(Path::new(capture))
    {
        return Cli::command().error(ErrorKind::InvalidSubcommand, told);
    }
    let found = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(found)) if error.kind() == ErrorKind::InvalidSubcommand => found.clone(),
        _ => return error,
    };
    if error.get(ContextKind::SuggestedSubcommand).is_none()
        && let Some(meant) = nearest(&found, below(&Cli::command(), ""))
    {
        let meant = ContextValue::Strings(vec![meant]);
        error.insert(ContextKind::SuggestedSubcommand, meant);
    }
    error
}

/// What to say of a capture that is not there, and is called almost as a command of `teem replay` is.
pub(crate) fn no_capture(capture: &Path) -> Option<String> {
    // A command has no dot in its name, a capture mostly has one.
    if capture.exists() || capture.extension().is_some() {
        return None;
    }
    let line = Cli::command();
    let commands = below(line.find_subcommand("replay")?, "replay ");
    let meant = nearest(&capture.to_string_lossy(), commands)?;
    Some(format!(
        "{}: no such file, and no such command; did you mean `teem {meant}`?",
        capture.display()
    ))
}

/// The commands of a command, as they are typed behind `teem`, and theirs.
fn below(command: &Command, before: &str) -> Vec<String> {
    let named = command.get_subcommands().filter(|below| !below.is_hide_set());
    named
        .flat_map(|command| {
            let name = format!("{before}{}", command.get_name());
            let theirs = self::below(command, &format!("{name} "));
            std::iter::once(name).chain(theirs)
        })
        .collect()
}

/// The command whose last word is most like this one, if any is.
fn nearest(found: &str, commands: Vec<String>) -> Option<String> {
    let alike = |command: &String| {
        let last = command.rsplit(' ').next().unwrap_or_default();
        strsim::jaro_winkler(found, last)
    };
    let alike = commands.into_iter().map(|command| (alike(&command), command));
    let (similarity, command) = alike.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (similarity >= SIMILAR).then_some(command)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn told(words: &[&str]) -> String {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        explained(Cli::try_parse_from(&words).unwrap_err(), &words).to_string()
    }

    #[test]
    fn what_was_meant_is_found_wherever_it_is() {
        assert!(told(&["teem", "inspct"]).contains("'replay inspect'"));
        assert!(told(&["teem", "replya"]).contains("'replay'"));
        assert!(told(&["teem", "show"]).contains("'scenarios show'"));
        assert!(!told(&["teem", "xyzzy"]).contains("similar"));
        assert!(told(&["teem", "replay", "inspct", "night.pcap"]).contains("`teem replay inspect`"));
        assert!(!told(&["teem", "replay", "night.pcap", "inspct"]).contains("did you mean"));
    }

    #[test]
    fn a_capture_that_is_there_is_no_command() {
        let told = |name: &str| no_capture(Path::new(name));
        assert!(told("inspct").unwrap().contains("`teem replay inspect`"));
        assert_eq!((told("night"), told("fit.pcap")), (None, None));
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("inspct");
        std::fs::write(&there, "").unwrap();
        assert_eq!(no_capture(&there), None);
    }
}
