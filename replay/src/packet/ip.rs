//! IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200, section 4).
//!
//! It does not put fragments together, and looks at no checksum.

use super::endpoint::{Endpoint, Path};
use super::fragments::{Fragment, FragmentKey};
use super::view::{View, u16_at, u32_at};
use crate::skipped::Skip;

pub(super) const IPV4: u8 = 4;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const IPV6: u8 = 41;
pub(super) const GRE: u8 = 47;

const V4_BYTES: usize = 20;
const V6_BYTES: usize = 40;
/// More extension headers than that are an attack, not a packet.
const EXTENSIONS_MAX: usize = 16;

/// What IP carries, and between whom. The ports are not known yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried<'a> {
    pub(super) protocol: u8,
    pub(super) source: Endpoint,
    pub(super) to: Endpoint,
    pub(super) path: Path,
    pub(super) view: View<'a>,
}

/// What a packet turns out to be.
pub(super) enum Read<'a> {
    Carried(Carried<'a>),
    Fragment(Fragment<'a>),
}

/// Either version, as the first four bits say.
pub(super) fn read(view: View<'_>, path: Path) -> Result<Read<'_>, Skip> {
    match view.head::<1>()?[0] >> 4 {
        4 => v4(view, path),
        6 => v6(view, path),
        _ => Err(Skip::Malformed),
    }
}

fn v4(view: View<'_>, path: Path) -> Result<Read<'_>, Skip> {
    let head = view.head::<V4_BYTES>()?;
    let header_bytes = usize::from(head[0] & 0x0f) * 4;
    let total_bytes = match u16_at(head, 2) {
        // Segmentation offload: the hardware would have filled it in. The frame's own length stands.
        0 => view.length,
        total => usize::from(total),
    };
    if header_bytes < V4_BYTES || total_bytes < header_bytes {
        return Err(Skip::Malformed);
    }
    let carried = Carried {
        protocol: head[9],
        source: Endpoint::v4(u32_at(head, 12), 0),
        to: Endpoint::v4(u32_at(head, 16), 0),
        path,
        view: stated(view, total_bytes).skip(header_bytes)?,
    };
    let place = u16_at(head, 6);
    let (offset, more) = (usize::from(place & 0x1fff) * 8, place & 0x2000 != 0);
    if offset == 0 && !more {
        return Ok(Read::Carried(carried));
    }
    let id = u32::from(u16_at(head, 4));
    Ok(Read::Fragment(Fragment {
        key: FragmentKey::new(&carried, carried.protocol, id),
        carried,
        offset,
        more,
    }))
}

fn v6(view: View<'_>, path: Path) -> Result<Read<'_>, Skip> {
    let head = view.head::<V6_BYTES>()?;
    let mut source = [0; 16];
    source.copy_from_slice(&head[8..24]);
    let mut to = [0; 16];
    to.copy_from_slice(&head[24..40]);
    let total_bytes = match u16_at(head, 4) {
        // A jumbogram (RFC 2675) or segmentation offload: the frame's own length stands.
        0 => view.length,
        payload => usize::from(payload) + V6_BYTES,
    };
    let carried = Carried {
        protocol: head[6],
        source: Endpoint::v6(source, 0),
        to: Endpoint::v6(to, 0),
        path,
        view: stated(view, total_bytes).skip(V6_BYTES)?,
    };
    match carried.protocol {
        TCP | UDP => Ok(Read::Carried(carried)),
        _ => extensions(carried),
    }
}

/// Follows the chain of extension headers to what is carried.
fn extensions(mut carried: Carried<'_>) -> Result<Read<'_>, Skip> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const AUTHENTICATION: u8 = 51;
    const DESTINATION: u8 = 60;
    const MOBILITY: u8 = 135;
    const FRAGMENT_BYTES: usize = 8;
    for _ in 0..EXTENSIONS_MAX {
        let kind = carried.protocol;
        match kind {
            HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | AUTHENTICATION => {
                let &[next, length] = carried.view.head::<2>()?;
                let bytes = match kind {
                    // In units of 4 bytes, less 2 (RFC 4302, section 2.2).
                    AUTHENTICATION => (usize::from(length) + 2) * 4,
                    _ => (usize::from(length) + 1) * 8,
                };
                carried.protocol = next;
                carried.view = carried.view.skip(bytes)?;
            }
            FRAGMENT => {
                let head = carried.view.head::<FRAGMENT_BYTES>()?;
                let place = u16_at(head, 2);
                carried.protocol = head[0];
                carried.view = carried.view.skip(FRAGMENT_BYTES)?;
                let (offset, more) = (usize::from(place & 0xfff8), place & 1 != 0);
                if offset == 0 && !more {
                    // An atomic fragment is whole (RFC 6946).
                    continue;
                }
                // Only the first fragment says what is carried (RFC 8200, section 4.5), so the key leaves it out.
                let key = FragmentKey::new(&carried, FRAGMENT, u32_at(head, 4));
                return Ok(Read::Fragment(Fragment {
                    key,
                    carried,
                    offset,
                    more,
                }));
            }
            _ => return Ok(Read::Carried(carried)),
        }
    }
    Err(Skip::Nested)
}

/// The packet as long as IP says it is. Behind that is padding; where the wire had less, something cut it.
fn stated(view: View<'_>, total_bytes: usize) -> View<'_> {
    if total_bytes <= view.length {
        view.limit(total_bytes)
    } else {
        View {
            length: total_bytes,
            ..view
        }
    }
}
