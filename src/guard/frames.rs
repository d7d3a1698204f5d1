//! The messages in a body of gRPC: each is behind a byte that says whether it is compressed, and its length in four bytes,
//! big-endian (gRPC over HTTP2, Length-Prefixed-Message).

/// Bytes before a message: whether it is compressed, and its length.
pub const PREFIX: usize = 5;

/// Follows the messages of a body, whatever the pieces in which it comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frames {
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that have come.
    have: usize,
    /// Bytes of the message that have not come.
    missing: usize,
    /// Bytes of the unfinished message that have come, with its prefix.
    unfinished: usize,
}

/// What bytes of a body have brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// The length of the largest message whose prefix ended.
    pub largest: Option<usize>,
    /// Messages whose prefix ended.
    pub begun: usize,
    /// Messages that ended.
    pub ended: usize,
}

impl Frames {
    /// Reads the next bytes of the body.
    pub fn read(&mut self, mut data: &[u8]) -> Brought {
        let mut brought = Brought::default();
        while !data.is_empty() {
            let taken =
                if self.missing > 0 { self.missing.min(data.len()) } else { (PREFIX - self.have).min(data.len()) };
            let (bytes, rest) = data.split_at(taken);
            data = rest;
            self.unfinished += taken;
            if self.missing > 0 {
                self.missing -= taken;
            } else {
                self.prefix[self.have..self.have + taken].copy_from_slice(bytes);
                self.have += taken;
                if self.have < PREFIX {
                    continue;
                }
                let [_, length @ ..] = self.prefix;
                self.missing = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                self.have = 0;
                brought.begun += 1;
                brought.largest = brought.largest.max(Some(self.missing));
            }
            if self.missing == 0 {
                self.unfinished = 0;
                brought.ended += 1;
            }
        }
        brought
    }

    /// Bytes of a message that has begun and has not ended, with its prefix; 0 between messages.
    pub const fn unfinished(&self) -> usize {
        self.unfinished
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
        for size in 1..=body.len() {
            let (mut frames, mut all) = (Frames::default(), Brought::default());
            for piece in body.chunks(size) {
                let brought = frames.read(piece);
                all.largest = all.largest.max(brought.largest);
                (all.begun, all.ended) = (all.begun + brought.begun, all.ended + brought.ended);
            }
            let expected = Brought { largest: Some(300), begun: 3, ended: 3 };
            assert_eq!((all, frames.unfinished()), (expected, 0), "{size}");
        }
    }

    #[test]
    fn only_the_last_message_can_be_unfinished() {
        let body = [message(3), message(300)].concat();
        let mut frames = Frames::default();
        assert_eq!(frames.read(&body[..2]), Brought::default());
        assert_eq!(frames.unfinished(), 2);
        let brought = frames.read(&body[2..20]);
        assert_eq!(brought, Brought { largest: Some(300), begun: 2, ended: 1 });
        assert_eq!(frames.unfinished(), 12);
        assert_eq!(frames.read(&body[20..]).ended, 1);
        assert_eq!(frames.unfinished(), 0);
    }
}
