//! The memory that the bodies of all requests may hold together.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::memory::Spares;

/// A body of more bytes than this is a large one.
const LARGE: usize = 1 << 20;

/// Large bodies leave one part in this many of the budget to small ones.
const KEPT_FOR_SMALL: usize = 4;

/// Bytes that request bodies may take, all together, from their first byte to the end of their work.
#[derive(Clone, Debug)]
pub struct Budget {
    free: Arc<Semaphore>,
    total: usize,
    /// The buffers of earlier bodies.
    spares: Spares,
}

/// The budget has no room for a body, or for more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl Budget {
    /// A budget of `total` bytes.
    pub fn new(total: usize) -> Self {
        let total = total.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(total)), total, spares: Spares::beside(total) }
    }

    /// The number of bytes in use and free.
    pub const fn size(&self) -> usize {
        self.total
    }

    /// The largest body that fits into an unused budget, in bytes.
    pub const fn largest(&self) -> usize {
        self.total - self.total / KEPT_FOR_SMALL
    }

    /// The number of bytes in use.
    pub fn taken(&self) -> usize {
        self.total - self.free.available_permits()
    }

    /// Whether a body that is to have `length` bytes may take `more` of them now.
    pub fn has_room_for(&self, length: usize, more: usize) -> bool {
        let kept = if length > LARGE { self.total / KEPT_FOR_SMALL } else { 0 };
        more.saturating_add(kept) <= self.free.available_permits()
    }

    /// Gives back the memory that is kept for the next bodies.
    pub fn give_back(&self) {
        self.spares.give_back();
    }

    /// An account of one request, with nothing charged to it yet.
    pub fn account(&self) -> Account {
        Account(Arc::new(Charged { budget: self.clone(), permits: Mutex::new(None) }))
    }
}

/// The bytes that one request has taken from the budget. They are returned when the last clone is dropped, so each owner
/// of a copy of the body's bytes must hold a clone.
#[derive(Clone, Debug)]
pub struct Account(Arc<Charged>);

#[derive(Debug)]
struct Charged {
    budget: Budget,
    permits: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Account {
    /// Whether a body of `length` bytes would be let in now.
    pub fn has_room_for(&self, length: usize) -> bool {
        self.0.budget.has_room_for(length, length)
    }

    /// Takes `more` bytes for a body that is to have `length` bytes.
    ///
    /// # Errors
    /// [`NoRoom`] where the budget is used up.
    pub fn charge(&self, length: usize, more: usize) -> Result<(), NoRoom> {
        let Charged { budget, permits } = &*self.0;
        if !budget.has_room_for(length, more) {
            return Err(NoRoom);
        }
        let count = u32::try_from(more).map_err(|_| NoRoom)?;
        let permit = budget.free.clone().try_acquire_many_owned(count).map_err(|_| NoRoom)?;
        let mut permits = permits.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *permits {
            Some(permits) => permits.merge(permit),
            None => *permits = Some(permit),
        }
        Ok(())
    }

    /// Gives back `bytes` of those that were taken.
    pub fn give_back(&self, bytes: usize) {
        let mut permits = self.0.permits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(permits) = &mut *permits {
            drop(permits.split(bytes));
        }
    }

    /// The buffer of an earlier body with room for `bytes`, or a new one without any memory.
    pub(super) fn buffer(&self, bytes: usize) -> Vec<u8> {
        self.0.budget.spares.take(bytes)
    }

    /// The same bytes, which hold the account as long as their last clone or slice lives.
    pub fn hold(&self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Held { bytes, _account: self.clone() })
    }

    /// The same for a buffer, which then is there for the next body.
    pub(super) fn hold_buffer(&self, bytes: Vec<u8>) -> Bytes {
        self.hold(self.0.budget.spares.lend(bytes))
    }
}

/// Bytes with the account that is charged for them.
struct Held {
    bytes: Bytes,
    _account: Account,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn an_account_is_returned_with_its_last_clone() {
        let budget = Budget::new(100);
        let account = budget.account();
        account.charge(7, 7).unwrap();
        account.charge(12, 5).unwrap();
        let clone = account.clone();
        drop(account);
        assert_eq!(budget.taken(), 12);
        drop(clone);
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn parts_are_given_back_and_held() {
        let budget = Budget::new(100);
        let account = budget.account();
        account.charge(10, 10).unwrap();
        account.give_back(4);
        account.give_back(100);
        assert_eq!(budget.taken(), 6);
        let held = account.hold(Bytes::from_static(b"held")).slice(1..);
        drop(account);
        assert_eq!((budget.taken(), &held[..]), (6, &b"eld"[..]));
        drop(held);
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn a_refused_charge_takes_nothing() {
        let budget = Budget::new(10);
        let account = budget.account();
        account.charge(8, 8).unwrap();
        assert_eq!(account.charge(11, 3), Err(NoRoom));
        assert!(!account.has_room_for(3) && account.has_room_for(2));
        assert_eq!(budget.taken(), 8);
    }

    #[test]
    fn large_bodies_leave_room_for_small_ones() {
        let budget = Budget::new(8 * MIB);
        assert_eq!(budget.largest(), 6 * MIB);
        let large = budget.account();
        assert!(large.has_room_for(6 * MIB) && !large.has_room_for(6 * MIB + 1));
        for number in 1..=6 {
            large.charge(number * MIB, MIB).unwrap();
        }
        assert_eq!(large.charge(6 * MIB + 1, 1), Err(NoRoom));
        assert!(!large.has_room_for(2 * MIB) && large.has_room_for(MIB));
        budget.account().charge(MIB, MIB).unwrap();
    }
}
