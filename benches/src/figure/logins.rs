//! Log-ins a second, both ends sharing all processors: connect, log in, and in the end reset.

use std::time::Duration;

use super::{available, progress};
use crate::login::{Course, Storm, TABLE_MAX};
use crate::outcome::{LoginRow, Outcome, Verdict, median};
use crate::subject::{Bench, Subject};
use crate::table::{Table, count, ratio};

const TARGET_PER_SECOND: f64 = 25_000.0;

/// How log-ins are measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Measured seconds of a churn.
    #[arg(long, default_value_t = 8.0)]
    pub(crate) seconds: f64,
    /// Seconds before.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) warm_up: f64,
    /// Rounds: each runs every subject once.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,
    /// Threads that connect.
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: u32,
    /// Connections that each thread of a churn holds before it resets its oldest.
    #[arg(long, default_value_t = 8_000)]
    pub(crate) hold: u32,
    /// Connections that `teem` and its driver hold at once in the storm that holds them all.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) held: u32,
    /// Which subjects.
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = Subject::parse,
        default_value = "floor,teem-memory-tick,mosquitto,ejabberd"
    )]
    pub(crate) subjects: Vec<Subject>,
}

/// Measures, prints and judges.
///
/// # Errors
/// A subject failed, or refused a log-in.
pub(crate) fn run(bench: &Bench, options: &Options, outcome: &mut Outcome) -> anyhow::Result<()> {
    let subjects = available(bench, &options.subjects, outcome);
    for round in 1..=options.rounds {
        for &subject in &subjects {
            let mut courses = vec![Course::Churn {
                warm_up: Duration::from_secs_f64(options.warm_up),
                measure: Duration::from_secs_f64(options.seconds),
                hold: options.hold,
            }];
            if matches!(subject, Subject::Teem { .. }) && options.held > 0 {
                courses.push(Course::Hold {
                    connections: options.held,
                });
            }
            for course in courses {
                let row = one(bench, options, subject, course, round)?;
                progress(&format!(
                    "logins, round {round} of {}: {} {}: {} /s",
                    options.rounds,
                    row.subject,
                    row.course,
                    count(row.per_second)
                ));
                outcome.logins.push(row);
            }
        }
    }
    print(options, &outcome.logins);
    judge(outcome);
    Ok(())
}

fn one(
    bench: &Bench,
    options: &Options,
    subject: Subject,
    course: Course,
    round: u32,
) -> anyhow::Result<LoginRow> {
    let (name, room) = match course {
        Course::Churn { .. } => ("churn", TABLE_MAX),
        Course::Hold { connections } => ("hold", connections),
    };
    let running = subject.start(bench, u64::from(room), None)?;
    let stormed = running.log_in(&Storm {
        to: running.address,
        course,
        threads: options.threads,
        server: running.server.family(),
    })?;
    running.server.stop();
    let logins = stormed.logins as f64;
    Ok(LoginRow {
        subject: subject.name(),
        course: name,
        round,
        logins: stormed.logins,
        per_second: logins / stormed.wall.as_secs_f64(),
        server_cpu_us: stormed.server_cpu_us as f64 / logins,
        driver_cpu_us: stormed.driver_cpu_us as f64 / logins,
        memory_per_connection_bytes: (name == "hold").then_some(stormed.growth_bytes as f64 / logins),
    })
}

fn of<'a>(
    rows: &'a [LoginRow],
    subject: &'a str,
    course: &'a str,
) -> impl Iterator<Item = &'a LoginRow> + 'a {
    rows.iter()
        .filter(move |row| row.subject == subject && row.course == course)
}

fn print(options: &Options, rows: &[LoginRow]) {
    println!(
        "\nLog-ins a second, both ends sharing the processors, medians of {} rounds.\nChurn: {} threads hold {} \
         connections each and reset the oldest for each new one. Hold: all stay.\n",
        options.rounds,
        options.threads,
        count(f64::from(options.hold)),
    );
    let mut table = Table::new(&[
        "server",
        "course",
        "log-ins/s",
        "x mosquitto",
        "x ejabberd",
        "server us",
        "load us",
        "memory a connection, B",
    ]);
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for row in rows {
        if seen.contains(&(row.subject, row.course)) {
            continue;
        }
        seen.push((row.subject, row.course));
        let rate = |subject, course| median(of(rows, subject, course).map(|row| row.per_second));
        let own = rate(row.subject, row.course);
        let against = |peer| ratio(own.zip(rate(peer, "churn")).map(|(own, peer)| own / peer));
        let show = |what: fn(&LoginRow) -> f64| {
            median(of(rows, row.subject, row.course).map(what))
                .map_or_else(String::new, |us| format!("{us:.1}"))
        };
        let memory =
            median(of(rows, row.subject, row.course).filter_map(|row| row.memory_per_connection_bytes));
        table.row([
            row.subject.to_owned(),
            row.course.to_owned(),
            own.map(count).unwrap_or_default(),
            against("mosquitto"),
            against("ejabberd"),
            show(|row| row.server_cpu_us),
            show(|row| row.driver_cpu_us),
            memory.map(count).unwrap_or_default(),
        ]);
    }
    println!("{}", table.render());
}

fn judge(outcome: &mut Outcome) {
    let rows = &outcome.logins;
    let rate = |subject, course| median(of(rows, subject, course).map(|row| row.per_second));
    let mut verdicts = Vec::new();
    for course in ["churn", "hold"] {
        let own = rate("teem-memory-tick", course);
        let peer = rate("mosquitto", "churn");
        verdicts.push(Verdict {
            figure: format!("log-ins a second, {course} (ratio: mosquitto's)"),
            target: format!("at least {}", count(TARGET_PER_SECOND)),
            measured: own.map_or_else(|| "-".to_owned(), count),
            ratio: own.zip(peer).map(|(own, peer)| own / peer),
            reached: own.map(|own| own >= TARGET_PER_SECOND),
        });
    }
    outcome.verdicts.extend(verdicts);
}
