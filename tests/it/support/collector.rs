//! A trace collector that receives OTLP over HTTP and keeps every export.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Map, Value};
use tokio::net::TcpListener;

/// An export request.
#[derive(Clone)]
pub(crate) struct Export {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Clone)]
struct Kept {
    exports: Arc<Mutex<Vec<Export>>>,
    status: Arc<AtomicU16>,
}

/// Listens on a free port.
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    kept: Kept,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let kept = Kept { exports: Arc::default(), status: Arc::new(AtomicU16::new(200)) };
        let router = Router::new().fallback(keep).with_state(kept.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, kept }
    }

    /// Answers every request from now on with `status`.
    pub(crate) fn answer(&self, status: u16) {
        self.kept.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn exports(&self) -> Vec<Export> {
        self.kept.exports.lock().unwrap().clone()
    }

    pub(crate) fn spans(&self) -> Spans {
        Spans::read(&self.exports())
    }

    /// The spans since the last call.
    pub(crate) fn take(&self) -> Vec<Span> {
        Spans::read(&std::mem::take(&mut *self.kept.exports.lock().unwrap())).all
    }
}

async fn keep(State(kept): State<Kept>, request: Request) -> StatusCode {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let export = Export { path: head.uri.path().to_owned(), headers: head.headers, body };
    kept.exports.lock().unwrap().push(export);
    StatusCode::from_u16(kept.status.load(Ordering::SeqCst)).unwrap()
}

/// The spans of several exports.
pub(crate) struct Spans {
    pub(crate) all: Vec<Span>,
    /// The resource attributes of the exports.
    pub(crate) resource: Value,
}

impl Spans {
    fn read(exports: &[Export]) -> Self {
        let mut spans = Self { all: Vec::new(), resource: Value::Null };
        for export in exports {
            assert_eq!(export.headers["content-type"], "application/x-protobuf");
            for group in ExportTraceServiceRequest::decode(&export.body[..]).unwrap().resource_spans {
                spans.resource = attributes(&group.resource.unwrap().attributes);
                spans.all.extend(group.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        spans
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.all.iter().map(|span| &*span.name).collect();
        names.sort_unstable();
        names
    }

    /// The only span of that name.
    pub(crate) fn named(&self, name: &str) -> &Span {
        let mut spans = self.all.iter().filter(|span| span.name == name);
        let span = spans.next().unwrap_or_else(|| panic!("no span {name} in {:?}", self.names()));
        assert!(spans.next().is_none(), "{name} is there twice");
        span
    }
}

/// Attributes as a JSON object. Fails for a value that is neither a string nor an integer.
pub(crate) fn attributes(attributes: &[KeyValue]) -> Value {
    let pair = |attribute: &KeyValue| {
        let value = match attribute.value.clone().unwrap().value.unwrap() {
            Any::StringValue(text) => Value::from(text),
            Any::IntValue(number) => Value::from(number),
            other => panic!("{} is {other:?}", attribute.key),
        };
        (attribute.key.clone(), value)
    };
    Value::Object(attributes.iter().map(pair).collect::<Map<_, _>>())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
