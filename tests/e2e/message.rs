//! A message of HTTP, read whole: what a test's own servers and clients hear.
//!
//! It knows lengths; it does not know chunks.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;

/// A request or a response: its head, and its body as it is sent. `None` where no more comes.
pub(crate) fn read(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return None;
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}
