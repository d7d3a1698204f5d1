//! The progress on a terminal: a bar with the rate and the time left.

use std::fmt::Write;
use std::io::{IsTerminal, stderr, stdout};
use std::path::Path;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::paths::Paths;
use crate::config::Classify;
use crate::error::StartError;

const BAR: &str = "{wide_bar} {human_pos} of {human_len}, {rate} a second, {eta} left";
/// Where the number of pictures is not known before they have come.
const SPINNER: &str = "{spinner} {human_pos}, {rate} a second";

/// A bar on standard error, if that is a terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    /// Whether the output is on a terminal too.
    shares: bool,
}

impl Progress {
    /// Shows a bar, or nothing where standard error is no terminal. For the bar, the pictures are counted first.
    ///
    /// # Errors
    /// As [`Paths::of`].
    pub(super) fn start(options: &Classify) -> Result<Self, StartError> {
        let shares = stdout().is_terminal();
        if !stderr().is_terminal() {
            return Ok(Self { bar: ProgressBar::hidden(), shares });
        }
        // A pipe can be read once.
        let is_pipe = |path: &Path| path.as_os_str() == "-" || !path.metadata().is_ok_and(|found| found.is_file());
        let (bar, template) = if options.files_from.as_deref().is_some_and(is_pipe) {
            (ProgressBar::new_spinner(), SPINNER)
        } else {
            (ProgressBar::new(Paths::of(options)?.count() as u64), BAR)
        };
        // The templates are valid.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, to: &mut dyn Write| {
            // Writing to the bar's text does not fail.
            let _ = write!(to, "{:.1}", state.per_sec());
        };
        Ok(Self { bar: bar.with_style(style.with_key("rate", rate)), shares })
    }

    /// Writes a part of the output, with the bar out of the way.
    pub(super) fn output<T>(&self, write: impl FnOnce() -> T) -> T {
        if self.shares { self.bar.suspend(write) } else { write() }
    }

    /// Writes to standard error, with the bar out of the way.
    pub(super) fn error(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    /// One more picture is done.
    pub(super) fn step(&self) {
        self.bar.inc(1);
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
