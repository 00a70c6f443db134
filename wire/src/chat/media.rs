//! A media message's body: a link to fetch it from and a small picture of it.

use super::{LINK_MAX_BYTES, THUMBNAIL_MAX_BYTES};

/// A link and a thumbnail. The media themselves travel by HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media<'a> {
    /// Where the media are: a path on the server's media port.
    pub link: &'a str,
    /// A small picture, or nothing.
    pub thumbnail: &'a [u8],
}

/// Why a body is not a media message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// No link, or one that is no text or too long.
    #[error("media link must be 1 to {LINK_MAX_BYTES} bytes of UTF-8")]
    Link,
    /// A thumbnail larger than allowed.
    #[error("media thumbnail is over {THUMBNAIL_MAX_BYTES} bytes")]
    Thumbnail,
}

impl<'a> Media<'a> {
    /// Reads a body: two bytes of link length, the link, the thumbnail.
    ///
    /// # Errors
    /// The body is not that, or a bound is passed.
    pub fn parse(body: &'a [u8]) -> Result<Self, MediaError> {
        let (length, rest) = body.split_first_chunk::<2>().ok_or(MediaError::Link)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (link, thumbnail) = rest.split_at_checked(length).ok_or(MediaError::Link)?;
        Self::new(
            std::str::from_utf8(link).map_err(|_| MediaError::Link)?,
            thumbnail,
        )
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// A bound is passed.
    pub fn new(link: &'a str, thumbnail: &'a [u8]) -> Result<Self, MediaError> {
        if link.is_empty() || link.len() > LINK_MAX_BYTES {
            return Err(MediaError::Link);
        }
        if thumbnail.len() > THUMBNAIL_MAX_BYTES {
            return Err(MediaError::Thumbnail);
        }
        Ok(Self { link, thumbnail })
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.link.len() as u16).to_be_bytes());
        out.extend_from_slice(self.link.as_bytes());
        out.extend_from_slice(self.thumbnail);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bodies_round_trip_or_are_refused(body in prop::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(media) = Media::parse(&body) {
                let mut again = Vec::new();
                media.encode(&mut again);
                prop_assert_eq!(again, body);
            }
        }
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(Media::new("", &[]), Err(MediaError::Link));
        assert_eq!(
            Media::new(&"x".repeat(LINK_MAX_BYTES + 1), &[]),
            Err(MediaError::Link)
        );
        assert_eq!(
            Media::new("/media/1", &[0; THUMBNAIL_MAX_BYTES + 1]),
            Err(MediaError::Thumbnail)
        );
    }
}
