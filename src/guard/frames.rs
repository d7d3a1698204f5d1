//! The messages in a body of gRPC: each is behind a byte that says whether it is compressed, and its length in four bytes,
//! big-endian (gRPC over HTTP2, Length-Prefixed-Message).

/// Bytes before a message.
const PREFIX: usize = 5;

/// Follows the messages of a body, whatever the pieces in which it comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frames {
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that have come.
    have: usize,
    /// Bytes of the message that have not come.
    missing: usize,
}

impl Frames {
    /// Reads the next bytes of the body and returns the length of the largest message that begins in them.
    pub fn read(&mut self, mut data: &[u8]) -> Option<usize> {
        let mut largest = None;
        loop {
            let taken = self.missing.min(data.len());
            (self.missing, data) = (self.missing - taken, &data[taken..]);
            if data.is_empty() {
                return largest;
            }
            let taken = (PREFIX - self.have).min(data.len());
            self.prefix[self.have..self.have + taken].copy_from_slice(&data[..taken]);
            (self.have, data) = (self.have + taken, &data[taken..]);
            if self.have == PREFIX {
                let [_, length @ ..] = self.prefix;
                self.missing = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                self.have = 0;
                largest = largest.max(Some(self.missing));
            }
        }
    }

    /// Whether a message has begun that has not ended.
    pub const fn is_within(&self) -> bool {
        self.have > 0 || self.missing > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u32) -> Vec<u8> {
        [&[0][..], &length.to_be_bytes(), &vec![7; length as usize]].concat()
    }

    #[test]
    fn messages_are_followed_in_any_pieces() {
        let body = [message(3), message(0), message(300)].concat();
        for size in 1..body.len() {
            let mut frames = Frames::default();
            let largest = body.chunks(size).filter_map(|piece| frames.read(piece)).max();
            assert_eq!((largest, frames.is_within()), (Some(300), false), "{size}");
        }
        let mut frames = Frames::default();
        assert_eq!(frames.read(&body[..2]), None);
        assert!(frames.is_within());
        assert_eq!(frames.read(&body[2..5]), Some(3));
        assert!(frames.is_within());
        frames.read(&body[5..8]);
        assert!(!frames.is_within());
    }
}
