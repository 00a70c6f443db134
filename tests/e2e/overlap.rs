//! A route of the host that leads into the clients' subnet: said before anything starts.

use crate::home::{Home, binary};
use crate::lab::Turn;

#[test]
fn a_route_into_the_clients_subnet_is_told_before_anything_starts() {
    let Some(turn) = Turn::take() else { return };
    let home = Home::new();
    // In a namespace that no `teem run` takes for a lab, with a device of ours whose subnet it would want.
    let script = format!(
        "ip tuntap add dev other mode tun && ip address add 198.18.7.1/24 dev other && ip link set other up && \
         exec env -u TEEM_LAB {} run smoke --transport packet --lab never",
        binary().display()
    );
    home.teem(&["lab", "--", "sh", "-c", &script])
        .mistake(&["198.18.0.0/15", "198.18.7.0/24", "the lab"]);
    assert!(!home.path("runs").exists());
    turn.assert_undone();
}
