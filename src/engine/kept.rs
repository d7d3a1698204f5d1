//! The memory that workers keep from input to input, bounded for all of them together.
//!
//! A buffer that is kept saves the next picture the page faults of a new one. What one worker may keep does not depend on
//! their number: many workers of small pictures and a few of large ones keep as much as they use, up to the common bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that all workers together may keep. Clones have the same bound.
#[derive(Clone, Debug)]
pub struct KeptMemory(Arc<Bytes>);

#[derive(Debug)]
struct Bytes {
    most: usize,
    kept: AtomicUsize,
}

/// The part of one worker. It is returned when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    all: KeptMemory,
    bytes: usize,
}

impl KeptMemory {
    /// A bound of `most` bytes, with nothing kept.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Bytes { most, kept: AtomicUsize::new(0) }))
    }

    /// The bytes that are kept now.
    pub fn bytes(&self) -> usize {
        self.0.kept.load(Ordering::Relaxed)
    }

    /// A worker's share, which is empty.
    pub(super) fn share(&self) -> Share {
        Share { all: self.clone(), bytes: 0 }
    }
}

impl Share {
    /// Changes the share to `bytes`, and returns whether that is within the bound. If not, the share is empty, and the caller
    /// must give its memory back.
    pub(super) fn set(&mut self, bytes: usize) -> bool {
        let Bytes { most, kept } = &*self.all.0;
        let before = std::mem::take(&mut self.bytes);
        let fits = kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |all| {
            (all - before).checked_add(bytes).filter(|after| after <= most)
        });
        match fits {
            Ok(_) => self.bytes = bytes,
            Err(_) => {
                kept.fetch_sub(before, Ordering::Relaxed);
            }
        }
        fits.is_ok()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.0.kept.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_together() {
        let all = KeptMemory::new(100);
        let (mut one, mut other) = (all.share(), all.share());
        assert!(one.set(60) && other.set(40));
        assert!(!other.set(41), "more than the bound");
        assert!(one.set(100), "a refused share is empty");
        assert!(!other.set(1));
        drop(one);
        assert!(other.set(100) && !other.set(usize::MAX));
        assert_eq!(all.bytes(), 0);
    }

    #[test]
    fn threads_never_pass_the_bound() {
        let all = KeptMemory::new(1000);
        std::thread::scope(|scope| {
            for seed in 0..8_usize {
                let mut share = all.share();
                scope.spawn(move || {
                    for turn in 0..10_000 {
                        share.set((seed * 7919 + turn * 104_729) % 400);
                        assert!(share.all.bytes() <= 1000);
                    }
                });
            }
        });
        assert_eq!(all.bytes(), 0);
    }
}
