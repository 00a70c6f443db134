//! What is in a captured packet: TCP segments and datagrams, whatever is wrapped around them.
//!
//! It knows no file and no connection. Links, VLAN tags, tunnels and both kinds of IP are unwrapped in one loop without a copy
//! or an allocation; only fragments are kept, within [`FRAGMENTS_MAX_BYTES`]. Checksums are never looked at: on a capture made
//! where the packet was sent they are not filled in yet.

mod datagrams;
mod endpoint;
mod fragments;
mod ip;
mod link;
mod tcp;
mod tunnel;
mod view;

pub use datagrams::{DatagramFlow, DatagramList, Datagrams};
pub use endpoint::{Endpoint, Path};
pub use fragments::FRAGMENTS_MAX_BYTES;
pub use tcp::{Flags, Segment};

use crate::capture::Packet;
use crate::skipped::Skip;
use fragments::{Fragment, Fragments};
use ip::Carried;
use view::View;

/// The most layers that are unwrapped: a tunnel in a tunnel with tags and extension headers needs twelve.
const LAYERS_MAX: usize = 24;

/// What a packet carries, in the end.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// A piece of a TCP connection.
    Tcp(Segment<'a>),
    /// A datagram.
    Udp(Datagram<'a>),
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: Endpoint,
    /// To whom.
    pub to: Endpoint,
    /// The VLANs and tunnels it came through.
    pub path: Path,
    /// What was captured of its payload.
    pub payload: &'a [u8],
    /// Length of its payload on the wire, bytes.
    pub length: u32,
}

/// Takes packets apart, and puts fragments together.
#[derive(Debug, Default)]
pub struct Decoder {
    fragments: Fragments,
}

/// What the next header is.
enum Next<'a> {
    /// An Ethernet type and what is behind it.
    Ether(u16, View<'a>, Path),
    /// IPv4 or IPv6, as the first four bits say.
    Ip(View<'a>, Path),
    /// What IP carries.
    Carried(Carried<'a>),
    /// An Ethernet header.
    Ethernet(View<'a>, Path),
}

/// What unwrapping ends with.
enum Unwrapped<'a> {
    Content(Content<'a>),
    Fragment(Fragment<'a>),
}

impl Decoder {
    /// Unwraps a packet and hands on what it carries; a fragment hands on its datagram when it is the last.
    ///
    /// # Errors
    /// Why there is nothing to hand on. A fragment that waits for others is no error and hands nothing on.
    pub fn packet(&mut self, packet: &Packet<'_>, take: impl FnOnce(Content<'_>)) -> Result<(), Skip> {
        let view = View::new(packet.bytes, packet.sent_bytes);
        match unwrap(link::first(packet.link, view)?)? {
            Unwrapped::Content(content) => take(content),
            Unwrapped::Fragment(fragment) => return self.fragment(fragment, packet.at_ns, take),
        }
        Ok(())
    }

    /// Fragments of datagrams that became whole.
    #[must_use]
    pub fn fragments_joined(&self) -> u64 {
        self.fragments.joined()
    }

    /// Fragments of datagrams that were given up or still wait.
    #[must_use]
    pub fn fragments_dropped(&self) -> u64 {
        self.fragments.dropped()
    }

    #[cold]
    fn fragment(
        &mut self,
        fragment: Fragment<'_>,
        at_ns: u64,
        take: impl FnOnce(Content<'_>),
    ) -> Result<(), Skip> {
        let mut whole = self.fragments.add(&fragment, at_ns)?;
        // Each round takes a layer off, so a fragment in a fragment ends, too.
        for _ in 0..LAYERS_MAX {
            let Some(datagram) = whole else { return Ok(()) };
            match unwrap(Next::Carried(datagram.carried()))? {
                Unwrapped::Content(content) => {
                    take(content);
                    return Ok(());
                }
                Unwrapped::Fragment(inner) => whole = self.fragments.add(&inner, at_ns)?,
            }
        }
        Err(Skip::Nested)
    }
}

/// Takes off layer after layer.
fn unwrap(mut next: Next<'_>) -> Result<Unwrapped<'_>, Skip> {
    for _ in 0..LAYERS_MAX {
        next = match next {
            Next::Ethernet(view, path) => link::ethernet(view, path)?,
            Next::Ether(kind, view, path) => link::ether_type(kind, view, path)?,
            Next::Ip(view, path) => match ip::read(view, path)? {
                ip::Read::Carried(carried) => Next::Carried(carried),
                ip::Read::Fragment(fragment) => return Ok(Unwrapped::Fragment(fragment)),
            },
            Next::Carried(carried) => match carried.protocol {
                ip::TCP => return Ok(Unwrapped::Content(Content::Tcp(tcp::read(&carried)?))),
                ip::UDP => match tunnel::udp(&carried)? {
                    tunnel::Udp::Tunnel(next) => next,
                    tunnel::Udp::Datagram(datagram) => return Ok(Unwrapped::Content(Content::Udp(datagram))),
                },
                ip::GRE => tunnel::gre(&carried)?,
                ip::IPV4 | ip::IPV6 => Next::Ip(carried.view, carried.path),
                _ => return Err(Skip::Transport),
            },
        };
    }
    Err(Skip::Nested)
}

#[cfg(test)]
mod tests;
