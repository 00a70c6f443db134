//! The kernel's own words on its sockets, to be kept beside the figures that were read from them.
//!
//! It reads and leaves out; it understands nothing.

use std::fs;

use crate::host::SOCKET_SLABS;

const SOCKSTATS: [&str; 2] = [
    "/proc/thread-self/net/sockstat",
    "/proc/thread-self/net/sockstat6",
];
const SLABS: &str = "/proc/slabinfo";

/// `sockstat` and `sockstat6` of this network namespace, and the lines of `slabinfo` that grow with sockets, each under
/// its path. What cannot be read says so.
#[must_use]
pub fn socket_text() -> String {
    let mut text = String::new();
    for path in SOCKSTATS {
        add(&mut text, path, |_| true);
    }
    add(&mut text, SLABS, is_of_sockets);
    text
}

fn add(text: &mut String, path: &str, keep: impl Fn(&str) -> bool) {
    text.push_str(&format!("== {path}\n"));
    match fs::read_to_string(path) {
        Ok(whole) => whole.lines().filter(|line| keep(line)).for_each(|line| {
            text.push_str(line);
            text.push('\n');
        }),
        Err(error) => text.push_str(&format!("cannot be read: {error}\n")),
    }
}

/// The header, and the slabs of sockets.
fn is_of_sockets(line: &str) -> bool {
    let first = line.split_ascii_whitespace().next().unwrap_or("");
    first == "#" || SOCKET_SLABS.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_slabs_of_sockets_are_kept() {
        let text = include_str!("../samples/slabinfo.txt");
        let kept: Vec<&str> = text.lines().filter(|line| is_of_sockets(line)).collect();
        assert!(kept.iter().any(|line| line.starts_with("TCP ")), "{kept:?}");
        assert!(!kept.iter().any(|line| line.starts_with("ext4")));
    }

    #[test]
    fn this_host_has_its_say_on_sockets() {
        let text = socket_text();
        assert!(
            text.contains("TCP: inuse") && text.contains("== /proc/slabinfo"),
            "{text}"
        );
    }
}
