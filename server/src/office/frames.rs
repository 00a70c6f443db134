//! What each frame of a client's asks for.
//!
//! It does none of it: it knows who may ask, and what is answered where the frame itself has no other answer.

use wire::chat::{ClientFrame, Code, Number, ServerFrame};

use super::Office;
use crate::parcel::{Letter, Location};

impl Office {
    /// Does what a frame asks for; refused, it is answered with an error.
    pub(super) fn frame(&mut self, at: Location, letter: &Letter, bytes: &[u8]) {
        // The shard decoded it before: it is whole and well formed.
        let Ok(Some((frame, _))) = ClientFrame::decode(bytes) else {
            return;
        };
        let about = frame.kind();
        let done = match frame {
            ClientFrame::Prove { number, pin } => self.redeem_pin(number, pin).map(|key| {
                self.reply(at, &ServerFrame::NewKey { number, key });
                self.void_device(number);
            }),
            frame => match Number::new(letter.number) {
                Ok(who) => self.online_frame(at, who, frame),
                Err(_) => Err(Code::NotLoggedIn),
            },
        };
        if let Err(code) = done {
            self.reply(at, &ServerFrame::Error { code, about });
        }
    }

    fn online_frame(&mut self, at: Location, who: Number, frame: ClientFrame<'_>) -> Result<(), Code> {
        if self.directory.location(who.value()) != Some(at) {
            // Replaced, and told so. Heard all the same, its acknowledgements would draw the mail of the connection
            // that came after it, and a device whose key is void would go on sending.
            return Ok(());
        }
        match frame {
            ClientFrame::Send { id, to, body } => {
                match self.send(who, id, to, body) {
                    Ok(()) => self.reply(at, &ServerFrame::Accepted { id }),
                    Err(code) => {
                        self.parts.figures.messages_refused.add(1);
                        self.reply(at, &ServerFrame::Refused { id, code });
                    }
                }
                Ok(())
            }
            ClientFrame::Ack { seq } => {
                self.acknowledge(at, who, seq);
                Ok(())
            }
            ClientFrame::Typing { to, on } => {
                if let Some(there) = self.directory.location(to.value()) {
                    self.reply(there, &ServerFrame::Typing { from: who, on });
                }
                Ok(())
            }
            ClientFrame::Watch { number, on } => self.watch(at, who, number, on),
            ClientFrame::SetGroup { tag, members } => self.set_group(at, who, tag, members),
            ClientFrame::LeaveGroup { group } => self.leave_group(at, who, group),
            // The shard answers these itself, refuses them, or sends them as what they are.
            ClientFrame::Ping { .. }
            | ClientFrame::Login { .. }
            | ClientFrame::Register { .. }
            | ClientFrame::Prove { .. } => Ok(()),
        }
    }
}
