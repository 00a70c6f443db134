//! Whether a target wants the lab, and whether this process may make one.
//!
//! It looks and changes nothing; what is missing is one sentence.

use std::io::ErrorKind;
use std::net::Ipv4Addr;

use crate::SUBNET;
use crate::host::Host;
use crate::lab::{CHILD_BUCKETS, TRACKING, is_raised};
use crate::limits::{Limit, Scope, Unit, limits};
use crate::shape::{Shape, Transport};
use crate::table::shown;

/// Whether a target wants the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The host carries it as it is, or one of its ends is elsewhere, where no lab reaches.
    NotNeeded,
    /// It does, and this process may make one.
    Use,
    /// It does, and this is missing.
    Missing(String),
    /// The host does not carry it, and no lab would: a limit that none raises is short, in one sentence.
    Short(String),
}

/// Capabilities that a lab takes (capabilities(7)): its network is set up, its namespace is made.
const CAPABILITIES: [(u32, &str); 2] = [(12, "CAP_NET_ADMIN"), (21, "CAP_SYS_ADMIN")];

/// Whether a target wants the lab on this host, and whether this process may make one.
#[must_use]
pub fn needs(host: &Host, shape: &Shape, cpus: u64) -> Need {
    if !(shape.server_here && shape.clients_here) {
        return Need::NotNeeded;
    }
    let mut found = limits(host, shape, cpus);
    found.retain(Limit::is_short);
    // Where memory is short, say, a lab would only be made to be refused in.
    if let Some(limit) = found.iter().find(|limit| !is_cured(limit)) {
        return Need::Short(format!(
            "{} is {} and {} needed, which no lab raises: {}",
            limit.name,
            shown(limit.now, limit.unit),
            match limit.unit {
                Unit::Bytes => format!("{} is", shown(limit.needed, limit.unit)),
                Unit::Count | Unit::Pages => format!("{} are", shown(limit.needed, limit.unit)),
            },
            limit.remedy.command()
        ));
    }
    if shape.transport == Transport::Kernel && found.is_empty() {
        return Need::NotNeeded;
    }
    match check(host, shape, cpus) {
        Ok(()) => Need::Use,
        Err(why) => Need::Missing(why),
    }
}

/// Whether this process may make a lab.
///
/// # Errors
/// What is missing, in one sentence.
pub fn check(host: &Host, shape: &Shape, cpus: u64) -> Result<(), String> {
    check_capabilities(host, "the lab", &CAPABILITIES)?;
    if shape.transport == Transport::Packet {
        check_tun(host)?;
    }
    let found = limits(host, shape, cpus);
    let raised = found
        .iter()
        .filter(|limit| is_raised(limit))
        .map(|limit| limit.name);
    let sized = host.number(CHILD_BUCKETS).map(|_| CHILD_BUCKETS);
    match raised.chain(sized).find(|name| !host.may_set(name)) {
        Some(name) => Err(format!(
            "the lab must raise {name}, and it cannot be written here: raise it on the host, or ask for fewer \
             connections"
        )),
        None => Ok(()),
    }
}

/// Whether clients on packets can travel from where this process is: it may make a device, and in the host's network, where
/// no lab is made for them, their subnet is nobody else's.
///
/// # Errors
/// Why not, a sentence each.
pub fn check_packets(host: &Host, has_lab: bool) -> Result<(), Vec<String>> {
    let capable = if has_lab {
        check_capabilities(host, "the lab", &CAPABILITIES)
    } else {
        check_capabilities(host, "the packet transport", &CAPABILITIES[..1])
    };
    let subnet = if has_lab { Ok(()) } else { check_subnet(host) };
    let found: Vec<String> = [capable, check_tun(host), subnet]
        .into_iter()
        .filter_map(Result::err)
        .collect();
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn check_capabilities(host: &Host, who: &str, wanted: &[(u32, &str)]) -> Result<(), String> {
    let held = host.capabilities();
    let missing: Vec<_> = wanted
        .iter()
        .filter(|(bit, _)| held >> bit & 1 == 0)
        .map(|(_, name)| *name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{who} needs {}, which this process lacks: run it as root",
        missing.join(" and ")
    ))
}

/// Whether packets from user space have a device to go through.
///
/// # Errors
/// Why not, in one sentence.
pub fn check_tun(host: &Host) -> Result<(), String> {
    host.open_tun().map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            format!(
                "the packet transport needs /dev/net/tun, and this process may not open it ({error}): run it as root, or \
                 take --transport kernel"
            )
        }
        _ => format!(
            "the packet transport needs /dev/net/tun ({error}): modprobe tun, pass the device into the container, or take \
             --transport kernel"
        ),
    })
}

/// Whether the clients' subnet is free, outside a lab.
///
/// # Errors
/// Which route of the host overlaps it, in one sentence.
pub fn check_subnet(host: &Host) -> Result<(), String> {
    let (network, length) = SUBNET;
    let (network, mask) = (u32::from(network), u32::MAX << (32 - length));
    let overlapping = host.routes().into_iter().find(|(other, other_mask)| {
        let both = mask & other_mask;
        network & both == other & both
    });
    match overlapping {
        Some((other, other_mask)) => Err(format!(
            "the packet transport's subnet {}/{length} overlaps the host's route to {}/{}: use the lab, or remove the \
             route",
            SUBNET.0,
            Ipv4Addr::from(other),
            other_mask.leading_ones()
        )),
        None => Ok(()),
    }
}

/// Whether a short limit stops the target outside the lab and not inside.
fn is_cured(limit: &Limit) -> bool {
    limit.scope == Scope::Namespace || limit.name == TRACKING || is_raised(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::Tree;

    fn of(tree: &Tree, connections: u64, transport: Transport) -> Need {
        needs(&tree.host(), &Shape::local(connections, transport, false), 2)
    }

    #[test]
    fn a_lab_is_for_what_the_host_does_not_carry() {
        let tree = Tree::reference();
        assert_eq!(of(&tree, 200_000, Transport::Kernel), Need::NotNeeded);
        assert_eq!(of(&tree, 2_000_000, Transport::Kernel), Need::Use);
        assert_eq!(of(&tree, 2_000, Transport::Packet), Need::Use);
        let mut shape = Shape::local(2_000_000, Transport::Kernel, false);
        shape.server_here = false;
        assert_eq!(needs(&tree.host(), &shape, 2), Need::NotNeeded);
    }

    #[test]
    fn what_no_lab_raises_is_named() {
        let short = |tree: &Tree, connections, words: &[&str]| {
            let Need::Short(why) = of(tree, connections, Transport::Packet) else {
                panic!("nothing is short");
            };
            assert!(words.iter().all(|word| why.contains(word)), "{why}");
        };
        let tree = Tree::reference();
        short(
            &tree,
            15_000_000,
            &["memory is ", "GiB is needed", "--connections"],
        );
        tree.write("proc/self/limits", "Max open files   3000   3000   files\n");
        short(
            &tree,
            2_000_000,
            &[
                "RLIMIT_NOFILE is 3,000 and ",
                " are needed",
                "no lab",
                "ulimit -Hn",
            ],
        );
        // Even where nothing else is.
        assert!(matches!(of(&tree, 1_500_000, Transport::Kernel), Need::Short(_)));
    }

    #[test]
    fn packets_need_a_device_a_privilege_and_outside_a_lab_a_subnet() {
        let tree = Tree::reference();
        assert_eq!(check_packets(&tree.host(), true), Ok(()));
        assert_eq!(check_packets(&tree.host(), false), Ok(()));
        // 198.19.7.0/24.
        tree.write(
            "proc/self/net/route",
            "head\neth0\t000713C6\t0\t1\t0\t0\t0\t00FFFFFF\n",
        );
        assert_eq!(check_packets(&tree.host(), true), Ok(()), "a lab has its own");
        tree.write("proc/self/status", "CapEff:\t0000000000000000\n");
        tree.remove("dev/net/tun");
        let outside = check_packets(&tree.host(), false).unwrap_err();
        for (found, word) in outside
            .iter()
            .zip(["CAP_NET_ADMIN", "/dev/net/tun", "198.19.7.0/24"])
        {
            assert!(found.contains(word), "{outside:?}");
        }
        assert_eq!(outside.len(), 3);
        assert!(!outside[0].contains("CAP_SYS_ADMIN"), "{outside:?}");
        assert!(check_packets(&tree.host(), true).unwrap_err()[0].contains("CAP_SYS_ADMIN"));
    }

    #[test]
    fn what_is_missing_is_one_sentence() {
        let missing = |tree: &Tree, words: &[&str]| {
            let Need::Missing(why) = of(tree, 3_000_000, Transport::Packet) else {
                panic!("nothing is missing");
            };
            assert!(
                words.iter().all(|word| why.contains(word)) && !why.contains('\n'),
                "{why}"
            );
        };
        let tree = Tree::reference();
        tree.write("proc/self/status", "CapEff:\t0000000000001000\n");
        missing(&tree, &["CAP_SYS_ADMIN", "root"]);
        let tree = Tree::reference();
        tree.remove("dev/net/tun");
        missing(&tree, &["/dev/net/tun", "modprobe"]);
    }

    #[test]
    fn a_route_into_the_clients_subnet_is_named() {
        let tree = Tree::reference();
        assert_eq!(check_subnet(&tree.host()), Ok(()));
        let route = |destination: &str, mask: &str| {
            tree.write(
                "proc/self/net/route",
                &format!("head\neth0\t{destination}\t0\t1\t0\t0\t0\t{mask}\n"),
            );
            check_subnet(&tree.host())
        };
        // 0.0.0.0/0, 10.0.0.0/8, 198.19.7.0/24, 198.0.0.0/8.
        assert_eq!(route("00000000", "00000000"), Ok(()));
        assert_eq!(route("0000000A", "000000FF"), Ok(()));
        assert!(
            route("000713C6", "00FFFFFF")
                .unwrap_err()
                .contains("198.19.7.0/24")
        );
        assert!(route("000000C6", "000000FF").unwrap_err().contains("198.0.0.0/8"));
    }
}
