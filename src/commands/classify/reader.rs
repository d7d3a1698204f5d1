//! Reads picture files, within a bound for all that are in memory.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::paths::Source;
use crate::image::Format;

/// Bytes that a permit stands for.
const UNIT: u64 = 1 << 10;

/// Bytes of a file that are looked at before the rest is read: the beginnings of all formats are shorter.
const BEGINNING: usize = 4096;

/// Reads files. All that it has read and that are still in use have `most` bytes at most, but for what comes from standard input.
pub(super) struct Reader {
    /// The largest file, in bytes.
    most: u64,
    room: Arc<Semaphore>,
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
        }
    }

    /// Waits for room, and reads.
    ///
    /// # Errors
    /// A sentence.
    pub(super) async fn read(&self, source: &Source) -> Result<Content, String> {
        let (source, most) = (source.clone(), self.most);
        match source {
            Source::Stdin => {
                let bytes = blocking(move || read_all(io::stdin().lock(), 0, most)).await?;
                Ok(Content { bytes, room: None })
            }
            Source::File(path) => {
                let is_named = Source::File(path.clone()).named().is_some();
                let (file, length) = blocking(move || open(&path, most, is_named)).await?;
                let units = u32::try_from(length / UNIT + 1).unwrap_or(u32::MAX);
                // It is never closed.
                let room = self.room.clone().acquire_many_owned(units).await.ok();
                let bytes = blocking(move || read_all(file, length, most)).await?;
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

fn read_all(from: impl Read, length: u64, most: u64) -> Result<Bytes, String> {
    let mut bytes = Vec::new();
    let room = usize::try_from(length).unwrap_or(usize::MAX);
    bytes.try_reserve_exact(room).map_err(|_| "there is no memory for it".to_owned())?;
    from.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > most {
        return Err(format!("it has more than {most} bytes"));
    }
    Ok(bytes.into())
}
