//! A session's secrets in one piece of memory: of each its label, its length and its bytes.
//!
//! It does not know whose they are.

use zeroize::Zeroizing;

use super::{Label, Secret};

/// What the allocator takes for a piece of memory besides.
pub(super) const OVERHEAD_BYTES: usize = 16;
/// A label and a length.
const HEAD_BYTES: usize = 2;

/// Owned, and wiped when dropped.
pub(super) struct Packed(Zeroizing<Box<[u8]>>);

/// Lent.
#[derive(Clone, Copy, Default)]
pub(crate) struct SessionSecrets<'a>(&'a [u8]);

impl Packed {
    pub(super) fn secrets(&self) -> SessionSecrets<'_> {
        SessionSecrets(&self.0)
    }

    /// What they take of memory.
    pub(super) fn bytes(&self) -> usize {
        self.0.len() + OVERHEAD_BYTES
    }
}

impl<'a> SessionSecrets<'a> {
    pub(crate) fn secret(&self, label: Label) -> Option<Secret> {
        self.all()
            .find(|(its, _)| *its == label as u8)
            .and_then(|(_, bytes)| Secret::new(bytes))
    }

    /// These and one more, which replaces that of its label.
    pub(super) fn with(&self, label: Label, secret: &Secret) -> Packed {
        let others = || self.all().filter(|(its, _)| *its != label as u8);
        let all = || others().chain([(label as u8, secret.bytes())]);
        let length = all().map(|(_, bytes)| HEAD_BYTES + bytes.len()).sum();
        // Of exactly that capacity: what grows, or shrinks into a box, leaves a copy behind.
        let mut packed = Vec::with_capacity(length);
        for (label, bytes) in all() {
            packed.extend([label, bytes.len() as u8]);
            packed.extend_from_slice(bytes);
        }
        Packed(Zeroizing::new(packed.into_boxed_slice()))
    }

    fn all(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let ([label, length], behind) = rest.split_first_chunk()?;
            let (bytes, behind) = behind.split_at_checked(usize::from(*length))?;
            rest = behind;
            Some((*label, bytes))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_secret_of_a_label_replaces_the_earlier_and_no_other() {
        let secret = |byte, length| Secret::new(&vec![byte; length]).unwrap();
        let one = SessionSecrets::default().with(Label::ClientEarly, &secret(1, 32));
        let two = one.secrets().with(Label::ServerApplication, &secret(2, 48));
        let three = two.secrets().with(Label::ClientEarly, &secret(3, 32));
        let early = three.secrets().secret(Label::ClientEarly).unwrap();
        let server = three.secrets().secret(Label::ServerApplication).unwrap();
        assert_eq!((early.bytes(), server.bytes()), (&[3; 32][..], &[2; 48][..]));
        assert!(three.secrets().secret(Label::Master).is_none());
        assert_eq!((two.bytes(), three.bytes()), (100, 100));
    }
}
