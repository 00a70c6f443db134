//! Network interfaces of the calling thread's namespace, by the plain ioctls of netdevice(7).
//!
//! It does not know what an interface is for. IPv4 only.
#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::Subnet;

/// Interfaces are reached through any socket of their namespace.
#[derive(Debug)]
pub struct Interfaces {
    socket: OwnedFd,
}

/// An interface's name, as ioctls take it.
pub(crate) type Name = [libc::c_char; libc::IFNAMSIZ];

impl Interfaces {
    /// Those of the calling thread's network namespace.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn here() -> io::Result<Self> {
        let socket =
            rustix::net::socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        Ok(Self { socket })
    }

    /// Brings one up.
    ///
    /// # Errors
    /// No such interface, or no `CAP_NET_ADMIN`.
    pub fn up(&self, name: &str) -> io::Result<()> {
        let flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        self.set(libc::SIOCSIFFLAGS, name, |request| request.ifru_flags = flags)
    }

    /// Sets the longest packet, bytes.
    ///
    /// # Errors
    /// As [`Interfaces::up`], or the interface has its bounds.
    pub fn set_mtu(&self, name: &str, mtu: u16) -> io::Result<()> {
        self.set(libc::SIOCSIFMTU, name, |request| {
            request.ifru_mtu = i32::from(mtu);
        })
    }

    /// Sets how many packets may wait to be read.
    ///
    /// # Errors
    /// As [`Interfaces::up`].
    pub fn set_queue(&self, name: &str, packets: u32) -> io::Result<()> {
        let packets = i32::try_from(packets).unwrap_or(i32::MAX);
        // The length of the queue stands where the MTU does in other requests: both are one int.
        self.set(libc::SIOCSIFTXQLEN, name, |request| request.ifru_mtu = packets)
    }

    /// Gives it an address of its own, a host's alone; an alias such as `lo:1` gets one more.
    ///
    /// # Errors
    /// As [`Interfaces::up`].
    pub fn set_address(&self, name: &str, address: Ipv4Addr) -> io::Result<()> {
        self.set(libc::SIOCSIFADDR, name, |request| {
            request.ifru_addr = socket_address(address);
        })?;
        self.set(libc::SIOCSIFNETMASK, name, |request| {
            request.ifru_netmask = socket_address(Ipv4Addr::BROADCAST);
        })
    }

    /// Routes a subnet to it.
    ///
    /// # Errors
    /// As [`Interfaces::up`], or there is such a route (`EEXIST`).
    pub fn add_route(&self, name: &str, subnet: Subnet) -> io::Result<()> {
        let mut name = name_of(name)?;
        // SAFETY: a route entry is plain integers and pointers, for which all zero is a value.
        let mut route: libc::rtentry = unsafe { mem::zeroed() };
        route.rt_dst = socket_address(subnet.address());
        route.rt_genmask = socket_address(subnet.mask());
        route.rt_flags = libc::RTF_UP;
        route.rt_dev = name.as_mut_ptr();
        // SAFETY: the request takes a route entry, valid for the call, and so is the terminated name it points to.
        check(unsafe { libc::ioctl(self.socket.as_raw_fd(), libc::SIOCADDRT, &raw const route) })
    }

    fn set(
        &self,
        request: libc::c_ulong,
        name: &str,
        fill: impl FnOnce(&mut libc::__c_anonymous_ifr_ifru),
    ) -> io::Result<()> {
        let mut interface = request_for(name_of(name)?);
        fill(&mut interface.ifr_ifru);
        // SAFETY: the requests above take an interface request, valid for the call.
        check(unsafe { libc::ioctl(self.socket.as_raw_fd(), request as _, &raw const interface) })
    }
}

/// Turns a file of `/dev/net/tun` into an interface. Returns the name it got, a `%d` in it replaced.
pub(crate) fn attach(file: &OwnedFd, name: &str) -> io::Result<String> {
    let mut interface = request_for(name_of(name)?);
    interface.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as libc::c_short;
    // SAFETY: the request takes an interface request and writes the name into it, valid for the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &raw mut interface) })?;
    let bytes = interface.ifr_name.iter().map(|byte| *byte as u8);
    Ok(bytes.take_while(|byte| *byte != 0).map(char::from).collect())
}

/// Sets the length of the virtio-net header, bytes.
pub(crate) fn set_header(file: &OwnedFd, bytes: usize) -> io::Result<()> {
    let bytes = bytes as libc::c_int;
    // SAFETY: the request takes an int, valid for the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETVNETHDRSZ as _, &raw const bytes) })
}

/// Says what the reader of the device takes: packets without checksums, and of many segments.
pub(crate) fn set_offload(file: &OwnedFd, checksum: bool, segments: bool) -> io::Result<()> {
    let checksum_flag = if checksum { libc::TUN_F_CSUM } else { 0 };
    let flags = checksum_flag | if checksum && segments { libc::TUN_F_TSO4 } else { 0 };
    // SAFETY: the request takes its flags by value.
    check(unsafe {
        libc::ioctl(
            file.as_raw_fd(),
            libc::TUNSETOFFLOAD as _,
            libc::c_ulong::from(flags),
        )
    })
}

fn name_of(name: &str) -> io::Result<Name> {
    let mut bytes: Name = [0; libc::IFNAMSIZ];
    // The last byte stays 0.
    if name.is_empty() || name.len() >= bytes.len() || name.bytes().any(|byte| byte == 0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in bytes.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    Ok(bytes)
}

fn request_for(name: Name) -> libc::ifreq {
    // SAFETY: an interface request is plain integers and pointers, for which all zero is a value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    request.ifr_name = name;
    request
}

/// An IPv4 address in the general form: a port of 0, then the address.
fn socket_address(address: Ipv4Addr) -> libc::sockaddr {
    let mut data = [0; 14];
    for (to, from) in data[2..6].iter_mut().zip(address.octets()) {
        *to = from as libc::c_char;
    }
    libc::sockaddr {
        sa_family: libc::AF_INET as libc::sa_family_t,
        sa_data: data,
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
