//! A picture as a request carries it, and how the file is found in it.
//!
//! A door says where the picture is and hands the bytes over unread. The worker finds it: work that grows with the size
//! of a body is done there and not on the threads that serve connections.

use std::borrow::Cow;

use bytes::Bytes;

use super::inflate::{self, Coding};
use super::json::{self, Field};
use super::{base64, form};
use crate::error::{Error, FieldFault, Malformed};
use crate::image::Format;
use crate::memory;
use crate::stop::Stop;

/// Documents from this size on are large, in bytes.
const LARGE: usize = 1 << 20;

/// A picture as a request carries it: the bytes, their coding, and the place of the picture in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    bytes: Bytes,
    coding: Coding,
    place: Place,
    named: Option<Format>,
}

/// Where in the payload the picture is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File,
    Base64,
    Field(&'static str),
    FileOrField(&'static str),
    Part { boundary: String },
}

impl Payload {
    const fn new(bytes: Bytes, place: Place) -> Self {
        Self { bytes, coding: Coding::Identity, place, named: None }
    }

    /// The picture file itself.
    pub const fn file(bytes: Bytes) -> Self {
        Self::new(bytes, Place::File)
    }

    /// The file as base64 text, in the forms that [`base64::decode`] accepts.
    pub const fn base64(text: Bytes) -> Self {
        Self::new(text, Place::Base64)
    }

    /// A JSON object (UTF-8 or UTF-16) whose field `name` holds the file as base64 text.
    pub const fn field(json: Bytes, name: &'static str) -> Self {
        Self::new(json, Place::Field(name))
    }

    /// The file itself, or else a JSON object as for [`field`](Self::field): for doors that are not told which of both it
    /// is. No image format begins as JSON does.
    pub const fn file_or_field(bytes: Bytes, name: &'static str) -> Self {
        Self::new(bytes, Place::FileOrField(name))
    }

    /// A form (multipart/form-data, RFC 7578) whose first part with a file name holds the file.
    pub const fn part(form: Bytes, boundary: String) -> Self {
        Self::new(form, Place::Part { boundary })
    }

    /// The bytes of the request, neither inflated nor parsed.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The same payload, compressed with `coding`.
    #[must_use]
    pub fn compressed(self, coding: Coding) -> Self {
        Self { coding, ..self }
    }

    /// The same payload, whose door has been told the format: it counts where the file's bytes can't tell it.
    #[must_use]
    pub fn named(self, named: Option<Format>) -> Self {
        Self { named, ..self }
    }

    /// The picture file, borrowed from the payload or from `buffers`, and the format that the payload names where files of
    /// that format can't be told by their bytes. A payload may inflate to `limit` bytes at most.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::PayloadTooLarge`], [`Error::OutOfMemory`], and what [`Stop::check`] returns.
    pub fn open<'a>(&'a self, buffers: &'a mut Buffers, limit: usize, stop: &Stop) -> Result<File<'a>, Error> {
        let Buffers { inflated, file } = buffers;
        let bytes: &[u8] = match self.coding {
            Coding::Identity => &self.bytes,
            coding => inflate::inflate(&self.bytes, coding, limit, stop, inflated)?,
        };
        let mut named = self.named;
        match &self.place {
            Place::File => return Ok(File { bytes, named }),
            Place::FileOrField(_) if !json::may_be(bytes) => return Ok(File { bytes, named }),
            Place::Base64 => {
                let text = std::str::from_utf8(bytes).map_err(|_| Malformed::NotBase64)?;
                named = Format::named(base64::media_type(text));
                base64::decode(text, file)?;
            }
            Place::Field(name) | Place::FileOrField(name) => {
                let fault = |fault| Error::from(Malformed::Field { name, fault });
                let json = json::to_utf8(bytes)?;
                let text = field(&json, name)?;
                named = Format::named(base64::media_type(&text));
                base64::decode(&text, file).map_err(|error| match error {
                    Error::Malformed(Malformed::NotBase64) => fault(FieldFault::NotBase64),
                    other => other,
                })?;
            }
            Place::Part { boundary } => return form::first(bytes, boundary, stop),
        }
        Ok(File { bytes: file, named })
    }
}

/// A picture file that a payload holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// The bytes of the file.
    pub bytes: &'a [u8],
    /// The format that the payload names, if it is one that the bytes can't tell.
    pub named: Option<Format>,
}

fn field<'a>(json: &'a [u8], name: &'static str) -> Result<Cow<'a, str>, Error> {
    // A text with escapes is copied twice by a library that can't be refused the memory; its first copy grows by doubling.
    if json.len() >= LARGE && json.contains(&b'\\') {
        memory::probe(json.len().saturating_mul(4))?;
    }
    let fault = match json::read(json, name)? {
        Field::Text(text) if !text.is_empty() => return Ok(text),
        Field::Text(_) => FieldFault::Empty,
        Field::Absent => FieldFault::Missing,
        Field::Null => FieldFault::Null,
        Field::Other => FieldFault::NotText,
    };
    Err(Malformed::Field { name, fault }.into())
}

/// The buffers for opening a payload, kept from payload to payload.
#[derive(Debug, Default)]
pub struct Buffers {
    inflated: Vec<u8>,
    file: Vec<u8>,
}

impl Buffers {
    /// Bytes that the buffers take.
    pub fn held(&self) -> usize {
        memory::held(&self.inflated) + memory::held(&self.file)
    }
}
