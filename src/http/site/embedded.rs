//! The site's files in this executable, as a file system that `ServeDir` can read.

use std::borrow::Cow;
use std::future::{Ready, ready};
use std::io::{self, Cursor, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::fs::{self, Backend};

use super::version::Version;

#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Built;

/// Returns the content of the file of this name.
pub(super) fn read(name: &str) -> Option<Bytes> {
    Built::get(name).map(|file| match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    })
}

/// The file system. Its only folder is the root, since folders are never listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files;

impl Files {
    fn find(path: &Path) -> io::Result<Found> {
        let path = path.strip_prefix(".").unwrap_or(path);
        if path.as_os_str().is_empty() {
            return Ok(Found::Root);
        }
        let file = path.to_str().and_then(Built::get);
        file.map(Found::File).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

enum Found {
    Root,
    File(EmbeddedFile),
}

impl Backend for Files {
    type File = OpenFile;
    type Metadata = Metadata;
    type OpenFuture = Ready<io::Result<OpenFile>>;
    type MetadataFuture = Ready<io::Result<Metadata>>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        ready(Self::find(&path).and_then(|found| match found {
            Found::Root => Err(io::ErrorKind::IsADirectory.into()),
            Found::File(file) => Ok(OpenFile { metadata: Metadata::of(&file), content: Cursor::new(file.data) }),
        }))
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        ready(Self::find(&path).map(|found| match found {
            Found::Root => Metadata { len: 0, version: None },
            Found::File(file) => Metadata::of(&file),
        }))
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Metadata {
    len: u64,
    /// None for the root.
    version: Option<Version>,
}

impl Metadata {
    fn of(file: &EmbeddedFile) -> Self {
        Self { len: file.data.len() as u64, version: Some(Version::of(&file.metadata.sha256_hash())) }
    }
}

impl fs::Metadata for Metadata {
    fn is_dir(&self) -> bool {
        self.version.is_none()
    }

    fn modified(&self) -> io::Result<SystemTime> {
        self.version.map(Version::as_time).ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn len(&self) -> u64 {
        self.len
    }
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct OpenFile {
    metadata: Metadata,
    content: Cursor<Cow<'static, [u8]>>,
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
        Pin::new(&mut self.content).poll_read(context, into)
    }
}

impl AsyncSeek for OpenFile {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.content).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.content).poll_complete(context)
    }
}
