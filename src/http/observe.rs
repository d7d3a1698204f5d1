//! The observer of requests: it makes the id, the spans, the log line and the metrics of each request, from one clock.
//! Each request is recorded exactly once, also if it is refused or its client leaves.

use std::net::IpAddr;
use std::time::Instant;

use axum::Extension;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use super::App;
use super::access::Client;
use super::headers::REQUEST_ID;
use super::problem::Problem;
use crate::error::Error;
use crate::grpc;
use crate::server::Peer;
use crate::telemetry::metrics;
use crate::telemetry::traces::TARGET;

/// The status recorded for a client that left before the answer, as in nginx.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// gRPC's code for a client that has left.
const CANCELLED: i32 = 1;

/// gRPC's codes for faults of the server: unknown, deadline exceeded, unimplemented, internal, unavailable and data loss
/// (OpenTelemetry, semantic conventions for gRPC).
const FAULTS: [i32; 6] = [2, 4, 12, 13, 14, 15];

/// The route of the site's pages and files, in metrics.
const SITE: &str = "site";

/// The longest request id that is taken from a client, in bytes.
const LONGEST_ID: usize = 128;

/// The longest header that is taken into a trace, in bytes: the least that W3C Trace Context asks for. Every span of the
/// request holds a copy of it.
const LONGEST_TRACE_HEADER: usize = 512;

pub(super) async fn observe(Extension(app): Extension<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get().copied().and_then(Peer::ip);
    let client = app.access.client(peer, request.headers());
    request.extensions_mut().insert(Client(client));
    let id = request.headers().get(REQUEST_ID).filter(|id| is_usable(id)).cloned().unwrap_or_else(new_id);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let trace = trace_span(&request, route.as_ref().map(MatchedPath::as_str));
    // Of the highest level, so that the lines of the request have its id at any LOG_LEVEL.
    let log = trace.in_scope(|| tracing::error_span!("request", id = id.to_str().unwrap_or_default()));
    let mut observation = Observation {
        begun: Instant::now(),
        trace: trace.clone(),
        log: log.clone(),
        client,
        route,
        method: request.method().clone(),
        uri: request.uri().clone(),
        status: None,
        problem: Some(Error::ClientGone.into()),
        grpc_method: grpc::is_call(&request).then(|| grpc::method(request.uri().path())),
        grpc: None,
    };
    let mut response = next.run(request).instrument(log).instrument(trace).await;
    observation.status = Some(response.status().as_u16());
    observation.problem = response.extensions_mut().remove();
    response.headers_mut().insert(REQUEST_ID, id);
    match observation.grpc_method {
        // The status of gRPC comes after the body.
        Some(_) => grpc::observed(response, move |status| observation.end(status)),
        None => response,
    }
}

/// A request under way. Recorded when it is dropped: the future of a request whose client leaves is dropped midway.
struct Observation {
    begun: Instant,
    trace: Span,
    log: Span,
    client: Option<IpAddr>,
    route: Option<MatchedPath>,
    method: Method,
    uri: Uri,
    status: Option<u16>,
    problem: Option<Problem>,
    /// The method of a request of gRPC, as it stands in metrics.
    grpc_method: Option<&'static str>,
    /// The code and the message of its status.
    grpc: Option<(i32, String)>,
}

impl Drop for Observation {
    fn drop(&mut self) {
        let latency = self.begun.elapsed();
        let status = self.status.unwrap_or(CLIENT_CLOSED_REQUEST);
        let route = self.route.as_ref().map_or(SITE, MatchedPath::as_str);
        match self.grpc_method {
            None => metrics::request(route, usual(&self.method).unwrap_or("other"), status, latency),
            Some(method) => {
                let gone = || (CANCELLED, Error::ClientGone.to_string());
                metrics::grpc(method, self.grpc.get_or_insert_with(gone).0, latency);
            }
        }
        self.problem.iter().for_each(Problem::count);
        let _trace = self.trace.enter();
        let _log = self.log.enter();
        tracing::info!(
            remote_ip = self.client.map(|client| client.to_string()).unwrap_or_default(),
            method = self.method.as_str(),
            uri = %self.uri,
            status,
            grpc_status = self.grpc.as_ref().map(|(code, _)| *code),
            error = self.error(),
            latency = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX),
            latency_human = ?latency,
            "request"
        );
        self.end_trace();
    }
}

impl Observation {
    /// Ends a request of gRPC with its status; with `None` where the client has left before it.
    fn end(mut self, status: Option<(i32, String)>) {
        self.grpc = status;
    }

    /// What went wrong, in words.
    fn error(&self) -> String {
        match (&self.problem, &self.grpc) {
            (Some(problem), _) => problem.message(),
            (None, Some((_, message))) => message.clone(),
            (None, None) => String::new(),
        }
    }

    fn end_trace(&self) {
        match self.status {
            None => {
                self.trace.record("error.type", "client_gone");
            }
            Some(status) => {
                self.trace.record("http.response.status_code", i64::from(status));
                if let Some((code, _)) = &self.grpc {
                    self.trace.record("rpc.grpc.status_code", i64::from(*code));
                }
                // A client's mistake is not an error of the server.
                if self.grpc.as_ref().is_some_and(|(code, _)| FAULTS.contains(code)) {
                    self.trace.record("otel.status_code", "ERROR");
                }
                if status >= 500 {
                    self.trace.record("error.type", status.to_string());
                    self.trace.record("otel.status_code", "ERROR");
                }
            }
        }
        // A worker may hold the span for longer.
        self.trace.context().span().end();
    }
}

/// The span of a request by OpenTelemetry's conventions for HTTP servers, in the client's trace where it sends one. It
/// has the route's pattern and neither the path nor the client.
fn trace_span(request: &Request, route: Option<&str>) -> Span {
    let method = usual(request.method());
    let name = method.unwrap_or("HTTP");
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.kind = "server",
        otel.name = route.map(|route| format!("{name} {route}")).as_deref().unwrap_or(name),
        otel.status_code = Empty,
        http.request.method = method.unwrap_or("_OTHER"),
        http.route = route,
        http.response.status_code = Empty,
        rpc.grpc.status_code = Empty,
        error.r#type = Empty,
    );
    if !span.is_disabled() {
        // It fails for a span that is not sampled, which needs no parent.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&TraceHeaders(request.headers())));
    }
    span
}

/// The name of a usual method. Method names are client input: unusual ones share one label, or the label set would grow
/// without bound.
fn usual(method: &Method) -> Option<&'static str> {
    match *method {
        Method::GET => Some("GET"),
        Method::HEAD => Some("HEAD"),
        Method::POST => Some("POST"),
        Method::PUT => Some("PUT"),
        Method::DELETE => Some("DELETE"),
        Method::OPTIONS => Some("OPTIONS"),
        Method::PATCH => Some("PATCH"),
        _ => None,
    }
}

fn is_usable(id: &HeaderValue) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn new_id() -> HeaderValue {
    let mut buffer = Uuid::encode_buffer();
    let text = Uuid::new_v4().hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
}

/// The headers that a trace is continued from.
struct TraceHeaders<'a>(&'a HeaderMap);

impl Extractor for TraceHeaders<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?.to_str().ok()?;
        Some(value).filter(|value| value.len() <= LONGEST_TRACE_HEADER)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
