//! The small routes: health, the model, the metrics.

use std::collections::BTreeSet;

use glimpse::image::ACCEPTED;
use serde_json::json;

use crate::support::{Process, Server, answer, model, picture, root, serving};

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
    let model = model();
    assert_eq!(
        body,
        json!({
            "name": model.name,
            "version": model.version,
            "source": model.source,
            "weightsSha256": model.weights_sha256,
            "licence": model.licence,
            "precision": model.precision,
            "input": { "width": model.input.width, "height": model.input.height },
            "labels": 1000,
            "multiLabel": false,
            "threshold": 0.0,
            "activation": { "rows": 7, "columns": 7 },
            "revision": model.revision,
            "limits": { "bodyBytes": 20_971_520, "batch": 32, "pixels": 50_000_000, "pictureBytes": 640_000_000, "timeoutMs": 10_000 },
            "formats": ACCEPTED,
        })
    );
    assert!(["MobileNetV2", "EfficientNet-Lite0"].contains(&body["name"].as_str().unwrap()));
    assert_eq!(body["licence"], "Apache-2.0");
    assert_eq!(body["input"], json!({ "width": 224, "height": 224 }));
}

#[tokio::test]
async fn metrics_that_prometheus_reads() {
    // Its own engine, because a shared one would count the other tests' requests in the queue.
    let server = Server::with_flags(&["--workers", "1"]).await;
    assert_eq!(server.analyze(&picture("coffee.jpg")).await.status(), 200);
    let path = "/a/path/of/its/own?secret=1";
    assert_eq!(server.get(path).await.status(), 404);
    assert_eq!(server.client.request("WEIRD".parse().unwrap(), server.url("/")).send().await.unwrap().status(), 405);
    let response = server.get("/metrics").await;
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = response.text().await.unwrap();
    for line in [
        r#"glimpse_http_requests_total{route="/api/v1/analyze",method="POST",status="200"} "#,
        r#"glimpse_http_requests_total{route="site",method="GET",status="404"} "#,
        r#"glimpse_http_requests_total{route="/",method="other",status="405"} "#,
        r#"glimpse_http_request_duration_seconds_bucket{route="/api/v1/analyze",method="POST",le="10"} "#,
        r#"glimpse_stage_duration_seconds_count{stage="decode"} "#,
        r#"glimpse_stage_duration_seconds_count{stage="resize"} "#,
        r#"glimpse_stage_duration_seconds_count{stage="inference"} "#,
        "glimpse_queue_wait_seconds_count ",
        "glimpse_queue_depth 0",
        "glimpse_inflight_bytes 0",
        "glimpse_inflight_bytes_limit ",
        "glimpse_picture_bytes_limit ",
        "glimpse_workers ",
        "glimpse_ready 1",
        "glimpse_spans_dropped_total 0",
        concat!(r#"glimpse_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#"",instance_id=""#),
        r#"glimpse_model_info{name=""#,
        "process_resident_memory_bytes ",
        "process_open_fds ",
    ] {
        assert!(text.lines().any(|it| it.starts_with(line)), "{line} is missing:\n{text}");
    }
    assert!(!text.contains("secret") && !text.contains("of/its/own") && !text.contains("WEIRD"), "{text}");
}

/// The reasons of refusals that the documentation of a metric lists.
fn documented(metric: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("scripts/deploy/README.md")).unwrap();
    let (_, after) = text.split_once(&format!("- Reasons of `{metric}`: ")).unwrap();
    let (list, _) = after.split_once('.').unwrap();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn refusals_are_counted_from_zero_for_each_reason() {
    // A process of its own: servers in one share their metrics.
    let process = Process::start(serving());
    let metrics = reqwest::get(process.url("/metrics")).await.unwrap().text().await.unwrap();
    for metric in ["glimpse_rejected_total", "glimpse_http_refused_total"] {
        let samples = metrics.lines().filter_map(|line| line.strip_prefix(metric)?.strip_prefix("{reason=\""));
        let samples: BTreeSet<&str> = samples.collect();
        let expected: Vec<_> = documented(metric).iter().map(|reason| format!("{reason}\"}} 0")).collect();
        assert!(expected.len() > 2);
        assert_eq!(samples, expected.iter().map(String::as_str).collect(), "{metric}");
    }
}
