//! What an earlier run has answered, read from its output.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::Deserialize;

use crate::error::StartError;

/// The files that an earlier run has answered. Those that it could not answer are tried again.
#[derive(Default)]
pub(super) struct Done {
    /// Hashes of the names, which take less memory than the names.
    names: HashSet<u64>,
    hasher: RandomState,
    earlier: Option<Earlier>,
}

/// The output of an earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Earlier {
    /// The device and the number of its file.
    pub(super) file: (u64, u64),
    pub(super) form: Form,
    /// Its bytes up to the end of the last line that is whole.
    pub(super) whole: u64,
    /// Its bytes.
    pub(super) length: u64,
}

/// The form of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing was written yet.
    Empty,
    Json,
    Ndjson,
    /// CSV or TSV, by its delimiter, with so many columns.
    Separated {
        delimiter: u8,
        columns: usize,
    },
}

/// What is read of a line of JSON.
#[derive(Deserialize)]
struct Row {
    file: String,
    #[serde(rename = "predictions")]
    _predictions: serde::de::IgnoredAny,
}

impl Done {
    /// Reads the output of an earlier run. A last line that was cut off counts as not written.
    ///
    /// # Errors
    /// A sentence, where the file can't be read or is no such output.
    pub(super) fn read(path: &Path) -> Result<Self, StartError> {
        let refused = |reason: &str| StartError::new(format!("{} can't be resumed: {reason}.", path.display()));
        let unread = |error: io::Error| refused(&error.to_string());
        let metadata = path.metadata().map_err(unread)?;
        if !metadata.is_file() {
            return Err(refused("it is not a file"));
        }
        let mut file = File::open(path).map_err(unread)?;
        let is_whole = ends_with_line(&mut file).map_err(unread)?;
        let (mut lines, mut done) = (BufReader::new(file), Self::default());
        let first = lines.fill_buf().map_err(unread)?;
        let (form, whole) = match first.first() {
            None => (Form::Empty, 0),
            Some(b'[') => (Form::Json, done.read_json(lines).map_err(unread)?),
            Some(b'{') => (Form::Ndjson, done.read_json(lines).map_err(unread)?),
            _ if first.starts_with(b"file,") => done.read_separated(b',', lines, is_whole).map_err(unread)?,
            _ if first.starts_with(b"file\t") => done.read_separated(b'\t', lines, is_whole).map_err(unread)?,
            _ => return Err(refused("it is not the JSON, NDJSON, CSV or TSV of an earlier run")),
        };
        let file = (metadata.dev(), metadata.ino());
        done.earlier = Some(Earlier { file, form, whole, length: metadata.len() });
        Ok(done)
    }

    /// Each object has a line of its own. Returns the bytes of the lines that are whole.
    fn read_json(&mut self, mut lines: impl BufRead) -> io::Result<u64> {
        let (mut line, mut whole) = (Vec::new(), 0);
        loop {
            line.clear();
            lines.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                return Ok(whole);
            }
            whole += line.len() as u64;
            let object = line.trim_ascii_end();
            if let Ok(Row { file, .. }) = serde_json::from_slice(object.strip_suffix(b",").unwrap_or(object)) {
                self.add(&file);
            }
        }
    }

    /// Returns the form, and the bytes of the records that are whole.
    fn read_separated(&mut self, delimiter: u8, lines: impl Read, ends_with_line: bool) -> io::Result<(Form, u64)> {
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(lines);
        let columns = reader.headers()?.len();
        // What ends a record is read with the one after it: the last one is whole if a line's end follows it.
        let (mut last, mut whole) = (csv::StringRecord::new(), reader.position().byte());
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record)? {
            if last.len() == columns {
                self.add(&last[0]);
                whole = record.position().map_or(whole, csv::Position::byte);
            }
            std::mem::swap(&mut last, &mut record);
        }
        if last.len() == columns && ends_with_line {
            self.add(&last[0]);
            whole = reader.position().byte();
        }
        Ok((Form::Separated { delimiter, columns }, whole))
    }

    fn add(&mut self, name: &str) {
        self.names.insert(self.hasher.hash_one(name));
    }

    /// Whether the earlier run has answered the file of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.names.is_empty() && self.names.contains(&self.hasher.hash_one(name))
    }

    /// The output of the earlier run; none where there was none.
    pub(super) const fn earlier(&self) -> Option<Earlier> {
        self.earlier
    }
}

fn ends_with_line(file: &mut File) -> io::Result<bool> {
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        file.rewind()?;
    }
    Ok(last == [b'\n'])
}
