//! Misfits, as a Linux server meets them.

use super::*;

#[test]
fn one_that_vanished_is_silent_until_its_port_is_used_again() {
    in_a_namespace(|| {
        let listener = TcpListener::bind(any_port()).unwrap();
        let to = listener.local_addr().unwrap();
        let mut bench = Bench::new(tun(|_| {}), |_| {});
        let id = bench.connect(to);
        let mut server = listener.accept().unwrap().0;
        let before = bench.packet.stats();
        bench.packet.misbehave(id, Misfit::Vanish);
        assert_eq!((bench.packet.stats().in_use, bench.packet.connections()), (0, 0));
        server.write_all(b"is anybody there?").unwrap();
        let heard = before.segments_in + 2;
        bench.until("written to twice", |bench| {
            bench.packet.stats().segments_in >= heard
        });
        let after = bench.packet.stats();
        assert_eq!(
            (after.segments_out, after.resets_out),
            (before.segments_out, before.resets_out)
        );
        // The same port again, at last: the server's old end is reset, and the connect succeeds.
        for _ in 0..4 {
            let id = bench.connect(to);
            bench.packet.close(id, Close::Reset);
        }
        assert!(bench.packet.stats().resets_out > 4);
        bench.empty();
    });
}

#[test]
fn one_that_is_half_open_answers_nothing() {
    in_a_namespace(|| {
        let listener = TcpListener::bind(any_port()).unwrap();
        let mut bench = Bench::new(tun(|_| {}), |_| {});
        let id = bench.packet.half_open(listener.local_addr().unwrap()).unwrap();
        // SYN-ACK, and the same once more.
        bench.until("answered twice", |bench| bench.packet.stats().segments_in >= 2);
        assert_eq!(bench.packet.stats().segments_out, 1);
        assert!(bench.log.opened.is_empty());
        bench.packet.close(id, Close::Reset);
        assert_eq!(bench.packet.stats().in_use, 0);
    });
}

#[test]
fn a_window_that_is_held_stalls_the_server_until_it_opens() {
    in_a_namespace(|| {
        let listener = TcpListener::bind(any_port()).unwrap();
        let mut bench = Bench::new(tun(|_| {}), |_| {});
        let id = bench.connect(listener.local_addr().unwrap());
        let mut server = listener.accept().unwrap().0;
        bench.packet.misbehave(id, Misfit::HoldWindow(true));
        bench.turn();
        let message = pattern(1 << 20, 3);
        let copy = message.clone();
        let writer = thread::spawn(move || server.write_all(&copy));
        // The server's probes, answered by a window that is still shut.
        bench.until("probed", |bench| bench.packet.stats().out_of_window >= 2);
        assert_eq!(bench.log.bytes(id), 0);
        bench.packet.misbehave(id, Misfit::HoldWindow(false));
        bench.until("received", |bench| bench.log.bytes(id) >= message.len());
        assert!(bench.log.got[&id] == message);
        writer.join().unwrap().unwrap();
        bench.empty();
    });
}

#[test]
fn a_slow_reader_reads_what_its_window_lets_and_then_all() {
    in_a_namespace(|| {
        let listener = TcpListener::bind(any_port()).unwrap();
        let mut bench = Bench::new(tun(|_| {}), |options| options.window_bytes = 16 * 1024);
        let id = bench.connect(listener.local_addr().unwrap());
        let mut server = listener.accept().unwrap().0;
        assert!(bench.packet.misbehave(id, Misfit::ReadSlowly(64 * 1024)));
        let message = pattern(256 << 10, 3);
        let copy = message.clone();
        let writer = thread::spawn(move || server.write_all(&copy));
        bench.until("half read", |bench| bench.log.bytes(id) >= 128 << 10);
        assert!(bench.packet.misbehave(id, Misfit::ReadSlowly(0)));
        bench.until("read", |bench| bench.log.bytes(id) >= message.len());
        assert!(bench.log.got[&id] == message);
        writer.join().unwrap().unwrap();
        bench.empty();
    });
}

#[test]
fn one_behind_a_new_mapping_is_reset() {
    in_a_namespace(|| {
        let listener = TcpListener::bind(any_port()).unwrap();
        let mut bench = Bench::new(tun(|_| {}), |_| {});
        let id = bench.connect(listener.local_addr().unwrap());
        let _server: TcpStream = listener.accept().unwrap().0;
        bench.packet.misbehave(id, Misfit::Rebind);
        bench.packet.send(id, b"it is still me").unwrap();
        bench.until("reset", |bench| bench.log.closed.contains_key(&id));
        assert_eq!(bench.log.closed[&id], Closed::Reset);
        bench.empty();
    });
}

#[test]
fn a_flood_is_bounded_and_costs_no_block() {
    in_a_namespace(|| {
        const SYNS: u64 = 300;
        let listener = TcpListener::bind(any_port()).unwrap();
        let to = listener.local_addr().unwrap();
        let mut bench = Bench::new(tun(|_| {}), |_| {});
        assert!(bench.packet.syn_flood(to, 10_000, SYNS));
        bench.until("flooded", |bench| bench.packet.stats().flood_syns == SYNS);
        assert_eq!(bench.packet.stats().in_use, 0);
        // Whoever is served is served still.
        let id = bench.connect(to);
        assert_eq!(bench.packet.stats().flood_syns, SYNS);
        bench.packet.close(id, Close::Reset);
        bench.empty();
    });
}
