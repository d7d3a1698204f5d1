//! A body that a door takes apart, whose parts stay charged to its account.

use std::borrow::Cow;

use bytes::Bytes;

use super::Account;
use super::body::charged;

/// The bytes of a body and the account that they are charged to. What is copied from it may take as much memory as it does.
#[derive(Debug)]
pub struct Document {
    bytes: Bytes,
    account: Account,
}

impl Document {
    /// Bytes that `account` has been charged for.
    pub const fn new(bytes: Bytes, account: Account) -> Self {
        Self { bytes, account }
    }

    /// The whole document.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// A document made from this one.
    #[must_use]
    pub fn of(&self, bytes: Bytes) -> Self {
        Self { bytes, account: self.account.clone() }
    }

    /// Bytes that lie in the document and are not copied, or that were copied from it.
    ///
    /// # Panics
    /// Panics if borrowed bytes do not lie in the document.
    pub fn part(&self, part: Cow<'_, [u8]>) -> Bytes {
        match part {
            Cow::Borrowed(part) => self.bytes.slice_ref(part),
            Cow::Owned(part) => charged(part, &self.account),
        }
    }

    /// The same for a text.
    ///
    /// # Panics
    /// As [`part`](Self::part).
    pub fn text(&self, text: Cow<'_, str>) -> Bytes {
        self.part(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Budget;

    #[test]
    fn a_part_keeps_the_account() {
        let budget = Budget::new(100);
        let account = budget.account();
        account.charge(10, 10).unwrap();
        let document = Document::new(charged(b"0123456789".to_vec(), &account), account);
        let (slice, copy) =
            (document.part(Cow::Borrowed(&document.bytes()[2..4])), document.text("text".to_owned().into()));
        drop(document);
        assert_eq!((&slice[..], &copy[..], budget.taken()), (&b"23"[..], &b"text"[..], 10));
        drop(slice);
        assert_eq!(budget.taken(), 10);
        drop(copy);
        assert_eq!(budget.taken(), 0);
    }
}
