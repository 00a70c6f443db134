//! The fuzz targets' kept corpus on the ordinary toolchain, so that what once was found stays found.

#[path = "../../../fuzz/captures.rs"]
mod captures;
#[path = "../../../fuzz/decryption.rs"]
mod decryption;
#[path = "../../../fuzz/kept.rs"]
mod kept;
#[path = "../../../fuzz/masks.rs"]
mod masks;
#[path = "../../../fuzz/sessions.rs"]
mod sessions;

use kept::{as_named, each};

#[test]
fn a_capture_says_the_same_however_it_is_cut() {
    each("capture_reader", |_, bytes| captures::capture(bytes));
}

#[test]
fn segments_keep_the_order_and_the_bounds() {
    each("reassembler", |_, bytes| captures::segments(bytes));
}

#[test]
fn what_was_recorded_comes_to_the_same_however_it_is_cut() {
    each("tls_decrypt", |name, bytes| {
        for piece in [bytes[0], 1, 7] {
            decryption::tls_decrypt(&[&[piece], &bytes[1..]].concat());
        }
        // What is named good is decrypted to its end, what is named bad is not.
        let (_, report) = decryption::decrypt(&bytes[1..], usize::MAX).unwrap();
        let mut flows = report.flows.iter();
        let is_decrypted = flows.any(|flow| flow.undecrypted.is_none() && flow.records > 0);
        as_named(name, is_decrypted);
    });
}

#[test]
fn any_bytes_are_read_as_a_file_of_sessions_or_refused() {
    each("session_file", |name, bytes| {
        sessions::session_file(bytes);
        // An odd first byte: entries, put into a block.
        if bytes.len() > 1 && bytes[0] & 1 == 0 {
            let played = replay::play(&bytes[1..], &mut |_: replay::Event<'_>| {});
            as_named(name, played.is_ok());
        }
    });
}

#[test]
fn any_conversation_comes_out_of_a_mask_as_it_went_in() {
    each("masks", |_, bytes| {
        for how in 0..=u8::MAX {
            masks::masked(&[&[how], &bytes[1..]].concat());
        }
    });
}
