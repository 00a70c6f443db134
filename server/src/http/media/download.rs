//! A file as the body of a response, a bounded piece at a time.
//!
//! It does not know what file it is.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::Instant;

use crate::http::slots::Slot;

/// The most that one read takes.
const PIECE_MAX_BYTES: u64 = 64 * 1024;

/// The body.
#[derive(Debug)]
pub(super) struct Download {
    file: File,
    left_bytes: u64,
    _slot: Slot,
    /// A client that reads by the spoonful is cut off then; one that reads nothing, by the socket's own time-out.
    deadline: Instant,
    piece: Vec<u8>,
}

impl Download {
    pub(super) fn new(file: File, bytes: u64, slot: Slot, deadline: Instant) -> Self {
        Self {
            file,
            left_bytes: bytes,
            _slot: slot,
            deadline,
            piece: Vec::new(),
        }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.left_bytes == 0 {
            return Poll::Ready(None);
        }
        if Instant::now() >= this.deadline {
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        // The piece is kept while the read is pending, and given away with what was read.
        this.piece
            .resize(this.left_bytes.min(PIECE_MAX_BYTES) as usize, 0);
        let mut buffer = ReadBuf::new(&mut this.piece);
        ready!(Pin::new(&mut this.file).poll_read(context, &mut buffer))?;
        let read = buffer.filled().len();
        if read == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        this.left_bytes -= read as u64;
        let mut piece = std::mem::take(&mut this.piece);
        piece.truncate(read);
        Poll::Ready(Some(Ok(Frame::data(piece.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left_bytes == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left_bytes)
    }
}
