//! The small routes: health, the model.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use serde_json::json;
use support::{Server, answer, app};

#[tokio::test]
async fn health() {
    let server = Server::start().await;
    assert_eq!(answer(server.get("/health").await).await, (200, json!({ "status": "ok" })));
    assert_eq!(server.client.head(server.url("/health")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_model_that_serves() {
    let server = Server::start().await;
    let (status, body) = answer(server.get("/api/v1/model").await).await;
    assert_eq!(status, 200);
    let model = app().model;
    assert_eq!(
        body,
        json!({
            "name": model.name,
            "version": model.version,
            "source": model.source,
            "weightsSha256": model.weights_sha256,
            "licence": model.licence,
            "input": { "width": model.input.width, "height": model.input.height },
            "labels": 1000,
            "limits": { "bodyBytes": 20_971_520, "pixels": 50_000_000, "timeoutMs": 10_000 },
        })
    );
    assert!(["MobileNetV2", "EfficientNet-Lite0"].contains(&body["name"].as_str().unwrap()));
    assert_eq!(body["licence"], "Apache-2.0");
    assert_eq!(body["input"], json!({ "width": 224, "height": 224 }));
}
