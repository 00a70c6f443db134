//! Handshake messages out of the records that carry them (RFC 8446, section 4; RFC 5246, section 7.4).
//!
//! It does not know keys. A message may be cut over records, and several may share one; of those that nobody reads,
//! certificates above all, only the length is followed.

/// Types of messages.
pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const END_OF_EARLY_DATA: u8 = 5;
pub(super) const ENCRYPTED_EXTENSIONS: u8 = 8;
pub(super) const FINISHED: u8 = 20;
pub(super) const KEY_UPDATE: u8 = 24;

/// Bytes of a message's header: its type and a length of 24 bits.
pub(super) const HEADER_BYTES: usize = 4;
/// Bytes of a message's body that are kept at most; a *ClientHello* that is met has fewer than 4 KB.
const BODY_MAX_BYTES: usize = 1 << 14;

/// One side's messages.
#[derive(Debug, Default)]
pub(super) struct Messages {
    header: [u8; HEADER_BYTES],
    header_bytes: u8,
    /// Bytes of the body to come.
    left_bytes: u32,
    /// What is kept of the body.
    body: Vec<u8>,
}

impl Messages {
    /// Takes bytes from the front of `bytes` until a message ends, and gives its type and its body, where that is read.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<(u8, &[u8])> {
        while usize::from(self.header_bytes) < HEADER_BYTES {
            let (first, rest) = bytes.split_first()?;
            self.header[usize::from(self.header_bytes)] = *first;
            self.header_bytes += 1;
            *bytes = rest;
            if usize::from(self.header_bytes) == HEADER_BYTES {
                let [_, a, b, c] = self.header;
                self.left_bytes = u32::from_be_bytes([0, a, b, c]);
                self.body = Vec::new();
            }
        }
        let (taken, rest) = bytes.split_at(bytes.len().min(self.left_bytes as usize));
        *bytes = rest;
        self.left_bytes -= taken.len() as u32;
        let kind = self.header[0];
        let read = matches!(
            kind,
            CLIENT_HELLO | SERVER_HELLO | ENCRYPTED_EXTENSIONS | KEY_UPDATE
        );
        if read && self.body.len() + taken.len() <= BODY_MAX_BYTES {
            self.body.extend_from_slice(taken);
        }
        if self.left_bytes > 0 {
            return None;
        }
        self.header_bytes = 0;
        Some((kind, &self.body))
    }

    /// Forgets a message that was begun: what follows in the stream is not its rest.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_whole_however_records_cut_them() {
        let stream = [
            [CLIENT_HELLO, 0, 0, 3].as_slice(),
            b"abc",
            &[11, 0, 1, 0],
            &[9; 256],
            &[FINISHED, 0, 0, 0],
            &[KEY_UPDATE, 0, 0, 1, 1],
        ]
        .concat();
        for piece in [1, 2, 5, 300] {
            let (mut messages, mut found) = (Messages::default(), Vec::new());
            for mut piece in stream.chunks(piece) {
                while let Some((kind, body)) = messages.next(&mut piece) {
                    found.push((kind, body.to_vec()));
                }
                assert!(piece.is_empty());
            }
            assert_eq!(
                found,
                [
                    (CLIENT_HELLO, b"abc".to_vec()),
                    (11, vec![]),
                    (FINISHED, vec![]),
                    (KEY_UPDATE, vec![1])
                ]
            );
        }
    }
}
