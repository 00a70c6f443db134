//! Two requests of rtnetlink(7): bring a link up, give it an address.
//!
//! Two messages of 32 and 40 bytes do not pay for a crate with its own runtime and codecs, and a kernel socket carries
//! them without a line of unsafe code. It knows bytes only; whoever calls is in the right namespace.

use std::io;
use std::net::Ipv4Addr;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

/// `lo` is the first link of every namespace.
pub(crate) const LOOPBACK: u32 = 1;

/// Kinds of message (linux/rtnetlink.h, linux/netlink.h).
const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
const ERROR: u16 = 2;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const REQUEST_ACK: u16 = 0x1 | 0x4;
/// `NLM_F_CREATE | NLM_F_EXCL`.
const CREATE: u16 = 0x400 | 0x200;
/// `IFF_UP`.
const UP: u32 = 1;
/// `AF_INET` in a byte.
const IPV4: u8 = 2;
/// `IFA_ADDRESS` and `IFA_LOCAL`.
const ADDRESSES: [u16; 2] = [1, 2];

/// Asks to bring a link up.
pub(crate) fn up(link: u32) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 0];
    body.extend(link.to_ne_bytes());
    // The flags, and which of them are meant.
    body.extend(UP.to_ne_bytes());
    body.extend(UP.to_ne_bytes());
    message(NEW_LINK, REQUEST_ACK, &body)
}

/// Asks to give a link an address of its own, a prefix of 32 bits.
pub(crate) fn address(link: u32, address: Ipv4Addr) -> Vec<u8> {
    let mut body = vec![IPV4, 32, 0, 0];
    body.extend(link.to_ne_bytes());
    for kind in ADDRESSES {
        body.extend(8u16.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(address.octets());
    }
    message(NEW_ADDRESS, REQUEST_ACK | CREATE, &body)
}

/// Sends a request to the kernel of this thread's namespace and waits for its answer.
pub(crate) fn request(message: &[u8]) -> io::Result<()> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?;
    sendto(
        &socket,
        message,
        SendFlags::empty(),
        &SocketAddrNetlink::new(0, 0),
    )?;
    let mut answer = [0; 512];
    let (length, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    judge(&answer[..length])
}

fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = 16 + body.len() as u32;
    let mut out = Vec::with_capacity(length as usize);
    out.extend(length.to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(flags.to_ne_bytes());
    // Sequence and port: one request a socket needs neither.
    out.extend([0; 8]);
    out.extend(body);
    out
}

/// An acknowledgement is an error message whose error is 0.
fn judge(answer: &[u8]) -> io::Result<()> {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok());
    let error = answer.get(16..20).and_then(|bytes| bytes.try_into().ok());
    match (kind.map(u16::from_ne_bytes), error.map(i32::from_ne_bytes)) {
        (Some(ERROR), Some(0)) => Ok(()),
        (Some(ERROR), Some(error)) => Err(io::Error::from_raw_os_error(-error)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "netlink's answer is no answer",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_their_length() {
        for message in [up(LOOPBACK), address(LOOPBACK, Ipv4Addr::new(198, 19, 255, 254))] {
            let said = u32::from_ne_bytes(message[..4].try_into().unwrap());
            assert_eq!(said as usize, message.len());
            assert_eq!(said % 4, 0);
        }
        assert_eq!(up(1).len(), 32);
        assert_eq!(address(1, Ipv4Addr::LOCALHOST).len(), 40);
    }

    #[test]
    fn the_kernel_answers_with_its_own_error() {
        // Without the privilege it says EPERM, with it ENODEV.
        let error = request(&up(u32::MAX >> 1)).unwrap_err();
        assert!(matches!(error.raw_os_error(), Some(1 | 19)), "{error}");
        assert!(judge(&[]).is_err());
        let refused = [&[20, 0, 0, 0, 2, 0], &[0; 10][..], &(-17i32).to_ne_bytes()].concat();
        assert_eq!(judge(&refused).unwrap_err().raw_os_error(), Some(17));
    }
}
