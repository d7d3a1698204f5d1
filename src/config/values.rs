//! Values as people write them.

use std::str::FromStr;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

/// A time of up to a day, and not none.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    duration_or_none(text).ok().filter(|duration| !duration.is_zero()).ok_or_else(expected_duration)
}

/// A time of up to a day.
pub(super) fn duration_or_none(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).ok();
    parsed.filter(|duration| *duration <= Duration::from_hours(24)).ok_or_else(expected_duration)
}

fn expected_duration() -> String {
    "a time up to a day with its unit is expected, such as 10s, 500ms or 1m".to_owned()
}

/// A whole number in a range, its ends included.
pub(crate) fn within<const LEAST: usize, const MOST: usize>(text: &str) -> Result<usize, String> {
    let parsed = text.parse().ok().filter(|number| (LEAST..=MOST).contains(number));
    parsed.ok_or_else(|| format!("a whole number from {LEAST} to {MOST} is expected"))
}

/// The parts of a list that is separated by commas, without the empty ones.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

pub(super) fn at_least_one<N: FromStr + Default + PartialOrd>(text: &str) -> Result<N, String> {
    let parsed = text.parse().ok().filter(|number| *number > N::default());
    parsed.ok_or_else(|| "a whole number of at least 1 is expected".to_owned())
}

pub(super) fn level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| "one of off, error, warn, info, debug and trace is expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1m"), Ok(Duration::from_mins(1)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration_or_none("0s"), Ok(Duration::ZERO));
        for text in ["", "10", "0s", "-1s", "soon", "2days"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
