//! The site's files in a folder, as a file system that `ServeDir` can read.

use std::fs::Metadata as FileMetadata;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;

use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tower_http::services::fs::Backend;

use super::file::{Metadata, OpenFile};
use super::version::Version;

/// In bytes. A longer file has no `ETag` and is sent whole each time: hashing it would cost more than it saves.
const LONGEST_HASHED: u64 = 16 << 20;

type Pending<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// The file system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files;

impl Backend for Files {
    type File = OpenFile<tokio::fs::File>;
    type Metadata = Metadata;
    type OpenFuture = Pending<OpenFile<tokio::fs::File>>;
    type MetadataFuture = Pending<Metadata>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        Box::pin(async move {
            let (file, metadata) = spawn_blocking(move || open(&path)).await.map_err(io::Error::other)??;
            Ok(OpenFile { content: tokio::fs::File::from_std(file), metadata })
        })
    }

    /// The length and the kind of a path, without a version: `ServeDir` uses it to look for folders and missing files.
    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        Box::pin(async move { Ok(metadata(&tokio::fs::metadata(path).await?, None)) })
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
        return Ok((file, metadata(&found, None)));
    }
    let mut hash = Sha256::new();
    // A file that grows meanwhile is not followed.
    io::copy(&mut (&mut file).take(LONGEST_HASHED), &mut HashWriter(&mut hash))?;
    file.seek(SeekFrom::Start(0))?;
    let version = Version::of(&hash.finalize().into());
    Ok((file, metadata(&found, Some(version))))
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

/// What the system says of a path, and the version of its content.
fn metadata(found: &FileMetadata, version: Option<Version>) -> Metadata {
    Metadata { is_dir: found.is_dir(), len: found.len(), version }
}
