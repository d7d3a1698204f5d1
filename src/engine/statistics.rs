//! What the engine has done since it started.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Analysis, Stage};
use crate::error::Error;

/// Counters that only grow.
#[derive(Debug, Default)]
pub struct Statistics {
    analyzed: Counter,
    failed: Counter,
    stages: [AtomicU64; Stage::ALL.len()],
    last: AtomicU64,
}

#[derive(Debug, Default)]
struct Counter {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

/// A number of analyses, and their time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The number of analyses.
    pub count: u64,
    /// Their time in all, in nanoseconds.
    pub nanoseconds: u64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Analyses with an answer, from their admission on.
    pub analyzed: Count,
    /// Analyses without one.
    pub failed: Count,
    /// The time of each stage of those with an answer, in nanoseconds, in the order of [`Stage::ALL`].
    pub stages: [u64; Stage::ALL.len()],
    /// The end of the last analysis, in milliseconds since 1970; 0 before the first one.
    pub last: u64,
}

impl Statistics {
    /// Counts an analysis that took `elapsed`.
    pub(super) fn observe(&self, result: &Result<Analysis, Error>, elapsed: Duration) {
        match result {
            Ok(analysis) => {
                self.analyzed.add(elapsed);
                for (total, (_, time)) in self.stages.iter().zip(analysis.timings.iter()) {
                    total.fetch_add(nanoseconds(time), Ordering::Relaxed);
                }
            }
            Err(_) => self.failed.add(elapsed),
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last.fetch_max(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The counters now.
    pub fn totals(&self) -> Totals {
        Totals {
            analyzed: self.analyzed.read(),
            failed: self.failed.read(),
            stages: std::array::from_fn(|stage| self.stages[stage].load(Ordering::Relaxed)),
            last: self.last.load(Ordering::Relaxed),
        }
    }
}

impl Counter {
    fn add(&self, time: Duration) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(nanoseconds(time), Ordering::Relaxed);
    }

    fn read(&self) -> Count {
        Count { count: self.count.load(Ordering::Relaxed), nanoseconds: self.nanoseconds.load(Ordering::Relaxed) }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_failures_are_counted_apart() {
        let statistics = Statistics::default();
        assert_eq!(statistics.totals(), Totals::default());
        let mut analysis = Analysis::default();
        analysis.timings.set(Stage::Inference, Duration::from_millis(2));
        statistics.observe(&Ok(analysis), Duration::from_millis(3));
        statistics.observe(&Err(Error::NotAnImage), Duration::from_millis(1));
        let totals = statistics.totals();
        assert_eq!(totals.analyzed, Count { count: 1, nanoseconds: 3_000_000 });
        assert_eq!(totals.failed, Count { count: 1, nanoseconds: 1_000_000 });
        assert_eq!(totals.stages[Stage::Inference as usize], 2_000_000);
        assert!(totals.last > 1_700_000_000_000);
    }
}
