//! What connections and small messages cost a client over kernel sockets and over the packet transport.
//!
//! usage: echo_cost kernel|packet [CONNECTIONS [IN_FLIGHT [SECONDS [ANSWER_BYTES [ACK_DELAY_MS]]]]]
//!
//! In a network namespace of its own (root needed): an echo on a shard of kernel sockets, and a client that opens so
//! many connections, then keeps so many questions of 104 B in flight, drawn evenly over the connections.
#![allow(clippy::print_stdout)]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reactor::{
    App, Clock, Close, Closed, Id, Interfaces, Kernel, KernelOptions, Link, Origin, Packet, PacketOptions,
    Parting, Shard, ShardError, ShardStats, Sources, Subnet, Taken, Transport, Tun, TunOptions, Wake, listen,
    spawn,
};
use rustix::time::{ClockId, clock_gettime};

const SERVER: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 254);
const QUESTION_BYTES: usize = 104;
/// Connects under way at once.
const CONNECTING: u32 = 512;

struct Echo {
    ended: Arc<AtomicBool>,
    answer_bytes: usize,
}

impl<L: Link> App<L> for Echo {
    fn opened(&mut self, _: &mut L, _: Id, _: Origin, _: u64) {}
    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], _: u64) -> Taken {
        let whole = bytes.len() / QUESTION_BYTES;
        let answers = [7; 64 * QUESTION_BYTES];
        let _ = link.send(id, &answers[..(whole * self.answer_bytes).min(answers.len())]);
        Taken(whole * QUESTION_BYTES)
    }
    fn closed(&mut self, _: &mut L, _: Id, _: Closed, _: u64) {}
    fn turn(&mut self, _: &mut L, now_us: u64) -> Option<u64> {
        (!self.ended.load(Ordering::Relaxed)).then_some(now_us + 50_000)
    }
}

struct Load {
    to: SocketAddr,
    connections: u32,
    in_flight: u32,
    measure_us: u64,
    ids: Vec<Id>,
    begun: u32,
    next: u64,
    answers: u64,
    connected: Option<(u64, f64)>,
    start: (u64, f64),
    end: Option<(u64, f64)>,
    answer_bytes: usize,
}

impl Load {
    fn ask<L: Link>(&mut self, link: &mut L) {
        // A multiplicative step visits all of them evenly, in no order the caches would like.
        self.next = self
            .next
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let id = self.ids[(self.next >> 33) as usize % self.ids.len()];
        let _ = link.send(id, &[5; QUESTION_BYTES]);
    }
}

impl<L: Link> App<L> for Load {
    fn opened(&mut self, link: &mut L, id: Id, _: Origin, now_us: u64) {
        self.ids.push(id);
        if self.ids.len() == self.connections as usize {
            self.connected = Some((now_us, cpu_s()));
            (0..self.in_flight).for_each(|_| self.ask(link));
        }
    }
    fn received(&mut self, link: &mut L, _: Id, bytes: &[u8], _: u64) -> Taken {
        let whole = bytes.len() / self.answer_bytes;
        self.answers += whole as u64;
        (0..whole).for_each(|_| self.ask(link));
        Taken(whole * self.answer_bytes)
    }
    fn closed(&mut self, _: &mut L, _: Id, why: Closed, _: u64) {
        println!("a connection ended: {why}");
    }
    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        while self.begun < self.connections && self.begun - self.ids.len() as u32 <= CONNECTING {
            if link.connect(self.to).is_ok() {
                self.begun += 1;
            }
        }
        match self.connected {
            Some((since_us, _)) if now_us > since_us + self.measure_us => {
                self.end = Some((now_us, cpu_s()));
                self.ids.iter().for_each(|id| link.close(*id, Close::Reset));
                None
            }
            _ => Some(now_us + 10_000),
        }
    }
}

/// Processor seconds of this thread, the kernel's on its behalf included.
fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn drive<T: Transport>(mut transport: T, wake: Wake, mut load: Load) -> Result<(T, Load), ShardError> {
    let clock = Clock::start();
    load.start = (clock.now_us(), cpu_s());
    Shard::new(clock, wake, Arc::new(ShardStats::default())).run(&mut transport, &mut load)?;
    Ok((transport, load))
}

fn report(load: &Load) {
    let (Some(connected), Some(end)) = (load.connected, load.end) else {
        return;
    };
    let connect_s = (connected.0 - load.start.0) as f64 / 1e6;
    let connects = f64::from(load.connections);
    println!(
        "{connects} connects in {connect_s:.2} s: {:.0}/s, {:.1} CPU-s a million at the client",
        connects / connect_s,
        (connected.1 - load.start.1) / connects * 1e6
    );
    let (messages, seconds) = (load.answers as f64, (end.0 - connected.0) as f64 / 1e6);
    println!(
        "{:.0} questions answered a second, {:.2} CPU-s a million at the client",
        messages / seconds,
        (end.1 - connected.1) / messages * 1e6
    );
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u32| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let packet = arguments.first().is_some_and(|kind| kind == "packet");
    let (connections, in_flight, seconds) = (number(1, 8_000)?, number(2, 512)?, number(3, 10)?);
    let answer_bytes = number(4, QUESTION_BYTES as u32)? as usize;
    let load = move |to| Load {
        to,
        connections,
        in_flight,
        measure_us: u64::from(seconds) * 1_000_000,
        ids: Vec::new(),
        begun: 0,
        next: 1,
        answers: 0,
        connected: None,
        start: (0, 0.0),
        end: None,
        answer_bytes,
    };
    // SAFETY: the only thread so far leaves its network namespace, which no owner of a descriptor cares for.
    #[allow(unsafe_code)]
    unsafe {
        rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET)?;
    }
    let interfaces = Interfaces::here()?;
    interfaces.up("lo")?;
    interfaces.set_address("lo:1", SERVER)?;
    let _ = std::fs::write("/proc/sys/net/core/somaxconn", "65535");
    reactor::raise_nofile()?;
    let ended = Arc::new(AtomicBool::new(false));
    let (wake, client_wake) = (Wake::new()?, Wake::new()?);
    let keep = vec![wake.clone(), client_wake.clone()];
    let (tell, address) = std::sync::mpsc::channel();
    let echo = Echo {
        ended: Arc::clone(&ended),
        answer_bytes,
    };
    let parting = Some(Parting { keep });
    let server = spawn("server".to_owned(), parting, move || {
        let mut echo = echo;
        let listener = listen((SERVER, 0).into(), 65_535).map_err(|error| error.source)?;
        let _ = tell.send(listener.address);
        let mut kernel = Kernel::new(
            Some(listener),
            Sources::default(),
            KernelOptions::default(),
            &wake,
        )?;
        Shard::new(Clock::start(), wake.clone(), Arc::new(ShardStats::default()))
            .run(&mut kernel, &mut echo)?;
        // Its descriptor must not be closed in a table where it may be another's.
        std::mem::forget(wake);
        Ok(cpu_s())
    })?;
    let to = address.recv_timeout(Duration::from_secs(5))?;
    if packet {
        let subnet: Subnet = "198.18.0.0/16".parse()?;
        let tun = Tun::open(&TunOptions::new(subnet))?;
        let mut options = PacketOptions::new(subnet);
        options.ack_delay_us = u64::from(number(5, 40)?) * 1000;
        let transport = Packet::new(tun, options, &client_wake)?;
        let (transport, load) = drive(transport, client_wake, load(to))?;
        report(&load);
        println!("{:?}", transport.stats());
    } else {
        let addresses = (1..=4).map(|host| Ipv4Addr::new(127, 0, 1, host)).collect();
        let transport = Kernel::new(
            None,
            Sources::new(addresses),
            KernelOptions::default(),
            &client_wake,
        )?;
        let (transport, load) = drive(transport, client_wake, load(to))?;
        report(&load);
        println!("{:?}", transport.stats());
    }
    ended.store(true, Ordering::Relaxed);
    let server_s = server.join().map_err(|_| "the server panicked")??;
    println!("{server_s:.2} CPU-s at the server in all");
    Ok(())
}
