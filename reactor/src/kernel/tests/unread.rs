//! What peers leave unread is counted to the byte, whatever becomes of their connections.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;

use super::*;

/// Remembers who came, and in which order.
#[derive(Default)]
struct Guests(Vec<Id>);

impl App<Kernel> for Guests {
    fn opened(&mut self, _: &mut Kernel, id: Id, _: Origin, _: u64) {
        self.0.push(id);
    }
    fn received(&mut self, _: &mut Kernel, _: Id, bytes: &[u8], _: u64) -> Taken {
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut Kernel, _: Id, _: Closed, _: u64) {}
    fn turn(&mut self, _: &mut Kernel, now_us: u64) -> Option<u64> {
        Some(now_us)
    }
}

/// A transport, turned by hand, and clients that read when they are told to.
struct Inn {
    kernel: Kernel,
    wake: Wake,
    guests: Guests,
    clients: Vec<TcpStream>,
}

impl Inn {
    fn with(clients: usize) -> Self {
        let wake = Wake::new().unwrap();
        let listener = listen("127.0.0.1:0".parse().unwrap(), 16).unwrap();
        let to = listener.address;
        let kernel = Kernel::new(
            Some(listener),
            Sources::default(),
            KernelOptions::default(),
            &wake,
        );
        let mut inn = Self {
            kernel: kernel.unwrap(),
            wake,
            guests: Guests::default(),
            clients: Vec::new(),
        };
        for count in 1..=clients {
            inn.clients.push(TcpStream::connect(to).unwrap());
            while inn.guests.0.len() < count {
                inn.turn();
            }
        }
        inn
    }

    fn turn(&mut self) {
        self.kernel.wait(Duration::from_millis(10)).unwrap();
        self.kernel.handle(&mut self.guests, &self.wake, 0);
    }

    /// What waits for those who are open, and for those who were closed; the former by connection, too.
    fn levels(&self) -> (u64, u64, Vec<Id>) {
        let stats = self.kernel.stats();
        let slowest = self.kernel.slowest(u64::MAX);
        let sum: u64 = slowest.iter().map(|(_, unread_bytes)| unread_bytes).sum();
        assert_eq!(sum, stats.unread_bytes, "counted as it is");
        let ids = slowest.into_iter().map(|(id, _)| id).collect();
        (stats.unread_bytes, stats.leaving_bytes, ids)
    }

    /// Sends far more than any socket takes.
    fn fill(&mut self, client: usize, bytes: usize) {
        self.kernel.send(self.guests.0[client], &vec![7; bytes]).unwrap();
    }

    /// Lets a client read until something is so.
    fn read_until(&mut self, client: usize, is_so: impl Fn(&Self) -> bool) {
        let mut buffer = vec![0; 1 << 20];
        self.clients[client].set_nonblocking(true).unwrap();
        while !is_so(self) {
            match self.clients[client].read(&mut buffer) {
                Ok(length) => assert!(length > 0, "the end came first"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            self.turn();
        }
    }
}

/// Sizes apart by more than what the sockets between could take differently.
const SIZES_BYTES: [usize; 3] = [64 << 20, 192 << 20, 128 << 20];

#[test]
fn what_waits_is_counted_by_state_and_found_by_size() {
    let mut inn = Inn::with(4);
    let ids = inn.guests.0.clone();
    assert_eq!(inn.levels(), (0, 0, Vec::new()));
    for (client, bytes) in SIZES_BYTES.into_iter().enumerate() {
        inn.fill(client, bytes);
    }
    assert_eq!(inn.levels().2, [ids[1], ids[2], ids[0]], "the fourth has nothing");
    let most = inn.kernel.slowest(1);
    let (id, most_bytes) = most[0];
    assert_eq!((id, most.len()), (ids[1], 1));
    assert_eq!(inn.kernel.slowest(most_bytes).len(), 1);
    assert_eq!(inn.kernel.slowest(most_bytes + 1).len(), 2);

    // Beyond the bound of a connection nothing is kept, but for a farewell.
    let (before, ..) = inn.levels();
    assert_eq!(inn.kernel.send(ids[0], b"more"), Err(SendError::Full));
    assert_eq!(inn.levels().0, before);
    inn.kernel.farewell(ids[1], b"bye");
    let (unread_bytes, leaving_bytes, waiting) = inn.levels();
    assert_eq!(
        (unread_bytes, leaving_bytes),
        (before - most_bytes, most_bytes + 3)
    );
    assert_eq!(waiting, [ids[2], ids[0]]);

    inn.read_until(2, |inn| inn.levels().2 == [ids[0]]);
    inn.read_until(1, |inn| inn.kernel.stats().leaving_bytes == 0);
    inn.kernel.close(ids[0], Close::Graceful);
    let (unread_bytes, leaving_bytes, waiting) = inn.levels();
    assert!(leaving_bytes > 0);
    assert_eq!((unread_bytes, waiting), (0, Vec::new()));
    assert_eq!(inn.kernel.reset_leaving(), 1);
    assert_eq!(inn.levels(), (0, 0, Vec::new()));
}

#[test]
fn who_goes_with_bytes_unread_takes_them_out_of_the_count() {
    let mut inn = Inn::with(2);
    inn.fill(0, SIZES_BYTES[0]);
    inn.fill(1, SIZES_BYTES[0]);
    let stays = inn.guests.0[1];
    drop(inn.clients.remove(0));
    while inn.kernel.held() == 2 {
        inn.turn();
    }
    let (unread_bytes, leaving_bytes, waiting) = inn.levels();
    assert!((1..=SIZES_BYTES[0] as u64).contains(&unread_bytes));
    assert_eq!((leaving_bytes, waiting), (0, vec![stays]));
}
