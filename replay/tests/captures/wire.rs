//! Packets and capture files, made up: headers written by etherparse, files by hand.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use etherparse::{IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, TcpHeader};

/// A TCP segment on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at_ns: u64,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) seq: u32,
    pub(crate) ack: Option<u32>,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) payload: Vec<u8>,
}

/// What is around IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrap {
    Ethernet,
    Vlan,
    QinQ,
    Raw,
    Loopback,
    BigEndianLoopback,
    Cooked,
    CookedV2,
    Vxlan,
    Geneve,
    Gre,
}

impl Wrap {
    /// Those that take a packet of any length.
    pub(crate) const LINKS: [Self; 8] = [
        Self::Ethernet,
        Self::Vlan,
        Self::QinQ,
        Self::Raw,
        Self::Loopback,
        Self::BigEndianLoopback,
        Self::Cooked,
        Self::CookedV2,
    ];
    /// Those that take what fits into a packet of their own.
    pub(crate) const TUNNELS: [Self; 3] = [Self::Vxlan, Self::Geneve, Self::Gre];

    /// Every one.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::LINKS.into_iter().chain(Self::TUNNELS)
    }

    /// Its number in a file's header.
    pub(crate) fn link(self) -> u32 {
        self.links(false)[0]
    }

    /// All numbers that it has in files whose packets are of one version of IP.
    pub(crate) fn links(self, v6: bool) -> &'static [u32] {
        match self {
            Self::Ethernet | Self::Vlan | Self::QinQ | Self::Vxlan | Self::Geneve | Self::Gre => &[1],
            Self::Raw if v6 => &[101, 12, 14, 229],
            Self::Raw => &[101, 12, 14, 228],
            Self::Loopback | Self::BigEndianLoopback => &[0, 108],
            Self::Cooked => &[113],
            Self::CookedV2 => &[276],
        }
    }

    /// Puts this around an IP packet.
    pub(crate) fn around(self, ip: &[u8]) -> Vec<u8> {
        let v6 = ip[0] >> 4 == 6;
        let kind: [u8; 2] = if v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
        let ethernet = |kind: [u8; 2], inner: &[u8]| [&[2; 12][..], &kind, inner].concat();
        match self {
            Self::Ethernet => ethernet(kind, ip),
            Self::Vlan => ethernet([0x81, 0x00], &[&[0x60, 0x07][..], &kind, ip].concat()),
            Self::QinQ => {
                let tags = [&[0x60, 0x07, 0x81, 0x00, 0x00, 0x09][..], &kind, ip].concat();
                ethernet([0x88, 0xa8], &tags)
            }
            Self::Raw => ip.to_vec(),
            Self::Loopback => [&[if v6 { 30 } else { 2 }, 0, 0, 0], ip].concat(),
            Self::BigEndianLoopback => [&[0, 0, 0, if v6 { 30 } else { 2 }], ip].concat(),
            Self::Cooked => [&[0; 14][..], &kind, ip].concat(),
            Self::CookedV2 => [&kind[..], &[0; 18], ip].concat(),
            Self::Vxlan => {
                let inner = ethernet(kind, ip);
                ethernet(
                    [8, 0],
                    &udp(4_789, &[&[8, 0, 0, 0, 0, 1, 2, 0], &inner[..]].concat()),
                )
            }
            Self::Geneve => {
                let option = [1, 2, 3, 4];
                let head = [&[1, 0][..], &kind, &[0, 1, 2, 0], &option].concat();
                ethernet([8, 0], &udp(6_081, &[&head, ip].concat()))
            }
            Self::Gre => {
                let head = [&[0xb0, 0][..], &kind, &[0; 4], &[0, 0, 0, 7], &[0; 4]].concat();
                ethernet([8, 0], &ipv4(IpNumber::GRE, &[&head, ip].concat()))
            }
        }
    }
}

/// An IPv4 packet between two hosts that only carry tunnels.
pub(crate) fn ipv4(protocol: IpNumber, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let header = Ipv4Header::new(length, 64, protocol, [192, 0, 2, 1], [192, 0, 2, 2]).unwrap();
    let mut packet = Vec::new();
    header.write(&mut packet).unwrap();
    packet.extend_from_slice(payload);
    packet
}

/// The same with a UDP header.
pub(crate) fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap().to_be_bytes();
    let head = [&[0x30, 0x39][..], &port.to_be_bytes(), &length, &[0, 0]].concat();
    ipv4(IpNumber::UDP, &[&head, payload].concat())
}

impl Sent {
    /// The IP packet. What is too long for IP's length field goes without one, as segmentation offload leaves it.
    pub(crate) fn ip(&self) -> Vec<u8> {
        let mut tcp = TcpHeader::new(self.from.port(), self.to.port(), self.seq, 8_192);
        (tcp.syn, tcp.fin, tcp.rst) = (self.syn, self.fin, self.rst);
        if let Some(ack) = self.ack {
            (tcp.ack, tcp.acknowledgment_number) = (true, ack);
        }
        if self.syn {
            tcp.set_options_raw(&[2, 4, 5, 180, 1, 3, 3, 7]).unwrap();
        }
        let length = tcp.header_len() + self.payload.len();
        let mut packet = Vec::new();
        match (self.from.ip(), self.to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let mut ip = Ipv4Header::new(0, 64, IpNumber::TCP, from.octets(), to.octets()).unwrap();
                ip.total_len = u16::try_from(length + 20).unwrap_or(0);
                ip.write_raw(&mut packet).unwrap();
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => Ipv6Header {
                traffic_class: 0,
                flow_label: Ipv6FlowLabel::ZERO,
                payload_length: u16::try_from(length).unwrap_or(0),
                next_header: IpNumber::TCP,
                hop_limit: 64,
                source: from.octets(),
                destination: to.octets(),
            }
            .write(&mut packet)
            .unwrap(),
            _ => panic!("one kind of address at both ends"),
        }
        tcp.write(&mut packet).unwrap();
        packet.extend_from_slice(&self.payload);
        packet
    }
}

/// A packet as a file has it.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) at_ns: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) sent_bytes: u32,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) next_generation: bool,
    pub(crate) big_endian: bool,
    pub(crate) nanoseconds: bool,
    pub(crate) packing: Packing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Form {
    pub(crate) const PLAIN: Self = Self {
        next_generation: false,
        big_endian: false,
        nanoseconds: true,
        packing: Packing::Plain,
    };

    /// Every form.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..24).map(|number| Self {
            next_generation: number & 1 != 0,
            big_endian: number & 2 != 0,
            nanoseconds: number & 4 != 0,
            packing: [Packing::Plain, Packing::Gzip, Packing::Zstd][number / 8],
        })
    }

    fn u32(self, number: u32) -> [u8; 4] {
        if self.big_endian {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    }

    fn u16(self, number: u16) -> [u8; 2] {
        if self.big_endian {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    }

    /// A file of these packets.
    pub(crate) fn file(self, link: u32, frames: &[Frame]) -> Vec<u8> {
        let plain = if self.next_generation {
            let mut file = [self.section(), self.interface(link)].concat();
            for frame in frames {
                file.extend(self.packet_block(frame));
            }
            file
        } else {
            self.classic(link, frames)
        };
        match self.packing {
            Packing::Plain => plain,
            Packing::Gzip => {
                let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                packer.write_all(&plain).unwrap();
                packer.finish().unwrap()
            }
            Packing::Zstd => {
                let mut packer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
                packer.include_checksum(true).unwrap(); // as the command does
                packer.write_all(&plain).unwrap();
                packer.finish().unwrap()
            }
        }
    }

    fn classic(self, link: u32, frames: &[Frame]) -> Vec<u8> {
        let magic = if self.nanoseconds {
            0xa1b2_3c4d
        } else {
            0xa1b2_c3d4
        };
        let mut file = self.u32(magic).to_vec();
        file.extend([self.u16(2), self.u16(4)].concat());
        for field in [0, 0, 262_144, link] {
            file.extend(self.u32(field));
        }
        let tick_ns = if self.nanoseconds { 1 } else { 1_000 };
        for frame in frames {
            let second = u32::try_from(frame.at_ns / 1_000_000_000).unwrap();
            let fraction = u32::try_from(frame.at_ns % 1_000_000_000 / tick_ns).unwrap();
            let captured = u32::try_from(frame.bytes.len()).unwrap();
            for field in [second, fraction, captured, frame.sent_bytes] {
                file.extend(self.u32(field));
            }
            file.extend(&frame.bytes);
        }
        file
    }

    /// A block around a body, padded.
    pub(crate) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = self.u32(u32::try_from(body.len() + 12).unwrap());
        [&self.u32(kind)[..], &length, &body, &length].concat()
    }

    pub(crate) fn section(self) -> Vec<u8> {
        let version = [self.u16(1), self.u16(0)].concat();
        self.block(
            0x0a0d_0d0a,
            &[&self.u32(0x1a2b_3c4d)[..], &version, &[0xff; 8]].concat(),
        )
    }

    pub(crate) fn interface(self, link: u32) -> Vec<u8> {
        self.shifted_interface(link, 0)
    }

    /// An interface whose packets' times are this much less than they are (if_tsoffset).
    pub(crate) fn shifted_interface(self, link: u32, offset_s: i64) -> Vec<u8> {
        let link = self.u16(u16::try_from(link).unwrap());
        let resolution = [
            &self.u16(9)[..],
            &self.u16(1),
            &[if self.nanoseconds { 9 } else { 6 }, 0, 0, 0],
        ]
        .concat();
        let name = [&self.u16(2)[..], &self.u16(4), b"eth7"].concat();
        let mut shift = Vec::new();
        if offset_s != 0 {
            shift = [self.u16(14), self.u16(8)].concat();
            shift.extend(if self.big_endian {
                offset_s.to_be_bytes()
            } else {
                offset_s.to_le_bytes()
            });
        }
        let options = [name, resolution, shift].concat();
        self.block(1, &[&link[..], &[0; 2], &self.u32(0), &options, &[0; 4]].concat())
    }

    pub(crate) fn packet_block(self, frame: &Frame) -> Vec<u8> {
        self.packet_block_of(0, frame)
    }

    /// A packet of the section's interface of this number.
    pub(crate) fn packet_block_of(self, interface: u32, frame: &Frame) -> Vec<u8> {
        let ticks = frame.at_ns / if self.nanoseconds { 1 } else { 1_000 };
        let captured = u32::try_from(frame.bytes.len()).unwrap();
        let fields = [
            interface,
            (ticks >> 32) as u32,
            ticks as u32,
            captured,
            frame.sent_bytes,
        ];
        let mut body: Vec<u8> = fields.iter().flat_map(|&field| self.u32(field)).collect();
        body.extend(&frame.bytes);
        self.block(6, &body)
    }
}
