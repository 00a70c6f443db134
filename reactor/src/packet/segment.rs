//! TCP segments in IPv4 packets behind a virtio-net header: checked when read, valid by construction when written.
//!
//! It does not know connections. IPv4 only, without fragments (a device's own peer never needs them); of TCP's options
//! it reads maximum segment size and window scale (RFC 9293, section 3.2; RFC 7323, section 2) and skips the others.

use std::ops::{BitOr, Range};

/// The virtio-net header in front of each packet, without the count of merged buffers (virtio 1.2, section 5.1.6).
pub(crate) const VNET_BYTES: usize = 10;
/// IPv4 and TCP headers without options.
pub(crate) const HEADERS_BYTES: usize = IP_BYTES + TCP_BYTES;
/// The most that goes in front of a payload: a SYN's options have none behind them.
pub(crate) const FRONT_BYTES: usize = VNET_BYTES + HEADERS_BYTES;
/// The largest packet: what IPv4 can say, behind its virtio-net header.
pub(crate) const PACKET_MAX_BYTES: usize = VNET_BYTES + 65_535;

const IP_BYTES: usize = 20;
const TCP_BYTES: usize = 20;
/// Maximum segment size, no-operation, window scale.
const OPTIONS_BYTES: usize = 8;
const PROTOCOL_TCP: u8 = 6;
const VNET_NEEDS_CSUM: u8 = 1;
const VNET_DATA_VALID: u8 = 2;
const VNET_GSO_TCPV4: u8 = 1;

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) address: u32,
    pub(crate) port: u16,
}

/// The control bits that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    pub(crate) const FIN: Self = Self(0x01);
    pub(crate) const SYN: Self = Self(0x02);
    pub(crate) const RST: Self = Self(0x04);
    pub(crate) const PSH: Self = Self(0x08);
    pub(crate) const ACK: Self = Self(0x10);

    pub(crate) fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What a SYN says of its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// The largest payload it takes, bytes.
    pub(crate) mss: Option<u16>,
    /// How far to shift its windows.
    pub(crate) scale: Option<u8>,
}

/// All of a segment but its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) source: End,
    pub(crate) to: End,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: Flags,
    pub(crate) window: u16,
    pub(crate) options: Options,
}

/// Who computes and checks TCP checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offload {
    /// We do: the other end of the device is a wire.
    None,
    /// The kernel does, or nobody: a packet that never leaves the host needs none.
    Checksum,
}

/// Why a packet is not a segment for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("not TCP over IPv4")]
    Foreign,
    #[error("a fragment")]
    Fragment,
    #[error("shorter than it says")]
    Short,
    #[error("wrong checksum")]
    Checksum,
}

impl Header {
    /// Reads a packet. Returns its header and where in it the payload is.
    ///
    /// # Errors
    /// It is not TCP over IPv4, is cut short, or its checksum is wrong.
    pub(crate) fn parse(packet: &[u8]) -> Result<(Self, Range<usize>), Malformed> {
        let (vnet, ip) = packet.split_at_checked(VNET_BYTES).ok_or(Malformed::Short)?;
        let (tcp_at, end) = ipv4(ip)?;
        let tcp = &ip[tcp_at..end];
        if tcp.len() < TCP_BYTES {
            return Err(Malformed::Short);
        }
        let data_at = usize::from(tcp[12] >> 4) * 4;
        if data_at < TCP_BYTES || data_at > tcp.len() {
            return Err(Malformed::Short);
        }
        let (source, to) = (read_u32(ip, 12), read_u32(ip, 16));
        let vouched = vnet[0] & (VNET_NEEDS_CSUM | VNET_DATA_VALID) != 0;
        if !vouched && fold(pseudo(source, to, tcp.len()) + sum(tcp)) != 0xffff {
            return Err(Malformed::Checksum);
        }
        let flags = Flags(tcp[13] & 0x1f);
        let header = Self {
            source: End {
                address: source,
                port: read_u16(tcp, 0),
            },
            to: End {
                address: to,
                port: read_u16(tcp, 2),
            },
            seq: read_u32(tcp, 4),
            ack: read_u32(tcp, 8),
            flags,
            window: read_u16(tcp, 14),
            options: if flags.has(Flags::SYN) {
                options(&tcp[TCP_BYTES..data_at])
            } else {
                Options::default()
            },
        };
        Ok((header, VNET_BYTES + tcp_at + data_at..VNET_BYTES + end))
    }

    /// Writes a packet with a payload in two parts, at the front of `into`, which has room for it. A payload longer than
    /// `segment_bytes` is marked for the kernel to take as so many segments. Returns the packet's length.
    pub(crate) fn emit(
        &self,
        into: &mut [u8],
        payload: [&[u8]; 2],
        segment_bytes: u16,
        offload: Offload,
    ) -> usize {
        let options_bytes = if self.options == Options::default() {
            0
        } else {
            OPTIONS_BYTES
        };
        let payload_at = FRONT_BYTES + options_bytes;
        let split = payload_at + payload[0].len();
        let end = split + payload[1].len();
        into[payload_at..split].copy_from_slice(payload[0]);
        into[split..end].copy_from_slice(payload[1]);
        let (vnet, ip) = into[..end].split_at_mut(VNET_BYTES);
        self.emit_ip(ip);
        let tcp = &mut ip[IP_BYTES..];
        self.emit_tcp(tcp, options_bytes);
        let pseudo = pseudo(self.source.address, self.to.address, tcp.len());
        vnet.fill(0);
        if offload == Offload::None {
            let checksum = !fold(pseudo + sum(tcp));
            write_u16(tcp, 16, checksum);
            return end;
        }
        // What the kernel adds the rest to, should the packet ever leave the host.
        write_u16(tcp, 16, fold(pseudo));
        vnet[0] = VNET_NEEDS_CSUM;
        vnet[6..8].copy_from_slice(&(IP_BYTES as u16).to_ne_bytes());
        vnet[8..10].copy_from_slice(&16_u16.to_ne_bytes());
        if end - payload_at > usize::from(segment_bytes) {
            vnet[1] = VNET_GSO_TCPV4;
            vnet[2..4].copy_from_slice(&((payload_at - VNET_BYTES) as u16).to_ne_bytes());
            vnet[4..6].copy_from_slice(&segment_bytes.to_ne_bytes());
        }
        end
    }

    fn emit_ip(&self, ip: &mut [u8]) {
        let length = ip.len() as u16;
        ip[..2].copy_from_slice(&[0x45, 0]);
        write_u16(ip, 2, length);
        // Not to be fragmented, so its identification means nothing (RFC 6864, section 4.1).
        ip[4..8].copy_from_slice(&[0, 0, 0x40, 0]);
        ip[8..12].copy_from_slice(&[64, PROTOCOL_TCP, 0, 0]);
        ip[12..16].copy_from_slice(&self.source.address.to_be_bytes());
        ip[16..20].copy_from_slice(&self.to.address.to_be_bytes());
        let checksum = !fold(sum(&ip[..IP_BYTES]));
        write_u16(ip, 10, checksum);
    }

    fn emit_tcp(&self, tcp: &mut [u8], options_bytes: usize) {
        write_u16(tcp, 0, self.source.port);
        write_u16(tcp, 2, self.to.port);
        tcp[4..8].copy_from_slice(&self.seq.to_be_bytes());
        tcp[8..12].copy_from_slice(&self.ack.to_be_bytes());
        tcp[12] = (((TCP_BYTES + options_bytes) / 4) as u8) << 4;
        tcp[13] = self.flags.0;
        write_u16(tcp, 14, self.window);
        tcp[16..20].fill(0);
        if options_bytes > 0 {
            // A missing one is padding of the same length.
            let options = &mut tcp[TCP_BYTES..TCP_BYTES + OPTIONS_BYTES];
            options.fill(1);
            if let Some(mss) = self.options.mss {
                options[..2].copy_from_slice(&[2, 4]);
                write_u16(options, 2, mss);
            }
            if let Some(scale) = self.options.scale {
                options[5..8].copy_from_slice(&[3, 3, scale]);
            }
        }
    }
}

/// Checks an IPv4 header. Returns where its payload begins and ends.
fn ipv4(ip: &[u8]) -> Result<(usize, usize), Malformed> {
    if ip.len() < IP_BYTES {
        return Err(Malformed::Short);
    }
    let header_bytes = usize::from(ip[0] & 0x0f) * 4;
    if ip[0] >> 4 != 4 || ip[9] != PROTOCOL_TCP {
        return Err(Malformed::Foreign);
    }
    let total = usize::from(read_u16(ip, 2));
    if header_bytes < IP_BYTES || total < header_bytes || total > ip.len() {
        return Err(Malformed::Short);
    }
    if fold(sum(&ip[..header_bytes])) != 0xffff {
        return Err(Malformed::Checksum);
    }
    // More fragments to come, or an offset.
    if read_u16(ip, 6) & 0x3fff != 0 {
        return Err(Malformed::Fragment);
    }
    Ok((header_bytes, total))
}

/// The options of a SYN, as far as they can be read.
fn options(mut bytes: &[u8]) -> Options {
    let mut options = Options::default();
    loop {
        match bytes {
            [1, rest @ ..] => bytes = rest,
            [] | [0, ..] => return options,
            [kind, length, ..] => {
                let Some(option) = bytes.get(..usize::from(*length).max(2)) else {
                    return options;
                };
                match (kind, &option[2..]) {
                    (2, &[high, low]) => options.mss = Some(u16::from_be_bytes([high, low])),
                    // More than 14 means 14 (RFC 7323, section 2.3).
                    (3, &[scale]) => options.scale = Some(scale.min(14)),
                    _ => {}
                }
                bytes = &bytes[option.len()..];
            }
            [_] => return options,
        }
    }
}

/// The one's complement sum of 16-bit words (RFC 1071), not yet folded; an odd last byte is a word's first.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut sum: u64 = words
        .iter()
        .map(|word| u64::from(u32::from_be_bytes(*word)))
        .sum();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    sum += u64::from(u32::from_be_bytes(last));
    sum
}

/// The sum of the pseudo-header (RFC 9293, section 3.1).
fn pseudo(source: u32, to: u32, tcp_bytes: usize) -> u64 {
    u64::from(source) + u64::from(to) + u64::from(PROTOCOL_TCP) + tcp_bytes as u64
}

fn fold(mut sum: u64) -> u16 {
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn read_u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn write_u16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests;
