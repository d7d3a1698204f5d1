//! Faults of the libraries that decode: panics, and child processes that ended. A client can cause them with a hostile file,
//! so they are counted and logged at the level of debugging, and are no alarm.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;

static COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// The number of faults since the start.
pub fn failures() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// Whether this thread is decoding: a panic is then the library's.
pub fn is_decoding() -> bool {
    DECODING.get()
}

pub(super) fn count() {
    COUNT.fetch_add(1, Ordering::Relaxed);
}

/// Calls a decoder. A panic is counted, and is [`Error::DamagedImage`].
pub(super) fn guarded<T>(decode: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    DECODING.set(true);
    let decoded = catch_unwind(AssertUnwindSafe(decode));
    DECODING.set(false);
    decoded.unwrap_or_else(|_| {
        count();
        Err(Error::DamagedImage)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_damaged_image_and_is_counted() {
        let before = failures();
        let panicking = || -> Result<(), Error> {
            assert!(!is_decoding(), "as the test asks");
            Ok(())
        };
        assert_eq!(guarded(panicking), Err(Error::DamagedImage));
        assert!(failures() > before && !is_decoding());
    }
}
