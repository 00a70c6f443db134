//! Link headers: Ethernet with its VLAN tags, Linux cooked, loopback.
//!
//! It does not know what is in IP.

use super::endpoint::{Path, Tag};
use super::view::{View, u16_at, u32_at};
use super::{Next, Skip};
use crate::capture::Link;

const ETHERNET_BYTES: usize = 14;
const COOKED_BYTES: usize = 16;
const COOKED_V2_BYTES: usize = 20;
const FAMILY_BYTES: usize = 4;
const TAG_BYTES: usize = 4;
const TYPE_IPV4: u16 = 0x0800;
const TYPE_IPV6: u16 = 0x86dd;
/// A bridged Ethernet frame, in GRE and Geneve.
const TYPE_BRIDGED: u16 = 0x6558;
/// A VLAN's number is the lower 12 bits of its tag; priority is no part of the way (IEEE 802.1Q, section 9.6).
const VLAN_MASK: u16 = 0x0fff;

/// A packet's first header.
pub(super) fn first(link: Link, view: View<'_>) -> Result<Next<'_>, Skip> {
    let path = Path::default();
    match link {
        Link::Ethernet => Ok(Next::Ethernet(view, path)),
        Link::RawIp => Ok(Next::Ip(view, path)),
        Link::Loopback => {
            let family = u32_at(view.head::<FAMILY_BYTES>()?, 0);
            match family.min(family.swap_bytes()) {
                // IPv4; IPv6 as Linux, NetBSD, FreeBSD and macOS number it.
                2 | 10 | 24 | 28 | 30 => Ok(Next::Ip(view.skip(FAMILY_BYTES)?, path)),
                _ => Err(Skip::NotIp),
            }
        }
        Link::Cooked => {
            let kind = u16_at(view.head::<COOKED_BYTES>()?, 14);
            Ok(Next::Ether(kind, view.skip(COOKED_BYTES)?, path))
        }
        Link::CookedV2 => {
            let kind = u16_at(view.head::<COOKED_V2_BYTES>()?, 0);
            Ok(Next::Ether(kind, view.skip(COOKED_V2_BYTES)?, path))
        }
        Link::Unknown(_) => Err(Skip::Link),
    }
}

/// An Ethernet header.
pub(super) fn ethernet(view: View<'_>, path: Path) -> Result<Next<'_>, Skip> {
    let kind = u16_at(view.head::<ETHERNET_BYTES>()?, 12);
    Ok(Next::Ether(kind, view.skip(ETHERNET_BYTES)?, path))
}

/// What an Ethernet type announces.
pub(super) fn ether_type(kind: u16, view: View<'_>, path: Path) -> Result<Next<'_>, Skip> {
    match kind {
        TYPE_IPV4 | TYPE_IPV6 => Ok(Next::Ip(view, path)),
        // 802.1Q, 802.1ad, and two that stacked tags had before that.
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
            let tag = view.head::<TAG_BYTES>()?;
            let vlan = u32::from(u16_at(tag, 0) & VLAN_MASK);
            // Number 0 carries a priority and names no VLAN.
            let path = if vlan == 0 {
                path
            } else {
                path.within(Tag::Vlan, vlan)
            };
            Ok(Next::Ether(u16_at(tag, 2), view.skip(TAG_BYTES)?, path))
        }
        TYPE_BRIDGED => Ok(Next::Ethernet(view, path)),
        _ => Err(Skip::NotIp),
    }
}
