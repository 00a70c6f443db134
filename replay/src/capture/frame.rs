//! What the first bytes of a zstd stream say of the memory that unpacking it takes (RFC 8878, section 3.1.1.1).
//!
//! It unpacks nothing.

/// Bytes that a frame's magic number and header have at most.
pub(super) const HEAD_MAX_BYTES: usize = 18;
/// What a frame may ask for: 128 MiB, as `zstd --long` does.
const WINDOW_MAX_LOG: u32 = 27;
/// What every frame may ask for, whatever the first one does: 8 MiB, as `zstd -19` does, and what every decoder should have.
const WINDOW_USUAL_LOG: u32 = 23;

/// The window that frames may ask for, as a power of two, where a stream begins with these bytes. That of the first frame counts;
/// a frame to be skipped, or a header that is cut off, says nothing of those behind it.
pub(super) fn window_log(first: &[u8]) -> u32 {
    match window_bytes(first) {
        Some(bytes) if bytes <= 1 << WINDOW_USUAL_LOG => WINDOW_USUAL_LOG,
        _ => WINDOW_MAX_LOG,
    }
}

fn window_bytes(first: &[u8]) -> Option<u64> {
    let (&descriptor, rest) = first.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?.split_first()?;
    let is_single = descriptor & 0x20 != 0;
    if !is_single {
        let window = *rest.first()?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // All of it in one piece: the window is the content's size.
    let dictionary_bytes = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size_bytes = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let size = rest.get(dictionary_bytes..dictionary_bytes + size_bytes)?;
    let mut whole = [0; 8];
    whole[..size_bytes].copy_from_slice(size);
    // A size of two bytes begins at 256.
    let offset = if size_bytes == 2 { 256 } else { 0 };
    u64::from_le_bytes(whole).checked_add(offset)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// What libzstd makes of so many bytes.
    fn frame(bytes: usize, window_log: u32, knows_size: bool) -> Vec<u8> {
        let mut packer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        packer.window_log(window_log).unwrap();
        packer.long_distance_matching(window_log > 24).unwrap();
        if knows_size {
            packer.set_pledged_src_size(Some(bytes as u64)).unwrap();
        }
        packer.write_all(&vec![7; bytes]).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn a_window_is_read_as_it_was_written() {
        for log in [10, 17, 20, 23, 24, 27] {
            assert_eq!(window_bytes(&frame(1 << 20, log, false)), Some(1 << log), "{log}");
        }
        for bytes in [200, 256, 5_000, 70_000] {
            let frame = frame(bytes, 23, true);
            assert_eq!(
                window_bytes(&frame[..HEAD_MAX_BYTES.min(frame.len())]),
                Some(bytes as u64)
            );
        }
    }

    #[test]
    fn what_is_not_known_may_ask_for_the_most() {
        let usual = frame(1 << 20, 23, false);
        assert_eq!(window_log(&usual), 23);
        assert_eq!(window_log(&frame(1 << 20, 24, false)), 27);
        assert_eq!(window_log(&usual[..5]), 27, "cut off");
        assert_eq!(
            window_log(&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]),
            27,
            "to be skipped"
        );
    }
}
