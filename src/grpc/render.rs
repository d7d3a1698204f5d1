//! Which requests are gRPC's, who may make them, and how a problem is told to a client of gRPC.

use std::time::Duration;

use axum::Extension;
use axum::extract::Request;
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, Request as HttpRequest};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::status;
use crate::error::Error;
use crate::http::access;
use crate::http::{App, Problem};

/// The methods, by their paths: every value of a metric is a time series.
const METHODS: [&str; 18] = [
    CLASSIFY,
    CLASSIFY_BATCH,
    CLASSIFY_STREAM,
    "/glimpse.v1.Classifier/GetModel",
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
    "/inference.GRPCInferenceService/ModelReady",
    "/inference.GRPCInferenceService/ServerMetadata",
    "/inference.GRPCInferenceService/ModelMetadata",
    MODEL_INFER,
    MODEL_STREAM_INFER,
    "/inference.GRPCInferenceService/ModelConfig",
    "/inference.GRPCInferenceService/ModelStatistics",
    "/inference.GRPCInferenceService/RepositoryIndex",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    REFLECTION,
    REFLECTION_ALPHA,
];

const CLASSIFY: &str = "/glimpse.v1.Classifier/Classify";
const CLASSIFY_BATCH: &str = "/glimpse.v1.Classifier/ClassifyBatch";
const CLASSIFY_STREAM: &str = "/glimpse.v1.Classifier/ClassifyStream";
const MODEL_INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
const MODEL_STREAM_INFER: &str = "/inference.GRPCInferenceService/ModelStreamInfer";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const REFLECTION_ALPHA: &str = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

/// The methods that analyze pictures: they need a key, and count.
const ANALYSES: [&str; 3] = [CLASSIFY, CLASSIFY_BATCH, MODEL_INFER];
/// Those of them whose client sends a stream.
const STREAMED_ANALYSES: [&str; 2] = [CLASSIFY_STREAM, MODEL_STREAM_INFER];

const GRPC: &str = "application/grpc";

/// Whether a request is gRPC's: by its type, or because a browser asks whether its page may call a method.
pub fn is_grpc<B>(request: &HttpRequest<B>) -> bool {
    let path = request.uri().path();
    is_call(request) || (request.method() == Method::OPTIONS && METHODS.contains(&path))
}

/// Whether a request calls a method.
pub fn is_call<B>(request: &HttpRequest<B>) -> bool {
    request.method() == Method::POST
        && content_type(request.headers()).is_some_and(|content_type| content_type.starts_with(GRPC))
}

/// Whether a method takes pictures in one message.
pub(super) fn is_analysis(path: &str) -> bool {
    ANALYSES.contains(&path)
}

/// Whether the client sends messages without a known end. gRPC-web has no such streams.
pub fn is_stream<B>(request: &HttpRequest<B>) -> bool {
    let path = request.uri().path();
    (STREAMED_ANALYSES.contains(&path) || [REFLECTION, REFLECTION_ALPHA].contains(&path)) && !is_web(request)
}

/// Whether a request is gRPC-web's.
pub(super) fn is_web<B>(request: &HttpRequest<B>) -> bool {
    content_type(request.headers()).is_some_and(|content_type| content_type.starts_with("application/grpc-web"))
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

/// The name that paths of no method share.
const OTHER: &str = "other";

/// The path of a method as it stands in metrics. Paths are client input: those of no method share one name.
pub fn method(path: &str) -> &'static str {
    METHODS.into_iter().find(|method| *method == path).unwrap_or(OTHER)
}

/// The longest that the client waits (`grpc-timeout`), as an extension of its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience(pub(super) Duration);

/// Checks the key and the quota of an analysis, refuses it where the server is full, and ends it at the client's deadline.
pub(super) async fn guard(Extension(app): Extension<App>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if method(path) == OTHER {
        return Problem::NotFound.into_response();
    }
    let (is_unary, is_streamed) = (is_analysis(path), STREAMED_ANALYSES.contains(&path));
    let patience = request.headers().get("grpc-timeout").map(|value| value.to_str().ok().and_then(timeout));
    let patience = match patience {
        Some(None) => {
            return Problem::Protocol("grpc-timeout must be up to eight digits and a unit".into()).into_response();
        }
        Some(patience) => patience,
        None => None,
    };
    if let Some(patience) = patience {
        request.extensions_mut().insert(Patience(patience));
    }
    if !is_unary && !is_streamed {
        return next.run(request).await;
    }
    if is_unary && app.engine.is_full() {
        // The key and the quota come first.
        return access::guard_with(&app, request, |_| async { Problem::from(Error::Busy).into_response() }).await;
    }
    let run = access::guard_with(&app, request, |request| next.run(request));
    match patience.filter(|_| is_unary) {
        None => run.await,
        Some(patience) => match tokio::time::timeout(patience, run).await {
            Ok(response) => response,
            Err(_) => Problem::from(Error::DeadlineExceeded).into_response(),
        },
    }
}

/// A value of `grpc-timeout`: up to eight digits and a unit (gRPC over HTTP2, Requests).
fn timeout(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let digits = text.get(..text.len() - unit.len_utf8()).filter(|digits| (1..=8).contains(&digits.len()))?;
    let count: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    Some(match unit {
        'H' => Duration::from_secs(count * 3600),
        'M' => Duration::from_secs(count * 60),
        'S' => Duration::from_secs(count),
        'm' => Duration::from_millis(count),
        'u' => Duration::from_micros(count),
        'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

/// Renders a problem of any layer as a response that has nothing but trailers: a client of gRPC is told no status of HTTP.
pub(super) async fn render(request: Request, next: Next) -> Response {
    let content_type = request.headers().get(CONTENT_TYPE).cloned().unwrap_or(HeaderValue::from_static(GRPC));
    let is_call = is_call(&request);
    let mut response = next.run(request).await;
    let problem = response.extensions_mut().remove::<Problem>();
    // A call over HTTP/1.1 that is not gRPC-web's has an answer of HTTP's own.
    let Some(problem) = problem.or((is_call && !response.status().is_success()).then_some(Problem::MethodNotAllowed))
    else {
        return response;
    };
    let mut rendered: Response = status::status(&problem).into_http();
    rendered.headers_mut().insert(CONTENT_TYPE, content_type);
    // The quota, which a layer inside has added.
    for (name, value) in response.headers() {
        if name == CONNECTION || ["ratelimit", "access-control"].iter().any(|start| name.as_str().starts_with(start)) {
            rendered.headers_mut().append(name.clone(), value.clone());
        }
    }
    rendered.extensions_mut().insert(problem);
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_digits_and_a_unit() {
        for (text, expected) in [
            ("1H", Some(Duration::from_hours(1))),
            ("5010m", Some(Duration::from_millis(5010))),
            ("99999999S", Some(Duration::from_secs(99_999_999))),
            ("2M", Some(Duration::from_mins(2))),
            ("7u", Some(Duration::from_micros(7))),
            ("0n", Some(Duration::ZERO)),
            ("", None),
            ("S", None),
            ("100000000S", None),
            ("1", None),
            ("-1S", None),
            ("+1S", None),
            ("1s", None),
            ("1 S", None),
            ("1\u{e9}", None),
        ] {
            assert_eq!(timeout(text), expected, "{text}");
        }
    }

    #[test]
    fn methods_are_those_of_the_descriptions() {
        use prost::Message;

        let set = |bytes| prost_types::FileDescriptorSet::decode(bytes).unwrap();
        let files = [set(super::super::DESCRIPTORS), set(tonic_health::pb::FILE_DESCRIPTOR_SET)];
        let mut paths: Vec<String> = Vec::new();
        for file in files.iter().flat_map(|set| &set.file) {
            for service in &file.service {
                let name = format!("/{}.{}/", file.package(), service.name());
                paths.extend(service.method.iter().map(|method| name.clone() + method.name()));
            }
        }
        paths.extend([REFLECTION, REFLECTION_ALPHA].map(str::to_owned));
        paths.sort();
        let mut known = METHODS.to_vec();
        known.sort_unstable();
        assert_eq!(paths, known);
    }
}
