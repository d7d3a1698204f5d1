//! The site's files in a folder, as a file system that `ServeDir` can read.

use std::fs::Metadata as FileMetadata;
use std::future::{Ready, ready};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tokio::task::spawn_blocking;
use tower_http::services::fs::{self, Backend};

use super::version::Version;

/// In bytes. A longer file has no `ETag` and is sent whole each time: hashing it would cost more than it saves.
const LONGEST_HASHED: u64 = 16 << 20;

type Pending<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// The file system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files;

impl Backend for Files {
    type File = OpenFile;
    type Metadata = Metadata;
    type OpenFuture = Pending<OpenFile>;
    type MetadataFuture = Pending<Metadata>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        Box::pin(async move {
            let (file, metadata) = spawn_blocking(move || open(&path)).await.map_err(io::Error::other)??;
            Ok(OpenFile { file: tokio::fs::File::from_std(file), metadata })
        })
    }

    /// The length and the kind of a path, without a version: `ServeDir` uses it to look for folders and missing files.
    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        Box::pin(async move { Ok(Metadata::new(&tokio::fs::metadata(path).await?, None)) })
    }
}

/// Opens a file, at its beginning, and hashes it.
///
/// Neither time nor inode says whether the content has changed: Nix and Bazel give every file the same time, and
/// a folder may be mounted anew. The hash is not kept for the same reason.
fn open(path: &Path) -> io::Result<(std::fs::File, Metadata)> {
    let mut file = std::fs::File::open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() > LONGEST_HASHED {
        return Ok((file, Metadata::new(&found, None)));
    }
    let mut hash = Sha256::new();
    // A file that grows meanwhile is not followed.
    io::copy(&mut (&mut file).take(LONGEST_HASHED), &mut HashWriter(&mut hash))?;
    file.seek(SeekFrom::Start(0))?;
    let version = Version::of(&hash.finalize().into());
    Ok((file, Metadata::new(&found, Some(version))))
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Metadata {
    is_dir: bool,
    len: u64,
    version: Option<Version>,
}

impl Metadata {
    fn new(found: &FileMetadata, version: Option<Version>) -> Self {
        Self { is_dir: found.is_dir(), len: found.len(), version }
    }
}

impl fs::Metadata for Metadata {
    fn is_dir(&self) -> bool {
        self.is_dir
    }

    fn modified(&self) -> io::Result<std::time::SystemTime> {
        self.version.map(Version::as_time).ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn len(&self) -> u64 {
        self.len
    }
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: tokio::fs::File,
    metadata: Metadata,
}

impl fs::File for OpenFile {
    type Metadata = Metadata;
    type MetadataFuture<'a> = Ready<io::Result<Metadata>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        ready(Ok(self.metadata))
    }
}

impl AsyncRead for OpenFile {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_read(context, into)
    }
}

impl AsyncSeek for OpenFile {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.file).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.file).poll_complete(context)
    }
}
