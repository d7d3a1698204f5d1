//! The memory that requests in flight may hold together.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// A body of more bytes than this is a large one.
const LARGE: usize = 1 << 20;

/// Large bodies leave one part in this many to small ones.
const KEPT_FOR_SMALL: usize = 4;

/// Bytes that request bodies may take, all together, from their first byte to the end of their work.
#[derive(Clone, Debug)]
pub struct Budget {
    free: Arc<Semaphore>,
    total: usize,
}

impl Budget {
    /// A budget of `total` bytes.
    pub fn new(total: usize) -> Self {
        let total = total.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(total)), total }
    }

    /// The largest body that fits when nothing else is there.
    pub fn largest(&self) -> usize {
        self.total - self.total / KEPT_FOR_SMALL
    }

    /// Bytes that are taken.
    pub fn taken(&self) -> usize {
        self.total - self.free.available_permits()
    }

    /// Whether a body of `length` bytes would be let in now.
    pub fn has_room_for(&self, length: usize) -> bool {
        self.lets(length, length)
    }

    /// Whether a body that is to have `length` bytes may take `more` of them.
    fn lets(&self, length: usize, more: usize) -> bool {
        let kept = if length > LARGE { self.total / KEPT_FOR_SMALL } else { 0 };
        more + kept <= self.free.available_permits()
    }

    /// A body with nothing in it yet, and memory for `expected` bytes.
    pub fn body(&self, expected: usize) -> Accounted {
        Accounted { budget: self.clone(), bytes: BytesMut::with_capacity(expected), taken: None }
    }
}

/// A body that is growing, within the budget.
#[derive(Debug)]
pub struct Accounted {
    budget: Budget,
    bytes: BytesMut,
    taken: Option<OwnedSemaphorePermit>,
}

impl Accounted {
    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds to the body.
    ///
    /// # Errors
    /// [`Error::Busy`] where the budget has no room for more.
    pub fn extend(&mut self, data: &[u8]) -> Result<(), Error> {
        if !self.budget.lets(self.bytes.len() + data.len(), data.len()) {
            return Err(Error::Busy);
        }
        let more = u32::try_from(data.len()).map_err(|_| Error::Busy)?;
        let permit = self.budget.free.clone().try_acquire_many_owned(more).map_err(|_| Error::Busy)?;
        match &mut self.taken {
            Some(taken) => taken.merge(permit),
            None => self.taken = Some(permit),
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// The whole body. What it takes of the budget is given back when its last part is dropped.
    pub fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Accounted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn what_is_taken_is_given_back_with_the_last_part() {
        let budget = Budget::new(100);
        let mut body = budget.body(10);
        body.extend(b"hello, ").unwrap();
        body.extend(b"world").unwrap();
        assert_eq!((body.len(), budget.taken()), (12, 12));
        let whole = body.freeze();
        let part = whole.slice(7..);
        drop(whole);
        assert_eq!((&part[..], budget.taken()), (&b"world"[..], 12));
        drop(part);
        assert_eq!(budget.taken(), 0);
        drop(budget.body(50));
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn more_than_there_is_is_refused_and_what_there_was_stays() {
        let budget = Budget::new(10);
        let mut body = budget.body(0);
        body.extend(&[0; 8]).unwrap();
        assert_eq!(body.extend(&[0; 3]), Err(Error::Busy));
        assert!(!budget.has_room_for(3) && budget.has_room_for(2));
        assert_eq!((body.len(), budget.taken()), (8, 8));
    }

    #[test]
    fn large_bodies_leave_room_for_small_ones() {
        let budget = Budget::new(8 * MIB);
        assert_eq!(budget.largest(), 6 * MIB);
        assert!(budget.has_room_for(6 * MIB) && !budget.has_room_for(6 * MIB + 1));
        let mut large = budget.body(0);
        for _ in 0..6 {
            large.extend(&vec![0; MIB]).unwrap();
        }
        assert_eq!(large.extend(&[0]), Err(Error::Busy));
        assert!(!budget.has_room_for(2 * MIB) && budget.has_room_for(MIB));
        budget.body(0).extend(&vec![0; MIB]).unwrap();
    }
}
