//! What reading has to tell of a recording: what was not used of it, what is not driven, what there was no room for.
//!
//! It knows sentences; it reads nothing.

use super::{Origin, Reads};

/// Packets of UDP beyond the flows that are listed, to be said behind what those come to.
pub(crate) fn beyond_listed(packets: u64) -> String {
    match packets {
        0 => String::new(),
        packets => format!("; {packets} packets more are of flows beyond those"),
    }
}

impl Reads {
    /// What was not used of the file, in a sentence.
    pub(crate) fn shortfall(&self) -> Option<String> {
        match &self.origin {
            Origin::Capture(figures, _) => match &figures.ending {
                replay::Ending::Whole => None,
                ending => Some(ending.to_string()),
            },
            Origin::Sessions(played) => played.torn.as_ref().map(ToString::to_string),
        }
    }

    /// What a driver leaves out of a recording, a sentence each.
    pub(crate) fn undriven(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(list) = self.datagrams().filter(|list| !list.flows.is_empty()) {
            notes.push(format!(
                "{} UDP flows of {} packets are not replayed: `teem replay inspect` lists them{}",
                list.flows.len(),
                list.listed_packets(),
                beyond_listed(list.unlisted_packets)
            ));
        }
        let Origin::Capture(_, decryption) = &self.origin else {
            return notes;
        };
        let closed: u64 = decryption.figures.undecrypted.values().sum();
        if closed > 0 {
            notes.push(format!(
                "{closed} TLS connections are not decrypted, or not whole: `teem replay inspect` says why"
            ));
        }
        notes
    }

    /// What of the secrets was not taken, and whom there was no room for, a sentence each.
    pub(crate) fn refused(&self) -> Vec<String> {
        let Origin::Capture(figures, decryption) = &self.origin else {
            return Vec::new();
        };
        let secrets = decryption.secrets;
        let mut notes = Vec::new();
        if let Some(first) = secrets.first_malformed {
            notes.push(format!(
                "{} lines are none of a key log; the first is {first}",
                secrets.malformed
            ));
        }
        for (count, what) in [
            (
                secrets.refused,
                "secrets of the key logs were not kept: there are too many",
            ),
            (
                figures.secrets_refused_bytes,
                "bytes of secrets in the capture were not kept: they are no TLS key log, or too many",
            ),
            (
                decryption.figures.unwatched,
                "connections were not looked at for TLS: too many were open at once",
            ),
        ] {
            if count > 0 {
                notes.push(format!("{count} {what}"));
            }
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_unlisted_flows_are_told_apart() {
        assert_eq!(beyond_listed(0), "");
        assert_eq!(beyond_listed(7), "; 7 packets more are of flows beyond those");
    }
}
