//! The bytes of one side of a TLS flow: what came, what went on, and what was taken off, by kind.
//!
//! It knows no record. Each of the three is counted where it happens, by the bytes at hand there, so that they can be held
//! against each other when the flow ends: a side whose counts do not close is one in which something was miscounted.
//!
//! 16 bytes a side; 72 more while nothing was opened, for what was taken off until then is given back where nothing ever is.

use super::report::{DecryptionFigures, TlsBytes, TlsOverhead};
use crate::event::Side;

/// A side's counts.
#[derive(Debug)]
pub(super) struct Books {
    /// What came, less what went on, less what was taken off.
    open_bytes: i64,
    /// What was taken off while nothing was opened.
    held: Option<Box<[u64; TlsOverhead::COUNT]>>,
}

impl Default for Books {
    fn default() -> Self {
        Self {
            open_bytes: 0,
            held: Some(Box::default()),
        }
    }
}

impl Books {
    /// The side said so many bytes.
    pub(super) fn came(&mut self, side: Side, bytes: usize, figures: &mut DecryptionFigures) {
        self.open_bytes += bytes as i64;
        figures.bytes.came[side as usize] += bytes as u64;
    }

    /// So many bytes were handed on.
    pub(super) fn went(&mut self, side: Side, bytes: usize, figures: &mut DecryptionFigures) {
        self.open_bytes -= bytes as i64;
        figures.bytes.went[side as usize] += bytes as u64;
    }

    /// So many bytes were taken off.
    pub(super) fn off(&mut self, kind: TlsOverhead, bytes: usize, figures: &mut DecryptionFigures) {
        self.open_bytes -= bytes as i64;
        match &mut self.held {
            Some(held) => held[kind as usize] += bytes as u64,
            None => figures.bytes.off[kind as usize] += bytes as u64,
        }
    }

    /// A record was opened: what was taken off stays so.
    pub(super) fn settle(&mut self, figures: &mut DecryptionFigures) {
        let Some(held) = self.held.take() else { return };
        let TlsBytes { off, .. } = &mut figures.bytes;
        off.iter_mut().zip(*held).for_each(|(sum, bytes)| *sum += bytes);
    }

    /// Nothing was opened, and all that came will be handed on.
    pub(super) fn give_back(&mut self) {
        if let Some(held) = &mut self.held {
            let bytes: u64 = std::mem::take(&mut **held).iter().sum();
            self.open_bytes += bytes as i64;
        }
    }

    /// Whether all that came went on or was taken off.
    pub(super) fn closes(&self) -> bool {
        self.open_bytes == 0
    }

    /// What it takes beside itself, bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.held.as_ref().map_or(0, |held| size_of_val(&**held) + 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_too_many_or_too_few_is_found_wherever_it_is_counted() {
        let kept = |came: usize, went: usize, header: usize, sealing: usize, opens: bool| {
            let (mut books, mut figures) = (Books::default(), DecryptionFigures::default());
            books.came(Side::Client, came, &mut figures);
            books.off(TlsOverhead::Header, header, &mut figures);
            if opens {
                books.settle(&mut figures);
            } else {
                books.give_back();
            }
            books.went(Side::Client, went, &mut figures);
            books.off(TlsOverhead::Protection, sealing, &mut figures);
            (books.closes(), figures.bytes)
        };
        let (closes, bytes) = kept(122, 100, 5, 17, true);
        assert!(closes && bytes.closes());
        assert_eq!(
            (bytes.came, bytes.went, bytes.off_bytes()),
            ([122, 0], [100, 0], 22)
        );
        for off_by_one in [
            kept(123, 100, 5, 17, true),
            kept(122, 99, 5, 17, true),
            kept(122, 100, 4, 17, true),
            kept(122, 100, 5, 18, true),
            // What is given back is all that came.
            kept(122, 117, 5, 0, false),
            kept(122, 122, 5, 1, false),
        ] {
            assert!(!off_by_one.0, "{off_by_one:?}");
        }
        let (closes, bytes) = kept(122, 122, 5, 0, false);
        assert!(closes && bytes.closes());
        assert_eq!(bytes.off_bytes(), 0);
    }

    #[test]
    fn what_one_side_has_too_many_the_other_does_not_make_up_for() {
        let mut figures = DecryptionFigures::default();
        let [mut client, mut server] = [Books::default(), Books::default()];
        client.came(Side::Client, 10, &mut figures);
        client.went(Side::Client, 11, &mut figures);
        server.came(Side::Server, 10, &mut figures);
        server.went(Side::Server, 9, &mut figures);
        assert!(figures.bytes.closes(), "together they are as many");
        assert!(!client.closes() && !server.closes());
    }
}
