//! The site's files in this executable, as a file system that `ServeDir` can read.

use std::borrow::Cow;
use std::future::{Ready, ready};
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};
use tower_http::services::fs::Backend;

use super::file::{Metadata, OpenFile};
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

type Content = Cursor<Cow<'static, [u8]>>;

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
    type File = OpenFile<Content>;
    type Metadata = Metadata;
    type OpenFuture = Ready<io::Result<OpenFile<Content>>>;
    type MetadataFuture = Ready<io::Result<Metadata>>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        ready(Self::find(&path).and_then(|found| match found {
            Found::Root => Err(io::ErrorKind::IsADirectory.into()),
            Found::File(file) => Ok(OpenFile { metadata: metadata(&file), content: Cursor::new(file.data) }),
        }))
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        ready(Self::find(&path).map(|found| match found {
            Found::Root => Metadata { is_dir: true, len: 0, version: None },
            Found::File(file) => metadata(&file),
        }))
    }
}

fn metadata(file: &EmbeddedFile) -> Metadata {
    let version = Version::of(&file.metadata.sha256_hash());
    Metadata { is_dir: false, len: file.data.len() as u64, version: Some(version) }
}
