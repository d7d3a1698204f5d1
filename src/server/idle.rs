//! The idle connections of a server, longest idle first. They are evicted when every slot is taken.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The idle time before which a connection is not evicted. The next request of a client that has just connected, or has
/// just been answered, may be on its way.
const SPARED: Duration = Duration::from_millis(500);

/// Wakes the task of a connection, and marks the connection as evicted.
#[derive(Debug, Default)]
pub(super) struct Signal {
    evicted: AtomicBool,
    pub(super) changed: Notify,
}

impl Signal {
    pub(super) fn is_evicted(&self) -> bool {
        self.evicted.load(Ordering::Acquire)
    }
}

/// The start of a connection's idle time, and the connection's number.
type Key = (Instant, u64);

#[derive(Debug, Default)]
pub(super) struct Idle {
    connections: Mutex<BTreeMap<Key, Arc<Signal>>>,
    /// A connection has become idle.
    changed: Notify,
    ids: AtomicU64,
}

/// The result of an attempt to evict a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eviction {
    /// A connection was evicted. It gives up its slot as soon as its task runs.
    Done,
    /// The longest idle may be evicted from this time on.
    At(Instant),
    /// Every connection is in use.
    NoneIdle,
}

impl Idle {
    /// A number for a connection.
    pub(super) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn insert(&self, key: Key, signal: &Arc<Signal>) {
        self.connections().insert(key, signal.clone());
        self.changed.notify_one();
    }

    pub(super) fn remove(&self, key: Key) {
        self.connections().remove(&key);
    }

    /// Evicts the connection that has been idle for longest.
    pub(super) fn evict(&self, now: Instant) -> Eviction {
        let mut connections = self.connections();
        let Some(longest) = connections.first_entry() else { return Eviction::NoneIdle };
        let spared_until = longest.key().0 + SPARED;
        if spared_until > now {
            return Eviction::At(spared_until);
        }
        let signal = longest.remove();
        signal.evicted.store(true, Ordering::Release);
        signal.changed.notify_one();
        Eviction::Done
    }

    /// Waits until another connection has become idle.
    pub(super) async fn another(&self) {
        self.changed.notified().await;
    }

    fn connections(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Signal>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_is_evicted_and_one_in_use_is_not() {
        let idle = Idle::default();
        let begun = Instant::now();
        let signals: Vec<Arc<Signal>> = (0..3).map(|_| Arc::default()).collect();
        for (number, signal) in signals.iter().enumerate() {
            idle.insert((begun + Duration::from_secs(number as u64), number as u64), signal);
        }
        // The first is in use again.
        idle.remove((begun, 0));
        let evicted = || signals.iter().map(|signal| signal.is_evicted()).collect::<Vec<_>>();
        let later = begun + Duration::from_secs(2);
        assert_eq!(idle.evict(later), Eviction::Done);
        assert_eq!(evicted(), [false, true, false]);
        assert_eq!(idle.evict(later), Eviction::At(later + SPARED));
        assert_eq!(idle.evict(later + SPARED), Eviction::Done);
        assert_eq!(evicted(), [false, true, true]);
        assert_eq!(idle.evict(later + SPARED), Eviction::NoneIdle);
    }
}
