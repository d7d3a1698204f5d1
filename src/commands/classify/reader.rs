//! Reads picture files, within a bound for all that are in memory.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::paths::Source;
use crate::image::Format;
use crate::memory::Spares;

/// Bytes that a permit stands for.
const UNIT: u64 = 1 << 10;

/// Bytes of a file that are looked at before the rest is read: the beginnings of all formats are shorter.
const BEGINNING: usize = 4096;

/// Reads files. All that it has read and that are still in use have `most` bytes at most, but for what comes from standard input.
pub(super) struct Reader {
    /// The largest file, in bytes.
    most: u64,
    room: Arc<Semaphore>,
    /// The buffers of earlier files.
    spares: Spares,
}

/// The bytes of a file, and their share of the room.
pub(super) struct Content {
    pub(super) bytes: Bytes,
    pub(super) room: Option<OwnedSemaphorePermit>,
}

impl Reader {
    pub(super) fn new(most: u64) -> Self {
        Self {
            most,
            room: Arc::new(Semaphore::new(usize::try_from(most / UNIT + 1).unwrap_or(Semaphore::MAX_PERMITS))),
            spares: Spares::beside(usize::try_from(most).unwrap_or(usize::MAX)),
        }
    }

    /// Waits for room, and reads.
    ///
    /// # Errors
    /// A sentence.
    pub(super) async fn read(&self, source: &Source) -> Result<Content, String> {
        let (source, most, spares) = (source.clone(), self.most, self.spares.clone());
        match source {
            Source::Stdin => {
                let bytes = blocking(move || read_stream(io::stdin().lock(), most)).await?;
                Ok(Content { bytes, room: None })
            }
            Source::File(path) => {
                let is_named = Source::File(path.clone()).named().is_some();
                let (file, length) = blocking(move || open(&path, most, is_named)).await?;
                let units = u32::try_from(length / UNIT + 1).unwrap_or(u32::MAX);
                // It is never closed.
                let room = self.room.clone().acquire_many_owned(units).await.ok();
                let bytes = blocking(move || read_file(file, length, &spares)).await?;
                Ok(Content { bytes, room })
            }
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err("it can't be read".to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn unread(error: io::Error) -> String {
    format!("it can't be read: {error}")
}

/// Opens a file that may be a picture, and returns its length. A pipe or a device, which may have no end, is refused.
fn open(path: &Path, most: u64, is_named: bool) -> Result<(File, u64), String> {
    // Asked before it is opened: to open a pipe is to wait for its writer.
    let metadata = path.metadata().map_err(unread)?;
    if metadata.is_dir() {
        return Err("it is a link to a folder, which is not followed".to_owned());
    }
    if !metadata.is_file() {
        return Err("it is not a file: send a pipe as \"-\"".to_owned());
    }
    if metadata.len() > most {
        return Err(format!("it has more than {most} bytes"));
    }
    let mut file = File::open(path).map_err(unread)?;
    let mut beginning = Vec::with_capacity(BEGINNING);
    (&mut file).take(BEGINNING as u64).read_to_end(&mut beginning).map_err(unread)?;
    if !is_named {
        Format::of(&beginning).map_err(|error| error.to_string())?;
    }
    file.rewind().map_err(unread)?;
    Ok((file, metadata.len()))
}

/// Reads a file that had this `length` when room was taken for it. One that is being written may have more by now.
fn read_file(file: impl Read, length: u64, spares: &Spares) -> Result<Bytes, String> {
    read(file, length, length, spares)?
        .ok_or_else(|| "it has grown since it was opened: try again once it is written".to_owned())
}

/// Reads what has no length.
fn read_stream(stream: impl Read, most: u64) -> Result<Bytes, String> {
    read(stream, 0, most, &Spares::beside(0))?.ok_or_else(|| format!("it has more than {most} bytes"))
}

/// Reads to the end, into memory for `expected` bytes; `None` if there are more than `most`.
fn read(mut from: impl Read, expected: u64, most: u64, spares: &Spares) -> Result<Option<Bytes>, String> {
    let room = usize::try_from(expected).unwrap_or(usize::MAX);
    let mut bytes = spares.take(room);
    bytes.try_reserve_exact(room).map_err(|_| "there is no memory for it".to_owned())?;
    from.by_ref().take(most).read_to_end(&mut bytes).map_err(unread)?;
    // Apart from the others: a full vector would double its memory for one more byte.
    let more = from.take(1).read_to_end(&mut Vec::new()).map_err(unread)?;
    Ok((more == 0).then(|| spares.lend(bytes)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_has_no_more_bytes_than_room_was_taken_for() {
        let grown = Err("it has grown since it was opened: try again once it is written".to_owned());
        assert_eq!(read_file(&b"abc"[..], 3, &Spares::beside(0)).as_deref(), Ok(&b"abc"[..]));
        assert_eq!(read_file(&b"ab"[..], 3, &Spares::beside(0)).as_deref(), Ok(&b"ab"[..]));
        assert_eq!(read_file(&b"abcd"[..], 3, &Spares::beside(0)), grown);
        // It has no end.
        assert_eq!(read_file(io::repeat(0), 1 << 20, &Spares::beside(0)), grown);
        let mut written = tempfile::NamedTempFile::new().unwrap();
        written.write_all(b"BM and more").unwrap();
        let (file, length) = open(written.path(), 1 << 20, true).unwrap();
        written.write_all(b" and more").unwrap();
        assert_eq!(length, 11);
        assert_eq!(read_file(file, length, &Spares::beside(0)), grown);
    }

    #[test]
    fn a_stream_may_be_as_long_as_the_largest_file() {
        assert_eq!(read_stream(&b"abc"[..], 3).as_deref(), Ok(&b"abc"[..]));
        assert_eq!(read_stream(io::repeat(0), 3), Err("it has more than 3 bytes".to_owned()));
    }
}
