//! A file of the site as `ServeDir` reads it, whichever backend it comes from.

use std::future::{Ready, ready};
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::fs;

use super::version::Version;

#[derive(Clone, Copy, Debug)]
pub(super) struct Metadata {
    pub(super) is_dir: bool,
    /// In bytes.
    pub(super) len: u64,
    /// None where the content was not hashed.
    pub(super) version: Option<Version>,
}

impl fs::Metadata for Metadata {
    fn is_dir(&self) -> bool {
        self.is_dir
    }

    fn modified(&self) -> io::Result<SystemTime> {
        self.version.map(Version::as_time).ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn len(&self) -> u64 {
        self.len
    }
}

/// A file that is being read from `content`.
#[derive(Debug)]
pub(super) struct OpenFile<C> {
    pub(super) content: C,
    pub(super) metadata: Metadata,
}

impl<C: AsyncRead + AsyncSeek + Unpin + Send + Sync + 'static> fs::File for OpenFile<C> {
    type Metadata = Metadata;
    type MetadataFuture<'a> = Ready<io::Result<Metadata>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        ready(Ok(self.metadata))
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for OpenFile<C> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.content).poll_read(context, into)
    }
}

impl<C: AsyncSeek + Unpin> AsyncSeek for OpenFile<C> {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.content).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.content).poll_complete(context)
    }
}
