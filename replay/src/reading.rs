//! A capture read from end to end: packets in, events out, everything counted.
//!
//! It knows no session and no target. What memory it takes at most is [`Shares`](crate::Shares)' business; a plain capture with few
//! connections needs 4 MiB.

use crate::capture::{Capture, CaptureError, Ending, Interface, Item, Link, Packet, Source};
use crate::event::Sink;
use crate::inspect::Shape;
use crate::packet::{Content, DatagramList, Datagrams, Decoder};
use crate::reassembly::{Reassembly, ReassemblyFigures, ReassemblyLimits};
use crate::skipped::{Skip, Skipped};

/// Packets between two looks at whether the caller has something to do.
const STRIDE_PACKETS: u32 = 4_096;

/// How to read a capture.
#[derive(Clone, Debug, Default)]
pub struct CaptureOptions {
    /// What reassembly may hold.
    pub limits: ReassemblyLimits,
}

/// What was in a capture.
#[derive(Clone, Debug)]
pub struct CaptureFigures {
    /// How it ended.
    pub ending: Ending,
    /// When its first packet was captured, nanoseconds since 1970; events count from there.
    pub started_ns: u64,
    /// Time from its first packet to its last.
    pub lasted_ns: u64,
    /// Bytes of the unpacked capture that were read.
    pub read_bytes: u64,
    /// Packets.
    pub packets: u64,
    /// The same over time.
    pub packets_over_time: Shape,
    /// Their bytes on the wire.
    pub sent_bytes: u64,
    /// Packets of which less was captured than was sent.
    pub snapped_packets: u64,
    /// Packets with a time before an earlier one's, which counts instead.
    pub backward_packets: u64,
    /// Fragments of IP datagrams that were put together.
    pub joined_fragments: u64,
    /// Packets not used, by cause; TCP's are among them.
    pub skipped: Skipped,
    /// What became of the TCP segments.
    pub tcp: ReassemblyFigures,
    /// UDP flows, which are not put together.
    pub datagrams: DatagramList,
    /// Where the packets were captured.
    pub interfaces: Vec<Interface>,
    /// Key-log text of all decryption secrets blocks, from [`read_capture`]; a [`Reading`] hands it over on the way.
    pub secrets: Vec<u8>,
    /// Bytes of secrets that were not kept: other than TLS key logs, or too many.
    pub secrets_refused_bytes: u64,
}

/// How far a reading has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more.
    More,
    /// There is more, and these decryption secrets (key-log text) came before it.
    Secrets(Vec<u8>),
    /// That was all.
    Done,
}

/// A capture that is being read, for those who want to do something in between.
#[derive(Debug)]
pub struct Reading {
    capture: Capture,
    decoder: Decoder,
    reassembly: Reassembly,
    datagrams: Datagrams,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    first_ns: Option<u64>,
    now_ns: u64,
    packets: u64,
    over_time: Shape,
    sent_bytes: u64,
    snapped: u64,
    backward: u64,
    skipped: Skipped,
}

/// Reads a whole capture.
///
/// # Errors
/// It cannot be opened or read, or nothing in it is of use. A capture that breaks off or is damaged further on is no error: what
/// comes before is used, and [`CaptureFigures::ending`] says where it ends.
pub fn read_capture<S: Sink + ?Sized>(
    source: Source,
    options: &CaptureOptions,
    sink: &mut S,
) -> Result<CaptureFigures, CaptureError> {
    let mut reading = Reading::new(source, options)?;
    let mut secrets = Vec::new();
    loop {
        match reading.advance(sink)? {
            Progress::More => {}
            Progress::Secrets(text) => secrets.extend(text),
            Progress::Done => break,
        }
    }
    let mut figures = reading.finish(sink)?;
    figures.secrets = secrets;
    Ok(figures)
}

impl Reading {
    /// Reads the header.
    ///
    /// # Errors
    /// Those of [`Capture::open`], and a link type for the whole file that is not read here.
    pub fn new(source: Source, options: &CaptureOptions) -> Result<Self, CaptureError> {
        let capture = Capture::open(source)?;
        unknown_link(&capture)?;
        Ok(Self {
            capture,
            decoder: Decoder::default(),
            reassembly: Reassembly::new(options.limits),
            datagrams: Datagrams::default(),
            counts: Counts::default(),
        })
    }

    /// Reads some packets; stops where decryption secrets come, so that they can be used for what is behind them.
    ///
    /// # Errors
    /// The system cannot read on.
    pub fn advance<S: Sink + ?Sized>(&mut self, sink: &mut S) -> Result<Progress, CaptureError> {
        for _ in 0..STRIDE_PACKETS {
            let packet = match self.capture.item()? {
                Some(Item::Packet(packet)) => packet,
                Some(Item::Secrets(text)) => return Ok(Progress::Secrets(text)),
                None => return Ok(Progress::Done),
            };
            let at_ns = self.counts.add(&packet);
            let (reassembly, datagrams) = (&mut self.reassembly, &mut self.datagrams);
            let decoded = self.decoder.packet(&packet, |content| match content {
                Content::Tcp(segment) => reassembly.segment(at_ns, &segment, sink),
                Content::Udp(datagram) => datagrams.add(&datagram, at_ns),
            });
            if let Err(skip) = decoded {
                self.counts.skipped.add(skip);
            }
        }
        Ok(Progress::More)
    }

    /// What packets were captured at, as far as it is described yet.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        self.capture.interfaces()
    }

    /// Bytes read so far, unpacked.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.capture.offset()
    }

    /// Ends every connection that is open, and sums up.
    ///
    /// # Errors
    /// Every packet was of a link type that is not read here.
    pub fn finish<S: Sink + ?Sized>(mut self, sink: &mut S) -> Result<CaptureFigures, CaptureError> {
        let counts = self.counts;
        self.reassembly.advance(counts.now_ns, sink);
        let tcp = self.reassembly.finish(sink);
        let mut skipped = counts.skipped;
        if counts.packets > 0 && skipped.packets(Skip::Link) == counts.packets {
            unknown_link(&self.capture)?;
        }
        skipped.merge(&tcp.skipped);
        skipped.add_many(Skip::Fragment, self.decoder.fragments_dropped());
        skipped.add_many(Skip::Block, self.capture.damaged_blocks());
        Ok(CaptureFigures {
            ending: self.capture.ending().cloned().unwrap_or(Ending::Whole),
            started_ns: counts.first_ns.unwrap_or(0),
            lasted_ns: counts.now_ns,
            read_bytes: self.capture.offset(),
            packets: counts.packets,
            packets_over_time: counts.over_time,
            sent_bytes: counts.sent_bytes,
            snapped_packets: counts.snapped,
            backward_packets: counts.backward,
            joined_fragments: self.decoder.fragments_joined(),
            skipped,
            tcp,
            datagrams: self.datagrams.into_list(),
            interfaces: self.capture.interfaces().to_vec(),
            secrets: Vec::new(),
            secrets_refused_bytes: self.capture.secrets_refused_bytes(),
        })
    }
}

/// The first interface whose packets cannot be read.
fn unknown_link(capture: &Capture) -> Result<(), CaptureError> {
    for interface in capture.interfaces() {
        if let Link::Unknown(link) = interface.link {
            let offset = interface.offset;
            return Err(CaptureError::Link { link, offset });
        }
    }
    Ok(())
}

impl Counts {
    /// Counts a packet, and says when it was: nanoseconds after the first, never before the last.
    fn add(&mut self, packet: &Packet<'_>) -> u64 {
        let first_ns = *self.first_ns.get_or_insert(packet.at_ns);
        let at_ns = packet.at_ns.saturating_sub(first_ns);
        if at_ns < self.now_ns || packet.at_ns < first_ns {
            self.backward += 1;
        }
        self.now_ns = self.now_ns.max(at_ns);
        self.packets += 1;
        self.over_time.packet(self.now_ns);
        self.sent_bytes += u64::from(packet.sent_bytes);
        self.snapped += u64::from(packet.bytes.len() < packet.sent_bytes as usize);
        self.now_ns
    }
}
