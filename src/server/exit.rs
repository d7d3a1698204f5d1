//! Ending the process while ONNX Runtime may be running.

use crate::telemetry::logs;

/// Ends the process at once with exit code 1, and `sentence` on standard error.
pub fn abort(sentence: &str) -> ! {
    logs::last_words(sentence);
    exit_now(1)
}

/// Ends the process with this exit code and runs no exit handlers. The log is flushed first, within a bound.
///
/// The exit handlers of ONNX Runtime destroy objects that a running session uses.
#[expect(unsafe_code, reason = "the standard library runs exit handlers")]
pub fn exit_now(code: i32) -> ! {
    logs::flush();
    // SAFETY: `_exit` has no requirements.
    unsafe { libc::_exit(code) }
}
