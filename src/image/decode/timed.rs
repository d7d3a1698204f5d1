//! A file in memory whose reads fail once the work is to stop.

use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};

use crate::stop::Stop;

/// Bytes that are read before the deadline is checked again.
const STEP: usize = 64 << 10;

/// A reader for a decoder. Every read fails once the work is to stop.
pub(super) struct Timed<'a> {
    file: Cursor<&'a [u8]>,
    stop: &'a Stop,
}

impl<'a> Timed<'a> {
    pub(super) fn new(file: &'a [u8], stop: &'a Stop) -> Self {
        Self { file: Cursor::new(file), stop }
    }

    fn check(&self) -> io::Result<()> {
        self.stop.check().map_err(|_| io::ErrorKind::TimedOut.into())
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let most = buffer.len().min(STEP);
        self.file.read(&mut buffer[..most])
    }
}

impl BufRead for Timed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        let rest = self.file.fill_buf()?;
        Ok(&rest[..rest.len().min(STEP)])
    }

    fn consume(&mut self, amount: usize) {
        self.file.consume(amount);
    }
}

impl Seek for Timed<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}
