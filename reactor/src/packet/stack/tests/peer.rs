//! A server's TCP as simple as one can be: in order or not at all, everything sent again at a fixed interval.
//!
//! It shares nothing with the machine it tests but the reading and writing of headers.

use std::collections::HashMap;

use super::*;
use crate::packet::segment::{End, Offload, Options};

const AGAIN_US: u64 = 300_000;
const PIECE: usize = 1000;

/// Echoes on every connection; closes when its client does.
#[derive(Default)]
pub(super) struct Peer {
    pub(super) conns: HashMap<(u32, u16), Conn>,
    pub(super) out: Vec<Vec<u8>>,
}

pub(super) struct Conn {
    rcv_nxt: u32,
    snd_una: u32,
    /// From `snd_una`: what its client has not acknowledged.
    out: Vec<u8>,
    window: u32,
    scale: u8,
    syn_acked: bool,
    fin_heard: bool,
    again_us: u64,
}

impl Peer {
    pub(super) fn input(&mut self, packet: &[u8], isn: u32, now_us: u64) {
        let Ok((header, range)) = Header::parse(packet) else {
            return;
        };
        let key = (header.source.address, header.source.port);
        if header.flags.has(Flags::RST) {
            let hit = |conn: &Conn| header.seq == conn.rcv_nxt;
            if self.conns.get(&key).is_some_and(hit) {
                self.conns.remove(&key);
            }
            return;
        }
        if header.flags.has(Flags::SYN) {
            let conn = self.conns.entry(key).or_insert(Conn {
                rcv_nxt: header.seq.wrapping_add(1),
                snd_una: isn,
                out: Vec::new(),
                window: 0,
                scale: header.options.scale.unwrap_or(0),
                syn_acked: false,
                fin_heard: false,
                again_us: 0,
            });
            // A new incarnation, as a server in TIME_WAIT would take it.
            if conn.rcv_nxt != header.seq.wrapping_add(1) && conn.fin_heard {
                conn.rcv_nxt = header.seq.wrapping_add(1);
                (conn.syn_acked, conn.fin_heard) = (false, false);
                conn.out.clear();
            }
            conn.again_us = now_us;
            return self.send(key, now_us);
        }
        let Some(conn) = self.conns.get_mut(&key) else {
            return self.refuse(&header);
        };
        let one = u32::from(!conn.syn_acked) + u32::from(conn.fin_heard);
        let acked = header.ack.wrapping_sub(conn.snd_una);
        if acked <= conn.out.len() as u32 + one {
            let syn = u32::from(!conn.syn_acked && acked > 0);
            conn.syn_acked |= syn > 0;
            let bytes = (acked - syn).min(conn.out.len() as u32);
            conn.out.drain(..bytes as usize);
            conn.snd_una = conn.snd_una.wrapping_add(syn + bytes);
            conn.window = u32::from(header.window) << conn.scale;
            if conn.fin_heard && acked - syn > bytes {
                self.conns.remove(&key);
                return;
            }
        }
        let payload = &packet[range];
        let skip = conn.rcv_nxt.wrapping_sub(header.seq);
        if skip as usize <= payload.len() && conn.syn_acked && !conn.fin_heard {
            conn.out.extend_from_slice(&payload[skip as usize..]);
            conn.rcv_nxt = header.seq.wrapping_add(payload.len() as u32);
            if header.flags.has(Flags::FIN) {
                conn.rcv_nxt = conn.rcv_nxt.wrapping_add(1);
                conn.fin_heard = true;
            }
        }
        if !payload.is_empty() || header.flags.has(Flags::FIN) {
            self.send(key, now_us);
        }
    }

    /// Sends all it has to send, again if need be.
    pub(super) fn tick(&mut self, now_us: u64) {
        let due: Vec<_> = self
            .conns
            .iter()
            .filter(|(_, conn)| conn.again_us + AGAIN_US <= now_us)
            .filter(|(_, conn)| !conn.out.is_empty() || !conn.syn_acked || conn.fin_heard)
            .map(|(key, _)| *key)
            .collect();
        due.into_iter().for_each(|key| self.send(key, now_us));
    }

    fn send(&mut self, key: (u32, u16), now_us: u64) {
        let Some(conn) = self.conns.get_mut(&key) else {
            return;
        };
        conn.again_us = now_us;
        let base = Header {
            source: End {
                address: SERVER.ip().to_bits(),
                port: SERVER.port(),
            },
            to: End {
                address: key.0,
                port: key.1,
            },
            seq: conn.snd_una,
            ack: conn.rcv_nxt,
            flags: Flags::ACK,
            window: 8_000,
            options: Options::default(),
        };
        if !conn.syn_acked {
            let syn = Header {
                flags: Flags::SYN | Flags::ACK,
                options: Options {
                    mss: Some(PIECE as u16),
                    scale: Some(0),
                },
                ..base
            };
            return write(&mut self.out, &syn, &[]);
        }
        let allowed = conn.out.len().min(conn.window as usize);
        let mut seq = conn.snd_una;
        for piece in conn.out[..allowed].chunks(PIECE) {
            write(&mut self.out, &Header { seq, ..base }, piece);
            seq = seq.wrapping_add(piece.len() as u32);
        }
        let last = allowed == conn.out.len() && conn.fin_heard;
        let flags = if last { Flags::ACK | Flags::FIN } else { Flags::ACK };
        if last || allowed == 0 {
            write(&mut self.out, &Header { seq, flags, ..base }, &[]);
        }
    }

    fn refuse(&mut self, header: &Header) {
        let reset = Header {
            source: header.to,
            to: header.source,
            seq: header.ack,
            ack: 0,
            flags: Flags::RST,
            window: 0,
            options: Options::default(),
        };
        write(&mut self.out, &reset, &[]);
    }
}

fn write(out: &mut Vec<Vec<u8>>, header: &Header, payload: &[u8]) {
    let mut packet = vec![0; 100 + payload.len()];
    let length = header.emit(&mut packet, [payload, &[]], 1460, Offload::None);
    packet.truncate(length);
    out.push(packet);
}
