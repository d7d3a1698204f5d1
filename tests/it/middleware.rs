//! Request ids, the log line of a request, and CORS.

use reqwest::Method;
use serde_json::json;

use crate::support::{Process, Server, serving};

#[tokio::test]
async fn the_clients_id_is_returned() {
    let server = Server::start().await;
    let ask = |id: &'static str| server.client.get(server.url("/health")).header("x-request-id", id).send();
    assert_eq!(ask("abc-123").await.unwrap().headers()["x-request-id"], "abc-123");
    assert_eq!(ask("abc-123").await.unwrap().headers().get_all("x-request-id").iter().count(), 1);
}

#[tokio::test]
async fn an_id_is_generated_without_a_usable_one() {
    let server = Server::start().await;
    let id = |response: reqwest::Response| response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let first = id(server.get("/health").await);
    let second = id(server.get("/api/v1/nothing").await);
    assert!(first.len() == 36 && first != second, "{first} {second}");
    let long = "a".repeat(129);
    for unusable in ["", "two words", &long] {
        let request = server.client.get(server.url("/health")).header("x-request-id", unusable);
        assert_eq!(id(request.send().await.unwrap()).len(), 36, "{unusable}");
    }
}

async fn preflight(server: &Server, origin: &str) -> reqwest::Response {
    let request = server.client.request(Method::OPTIONS, server.url("/api/v1/analyze"));
    let request = request.header("origin", origin).header("access-control-request-method", "POST");
    request.header("access-control-request-headers", "content-type").send().await.unwrap()
}

#[tokio::test]
async fn configured_origins_may_call_and_others_may_not() {
    let server = Server::with_flags(&["--cors-allow-origins", "http://localhost:4321,https://example.org"]).await;
    for origin in ["http://localhost:4321", "https://example.org"] {
        let response = preflight(&server, origin).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["access-control-allow-origin"], origin);
        assert_eq!(response.headers()["access-control-allow-methods"], "GET,POST");
        assert_eq!(
            response.headers()["access-control-allow-headers"],
            "authorization,content-type,x-request-id,x-api-key,traceparent"
        );
    }
    for origin in ["http://localhost:4322", "https://evil.example", "null"] {
        assert!(!preflight(&server, origin).await.headers().contains_key("access-control-allow-origin"), "{origin}");
    }
    for path in
        ["/", "/models/MobileNetV2", "/v1/models/MobileNetV2:predict", "/invocations", "/v2/models/MobileNetV2/infer"]
    {
        let request = server.client.request(Method::OPTIONS, server.url(path)).header("origin", "https://example.org");
        let response = request.header("access-control-request-method", "POST").send().await.unwrap();
        assert_eq!(response.headers()["access-control-allow-origin"], "https://example.org", "{path}");
        let binary = "inference-header-content-length";
        let allows = |name: &str| response.headers()[name].to_str().unwrap().contains(binary);
        assert_eq!(allows("access-control-allow-headers"), path.starts_with("/v2/"), "{path}");
    }
    let request = server.client.get(server.url("/health")).header("origin", "https://example.org");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "https://example.org");
    let exposed = "x-request-id,retry-after,server-timing,model-revision,ratelimit-policy,ratelimit";
    assert_eq!(response.headers()["access-control-expose-headers"], exposed);
}

#[tokio::test]
async fn any_origin_or_none() {
    let any = Server::with_flags(&["--cors-allow-origins", "*"]).await;
    let response = preflight(&any, "https://anywhere.example").await;
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert!(!response.headers().contains_key("access-control-allow-credentials"));
    let none = Server::with_flags(&["--cors-allow-origins", ""]).await;
    assert!(!preflight(&none, "http://localhost:4321").await.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn one_json_line_a_request() {
    let process = Process::start(serving());
    let client = reqwest::Client::new();
    let url = process.url("/api/v1/analyze?a=b");
    let request = client.post(url).header("x-request-id", "my-id").body(json!({ "base64Image": "!" }).to_string());
    assert_eq!(request.send().await.unwrap().status(), 400);
    let line = process.line();
    for (field, value) in [
        ("level", json!("INFO")),
        ("id", json!("my-id")),
        ("remote_ip", json!("127.0.0.1")),
        ("method", json!("POST")),
        ("uri", json!("/api/v1/analyze?a=b")),
        ("status", json!(400)),
        ("error", json!("base64Image is not valid base64")),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert!(line["latency"].as_u64().unwrap() > 0, "{line}");
    assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    client.get(process.url("/health")).send().await.unwrap();
    let line = process.line();
    assert_eq!((&line["status"], &line["error"], &line["uri"]), (&json!(200), &json!(""), &json!("/health")));
}

#[test]
fn a_log_for_people() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let mut command = serving();
    let mut child = command.args(["--log-format", "text"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().take(2).map(|line| line.unwrap()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let [budgets, ready] = &lines[..] else { panic!("{lines:?}") };
    assert!(budgets.contains("INFO budgets") && budgets.contains("max_picture_bytes="), "{budgets}");
    assert!(ready.contains("INFO ready") && ready.contains("model=") && !ready.starts_with('{'), "{ready}");
}
