//! What clients say: answered here, refused here, or put into the parcel for the office.
//!
//! It does not know what the office makes of it.

use reactor::{Acceptor, Id, Link};
use wire::chat::{ClientFrame, Code, FrameError, ServerFrame};

use super::ServerShard;
use crate::source::Source;

/// Letters in a parcel before new messages are refused as *busy*; everything else still goes in.
pub(super) const LETTERS_MAX: usize = 32 * 1024;

impl ServerShard {
    /// Takes one frame from `number`, or from nobody if that is 0. `Err` closes the connection with the code.
    pub(super) fn frame<L: Acceptor>(
        &mut self,
        link: &mut L,
        (id, number): (Id, u64),
        frame: &ClientFrame<'_>,
        bytes: &[u8],
        now_us: u64,
    ) -> Result<(), Code> {
        match frame {
            ClientFrame::Ping { token } => self.send(link, id, &ServerFrame::Pong { token: *token }),
            ClientFrame::Login { .. } => {
                if number != 0 {
                    return Err(Code::AlreadyLoggedIn);
                }
                let nonce = self.sessions.take_nonce(id).ok_or(Code::AlreadyLoggedIn)?;
                self.parcel.login(id, &nonce, bytes);
            }
            ClientFrame::Register { .. } if self.is_too_fast(id, now_us) => self.slow_down(link, id, frame),
            ClientFrame::Register { .. } => {
                // Rare, so nobody keeps the address: a call each.
                let peer = link.sockets().peer(id).map_or(Source::UNKNOWN, Source::of);
                self.parcel.register(id, number, peer, bytes);
            }
            ClientFrame::Prove { .. } if self.is_too_fast(id, now_us) => self.slow_down(link, id, frame),
            ClientFrame::Prove { .. } => self.parcel.frame(id, number, bytes),
            _ if number == 0 => return Err(Code::NotLoggedIn),
            ClientFrame::Send { id: message, .. } => {
                self.parts.figures.messages_in.add(1);
                let refusal = if self.parcel.letters.len() >= LETTERS_MAX {
                    self.parts.figures.letters_refused.add(1);
                    Some(Code::Busy)
                } else if self.is_too_fast(id, now_us) {
                    Some(Code::RateLimited)
                } else {
                    None
                };
                match refusal {
                    None => self.parcel.frame(id, number, bytes),
                    Some(code) => {
                        self.parts.figures.messages_refused.add(1);
                        self.send(link, id, &ServerFrame::Refused { id: *message, code });
                    }
                }
            }
            // As many as there were messages for it: those are bounded, and what they erase is wanted.
            ClientFrame::Ack { .. } => self.parcel.frame(id, number, bytes),
            _ if self.is_too_fast(id, now_us) => self.slow_down(link, id, frame),
            _ => self.parcel.frame(id, number, bytes),
        }
        Ok(())
    }

    /// Whether a connection asks for more of the office than the knob allows.
    fn is_too_fast(&mut self, id: Id, now_us: u64) -> bool {
        let per_second = self.parts.knobs.messages_per_second();
        !self.limits.allow(id.index, per_second, now_us)
    }

    /// Refuses a frame of one who is too fast; one that is never answered is dropped.
    fn slow_down<L: Link>(&mut self, link: &mut L, id: Id, frame: &ClientFrame<'_>) {
        self.parts.figures.frames_limited.add(1);
        if !matches!(frame, ClientFrame::Typing { .. }) {
            let (code, about) = (Code::RateLimited, frame.kind());
            self.send(link, id, &ServerFrame::Error { code, about });
        }
    }

    pub(super) fn malformed(&mut self, error: FrameError) -> Code {
        self.parts.figures.malformed.add(1);
        error.into()
    }
}
