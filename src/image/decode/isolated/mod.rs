//! Decoding in a process of its own.
//!
//! A decoder that may abort, hang or corrupt memory on a hostile file runs in a child of the same executable, which has no
//! rights, its own limit on memory, and is killed when the work is to stop. An abort costs one picture. Each worker keeps
//! its child from picture to picture and starts another one where it has ended.

mod message;
mod serve;

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;

pub use serve::serve;

use super::failures;
use super::limits::Source;
use crate::error::Error;
use crate::image::{CHANNELS, Picture};
use crate::memory;
use crate::stop::Stop;
use message::{Answer, Question};

/// The hidden command of the executable that calls [`serve()`].
pub const COMMAND: &str = "decode";

/// How often a wait looks whether the work is to stop, in nanoseconds.
const LOOK: i64 = 20_000_000;

/// A decoder in a child process.
#[derive(Debug)]
pub(super) struct Isolated {
    program: PathBuf,
    child: Option<Running>,
}

/// Bytes that the process may take beside those that its pictures cost: the program itself, and the file.
const OWN_BYTES: u64 = 96 << 20;

/// A child and its two pipes, which don't block. It is killed when it is dropped.
#[derive(Debug)]
struct Running {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Isolated {
    /// A decoder that runs `program` with [`COMMAND`] and the most bytes of memory it may take, from the first picture on.
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, child: None }
    }

    /// Ends the child, if there is one. The next picture starts another one.
    pub(super) fn end(&mut self) {
        self.child = None;
    }

    /// Decodes in the child. One that has ended or does not answer as it should is replaced for the next picture.
    ///
    /// # Errors
    /// Those of the decoder; [`Error::DamagedImage`] where the child ends; [`Error::Internal`] where none can be started.
    pub(super) fn decode(&mut self, source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Picture, Error> {
        // A child of an earlier picture may have been ended since, by the system for its memory: a new one is asked again.
        if let Some(answer) = self.child.take().and_then(|running| self.ask(running, source, pixels)) {
            return answer;
        }
        source.stop.check()?;
        let running = Running::start(&self.program, source.limits.max_bytes, source.stop);
        let running = running.map_err(|error| {
            source.stop.check().err().unwrap_or_else(|| {
                tracing::error!(%error, "the process that decodes can't be started");
                Error::Internal
            })
        })?;
        self.ask(running, source, pixels).unwrap_or_else(|| {
            source.stop.check()?;
            Err(Error::DamagedImage)
        })
    }

    /// The answer of a child, which is kept; `None` where it does not answer as it should, and has been ended.
    fn ask(
        &mut self,
        mut running: Running,
        source: &Source<'_>,
        pixels: &mut Vec<u8>,
    ) -> Option<Result<Picture, Error>> {
        match running.ask(source, pixels) {
            Ok(answer) => {
                self.child = Some(running);
                Some(answer)
            }
            Err(error) => {
                if source.stop.check().is_ok() {
                    failures::count();
                    tracing::debug!(%error, "the process that decodes has not answered");
                }
                None
            }
        }
    }
}

impl Running {
    /// Starts a child and waits until it has confined itself.
    fn start(program: &PathBuf, max_bytes: u64, stop: &Stop) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg(COMMAND)
            .arg(max_bytes.saturating_add(OWN_BYTES).to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        ioctl_fionbio(&input, true)?;
        ioctl_fionbio(&output, true)?;
        let mut running = Self { child, input, output };
        running.read(&mut [0; serve::READY.len()], stop)?;
        Ok(running)
    }

    /// Sends the file and reads the picture. An error means that the child is of no use any more.
    fn ask(&mut self, source: &Source<'_>, pixels: &mut Vec<u8>) -> io::Result<Result<Picture, Error>> {
        let Source { file, stop, .. } = *source;
        self.write(&Question::of(source).to_bytes(), stop)?;
        self.write(file, stop)?;
        let mut answer = [0; Answer::BYTES];
        self.read(&mut answer, stop)?;
        let answer = Answer::from_bytes(&answer).ok_or(ErrorKind::InvalidData)?;
        let picture = match answer.result() {
            Ok(picture) => picture,
            Err(error) => return Ok(Err(error)),
        };
        // The child is not trusted: its size is checked as a header's is.
        if source.check(picture.size).is_err() || picture.reduction != 1 {
            return Err(ErrorKind::InvalidData.into());
        }
        if let Err(error) = memory::resize(pixels, picture.size.pixels() * CHANNELS) {
            // The child still holds the pixels for us.
            self.end();
            return Ok(Err(error));
        }
        self.read(pixels, stop)?;
        Ok(Ok(picture))
    }

    fn write(&mut self, mut bytes: &[u8], stop: &Stop) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.input.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait(&self.input, PollFlags::OUT, stop)?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self, mut buffer: &mut [u8], stop: &Stop) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.output.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => buffer = &mut buffer[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait(&self.output, PollFlags::IN, stop)?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits until the pipe can go on, or fails once the work is to stop.
fn wait(pipe: &impl AsFd, event: PollFlags, stop: &Stop) -> io::Result<()> {
    loop {
        stop.check().map_err(|_| ErrorKind::TimedOut)?;
        let mut pipes = [PollFd::new(pipe, event)];
        match poll(&mut pipes, Some(&Timespec { tv_sec: 0, tv_nsec: LOOK })) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
