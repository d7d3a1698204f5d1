//! `ETag`s of content.
//!
//! `ServeDir` makes an `ETag` of a file's length and time and evaluates `If-Match` and `If-None-Match` against it.
//! The time of a site's file says nothing: Nix and Bazel give all files the same, and a changed page would be
//! answered 304. The backends report a time made of the content's hash instead, and the headers that carry times
//! are taken out of requests and answers.

use std::time::{Duration, SystemTime};

use axum::http::HeaderMap;
use axum::http::header::{IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, LAST_MODIFIED};

/// 2^36 seconds: the time stays before the year 10000, which HTTP dates end with.
const SECONDS: u64 = 1 << 36;
const NANOSECONDS: u64 = 1_000_000_000;

/// About 66 bits of the hash of a file's content, as a time since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version(Duration);

impl Version {
    /// The version of the content whose SHA-256 is `hash`.
    pub(super) fn of(hash: &[u8; 32]) -> Self {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let seconds = Duration::from_secs(number(&hash[..8]) % SECONDS);
        Self(seconds + Duration::from_nanos(number(&hash[8..16]) % NANOSECONDS))
    }

    /// A time that differs where the content does, for `ServeDir`.
    pub(super) fn as_time(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.0
    }
}

/// Removes conditions on times, which a server without `Last-Modified` ignores (RFC 9110, 13.1.3 and 13.1.4).
pub(super) fn remove_conditions(headers: &mut HeaderMap) {
    headers.remove(IF_MODIFIED_SINCE);
    headers.remove(IF_UNMODIFIED_SINCE);
}

/// Removes the invented time.
pub(super) fn remove_time(headers: &mut HeaderMap) {
    headers.remove(LAST_MODIFIED);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_time_is_one_that_http_can_say() {
        let latest = Version::of(&[0xff; 32]);
        let year_10000 = SystemTime::UNIX_EPOCH + Duration::from_hours(70_389_528);
        assert!(latest.as_time() < year_10000);
        assert_ne!(latest, Version::of(&[0xfe; 32]));
    }
}
