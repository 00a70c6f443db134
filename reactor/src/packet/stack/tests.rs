//! The machine by itself: one segment at a time, and against a simple peer over a wire that loses, repeats, reorders
//! and corrupts, on a virtual clock.

mod hand;
mod misfits;
mod patience;
mod peer;
mod rules;
mod wire;
mod wrap;

use super::*;
use crate::packet::segment::{Flags, Header};

/// Everything that was sent, in order.
impl Sink for Vec<Vec<u8>> {
    fn transmit(&mut self, packet: &[u8]) -> std::io::Result<()> {
        self.push(packet.to_vec());
        Ok(())
    }
}

const WIRE: Medium = Medium {
    mtu: 1500,
    checksum_offload: false,
    segment_offload: false,
};
const SERVER: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::new(198, 19, 255, 254), 7);

fn options() -> PacketOptions {
    PacketOptions {
        seed: Some(1),
        ..PacketOptions::new("198.18.0.0/24".parse().unwrap())
    }
}
