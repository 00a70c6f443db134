//! Tunnels: VXLAN (RFC 7348), Geneve (RFC 8926), GRE (RFC 2784 and 2890).
//!
//! It does not know what is in them: each announces what comes next. What is no tunnel after all is a datagram.

use super::endpoint::Tag;
use super::ip::Carried;
use super::view::{u16_at, u32_at};
use super::{Datagram, Next, Skip};

const UDP_BYTES: usize = 8;
const VXLAN_BYTES: usize = 8;
const VXLAN_PORT: u16 = 4_789;
/// What Linux used before there was a number.
const VXLAN_OLD_PORT: u16 = 8_472;
const GENEVE_BYTES: usize = 8;
const GENEVE_PORT: u16 = 6_081;
const GRE_BYTES: usize = 4;

/// What a UDP datagram turns out to be.
pub(super) enum Udp<'a> {
    Tunnel(Next<'a>),
    Datagram(Datagram<'a>),
}

/// A UDP datagram, looked into where its port says that it is a tunnel's.
pub(super) fn udp<'a>(carried: &Carried<'a>) -> Result<Udp<'a>, Skip> {
    let head = carried.view.head::<UDP_BYTES>()?;
    let (source_port, to_port) = (u16_at(head, 0), u16_at(head, 2));
    let tunnel = match to_port {
        VXLAN_PORT | VXLAN_OLD_PORT => vxlan(carried),
        GENEVE_PORT => geneve(carried),
        _ => None,
    };
    if let Some(next) = tunnel {
        return Ok(Udp::Tunnel(next));
    }
    let payload = carried.view.skip(UDP_BYTES)?;
    Ok(Udp::Datagram(Datagram {
        source: carried.source.with_port(source_port),
        to: carried.to.with_port(to_port),
        path: carried.path,
        payload: payload.bytes,
        length: u32::try_from(payload.length).unwrap_or(u32::MAX),
    }))
}

fn vxlan<'a>(carried: &Carried<'a>) -> Option<Next<'a>> {
    /// "The number is valid"; all other flags are 0 (section 5).
    const VALID: u8 = 0x08;
    let view = carried.view.skip(UDP_BYTES).ok()?;
    let head = view.head::<VXLAN_BYTES>().ok()?;
    if head[0] != VALID {
        return None;
    }
    let path = carried.path.within(Tag::Vxlan, u32_at(head, 4) >> 8);
    Some(Next::Ethernet(view.skip(VXLAN_BYTES).ok()?, path))
}

fn geneve<'a>(carried: &Carried<'a>) -> Option<Next<'a>> {
    let view = carried.view.skip(UDP_BYTES).ok()?;
    let head = view.head::<GENEVE_BYTES>().ok()?;
    // Two bits of version, then the options' length in units of 4 bytes (section 3.4).
    if head[0] >> 6 != 0 {
        return None;
    }
    let options_bytes = usize::from(head[0] & 0x3f) * 4;
    let path = carried.path.within(Tag::Geneve, u32_at(head, 4) >> 8);
    Some(Next::Ether(
        u16_at(head, 2),
        view.skip(GENEVE_BYTES + options_bytes).ok()?,
        path,
    ))
}

/// A GRE header with its optional fields.
pub(super) fn gre<'a>(carried: &Carried<'a>) -> Result<Next<'a>, Skip> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const VERSION: u16 = 0x0007;
    const FIELD_BYTES: usize = 4;
    let head = carried.view.head::<GRE_BYTES>()?;
    let (flags, kind) = (u16_at(head, 0), u16_at(head, 2));
    if flags & (VERSION | ROUTING) != 0 {
        return Err(Skip::Transport);
    }
    let mut view = carried.view.skip(GRE_BYTES)?;
    let mut path = carried.path;
    if flags & CHECKSUM != 0 {
        view = view.skip(FIELD_BYTES)?;
    }
    if flags & KEY != 0 {
        path = path.within(Tag::Gre, u32_at(view.head::<FIELD_BYTES>()?, 0));
        view = view.skip(FIELD_BYTES)?;
    }
    if flags & SEQUENCE != 0 {
        view = view.skip(FIELD_BYTES)?;
    }
    Ok(Next::Ether(kind, view, path))
}
