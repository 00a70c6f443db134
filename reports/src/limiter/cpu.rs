//! The CPU: whether any was left, and who had it.
//!
//! It knows shares by kind and by process; a share is of what the run may use, where it may not use all CPUs.

use record::{Run, name};

use super::signs::Signs;
use super::{Finding, IN_A_ROW};
use crate::series::Points;

/// All CPUs are busy from this share on: the rest is what a tick of the kernel's count rounds away.
const ALL_FULL: f64 = 0.97;
/// The run's own share of CPUs is, by its processes' own time: it is counted apart from the clock that it is held against.
const OWN_FULL: f64 = 0.93;
/// The processes of a run.
const PROCESSES: [&str; 3] = ["server", "swarm", "storm"];
/// The kinds that may be named.
const NAMED: [&str; 3] = ["user", "system", "softirq"];

pub(super) fn exhausted(run: &Run, signs: &Signs<'_>) -> Option<Finding> {
    let busy = busy(signs);
    let (own, own_full) = own(run, signs);
    let own_since_s = Signs::in_a_row(&own, own_full);
    let since_s = Signs::in_a_row(&busy, ALL_FULL)
        .into_iter()
        .chain(own_since_s)
        .reduce(f64::min);
    let (points, whose) = match own_since_s {
        Some(_) => (&own, "the CPUs the run may use were"),
        None => (&busy, "the CPUs were"),
    };
    // The fullest stretch, as long as it takes to be called full.
    let used = points
        .windows(IN_A_ROW.min(points.len()).max(1))
        .map(|window| window.iter().map(|(_, share)| share).sum::<f64>() / window.len() as f64)
        .reduce(f64::max)?
        .min(1.0);
    let told = super::signs::sentence(&format!("{whose} {:.0} % busy", used * 100.0));
    let shares = shares(signs, since_s);
    Some(match since_s {
        Some(since_s) => Finding::ran_out("cpu", since_s, format!("{told}, since then {shares}.")),
        None => Finding::near(
            "cpu",
            used.min(0.999),
            format!("{told} at the most, on the whole {shares}."),
        ),
    })
}

/// The share of all CPUs that was not idle.
fn busy(signs: &Signs<'_>) -> Points {
    let kinds = name::host::CPU_KINDS.map(|kind| signs.steps(&format!("{}{kind}", name::host::CPU_US)));
    let idle = |kind: &str| matches!(kind, "idle" | "iowait");
    let mut points = Points::new();
    for (at_s, ..) in &kinds[0] {
        let of = |wanted: &dyn Fn(&str) -> bool| -> u64 {
            let steps = kinds
                .iter()
                .zip(name::host::CPU_KINDS)
                .filter(|(_, kind)| wanted(kind));
            steps
                .filter_map(|(steps, _)| steps.iter().find(|step| step.0 == *at_s))
                .map(|step| step.2)
                .sum()
        };
        let (whole, idle) = (of(&|_| true), of(&idle));
        if whole > 0 {
            points.push((*at_s, 1.0 - idle as f64 / whole as f64));
        }
    }
    points
}

/// The share of the CPUs that the run may use which was had, by whomever, and from where on that is all; nothing where it may
/// use all there are. Where its share of them is a quota, none of them is ever idle for want of it: then what its processes had.
fn own(run: &Run, signs: &Signs<'_>) -> (Points, f64) {
    let (may, all) = (run.manifest.limits.cpus, run.manifest.host.cpus);
    if may == 0 || may >= all {
        return (Points::new(), ALL_FULL);
    }
    let idle = signs.steps(name::host::OWN_CPU_IDLE_US);
    let had = signs.steps(name::host::OWN_CPU_BUSY_US).into_iter().zip(idle);
    let had: Points = had
        .filter(|((.., busy_us), (.., idle_us))| busy_us + idle_us > 0)
        .map(|((at_s, _, busy_us), (.., idle_us))| (at_s, busy_us as f64 / (busy_us + idle_us) as f64))
        .collect();
    if Signs::in_a_row(&had, ALL_FULL).is_some() {
        return (had, ALL_FULL);
    }
    (of_processes(may, signs), OWN_FULL)
}

/// The share of so many CPUs that the run's processes had.
fn of_processes(may: u32, signs: &Signs<'_>) -> Points {
    let mut points = Points::new();
    for process in PROCESSES {
        for (at_s, seconds, us) in signs.steps(&name::process::cpu_us(process)) {
            if seconds <= 0.0 {
                continue;
            }
            let share = us as f64 / 1e6 / seconds / f64::from(may);
            match points.iter_mut().find(|(at, _)| *at == at_s) {
                Some((_, sum)) => *sum += share,
                None => points.push((at_s, share)),
            }
        }
    }
    points
}

/// Who had how much of all CPUs, by kind and by process, the largest first: `51 % system, 30 % user; 62 % server`.
fn shares(signs: &Signs<'_>, since_s: Option<f64>) -> String {
    let grown = |counter: &str| -> u64 {
        let since = |step: &&(f64, f64, u64)| since_s.is_none_or(|since_s| step.0 >= since_s);
        signs.steps(counter).iter().filter(since).map(|(.., us)| us).sum()
    };
    let kind = |kind: &str| grown(&format!("{}{kind}", name::host::CPU_US));
    let whole: u64 = name::host::CPU_KINDS.iter().map(|name| kind(name)).sum();
    let told = |mut parts: Vec<(&str, u64)>| -> String {
        parts.retain(|(_, us)| *us * 100 > whole);
        parts.sort_by_key(|(_, us)| std::cmp::Reverse(*us));
        let part = |(name, us): &(&str, u64)| format!("{:.0} % {name}", *us as f64 * 100.0 / whole as f64);
        parts.iter().map(part).collect::<Vec<_>>().join(", ")
    };
    let kinds = told(NAMED.iter().map(|name| (*name, kind(name))).collect());
    let processes = told(
        PROCESSES
            .iter()
            .map(|name| (*name, grown(&name::process::cpu_us(name))))
            .collect(),
    );
    let both: Vec<String> = [kinds, processes]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    both.join("; ")
}
