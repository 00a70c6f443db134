//! A TUN device in the calling thread's network namespace, with the route that brings a subnet to it.
//!
//! It does not know what is in a packet. One system call a packet, read or written (480 to 507 and 240 to 259 ns on the
//! reference host); several queues on one device would mix flows, so a shard has a device of its own.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::device::{Device, Medium, Sink};
use super::interface::{self, Interfaces};
use super::segment::VNET_BYTES;
use super::subnet::Subnet;

/// How a device is made.
#[derive(Clone, Debug)]
pub struct TunOptions {
    /// Its name; `%d` becomes the first free number.
    pub name: String,
    /// The subnet whose packets come to it.
    pub subnet: Subnet,
    /// The longest packet, bytes.
    pub mtu: u16,
    /// Packets that may wait to be read before the kernel drops some.
    pub queue_packets: u32,
    /// Whether TCP checksums are left to the kernel, which never computes those of packets that stay on the host.
    pub checksum_offload: bool,
    /// Whether many segments come and go in one packet.
    pub segment_offload: bool,
}

impl TunOptions {
    /// The usual device for a subnet.
    #[must_use]
    pub fn new(subnet: Subnet) -> Self {
        Self {
            name: "teem%d".to_owned(),
            subnet,
            mtu: 1500,
            queue_packets: 16_384,
            checksum_offload: true,
            segment_offload: true,
        }
    }
}

/// A device could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TunError {
    /// The host has none.
    #[error(
        "there is no /dev/net/tun here ({0}): load it with `modprobe tun`, or give the container the device"
    )]
    Missing(#[source] io::Error),
    /// We may not.
    #[error(
        "making a network device needs CAP_NET_ADMIN ({step}: {source}): run as root, or under `unshare --net \
         --map-root-user`"
    )]
    Privilege {
        /// What failed.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The subnet is in use.
    #[error(
        "{subnet} overlaps the route {route} of this host: choose another subnet, or a network namespace"
    )]
    Overlap {
        /// What was asked for.
        subnet: Subnet,
        /// What is there, with its interface.
        route: String,
    },
    /// Anything else.
    #[error("cannot make a network device: {step}: {source}")]
    Step {
        /// What failed.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// The device; it is gone when dropped, and so is its route.
#[derive(Debug)]
pub struct Tun {
    file: OwnedFd,
    name: String,
    medium: Medium,
}

impl Tun {
    /// Makes the device, brings it up and routes the subnet to it.
    ///
    /// # Errors
    /// No device to make one with, no privilege, or a route of the host is in the way; each says what to do.
    pub fn open(options: &TunOptions) -> Result<Self, TunError> {
        let routes =
            std::fs::read_to_string("/proc/thread-self/net/route").map_err(at("reading the routes"))?;
        if let Some(route) = overlapping(options.subnet, &routes) {
            return Err(TunError::Overlap {
                subnet: options.subnet,
                route,
            });
        }
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open("/dev/net/tun", flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT | Errno::NODEV | Errno::NXIO => TunError::Missing(errno.into()),
            errno => at("opening /dev/net/tun")(errno.into()),
        })?;
        let name = interface::attach(&file, &options.name).map_err(at("TUNSETIFF"))?;
        interface::set_header(&file, VNET_BYTES).map_err(at("TUNSETVNETHDRSZ"))?;
        interface::set_offload(&file, options.checksum_offload, options.segment_offload)
            .map_err(at("TUNSETOFFLOAD"))?;
        let interfaces = Interfaces::here().map_err(at("socket"))?;
        interfaces.set_mtu(&name, options.mtu).map_err(at("SIOCSIFMTU"))?;
        interfaces
            .set_queue(&name, options.queue_packets)
            .map_err(at("SIOCSIFTXQLEN"))?;
        interfaces.up(&name).map_err(at("SIOCSIFFLAGS"))?;
        interfaces
            .add_route(&name, options.subnet)
            .map_err(at("SIOCADDRT"))?;
        Ok(Self {
            file,
            name,
            medium: Medium {
                mtu: options.mtu,
                checksum_offload: options.checksum_offload,
                segment_offload: options.checksum_offload && options.segment_offload,
            },
        })
    }

    /// The interface's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Sink for Tun {
    fn transmit(&mut self, packet: &[u8]) -> io::Result<()> {
        loop {
            match rustix::io::write(&self.file, packet) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Device for Tun {
    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match rustix::io::read(&self.file, &mut *into) {
                Ok(length) => return Ok(Some(length)),
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn medium(&self) -> Medium {
        self.medium
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn at(step: &'static str) -> impl Fn(io::Error) -> TunError {
    move |source| match source.kind() {
        io::ErrorKind::PermissionDenied => TunError::Privilege { step, source },
        _ => TunError::Step { step, source },
    }
}

/// The first route, but for default ones, that shares an address with the subnet; `routes` is as of proc_net(5).
fn overlapping(subnet: Subnet, routes: &str) -> Option<String> {
    routes.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        // In the host's byte order, as the kernel keeps the address's bytes.
        let address = |field: &str| u32::from_str_radix(field, 16).map(u32::from_be).ok();
        let (to, mask) = (address(fields.get(1)?)?, address(fields.get(7)?)?);
        let prefix = mask.leading_ones() as u8;
        let in_the_way = prefix > 0 && subnet.overlaps(to.into(), prefix);
        in_the_way.then(|| format!("{}/{prefix} ({})", Ipv4Addr::from_bits(to), fields[0]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
tun0\t000012C6\t00000000\t0001\t0\t0\t0\t0000FEFF\t0\t0\t0
";

    #[test]
    fn a_route_in_the_way_is_named_and_a_default_one_is_not_in_the_way() {
        let overlap = |text: &str| overlapping(text.parse().unwrap(), ROUTES);
        assert_eq!(overlap("10.1.0.0/16"), None);
        assert_eq!(overlap("10.0.0.0/8").as_deref(), Some("10.0.0.0/24 (eth0)"));
        assert_eq!(overlap("198.19.4.0/24").as_deref(), Some("198.18.0.0/15 (tun0)"));
    }

    #[test]
    fn errors_say_what_to_do() {
        let denied = at("TUNSETIFF")(io::ErrorKind::PermissionDenied.into()).to_string();
        assert!(
            denied.contains("CAP_NET_ADMIN") && denied.contains("TUNSETIFF"),
            "{denied}"
        );
        let broken = at("SIOCSIFMTU")(io::ErrorKind::InvalidInput.into()).to_string();
        assert!(broken.contains("SIOCSIFMTU"), "{broken}");
    }
}
