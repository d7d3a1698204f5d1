//! The bounded queue between the threads that log and standard output.
//!
//! A pipe that nobody reads blocks its writer for ever. Only one thread ever writes the log, so a blocked
//! pipe costs log lines, which are counted, and never a request.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The bytes that may wait to be written, and as many again are with the writer: some thousand lines each.
const CAPACITY: usize = 1 << 20;

/// The time from the first line of a batch to the write. Under load the lines of this time share one
/// system call and one wake-up of the thread.
const BATCHING: Duration = Duration::from_millis(5);

/// The time between two attempts on a full pipe that another process has made non-blocking.
const RETRY: Duration = Duration::from_millis(20);

/// Whole lines in order, on their way to one writer.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Signalled when the first line of a batch arrives.
    filled: Condvar,
    /// Signalled when a batch has been written.
    written: Condvar,
    /// Lines that found the queue full, or whose write failed.
    dropped: AtomicU64,
}

#[derive(Debug)]
struct State {
    /// The lines that wait, one behind the other.
    lines: Vec<u8>,
    /// Whether the writer waits for `filled`.
    is_idle: bool,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            state: Mutex::new(State { lines: Vec::new(), is_idle: false }),
            filled: Condvar::new(),
            written: Condvar::new(),
            dropped: AtomicU64::new(0),
        }
    }

    /// The lines that have been lost since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Starts the thread that writes to `output` and calls `report` with the number of lines that have been
    /// lost since its last call, once the output is read again. Call once per queue.
    ///
    /// # Errors
    /// The error of the system if it refuses the thread.
    pub(super) fn start<R>(&'static self, output: impl Write + Send + 'static, report: R) -> io::Result<()>
    where
        R: Fn(u64) + Send + 'static,
    {
        thread::Builder::new().name("log".into()).spawn(move || self.run(output, report)).map(drop)
    }

    /// Waits up to `patience` until all queued lines are written, and returns whether they are.
    pub(super) fn flush(&self, patience: Duration) -> bool {
        // The writer is idle only after a batch has been written.
        let is_pending = |state: &mut State| !state.lines.is_empty() || !state.is_idle;
        let waited = self.written.wait_timeout_while(self.lock(), patience, is_pending);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Adds a line, or counts it as dropped where there is no room.
    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        let has_room = line.len() <= CAPACITY - state.lines.len() && state.lines.try_reserve(line.len()).is_ok();
        if !has_room {
            drop(state);
            self.drop_lines(1);
            return;
        }
        state.lines.extend_from_slice(line);
        let is_idle = std::mem::take(&mut state.is_idle);
        drop(state);
        // Signalling costs a system call, even where nobody waits.
        if is_idle {
            self.filled.notify_one();
        }
    }

    fn run(&self, mut output: impl Write, report: impl Fn(u64)) {
        let mut batch = Vec::new();
        let mut is_torn = false;
        let mut told = 0;
        loop {
            self.next(&mut batch);
            // The part of a line that a failed write has left must not become the head of the next one.
            if is_torn && write_all(&mut output, b"\n").is_err() {
                self.drop_lines(count_lines(&batch));
                continue;
            }
            is_torn = false;
            if let Err(written) = write_all(&mut output, &batch) {
                is_torn = written > 0 && batch[written - 1] != b'\n';
                self.drop_lines(count_lines(&batch[written..]));
                continue;
            }
            let dropped = self.dropped();
            // The report is a line of this queue, in which it must find room.
            if dropped > told && self.lock().lines.len() < CAPACITY / 2 {
                report(dropped - told);
                told = dropped;
            }
        }
    }

    /// Waits for lines and takes all of them.
    fn next(&self, batch: &mut Vec<u8>) {
        batch.clear();
        let mut state = self.lock();
        if state.lines.is_empty() {
            state.is_idle = true;
            self.written.notify_all();
            let has_nothing = |state: &mut State| state.lines.is_empty();
            drop(self.filled.wait_while(state, has_nothing).unwrap_or_else(PoisonError::into_inner));
            thread::sleep(BATCHING);
            state = self.lock();
        }
        std::mem::swap(&mut state.lines, batch);
    }

    fn drop_lines(&self, lines: u64) {
        self.dropped.fetch_add(lines, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each call to `write` is one line.
impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').skip(1).count() as u64
}

/// Writes all of `bytes`. Blocks without a limit on the time.
///
/// # Errors
/// The bytes that had been written before the first error.
fn write_all(output: &mut impl Write, bytes: &[u8]) -> Result<(), usize> {
    let mut written = 0;
    while written < bytes.len() {
        match output.write(&bytes[written..]) {
            Ok(0) => return Err(written),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(_) => return Err(written),
        }
    }
    Ok(())
}

/// Standard output without the buffer and the lock of [`std::io::Stdout`], which the exit of the process
/// would wait for.
#[derive(Debug)]
pub(super) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(rustix::stdio::stdout(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "what fails here fails the test")]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    /// The result of one write: a number of bytes, or an error.
    type Written = Result<usize, ErrorKind>;

    /// An output whose writes return the results that a test sends. After the last one it takes everything.
    struct Scripted {
        results: Receiver<Written>,
        taken: Sender<Vec<u8>>,
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = self.results.recv().unwrap_or(Ok(usize::MAX))?.min(bytes.len());
            self.taken.send(bytes[..taken].to_vec()).unwrap();
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn scripted() -> (&'static Queue, SyncSender<Written>, Receiver<Vec<u8>>) {
        let queue: &'static Queue = Box::leak(Box::new(Queue::new()));
        let ((result, results), (taken, output)) = (sync_channel(0), channel());
        queue.start(Scripted { results, taken }, |lines| queue.push(format!("{lines} lost\n").as_bytes())).unwrap();
        (queue, result, output)
    }

    fn text(output: &Receiver<Vec<u8>>) -> String {
        String::from_utf8(output.try_iter().flatten().collect()).unwrap()
    }

    #[test]
    fn lines_keep_their_order() {
        let (queue, result, output) = scripted();
        drop(result);
        let lines: Vec<String> = (0..10_000).map(|number| format!("{number}\n")).collect();
        for mut line in lines.iter().map(String::as_bytes) {
            io::copy(&mut line, &mut { queue }).unwrap();
        }
        assert!(queue.flush(LONG));
        assert_eq!(text(&output), lines.concat());
        assert_eq!(queue.dropped(), 0);
    }

    #[test]
    fn a_blocked_output_costs_lines_and_no_time() {
        let (queue, result, output) = scripted();
        let line = [[b'a'; 1023].as_slice(), b"\n"].concat();
        for _ in 0..5000 {
            queue.push(&line);
        }
        let dropped = queue.dropped();
        assert!(dropped >= 5000 - 2 * 1024, "{dropped}");
        assert!(!queue.flush(Duration::from_millis(10)));
        drop(result);
        assert!(queue.flush(LONG));
        let written = text(&output);
        let (reports, lines): (Vec<&str>, Vec<&str>) = written.lines().partition(|line| line.ends_with(" lost"));
        assert_eq!(lines.len() as u64, 5000 - dropped);
        assert!(lines.iter().all(|line| line.len() == 1023));
        assert_eq!(reports, [format!("{dropped} lost")]);
    }

    #[test]
    fn a_line_that_never_fits_is_dropped() {
        let (queue, _result, _output) = scripted();
        queue.push(&vec![b'a'; CAPACITY + 1]);
        assert_eq!(queue.dropped(), 1);
    }

    #[test]
    fn an_output_that_would_block_is_asked_again() {
        let (queue, result, output) = scripted();
        queue.push(b"first\n");
        result.send(Err(ErrorKind::WouldBlock)).unwrap();
        result.send(Err(ErrorKind::Interrupted)).unwrap();
        result.send(Ok(2)).unwrap();
        drop(result);
        assert!(queue.flush(LONG));
        assert_eq!((text(&output).as_str(), queue.dropped()), ("first\n", 0));
    }

    #[test]
    fn a_line_that_failed_midway_stays_a_line() {
        let (queue, result, output) = scripted();
        queue.push(b"first\nsecond\n");
        result.send(Ok(9)).unwrap();
        result.send(Err(ErrorKind::StorageFull)).unwrap();
        assert!(queue.flush(LONG));
        queue.push(b"third\n");
        drop(result);
        assert!(queue.flush(LONG));
        assert_eq!((text(&output).as_str(), queue.dropped()), ("first\nsec\nthird\n1 lost\n", 1));
    }

    #[test]
    fn a_torn_line_is_ended_by_the_first_write_that_succeeds() {
        let (queue, result, output) = scripted();
        queue.push(b"first\n");
        result.send(Ok(3)).unwrap();
        result.send(Err(ErrorKind::StorageFull)).unwrap();
        assert!(queue.flush(LONG));
        queue.push(b"second\n");
        result.send(Err(ErrorKind::StorageFull)).unwrap();
        assert!(queue.flush(LONG));
        queue.push(b"third\n");
        drop(result);
        assert!(queue.flush(LONG));
        assert_eq!((text(&output).as_str(), queue.dropped()), ("fir\nthird\n2 lost\n", 2));
    }
}
