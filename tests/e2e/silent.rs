//! A target that never answers a connect: each session fails as timed out, and the report says so.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use record::Verdict;

use crate::home::Home;
use crate::replay::{closes, replay};
use crate::visits::visited;

/// Visitors, and what each asks for behind the greeting.
const VISITORS: usize = 3;
const REQUESTS: usize = 2;

/// Settings of the test's own network: how many connections may wait to be accepted, none beyond the one that always may; and how
/// often a SYN is repeated, once, so that a connect ends after three seconds and not after two minutes.
const SETTINGS: [(&str, &str); 2] = [("net/core/somaxconn", "0"), ("net/ipv4/tcp_syn_retries", "1")];
/// Repetitions that are a second apart come on top, where the kernel knows of them.
const LINEAR: &str = "/proc/sys/net/ipv4/tcp_syn_linear_timeouts";

#[test]
fn a_connect_that_nobody_answers_is_named_in_the_report() {
    testbed::in_a_namespace(Ipv4Addr::new(10, 77, 0, 1), || {
        let home = Home::new();
        let capture = visited(&home, VISITORS, REQUESTS);
        for (name, value) in SETTINGS {
            if let Err(error) = fs::write(format!("/proc/sys/{name}"), value) {
                return testbed::skipped(&format!("{name} cannot be set here: {error}"));
            }
        }
        let _ = fs::write(LINEAR, "0");
        let target = TcpListener::bind("10.77.0.1:0").unwrap();
        let address = target.local_addr().unwrap();
        // It takes the one place; the kernel drops every SYN that comes after.
        let _waits = TcpStream::connect(address).unwrap();
        let address = address.to_string();

        let (done, run) = replay(&home, "out", &[&capture, "--target", &address]);
        done.code(1);
        let summary = run.summary();
        assert_eq!(summary.verdict, Verdict::Fail, "{:?}", summary.invalid_because);
        let figures = closes(&summary);
        let sends = VISITORS * (1 + REQUESTS);
        let all = |count: usize| BTreeMap::from([("timed_out".to_owned(), count as u64)]);
        assert_eq!(figures.sessions.failed_by, all(VISITORS));
        assert_eq!(figures.sends.unsent_by, all(sends));
        assert_eq!((figures.sessions.opened, figures.answers.compared()), (0, 0));
        assert!(run.text("report.html").contains("timed out"));
        let told = format!("{VISITORS} sessions were not driven to their end: timed_out");
        let events = run.events();
        assert!(events.iter().any(|event| event.detail == told), "{events:?}");
    });
}
