//! The status of a response: in its headers if it has no message, else in the trailers after its body.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::response::Response;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;

/// The bit of the first byte that tells trailers from a message in a body of gRPC-web (gRPC-Web, Message framing).
const TRAILERS: u8 = 0x80;

/// Such a frame of less than 16 MB in base64.
const TEXT_TRAILERS: &[u8] = b"gAA";

/// A code of gRPC and its message.
pub(super) type Observed = Option<(i32, String)>;

/// The response, which calls `end` with its status once it is known; with `None` where the client leaves before.
pub fn observed(response: Response, end: impl FnOnce(Observed) + Send + 'static) -> Response {
    if let Some(status) = status(response.headers()) {
        end(Some(status));
        return response;
    }
    response.map(|body| Body::new(Watched { body, end: Some(Box::new(end)) }))
}

fn status(headers: &HeaderMap) -> Observed {
    let status = Status::from_header_map(headers)?;
    Some((status.code() as i32, status.message().to_owned()))
}

struct Watched {
    body: Body,
    end: Option<Box<dyn FnOnce(Observed) + Send>>,
}

impl Watched {
    fn end(&mut self, status: Observed) {
        if let Some(end) = self.end.take() {
            end(status);
        }
    }

    fn look(&mut self, frame: &Frame<Bytes>) {
        let trailers = match (frame.trailers_ref(), frame.data_ref()) {
            (Some(trailers), _) => status(trailers),
            (None, Some(data)) => web_trailers(data),
            (None, None) => None,
        };
        if trailers.is_some() {
            self.end(trailers);
        }
    }
}

/// The status in the trailers that gRPC-web has in its body: a frame of their own.
fn web_trailers(data: &[u8]) -> Observed {
    // In its text form, the frame is base64.
    if data.starts_with(TEXT_TRAILERS) {
        return web_trailers(&BASE64_STANDARD.decode(data).ok()?);
    }
    let (&[TRAILERS, _, _, _, _], lines) = data.split_first_chunk::<5>()? else { return None };
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(':').unwrap_or_default();
        if let (Ok(name), Ok(value)) = (name.trim().parse::<http::HeaderName>(), value.trim().parse()) {
            headers.insert(name, value);
        }
    }
    status(&headers)
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            self.look(frame);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.end(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_of_the_web_are_read() {
        let frame = |first: u8, lines: &str| [&[first, 0, 0, 0, 30][..], lines.as_bytes()].concat();
        assert_eq!(web_trailers(&frame(0x80, "grpc-status:5\r\ngrpc-message:a%20b\r\n")), Some((5, "a b".into())));
        assert_eq!(web_trailers(&frame(0x80, "grpc-status: 0\r\n")), Some((0, String::new())));
        let text = BASE64_STANDARD.encode(frame(0x80, "grpc-status:5\r\n"));
        assert_eq!(web_trailers(text.as_bytes()), Some((5, String::new())));
        for data in [frame(0, "grpc-status:5\r\n"), b"\x80".to_vec(), frame(0x80, "no trailers")] {
            assert_eq!(web_trailers(&data), None);
        }
    }
}
