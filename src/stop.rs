//! The condition under which work stops: each stage checks it before it goes on.
//!
//! Work stops when its deadline has passed, or when nobody waits for its result any more. The work of a request can stop
//! for both reasons. Commands, tests and benchmarks use [`Stop::never`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::Error;

/// A deadline, and a flag that says that the client has left. Clones share the flag.
#[derive(Clone, Debug)]
pub struct Stop {
    deadline: Option<Instant>,
    departed: Option<Arc<AtomicBool>>,
}

/// Held by the caller that waits for a result. Dropping it tells the work that nobody waits any more.
#[derive(Debug)]
pub struct Waiting(Arc<AtomicBool>);

impl Stop {
    /// Never stops.
    pub const fn never() -> Self {
        Self { deadline: None, departed: None }
    }

    /// Stops at `deadline`.
    pub const fn at(deadline: Instant) -> Self {
        Self { deadline: Some(deadline), departed: None }
    }

    /// Stops at `deadline`, or as soon as the second value is dropped.
    pub fn while_waiting(deadline: Instant) -> (Self, Waiting) {
        let departed = Arc::new(AtomicBool::new(false));
        (Self { deadline: Some(deadline), departed: Some(departed.clone()) }, Waiting(departed))
    }

    /// Returns an error if the work must stop now.
    ///
    /// # Errors
    /// [`Error::DeadlineExceeded`] or [`Error::ClientGone`].
    pub fn check(&self) -> Result<(), Error> {
        if self.remaining().is_zero() {
            Err(Error::DeadlineExceeded)
        } else if self.departed.as_ref().is_some_and(|departed| departed.load(Ordering::Relaxed)) {
            Err(Error::ClientGone)
        } else {
            Ok(())
        }
    }

    /// The time left until the deadline; [`Duration::MAX`] without one.
    pub fn remaining(&self) -> Duration {
        self.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_stops_at_its_deadline() {
        assert_eq!(Stop::at(Instant::now()).check(), Err(Error::DeadlineExceeded));
        assert_eq!(Stop::at(Instant::now() + Duration::from_hours(1)).check(), Ok(()));
        assert_eq!(Stop::never().check(), Ok(()));
    }

    #[test]
    fn work_stops_when_nobody_waits() {
        let (stop, waiting) = Stop::while_waiting(Instant::now() + Duration::from_hours(1));
        let copy = stop.clone();
        assert_eq!(copy.check(), Ok(()));
        drop(waiting);
        assert_eq!((stop.check(), copy.check()), (Err(Error::ClientGone), Err(Error::ClientGone)));
    }
}
