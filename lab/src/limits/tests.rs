//! The doctor on hosts made of files.

use super::*;
use crate::host::tests::Tree;
use crate::shape::Transport;
use crate::table;

fn short(limits: &[Limit]) -> Vec<&'static str> {
    limits
        .iter()
        .filter(|limit| limit.is_short())
        .map(|limit| limit.name)
        .collect()
}

#[test]
fn the_reference_box_as_it_starts() {
    let host = Tree::reference().host();
    // The folder is gone by now: nothing can be read, and nothing is claimed.
    assert!(limits(&host, &Shape::local(1, Transport::Kernel, false), 2).is_empty());
    let tree = Tree::reference();
    let of = |connections, transport| limits(&tree.host(), &Shape::local(connections, transport, true), 2);
    assert!(
        short(&of(200_000, Transport::Kernel)).is_empty(),
        "the demo runs as it is"
    );
    insta::assert_snapshot!(
        "three_million_packet_tls",
        table::text(&of(3_000_000, Transport::Packet), |word, _| word.to_owned())
    );
    insta::assert_snapshot!(
        "five_million_kernel_tls",
        table::text(&of(5_000_000, Transport::Kernel), |word, _| word.to_owned())
    );
    insta::assert_json_snapshot!("two_million_json", table::json(&of(2_000_000, Transport::Kernel)));
}

/// Every limit, brought to what is needed, is fine, and one less is short, and no other changes its mind.
#[test]
fn each_sysctl_is_short_by_one() {
    let tree = Tree::reference();
    let shape = Shape::local(3_000_000, Transport::Kernel, false);
    for limit in limits(&tree.host(), &shape, 2) {
        let Remedy::Sysctl { name, .. } = &limit.remedy else {
            continue;
        };
        if *name == "net.ipv4.ip_local_port_range" {
            continue;
        }
        let before = tree.host().sysctl(name).unwrap();
        for (value, is_short) in [(limit.needed, false), (limit.needed - 1, true)] {
            tree.sysctl(name, &format!("1\t1\t{value}"));
            let again = limits(&tree.host(), &shape, 2);
            let found = again.iter().find(|other| other.name == limit.name).unwrap();
            assert_eq!(found.is_short(), is_short, "{name} at {value}");
        }
        tree.sysctl(name, &before);
    }
}

/// What `--fix` writes is enough.
#[test]
fn remedies_cure() {
    let tree = Tree::reference();
    let shape = Shape::local(2_000_000, Transport::Kernel, false);
    for limit in limits(&tree.host(), &shape, 2) {
        if let Remedy::Sysctl { name, value, .. } = &limit.remedy {
            tree.host().set_sysctl(name, value).unwrap();
        }
    }
    assert_eq!(
        short(&limits(&tree.host(), &shape, 2)),
        ["net.ipv4.tcp_ehash_entries"],
        "the lab's, not a sysctl's"
    );
}

/// The file for hosts that keep their limits is enough for what it says: five million, both ends here.
#[test]
fn the_sysctl_file_suffices_for_five_million() {
    let tree = Tree::reference();
    let file = include_str!("../../../deploy/sysctl.d/90-teem.conf");
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        tree.sysctl(name.trim().trim_start_matches('-'), value.trim());
    }
    let shape = Shape::local(5_000_000, Transport::Kernel, true);
    assert_eq!(
        short(&limits(&tree.host(), &shape, 2)),
        ["RLIMIT_NOFILE", "net.ipv4.tcp_ehash_entries", "memory"],
        "the shell's, the boot's and the host's"
    );
}

#[test]
fn descriptors_ports_threads_and_memory_are_named() {
    let tree = Tree::reference();
    let mut shape = Shape::local(50_000, Transport::Kernel, false);
    shape.sources = Some(1);
    assert_eq!(
        short(&limits(&tree.host(), &shape, 2)),
        ["net.ipv4.ip_local_port_range"]
    );
    tree.host()
        .set_sysctl("net.ipv4.ip_local_port_range", sizing::PORT_RANGE)
        .unwrap();
    assert!(short(&limits(&tree.host(), &shape, 2)).is_empty());
    shape.sources = None;
    shape.partable = false;
    assert_eq!(short(&limits(&tree.host(), &shape, 2)), ["RLIMIT_NOFILE"]);
    shape.partable = true;
    tree.write("proc/meminfo", "MemTotal: 1024000 kB\nMemFree: 512000 kB\n");
    assert_eq!(short(&limits(&tree.host(), &shape, 2)), ["memory"]);
    tree.write("sys/fs/cgroup/pids.max", "20\n");
    assert_eq!(short(&limits(&tree.host(), &shape, 2)), ["pids.max", "memory"]);
}

/// A client that got a server's port would keep it from listening there.
#[test]
fn ports_are_not_widened_over_the_servers_own() {
    let tree = Tree::reference();
    let mut shape = Shape::local(50_000, Transport::Kernel, false);
    shape.sources = Some(1);
    let remedy = || {
        let found = limits(&tree.host(), &shape, 2);
        let ports = found
            .iter()
            .find(|limit| limit.name == "net.ipv4.ip_local_port_range");
        ports.unwrap().remedy.clone()
    };
    let command = remedy().command();
    assert_eq!(
        command,
        "sysctl -w net.ipv4.ip_local_reserved_ports=7700-7799 net.ipv4.ip_local_port_range=\"1024 65535\""
    );
    tree.sysctl("net.ipv4.ip_local_reserved_ports", "5222");
    assert!(remedy().command().contains("reserved_ports=5222,7700-7799 "));
    tree.sysctl("net.ipv4.ip_local_reserved_ports", "7000-8000");
    assert!(!remedy().command().contains("reserved"));
}

#[test]
fn a_server_elsewhere_needs_no_queues_here() {
    let tree = Tree::reference();
    let mut shape = Shape::local(20_000, Transport::Kernel, false);
    shape.server_here = false;
    let names: Vec<_> = limits(&tree.host(), &shape, 2)
        .iter()
        .map(|limit| limit.name)
        .collect();
    assert!(
        !names.contains(&"net.core.somaxconn") && names.contains(&"memory"),
        "{names:?}"
    );
    tree.remove("proc/sys/net/netfilter/nf_conntrack_max");
    let fewer = limits(&tree.host(), &shape, 2).len();
    assert_eq!(fewer, names.len() - 1, "what this kernel lacks is left out");
}
