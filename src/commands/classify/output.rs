//! What is written for each picture, in the form that was chosen. Every line is written as a whole.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Seek, SeekFrom, Stdout, Write, stdout};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::resume::{self, Done, Earlier};
use crate::config::{Classify, Format};
use crate::error::StartError;
use crate::model::Prediction;

/// The longest that a line waits for more before it is written, unless nothing follows it.
const DELAY: Duration = Duration::from_millis(100);

/// Characters of the columns of the table.
const FILE_WIDTH: usize = 32;
const LABEL_WIDTH: usize = 24;

/// A picture's object in JSON.
#[derive(Serialize)]
struct Row<'a> {
    file: &'a str,
    predictions: &'a [Prediction],
}

pub(super) struct Output {
    to: BufWriter<Stdout>,
    form: Form,
    is_terminal: bool,
    written: Instant,
}

enum Form {
    Table,
    Json {
        is_empty: bool,
    },
    Ndjson,
    /// CSV or TSV, by its delimiter, with so many labels in each line.
    Separated {
        delimiter: u8,
        columns: usize,
        has_head: bool,
    },
}

impl Output {
    /// The output for answers of up to `columns` labels. One that goes on with an earlier one has no second head, and takes the
    /// place of a line at which that was cut off.
    ///
    /// # Errors
    /// A sentence if it can't go on with the earlier one.
    pub(super) fn new(options: &Classify, columns: usize, done: &Done) -> Result<Self, StartError> {
        let earlier = done.earlier().filter(is_standard_output).filter(|earlier| earlier.length > 0);
        let separated = |delimiter| Form::Separated { delimiter, columns, has_head: earlier.is_some() };
        let form = match options.format {
            Format::Table => Form::Table,
            Format::Json => Form::Json { is_empty: true },
            Format::Ndjson => Form::Ndjson,
            Format::Csv => separated(b','),
            Format::Tsv => separated(b'\t'),
        };
        if let Some(earlier) = earlier {
            form.goes_on(earlier.form)?;
            cut(earlier.whole).map_err(|error| {
                StartError::new(format!("The line at which the earlier output was cut off can't be removed: {error}."))
            })?;
        }
        let (to, written) = (BufWriter::new(stdout()), Instant::now());
        Ok(Self { to, form, is_terminal: stdout().is_terminal(), written })
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.written = Instant::now();
        self.to.flush()
    }

    pub(super) fn write(&mut self, file: &str, predictions: &[Prediction]) -> io::Result<()> {
        let mut line = match &mut self.form {
            Form::Table => table(file, predictions),
            Form::Ndjson => serde_json::to_vec(&Row { file, predictions })?,
            Form::Json { is_empty } => {
                let before: &[u8] = if std::mem::take(is_empty) { b"[\n" } else { b",\n" };
                [before, &serde_json::to_vec(&Row { file, predictions })?].concat()
            }
            Form::Separated { delimiter, columns, has_head } => {
                let head = if std::mem::replace(has_head, true) { Vec::new() } else { head(*delimiter, *columns)? };
                [head, separated(*delimiter, *columns, file, predictions)?].concat()
            }
        };
        if matches!(self.form, Form::Table | Form::Ndjson) {
            line.push(b'\n');
        }
        self.to.write_all(&line)?;
        if self.is_terminal || self.written.elapsed() > DELAY {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn end(mut self) -> io::Result<()> {
        match self.form {
            Form::Json { is_empty: true } => self.to.write_all(b"[]\n")?,
            Form::Json { is_empty: false } => self.to.write_all(b"\n]\n")?,
            _ => {}
        }
        self.to.flush()
    }
}

impl Form {
    /// Whether this form goes on with an earlier output.
    ///
    /// # Errors
    /// A sentence.
    fn goes_on(&self, earlier: resume::Form) -> Result<(), StartError> {
        let refused = |reason| Err(StartError::new(format!("The output can't go on in the same file: {reason}.")));
        match (self, earlier) {
            (Self::Ndjson, resume::Form::Ndjson) => Ok(()),
            (Self::Json { .. }, _) => refused("an array of JSON has an end, so choose ndjson"),
            (
                Self::Separated { delimiter, columns, .. },
                resume::Form::Separated { delimiter: other, columns: before },
            ) if *delimiter == other => {
                if before == 1 + 2 * columns {
                    Ok(())
                } else {
                    refused("it has another number of labels (--top-k)")
                }
            }
            _ => refused("it has another form (--format)"),
        }
    }
}

/// Whether standard output is the file that the earlier run has written.
fn is_standard_output(earlier: &Earlier) -> bool {
    let output = stdout().as_fd().try_clone_to_owned().map(File::from).and_then(|file| file.metadata());
    output.is_ok_and(|output| (output.dev(), output.ino()) == earlier.file)
}

/// Cuts standard output, which is a file, to `length` bytes.
fn cut(length: u64) -> io::Result<()> {
    let mut output = File::from(stdout().as_fd().try_clone_to_owned()?);
    output.set_len(length)?;
    output.seek(SeekFrom::End(0)).map(drop)
}

/// A text without characters that a terminal obeys.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let mut visible = String::new();
    for it in text.chars() {
        if it.is_control() {
            visible.extend(it.escape_default());
        } else {
            visible.push(it);
        }
    }
    visible.into()
}

fn table(file: &str, predictions: &[Prediction]) -> Vec<u8> {
    let labels = predictions.iter().map(|Prediction { label, confidence, .. }| {
        format!("  {:<LABEL_WIDTH$} {:>5.1} %", visible(label), confidence * 100.0)
    });
    let labels: String = labels.collect();
    format!("{:<FILE_WIDTH$}{}", visible(file), if labels.is_empty() { "  -" } else { &labels }).into_bytes()
}

/// The first line: `file`, and a pair of columns for each label.
fn head(delimiter: u8, columns: usize) -> io::Result<Vec<u8>> {
    let pair = |number| [format!("label_{number}"), format!("confidence_{number}")];
    record(delimiter, std::iter::once("file".to_owned()).chain((1..=columns).flat_map(pair)))
}

fn separated(delimiter: u8, columns: usize, file: &str, predictions: &[Prediction]) -> io::Result<Vec<u8>> {
    let pair = |place| match predictions.get(place) {
        Some(Prediction { label, confidence, .. }) => [label.to_string(), confidence.to_string()],
        None => [String::new(), String::new()],
    };
    record(delimiter, std::iter::once(file.to_owned()).chain((0..columns).flat_map(pair)))
}

fn record(delimiter: u8, fields: impl Iterator<Item = String>) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    writer.write_record(fields)?;
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}
