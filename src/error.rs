//! What can go wrong: [`Error`] while a request is answered, [`StartError`] before that.
//!
//! A request's error is a status and one plain sentence that says what to do. This is the only
//! place that picks either. What a library or the system said goes to the log, never to a client.

use axum::http::StatusCode;

/// Why a request could not be answered. `Display` is the message the client reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The body is not JSON, or a field has the wrong type.
    #[error("Invalid request body")]
    InvalidBody,
    /// `base64Image` is missing, null or empty.
    #[error("base64Image field is required")]
    MissingImage,
    /// The field's text is not base64 in any of the accepted forms.
    #[error("base64Image is not valid base64")]
    NotBase64,
    /// The body is larger than `MAX_BODY_BYTES`.
    #[error("The request body is larger than {limit} bytes: send a smaller picture")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The body ended before the length it announced.
    #[error("The request body ended too early: send it again")]
    BodyIncomplete,
    /// The form was sent without a file.
    #[error("Choose a photograph first")]
    NoFile,
    /// The body came more slowly than `BODY_TIMEOUT` and `MIN_BODY_RATE` allow.
    #[error("The request body came too slowly: send it again")]
    BodyTooSlow,
    /// The request says that its body is something other than what the route takes.
    #[error("Content-Type must be {expected}")]
    UnsupportedMediaType {
        /// The type that the route takes.
        expected: &'static str,
    },
    /// The bytes begin like no image format known here.
    #[error("The data is not an image: send JPEG, PNG, WebP, GIF, BMP or TIFF")]
    NotAnImage,
    /// An image, of a format or a kind that is not decoded here.
    #[error("This kind of image is not supported: send JPEG, PNG, WebP, GIF, BMP or TIFF")]
    UnsupportedImage,
    /// An image of a known format that ends too early or contradicts itself.
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
    /// A key is asked for, and this is none.
    #[error("An API key is required: send one as Authorization: Bearer, or as X-API-Key")]
    Unauthorized,
    /// The client asks more often than `RATE_LIMIT` allows.
    #[error("Too many requests: try again in {seconds} s")]
    TooManyRequests {
        /// Seconds after which the next one may pass.
        seconds: u64,
    },
    /// The queue in front of the workers is full.
    #[error("The server is busy: try again in a moment")]
    Busy,
    /// Waiting and work together took longer than `INFERENCE_TIMEOUT`.
    #[error("The analysis took too long: try again later or send a smaller picture")]
    DeadlineExceeded,
    /// The client left before its answer was there. Nobody reads this one.
    #[error("The client closed the connection")]
    ClientGone,
    /// The Host field is missing, malformed, or there are several.
    #[error("The Host header must name one host")]
    InvalidHost,
    /// No route has this path.
    #[error("There is nothing at this path")]
    NotFound,
    /// The path exists, for other methods.
    #[error("This method is not allowed at this path")]
    MethodNotAllowed,
    /// A fault of ours: a panic, or a failure of the runtime. The log has the cause.
    #[error("Internal server error")]
    Internal,
}

impl Error {
    /// The status of this error on every route but `/predict`.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::InvalidBody
            | Self::MissingImage
            | Self::NotBase64
            | Self::BodyIncomplete
            | Self::NoFile
            | Self::InvalidHost => StatusCode::BAD_REQUEST,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAnImage | Self::UnsupportedImage | Self::DamagedImage | Self::TooManyPixels { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::ClientGone | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The status of this error on `/predict`, whose contract knows only a request that does not
    /// fit (422), and 500 for whatever keeps a picture from being classified.
    pub fn predict_status(&self) -> StatusCode {
        match self {
            Self::InvalidBody | Self::MissingImage => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unauthorized
            | Self::TooManyRequests { .. }
            | Self::BodyTooLarge { .. }
            | Self::MethodNotAllowed
            | Self::BodyIncomplete
            | Self::BodyTooSlow => self.status(),
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Why a request was refused before its picture was looked at, in a word for the metrics.
    pub fn rejection(&self) -> Option<&'static str> {
        match self {
            Self::Busy => Some("busy"),
            Self::Unauthorized => Some("unauthorized"),
            Self::TooManyRequests { .. } => Some("rate_limited"),
            Self::DeadlineExceeded => Some("deadline"),
            Self::BodyTooLarge { .. } => Some("body_too_large"),
            Self::BodyTooSlow => Some("body_too_slow"),
            Self::TooManyPixels { .. } => Some("too_many_pixels"),
            _ => None,
        }
    }

    /// Seconds after which it is worth trying again, for the `Retry-After` header.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Busy => Some(1),
            Self::TooManyRequests { seconds } => Some(*seconds),
            _ => None,
        }
    }
}

/// Why the server can't start: one sentence for the operator that says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

impl StartError {
    /// An error with this sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}
