//! Reading a request's body, up to the limit.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, EXPECT};
use bytes::{Bytes, BytesMut};

use crate::error::Error;

/// How much of a body past the limit is read and thrown away, as a multiple of the limit, and for
/// how long: a client that is still sending sees the answer only when it is done, and takes a
/// closed connection for a broken one.
const DISCARDED: u64 = 4;
const DISCARDING: Duration = Duration::from_secs(5);

/// Refuses a body that calls itself something other than JSON. One that does not say is let pass.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Error> {
    let Some(essence) = essence(headers) else { return Ok(()) };
    let is_json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    if is_json { Ok(()) } else { Err(Error::UnsupportedMediaType { expected: "application/json" }) }
}

/// Refuses a body that does not call itself a form with files (RFC 7578).
pub(super) fn require_form(headers: &HeaderMap) -> Result<(), Error> {
    let expected = "multipart/form-data";
    if essence(headers).as_deref() == Some(expected) { Ok(()) } else { Err(Error::UnsupportedMediaType { expected }) }
}

/// The type that a body calls itself, in small letters and without parameters.
fn essence(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().unwrap_or_default();
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Reads the whole body.
///
/// # Errors
/// [`Error::BodyTooLarge`], by the announced length or by what arrives; [`Error::BodyIncomplete`].
pub(super) async fn read(request: Request, limit: usize) -> Result<Bytes, Error> {
    // Such a client sends nothing until it is told to: to read is to tell it.
    let waits = request.headers().contains_key(EXPECT);
    let mut body = request.into_body();
    let announced = body.size_hint();
    if announced.lower() > limit as u64 {
        if !waits {
            discard(body, limit).await;
        }
        return Err(Error::BodyTooLarge { limit });
    }
    let mut read = BytesMut::with_capacity(usize::try_from(announced.lower()).unwrap_or(0));
    while let Some(data) = next(&mut body).await? {
        if read.len() + data.len() > limit {
            discard(body, limit).await;
            return Err(Error::BodyTooLarge { limit });
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Error> {
    loop {
        let frame = std::future::poll_fn(|context| std::pin::Pin::new(&mut *body).poll_frame(context)).await;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(Error::BodyIncomplete),
            // Trailers are of no use here.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn discard(mut body: Body, limit: usize) {
    let most = DISCARDED * limit as u64;
    let all = async {
        let mut discarded = 0;
        while let Ok(Some(data)) = next(&mut body).await {
            discarded += data.len() as u64;
            if discarded > most {
                break;
            }
        }
    };
    // Whoever is not done by then is cut off.
    let _ = tokio::time::timeout(DISCARDING, all).await;
}
