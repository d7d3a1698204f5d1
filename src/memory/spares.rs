//! The buffers of large bodies and files, kept for the next ones.
//!
//! A new buffer costs a page fault for every 4 KiB that are written to it: for the 5 MB of a photograph in JSON, more than
//! everything else that is done with the body.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::LARGE;

/// The share of the memory for buffers in use that those which nobody uses may take beside them.
const SHARE: usize = 4;

/// The most bytes that they may take: the bodies of four photographs of 12 megapixels, and what their buffers have grown beyond
/// them.
const MOST: usize = 32 << 20;

/// Large buffers that nobody uses. The C library reuses the memory of small ones. Clones share them.
#[derive(Clone, Debug)]
pub struct Spares {
    buffers: Arc<Mutex<Vec<Vec<u8>>>>,
    most: usize,
}

impl Spares {
    /// No buffers yet, for users that may have buffers of `in_use` bytes together. A quarter of that may be kept, and not more
    /// than 32 MiB.
    pub fn beside(in_use: usize) -> Self {
        Self { buffers: Arc::default(), most: MOST.min(in_use / SHARE) }
    }

    /// The smallest buffer with room for `bytes`, empty; a new one without any memory where there is none, and for a small buffer.
    pub fn take(&self, bytes: usize) -> Vec<u8> {
        if bytes < LARGE {
            return Vec::new();
        }
        let mut spares = self.lock();
        let fits = spares.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= bytes);
        let smallest = fits.min_by_key(|(_, buffer)| buffer.capacity()).map(|(index, _)| index);
        smallest.map_or_else(Vec::new, |index| spares.swap_remove(index))
    }

    /// The bytes of a buffer, which is kept for the next user when the last clone or slice of them is dropped.
    pub fn lend(&self, buffer: Vec<u8>) -> Bytes {
        if buffer.capacity() < LARGE {
            return buffer.into();
        }
        Bytes::from_owner(Lent { buffer, to: self.clone() })
    }

    /// Keeps a large buffer if there is room for it.
    fn put(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut spares = self.lock();
        let kept: usize = spares.iter().map(Vec::capacity).sum();
        if kept.saturating_add(buffer.capacity()) <= self.most {
            spares.push(buffer);
        }
    }

    /// Gives back the memory of all.
    pub fn give_back(&self) {
        let spares = std::mem::take(&mut *self.lock());
        drop(spares);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer in use.
struct Lent {
    buffer: Vec<u8>,
    to: Spares,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.to.put(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn kept(spares: &Spares) -> Vec<usize> {
        spares.lock().iter().map(|buffer| buffer.capacity() / MIB).collect()
    }

    #[test]
    fn the_smallest_that_fits_is_used_again() {
        let spares = Spares::beside(usize::MAX);
        for size in [8, 2, 4] {
            drop(spares.lend(vec![1; size * MIB]));
        }
        let mut buffer = spares.take(2 * MIB + 1);
        assert_eq!((buffer.len(), buffer.capacity()), (0, 4 * MIB));
        assert_eq!(spares.take(9 * MIB).capacity(), 0);
        assert_eq!(spares.take(LARGE - 1).capacity(), 0, "a large one for a small body");
        buffer.extend(b"a picture");
        let bytes = spares.lend(buffer);
        let slice = bytes.slice(2..);
        drop(bytes);
        assert_eq!((&slice[..], kept(&spares)), (&b"picture"[..], vec![8, 2]));
        drop(slice);
        assert_eq!(kept(&spares), [8, 2, 4]);
        spares.give_back();
        assert_eq!(spares.take(LARGE).capacity(), 0);
    }

    #[test]
    fn small_ones_and_more_than_the_bound_are_not_kept() {
        let after = |spares: Spares| {
            drop(spares.lend(Vec::with_capacity(LARGE - 1)));
            for lent in (0..9).map(|_| spares.lend(Vec::with_capacity(8 * MIB))).collect::<Vec<_>>() {
                drop(lent);
            }
            drop(spares.lend(Vec::with_capacity(MOST + 1)));
            kept(&spares)
        };
        assert_eq!(after(Spares::beside(usize::MAX)), [8; 4]);
        assert_eq!(after(Spares::beside(40 * MIB)), [8], "more than a quarter");
    }
}
