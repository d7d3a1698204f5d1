//! The span of a request, by OpenTelemetry's conventions for HTTP servers. It goes on with the trace that
//! the client is in (W3C Trace Context), and is the parent of every other span of the request.
//!
//! It has the route's pattern and never the path, and nothing of who asked: a trace is no place for either.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::metrics::known;
use crate::telemetry::traces::TARGET;

/// The longest header that is taken into a trace, in bytes: what W3C Trace Context asks for at least.
/// Every span holds a copy of it.
const MAX_LENGTH: usize = 512;

pub(super) async fn trace(request: Request, next: Next) -> Response {
    let span = span(request.method(), request.extensions().get().map(MatchedPath::as_str));
    if span.is_disabled() {
        return next.run(request).await;
    }
    // It fails for a span that nobody takes, which has no parent to miss.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(request.headers())));
    async {
        let mut end = End { span: Span::current(), status: None };
        let response = next.run(request).await;
        end.status = Some(response.status());
        response
    }
    .instrument(span)
    .await
}

fn span(method: &Method, route: Option<&str>) -> Span {
    let method = known(method);
    let name = method.unwrap_or("HTTP");
    tracing::info_span!(
        target: TARGET,
        "request",
        otel.kind = "server",
        otel.name = route.map(|route| format!("{name} {route}")).as_deref().unwrap_or(name),
        otel.status_code = Empty,
        http.request.method = method.unwrap_or("_OTHER"),
        http.route = route,
        http.response.status_code = Empty,
        error.r#type = Empty,
    )
}

/// Says how it ended when it is dropped: a request whose client leaves is dropped in the middle.
struct End {
    span: Span,
    status: Option<StatusCode>,
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(status) = self.status {
            self.span.record("http.response.status_code", i64::from(status.as_u16()));
            // What the client did wrong is no error of the server's.
            if status.is_server_error() {
                self.span.record("error.type", status.as_str());
                self.span.record("otel.status_code", "ERROR");
            }
        } else {
            self.span.record("error.type", "client_gone");
        }
        // Now, and not when a worker that may hold it yet lets it go.
        self.span.context().span().end();
    }
}

/// The headers that a trace is continued from.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?.to_str().ok()?;
        Some(value).filter(|value| value.len() <= MAX_LENGTH)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
