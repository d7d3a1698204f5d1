//! Any body at the doors that take one apart: the Open Inference Protocol with binary data, the messages of gRPC, batches and
//! the adapters. An answer has a status that is documented, and its door's own form.
#![no_main]

#[path = "stub.rs"]
mod stub;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use glimpse::doors::Doors;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

const STATUSES: [u16; 6] = [200, 400, 413, 415, 422, 503];

/// The codes of gRPC: those of the client's mistakes, and of a full server.
const CODES: [&str; 7] = ["0", "1", "3", "5", "8", "12", "14"];

const GRPC: [&str; 6] = [
    "/inference.GRPCInferenceService/ModelInfer",
    "/inference.GRPCInferenceService/ModelStreamInfer",
    "/inference.GRPCInferenceService/ModelMetadata",
    "/glimpse.v1.Classifier/Classify",
    "/glimpse.v1.Classifier/ClassifyBatch",
    "/glimpse.v1.Classifier/ClassifyStream",
];

const HTTP: [&str; 4] = ["/api/v1/analyze/batch", "/v1/models/cat:predict", "/", "/v2/models/cat/infer"];

/// The first byte chooses a door. With the next two, a request with binary data says how long its JSON is.
fn request(input: &[u8]) -> Option<(Request<Body>, bool)> {
    let (kind, body) = input.split_first()?;
    let kind = usize::from(*kind);
    let post = |path: &str| Request::post(path).header("host", "x");
    if let Some(path) = HTTP.get(kind % 16) {
        return Some((post(path).header("content-type", "application/json").body(body.to_vec().into()).ok()?, false));
    }
    if let Some(path) = GRPC.get(kind % 16 - HTTP.len()) {
        // A frame of its own, or the bytes as they are.
        let length = u32::try_from(body.len()).ok()?.to_be_bytes();
        let frame = if kind >= 128 { body.to_vec() } else { [&[0][..], &length, body].concat() };
        let request = post(path).header("content-type", "application/grpc").header("te", "trailers");
        return Some((request.version(axum::http::Version::HTTP_2).body(frame.into()).ok()?, true));
    }
    let (length, body) = body.split_first_chunk::<2>()?;
    let header = u16::from_le_bytes(*length);
    let name = if kind >= 128 { "cat-tensor" } else { stub::MODEL };
    let request = post(&format!("/v2/models/{name}/infer")).header("inference-header-content-length", header);
    Some((request.body(body.to_vec().into()).ok()?, false))
}

async fn answer(doors: Doors, request: Request<Body>, is_grpc: bool) {
    let response = doors.oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    if is_grpc {
        use http_body_util::BodyExt;

        assert_eq!(status, StatusCode::OK);
        let collected = response.into_body().collect().await.unwrap();
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let code = headers.get("grpc-status").or(trailers.get("grpc-status")).expect("a status");
        assert!(CODES.contains(&code.to_str().unwrap()), "{code:?} {headers:?} {trailers:?}");
        return;
    }
    assert!(STATUSES.contains(&status.as_u16()), "{status}");
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    if headers["content-type"] == "application/json" {
        serde_json::from_slice::<Value>(&body).unwrap();
    } else {
        assert_eq!(status, StatusCode::OK);
    }
}

thread_local! {
    static SERVER: (Runtime, Doors) = {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        (runtime, stub::server().0)
    };
}

fuzz_target!(|input: &[u8]| {
    let Some((request, is_grpc)) = request(input) else { return };
    SERVER.with(|(runtime, doors)| runtime.block_on(answer(doors.clone(), request, is_grpc)));
});
