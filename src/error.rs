//! The errors of the core: [`Error`] for the analysis of a picture, [`StartError`] for the start of the server.
//!
//! Nothing here knows a protocol. A door turns an error into its own form: `http::problem` into a status and JSON. A
//! command prints the `Display` of an error. The messages of libraries and of the system go to the log, never to a client.

use crate::image::formats::FORMATS;

/// Why an input was not analyzed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The payload does not hold a picture in the way its door expects.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// The payload is larger than the limit once it is inflated.
    #[error("The payload is larger than {limit} bytes once it is inflated")]
    PayloadTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The first bytes are those of no known image format.
    #[error("The data is not an image: send {FORMATS}")]
    NotAnImage,
    /// The image has a format, or a variant of a format, that the decoder does not read.
    #[error("{kind} is not supported: send {FORMATS}")]
    UnsupportedImage {
        /// The format, or the variant of one, for people.
        kind: &'static str,
    },
    /// An image of a known format ends too early or contradicts itself.
    #[error("The image is damaged or incomplete: send it again or save it anew")]
    DamagedImage,
    /// The picture has more pixels than `MAX_PIXELS`.
    #[error("The image has {width} x {height} pixels, more than {limit} in all: send a smaller one")]
    TooManyPixels {
        /// Width in pixels, as the file states it.
        width: u32,
        /// Height in pixels, as the file states it.
        height: u32,
        /// The limit on width times height.
        limit: u64,
    },
    /// The picture has a side of more pixels than any decoder is asked for.
    #[error("The image has {width} x {height} pixels, and a side may have {limit}: send a smaller one")]
    SideTooLong {
        /// Width in pixels, as the file states it.
        width: u32,
        /// Height in pixels, as the file states it.
        height: u32,
        /// The most pixels of a side.
        limit: u32,
    },
    /// Decoding and resizing the picture would take more memory than `MAX_PICTURE_BYTES`.
    #[error("The image takes {bytes} bytes of memory, more than {limit}: send a smaller one")]
    TooCostly {
        /// Bytes that the picture takes, estimated from above.
        bytes: u64,
        /// The limit on them.
        limit: u64,
    },
    /// The tensor does not have the shape of the model's input.
    #[error("The tensor has the shape {actual:?}, and the model reads {expected:?}")]
    WrongShape {
        /// The model's shape.
        expected: [usize; 4],
        /// The tensor's shape.
        actual: Vec<usize>,
    },
    /// The tensor holds a value that is no number, or an infinite one.
    #[error("The tensor has a value that is not finite")]
    NotFinite,
    /// The request has more inputs than the engine has permits.
    #[error("At most {limit} pictures can be sent at once")]
    TooManyInputs {
        /// The number of workers and of places in the queue.
        limit: usize,
    },
    /// Every worker is busy and the queue is full.
    #[error("The server is busy: try again in a moment")]
    Busy,
    /// The system has no memory for the picture.
    #[error("The server has no memory for this picture now: try again later or send a smaller one")]
    OutOfMemory,
    /// Waiting and work together took longer than `INFERENCE_TIMEOUT`.
    #[error("The analysis took too long: try again later or send a smaller picture")]
    DeadlineExceeded,
    /// The client left before its answer was ready. It is logged, and sent to nobody.
    #[error("The client closed the connection")]
    ClientGone,
    /// A worker panicked or the runtime failed. The log has the cause.
    #[error("Internal server error")]
    Internal,
}

/// Why a payload holds no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The document is not JSON.
    #[error("The document is not JSON from column {column} on")]
    NotJson {
        /// The column of the first error in its line, from 1; 0 if it is not known.
        column: usize,
    },
    /// The document is JSON, but not an object.
    #[error("The document is not a JSON object")]
    NotAnObject,
    /// A field of the object has an unusable value.
    #[error("The field {name} {fault}")]
    Field {
        /// The name of the field.
        name: &'static str,
        /// The fault of its value.
        fault: FieldFault,
    },
    /// The text is not base64 in any of the accepted forms.
    #[error("The text is not valid base64")]
    NotBase64,
    /// The payload is not a form (multipart/form-data), or is cut short.
    #[error("The payload is not a complete form")]
    NotAForm,
    /// The form has more parts than are read.
    #[error("The form has more than {limit} parts")]
    TooManyParts {
        /// The limit.
        limit: usize,
    },
    /// The form has no file, or an empty one.
    #[error("The form has no file")]
    NoFile,
    /// The list of pictures is empty.
    #[error("There is no picture")]
    NoPicture,
    /// The payload is not compressed with the content coding that the request names.
    #[error("The payload is not valid {coding}")]
    NotCompressed {
        /// The name of the content coding.
        coding: &'static str,
    },
}

/// The fault of a field of a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldFault {
    /// The object has no such field.
    #[error("is missing")]
    Missing,
    /// The field is `null`.
    #[error("is null")]
    Null,
    /// The field holds the empty string.
    #[error("is empty")]
    Empty,
    /// The field holds something other than a string.
    #[error("is not a string")]
    NotText,
    /// The field holds something other than a list.
    #[error("is not a list")]
    NotAList,
    /// The field's text is not base64.
    #[error("is not valid base64")]
    NotBase64,
}

/// Why the server can't start: a sentence for the operator that names the fault and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

impl StartError {
    /// An error with this sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}
