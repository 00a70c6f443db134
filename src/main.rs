//! The `teem` command: arguments, wiring, terminal. It has no logic of its own.

#[macro_use]
mod say;

mod admin;
mod carriage;
mod cli;
mod conduct;
mod desk;
mod doctor;
mod exit;
mod gate;
mod host;
mod knob;
mod lab;
mod progress;
mod replay;
mod report;
mod run;
mod scenario;
mod serve;
mod storm;
mod tls;
mod wsar;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use exit::Outcome;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let cli = Cli::try_parse_from(&words).unwrap_or_else(|error| cli::explained(error, &words).exit());
    let result = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Report(args) => report::report(&args),
        Command::Gate(args) => gate::gate(&args),
        Command::Scenarios(args) => scenario::scenarios(&args),
        Command::Wsar(args) => wsar::wsar(&args),
        Command::Knob(args) => knob::knob(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Lab(args) => lab::lab(&args),
        Command::Inhabit(args) => lab::inhabit(&args),
        Command::Storm => storm::storm(),
        Command::Completions { shell } => cli::completions(shell),
    };
    match result {
        Ok(Outcome::Passed) if !say::is_whole() => Outcome::Usage.into(),
        Ok(outcome) => outcome.into(),
        Err(error) => {
            exit::complain(&error);
            Outcome::Usage.into()
        }
    }
}
