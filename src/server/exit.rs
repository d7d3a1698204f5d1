//! The end of the process while ONNX Runtime may be at work.

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

/// How long the log has to be written to its end.
const FLUSH: Duration = Duration::from_millis(500);

/// Ends the process at once with exit code 1, and `sentence` on standard error.
pub fn abort(sentence: &str) -> ! {
    // A sentence that nobody can read is no reason to stay.
    let _ = writeln!(std::io::stderr(), "glimpse: {sentence}");
    exit_now(1)
}

/// Ends the process with this exit code and runs no exit handlers.
///
/// The exit handlers of ONNX Runtime's library destroy what a running session uses.
#[expect(unsafe_code, reason = "the standard library runs exit handlers")]
pub fn exit_now(code: i32) -> ! {
    let (flushed, wait) = mpsc::channel();
    // Standard output may be a pipe that nobody reads.
    let thread = std::thread::Builder::new().spawn(move || {
        let _ = std::io::stdout().flush();
        let _ = flushed.send(());
    });
    if thread.is_ok() {
        let _ = wait.recv_timeout(FLUSH);
    }
    // SAFETY: `_exit` has no requirements.
    unsafe { libc::_exit(code) }
}
