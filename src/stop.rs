//! The condition under which work stops: each stage checks it before it goes on.
//!
//! Work stops when its deadline has passed, or when nobody waits for its result any more. The work of a request can stop
//! for both reasons. Commands, tests and benchmarks use [`Stop::never`].

use std::io::{self, BufRead, Read};
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

/// Bytes that are read before a [`Reader`] asks its [`Stop`] again.
const STEP: usize = 64 << 10;

/// Bytes in memory whose reads fail once the work is to stop.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    stop: &'a Stop,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`.
    pub const fn new(bytes: &'a [u8], stop: &'a Stop) -> Self {
        Self { rest: bytes, stop }
    }
}

impl BufRead for Reader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.stop.check().map_err(|_| io::ErrorKind::TimedOut)?;
        Ok(&self.rest[..self.rest.len().min(STEP)])
    }

    fn consume(&mut self, amount: usize) {
        self.rest = self.rest.get(amount..).unwrap_or_default();
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
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
    fn a_reader_stops_with_the_work() {
        let mut read = Vec::new();
        Reader::new(&[7; 1000], &Stop::never()).read_to_end(&mut read).unwrap();
        assert_eq!(read, [7; 1000]);
        let error = Reader::new(&[7], &Stop::at(Instant::now())).read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
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
