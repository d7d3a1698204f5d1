//! The pictures that the command line names: files, folders, lists of files, standard input.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::config::Classify;
use crate::error::StartError;
use crate::image::{ACCEPTED, Format};

/// Endings of picture files beside those that [`ACCEPTED`] lists: of the formats that it has as media types.
const ENDINGS: [&str; 8] = ["jpg", "jpeg", "jpe", "mpo", "png", "webp", "gif", "tga"];

/// A name in a list is not longer. Linux has paths of 4,096 bytes (`PATH_MAX`).
const LONGEST_NAME: usize = 4096;

/// Where a picture comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    File(PathBuf),
    Stdin,
}

impl fmt::Display for Source {
    /// The name in the output. Bytes that are not UTF-8 are written as `\\xNN`, so that two names stay two.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::File(path) = self else { return formatter.write_str("-") };
        for chunk in path.as_os_str().as_bytes().utf8_chunks() {
            formatter.write_str(chunk.valid())?;
            chunk.invalid().iter().try_for_each(|byte| write!(formatter, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

impl Source {
    fn of(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path) }
    }

    /// The format that the name says, where the bytes of the file can't say it.
    pub(super) fn named(&self) -> Option<Format> {
        let Self::File(path) = self else { return None };
        path.extension().filter(|ending| ending.eq_ignore_ascii_case("tga")).map(|_| Format::Tga)
    }
}

/// Every picture, in the order of the command line; those of a folder by their names. With each comes a sentence where there is no
/// such file.
pub(super) struct Paths {
    arguments: std::vec::IntoIter<PathBuf>,
    list: Option<List>,
    /// The folders that are being read: what is left of each, last first.
    folders: Vec<Folder>,
    is_recursive: bool,
}

struct Folder {
    path: PathBuf,
    /// The names, in reverse. A name takes less memory than a path.
    names: Vec<Box<OsStr>>,
}

/// Names in a file.
struct List {
    names: Box<dyn BufRead + Send>,
    end: u8,
}

impl Paths {
    /// The pictures of these options.
    ///
    /// # Errors
    /// A sentence if the list of files can't be opened.
    pub(super) fn of(options: &Classify) -> Result<Self, StartError> {
        let list = options.files_from.as_deref().map(|path| List::open(path, options.null)).transpose()?;
        let arguments = options.files.clone().into_iter();
        Ok(Self { arguments, list, folders: Vec::new(), is_recursive: options.recursive })
    }

    /// The next name in a folder that is a picture, or leads to some.
    fn next_in_folder(&mut self) -> Option<<Self as Iterator>::Item> {
        loop {
            let folder = self.folders.last_mut()?;
            let Some(name) = folder.names.pop() else {
                self.folders.pop();
                continue;
            };
            let path = folder.path.join(&*name);
            // Links to folders are not followed: they may lead back.
            let is_folder = path.symlink_metadata().is_ok_and(|found| found.is_dir());
            if is_folder && self.is_recursive {
                if let Err(sentence) = self.open(path.clone()) {
                    return Some((Source::File(path), Err(sentence)));
                }
            } else if !is_folder && is_picture(&path) {
                return Some((Source::File(path), Ok(())));
            }
        }
    }

    fn open(&mut self, path: PathBuf) -> Result<(), String> {
        let names = names(&path).map_err(|error| format!("the folder can't be read: {error}"))?;
        self.folders.push(Folder { path, names });
        Ok(())
    }
}

impl Iterator for Paths {
    type Item = (Source, Result<(), String>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.next_in_folder() {
                return Some(found);
            }
            let path = match self.arguments.next() {
                Some(path) => path,
                None => match self.list.as_mut()?.next()? {
                    Ok(path) => path,
                    Err(sentence) => return Some((Source::File("--files-from".into()), Err(sentence))),
                },
            };
            let source = Source::of(path);
            match &source {
                Source::File(path) if path.is_dir() => {
                    if let Err(sentence) = self.open(path.clone()) {
                        return Some((source, Err(sentence)));
                    }
                }
                _ => return Some((source, Ok(()))),
            }
        }
    }
}

/// The names in a folder in reverse order, without hidden ones.
fn names(folder: &Path) -> io::Result<Vec<Box<OsStr>>> {
    let names = folder.read_dir()?.map(|entry| entry.map(|entry| entry.file_name().into_boxed_os_str()));
    let is_hidden =
        |name: &io::Result<Box<OsStr>>| name.as_ref().is_ok_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let mut names: Vec<_> = names.filter(|name| !is_hidden(name)).collect::<io::Result<_>>()?;
    names.sort_unstable_by(|one, other| other.cmp(one));
    Ok(names)
}

/// Whether a name in a folder ends as a picture's does.
fn is_picture(path: &Path) -> bool {
    let Some(ending) = path.extension().and_then(OsStr::to_str) else { return false };
    let listed = ACCEPTED.iter().filter_map(|accepted| accepted.strip_prefix('.'));
    listed.chain(ENDINGS).any(|known| known.eq_ignore_ascii_case(ending))
}

impl List {
    fn open(path: &Path, is_null: bool) -> Result<Self, StartError> {
        let names: Box<dyn BufRead + Send> = if path.as_os_str() == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(path).map_err(|error| {
                StartError::new(format!("The list of files {} can't be read: {error}.", path.display()))
            })?;
            Box::new(BufReader::new(file))
        };
        Ok(Self { names, end: if is_null { 0 } else { b'\n' } })
    }

    /// The next name. After an error there is none.
    fn next(&mut self) -> Option<Result<PathBuf, String>> {
        loop {
            let mut name = Vec::new();
            let most = LONGEST_NAME as u64 + 1;
            let read = (&mut self.names).take(most).read_until(self.end, &mut name);
            let problem = match read {
                Ok(0) => return None,
                Ok(_) if name.last() != Some(&self.end) && name.len() > LONGEST_NAME => {
                    format!("a name in the list has more than {LONGEST_NAME} bytes")
                }
                Ok(_) => {
                    name.pop_if(|last| *last == self.end);
                    if self.end == b'\n' {
                        name.pop_if(|last| *last == b'\r');
                    }
                    if name.is_empty() {
                        continue;
                    }
                    return Some(Ok(OsString::from_vec(name).into()));
                }
                Err(error) => format!("the list can't be read: {error}"),
            };
            self.names = Box::new(io::empty());
            return Some(Err(problem));
        }
    }
}
