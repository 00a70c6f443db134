//! Captures put together: bytes a second of few large connections, packets a second of many small ones, and the memory of one
//! made to need as much as possible. One thread, from the page cache.

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use replay::{CaptureFigures, CaptureOptions, Event, Source, read_capture};

use super::progress;
use crate::outcome::{Outcome, Verdict, median};
use crate::process::{Cpus, pinned};
use crate::subject::Bench;
use crate::table::{Table, count};

/// What must be reached.
const LARGE_BYTES_A_SECOND: f64 = 1e9;
const SMALL_PACKETS_A_SECOND: f64 = 1.5e6;
const MEMORY_BYTES_MAX: f64 = 256e6;
/// Packets of the capture that needs memory, eight a connection.
const HUNGRY_PACKETS: u64 = 4_000_000;

/// How captures are measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Packets of 1,448 bytes on eight connections.
    #[arg(long, default_value_t = 1_000_000)]
    large_packets: u64,
    /// Packets of 64 bytes on as many connections as `--connections` says.
    #[arg(long, default_value_t = 8_000_000)]
    small_packets: u64,
    /// Connections that the small packets are of.
    #[arg(long, default_value_t = 10_000)]
    connections: u32,
    /// How often each is read; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
}

/// A capture to be made.
#[derive(Clone, Copy)]
struct Shape {
    packets: u64,
    connections: u32,
    payload: usize,
    /// Every so manieth packet of a connection is missing and never acknowledged.
    missing: Option<u64>,
}

/// One capture, measured.
struct Measured {
    figures: CaptureFigures,
    seconds: f64,
    peak_bytes: f64,
}

/// Measures, prints and judges.
///
/// # Errors
/// The capture cannot be written or read, or is not put together as it was made.
pub(crate) fn measure(
    bench: &Bench,
    cpus: Cpus,
    options: &Options,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let shape = |packets, connections, payload, missing| Shape {
        packets,
        connections,
        payload,
        missing,
    };
    let large = shape(options.large_packets, 8, 1_448, None);
    let small = shape(options.small_packets, options.connections, 64, None);
    let hungry = shape(HUNGRY_PACKETS, (HUNGRY_PACKETS / 8) as u32, 400, Some(3));
    let mut table = Table::new(&[
        "capture",
        "GB",
        "packets",
        "connections",
        "GB/s",
        "packets/s",
        "peak MB",
    ]);
    let mut row = |name: &str, shape: Shape, rounds: u32| -> anyhow::Result<Measured> {
        let measured = pinned(Some(cpus.load), || read(bench, name, shape, rounds))?;
        let (bytes, packets) = (
            measured.figures.read_bytes as f64,
            measured.figures.packets as f64,
        );
        table.row([
            name.to_owned(),
            format!("{:.2}", bytes / 1e9),
            count(packets),
            count(measured.figures.tcp.flows as f64),
            format!("{:.2}", bytes / 1e9 / measured.seconds),
            count(packets / measured.seconds),
            format!("{:.0}", measured.peak_bytes / 1e6),
        ]);
        Ok(measured)
    };
    let large = row("large", large, options.rounds)?;
    let small = row("small", small, options.rounds)?;
    let hungry = row("hungry", hungry, 1)?;
    println!(
        "\nCaptures put together, one thread, from the page cache.\n\n{}",
        table.render()
    );
    let rate = large.figures.read_bytes as f64 / large.seconds;
    let packets = small.figures.packets as f64 / small.seconds;
    outcome.figure("capture_large_bytes_per_second", rate, "B/s");
    outcome.figure("capture_small_packets_per_second", packets, "packets/s");
    outcome.figure("capture_peak_bytes", hungry.peak_bytes, "B");
    let mut verdict = |figure: &str, target: String, measured: String, reached: bool| {
        outcome.verdicts.push(Verdict {
            figure: figure.to_owned(),
            target,
            measured,
            ratio: None,
            reached: Some(reached),
        });
    };
    verdict(
        "capture put together, large flows",
        "1 GB/s a core".to_owned(),
        format!("{:.2} GB/s", rate / 1e9),
        rate >= LARGE_BYTES_A_SECOND,
    );
    verdict(
        "capture put together, small packets",
        "1.5 million/s a core".to_owned(),
        format!("{:.2} million/s", packets / 1e6),
        packets >= SMALL_PACKETS_A_SECOND,
    );
    verdict(
        "capture put together, memory",
        "under 256 MB".to_owned(),
        format!("{:.0} MB", hungry.peak_bytes / 1e6),
        hungry.peak_bytes < MEMORY_BYTES_MAX,
    );
    Ok(())
}

/// Makes a capture and reads it so many times.
fn read(bench: &Bench, name: &str, shape: Shape, rounds: u32) -> anyhow::Result<Measured> {
    progress(&format!(
        "{name}: a capture of {} packets",
        count(shape.packets as f64)
    ));
    let file = tempfile::Builder::new()
        .suffix(".pcap")
        .tempfile_in(&bench.scratch)?;
    write(file.path(), shape).with_context(|| format!("cannot write {}", file.path().display()))?;
    let mut seconds = Vec::new();
    // From here on: what was the most before does not count (proc_pid_clear_refs(5)).
    std::fs::write("/proc/self/clear_refs", "5")?;
    let mut last = None;
    for _ in 0..rounds {
        let began = Instant::now();
        let mut told_bytes = 0;
        let figures = read_capture(
            Source::open(file.path())?,
            &CaptureOptions::default(),
            &mut |event: Event<'_>| {
                if let Event::Data { bytes, .. } = event {
                    told_bytes += black_box(bytes).len() as u64;
                }
            },
        )?;
        seconds.push(began.elapsed().as_secs_f64());
        anyhow::ensure!(
            figures.tcp.closes() && told_bytes == figures.tcp.reassembled_bytes,
            "bytes are lost"
        );
        anyhow::ensure!(
            shape.missing.is_some() || told_bytes == shape.packets * shape.payload as u64,
            "{told_bytes} bytes of {name} were put together"
        );
        last = Some(figures);
    }
    Ok(Measured {
        figures: last.context("not one round")?,
        seconds: median(seconds).context("not one round")?,
        peak_bytes: peak_bytes()?,
    })
}

/// The most memory that this process ever held.
fn peak_bytes() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    Ok(kilobytes.context("no VmHWM in /proc/self/status")? * 1_024.0)
}

/// Connections take turns, each packet a microsecond after the last. Only the clients' side is there.
fn write(path: &Path, shape: Shape) -> anyhow::Result<()> {
    const TCP_BYTES: usize = 20 + 12;
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0])?;
    for field in [0u32, 0, 262_144, 1] {
        file.write_all(&field.to_le_bytes())?;
    }
    let frame_bytes = 14 + 20 + TCP_BYTES + shape.payload;
    let mut frame = vec![0x61; frame_bytes];
    frame[12..14].copy_from_slice(&[8, 0]);
    let total = u16::try_from(frame_bytes - 14)?.to_be_bytes();
    frame[14..34].copy_from_slice(&[
        0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 0, 10, 255, 0, 1,
    ]);
    frame[36..38].copy_from_slice(&443u16.to_be_bytes());
    frame[46..50].copy_from_slice(&[0x80, 0x10, 0x10, 0]);
    let length = u32::try_from(frame_bytes)?.to_le_bytes();
    for number in 0..shape.packets {
        let connection = (number % u64::from(shape.connections)) as u32;
        let turn = number / u64::from(shape.connections);
        if shape.missing.is_some_and(|every| turn % every == every - 1) {
            continue;
        }
        let second = ((number / 1_000_000) as u32).to_le_bytes();
        let microsecond = ((number % 1_000_000) as u32).to_le_bytes();
        for field in [second, microsecond, length, length] {
            file.write_all(&field)?;
        }
        let client = 0x0a00_0000 | (connection >> 14);
        frame[26..30].copy_from_slice(&client.to_be_bytes());
        let port = 20_000 + (connection & 0x3fff) as u16;
        frame[34..36].copy_from_slice(&port.to_be_bytes());
        let seq = (turn as u32).wrapping_mul(shape.payload as u32);
        frame[38..42].copy_from_slice(&seq.to_be_bytes());
        file.write_all(&frame)?;
    }
    file.flush()?;
    Ok(())
}
