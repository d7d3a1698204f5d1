//! Reading a request's body: up to the limit, within its time, out of the budget.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, EXPECT};
use bytes::Bytes;
use tokio::time::{Instant, timeout, timeout_at};

use super::App;
use crate::error::Error;

/// What a route asks of a body's headers.
pub(super) type Require = fn(&HeaderMap) -> Result<(), Error>;

/// How much of a body that is refused is read and thrown away, as a multiple of the limit, and for
/// how long.
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
/// A body that is refused is answered at once; what still comes of it is thrown away meanwhile.
///
/// # Errors
/// What `require` finds wrong with the headers; [`Error::BodyTooLarge`], by the announced length or by
/// what arrives; [`Error::Busy`] before it is read where every worker is taken and the queue full, or
/// where the budget has no room for it; [`Error::BodyTooSlow`]; [`Error::BodyIncomplete`].
pub(super) async fn read(app: &App, mut request: Request, require: Require) -> Result<Bytes, Error> {
    let announced = usize::try_from(request.body().size_hint().lower()).unwrap_or(usize::MAX);
    let result = match require(request.headers()).and_then(|()| admit(app, announced)) {
        Ok(()) => collect(app, request.body_mut(), announced).await,
        Err(error) => Err(error),
    };
    if !matches!(result, Ok(_) | Err(Error::BodyIncomplete | Error::BodyTooSlow)) {
        discard_meanwhile(app, request);
    }
    result
}

/// Reads and throws away what still comes of a request that is refused: a client that is sending takes a
/// connection that is closed on it for a broken one, and never sees the answer.
pub(super) fn discard_meanwhile(app: &App, request: Request) {
    // Such a client sends nothing until it is told to: to read is to tell it.
    if !request.headers().contains_key(EXPECT) {
        tokio::spawn(discard(request.into_body(), app.max_body_bytes));
    }
}

fn admit(app: &App, announced: usize) -> Result<(), Error> {
    if announced > app.max_body_bytes {
        Err(Error::BodyTooLarge { limit: app.max_body_bytes })
    } else if app.engine.is_full() || !app.budget.has_room_for(announced) {
        Err(Error::Busy)
    } else {
        Ok(())
    }
}

async fn collect(app: &App, body: &mut Body, announced: usize) -> Result<Bytes, Error> {
    let begun = Instant::now();
    let mut read = app.budget.body(announced);
    loop {
        let earned = Duration::from_millis(1000 * read.len() as u64 / u64::from(app.min_body_rate));
        let deadline = begun + app.body_timeout + earned;
        let data = timeout_at(deadline, next(body)).await.map_err(|_| Error::BodyTooSlow)??;
        let Some(data) = data else { return Ok(read.freeze()) };
        if read.len() + data.len() > app.max_body_bytes {
            return Err(Error::BodyTooLarge { limit: app.max_body_bytes });
        }
        read.extend(&data)?;
    }
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
    let _ = timeout(DISCARDING, all).await;
}
