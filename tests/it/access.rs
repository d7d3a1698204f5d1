//! API keys, rate limits and the addresses of clients.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{Begun, Process, Server, analyze_body, answer, picture, refused, serving, temporary};

fn analyze(server: &Server) -> RequestBuilder {
    server.client.post(server.url("/api/v1/analyze")).body(analyze_body(&picture("coffee.jpg")))
}

/// A server that answers at once: an analysis may take longer than a quota takes to fill up.
async fn prompt(flags: &[&str]) -> Server {
    let (server, script) = Server::scripted(flags).await;
    script.each(Begun::answer);
    server
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn analyses_need_a_key_where_keys_are_configured() {
    let server = Server::with_flags(&["--api-keys", "first,second"]).await;
    for request in [
        analyze(&server).bearer_auth("first"),
        analyze(&server).header("authorization", "bearer second"),
        analyze(&server).header("x-api-key", "first"),
    ] {
        assert_eq!(status(request).await, 200);
    }
    for request in [
        analyze(&server),
        analyze(&server).bearer_auth("third"),
        analyze(&server).bearer_auth(""),
        analyze(&server).bearer_auth("first,second"),
        analyze(&server).header("x-api-key", "firs"),
        analyze(&server).header("authorization", "Basic first"),
        // Authorization takes precedence over X-API-Key.
        analyze(&server).bearer_auth("third").header("x-api-key", "first"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let message = "An API key is required: send one as Authorization: Bearer, or as X-API-Key";
        assert_eq!(answer(response).await, (401, json!({ "message": message })));
    }
    for open in ["/health", "/livez", "/readyz", "/metrics", "/api/v1/model", "/"] {
        assert_eq!(server.get(open).await.status(), 200, "{open}");
    }
    let predict = server.client.post(server.url("/predict")).body("{}").send().await.unwrap();
    let (status, body) = answer(predict).await;
    assert!(status == 401 && body["detail"].as_str().unwrap().starts_with("An API key is required"), "{body}");
    let form = server.client.post(server.url("/answer")).body("").send().await.unwrap();
    assert_eq!(form.status(), 401);
    assert!(form.text().await.unwrap().contains(r#"role="alert">An API key is required"#));
}

#[tokio::test]
async fn keys_from_a_file() {
    let path = temporary("keys.txt");
    std::fs::write(&path, "from-a-file\n\n  another  \n").unwrap();
    let flags = ["--api-keys", "given", "--api-keys-file", path.to_str().unwrap()];
    let server = Server::with_flags(&flags).await;
    for (key, expected) in [("given", 200), ("from-a-file", 200), ("another", 200), ("", 401), ("neither", 401)] {
        assert_eq!(status(analyze(&server).bearer_auth(key)).await, expected, "{key}");
    }
    std::fs::write(&path, "\n").unwrap();
    let empty = refused(serving().args(flags));
    assert!(empty.contains("it holds no key"), "{empty}");
    std::fs::remove_file(&path).unwrap();
    let missing = refused(serving().args(flags));
    assert!(missing.contains("API_KEYS_FILE"), "{missing}");
}

#[tokio::test]
async fn keys_are_never_logged() {
    let mut command = serving();
    command.env("API_KEYS", "a-secret-key").args(["--log-level", "trace"]);
    let process = Process::start(command);
    let client = reqwest::Client::new();
    let request = client.post(process.url("/api/v1/analyze")).body("{}");
    assert_eq!(request.bearer_auth("a-secret-key").send().await.unwrap().status(), 400);
    let log = format!("{} {:?}", process.ready.clone(), process.stop());
    assert!(log.contains("/api/v1/analyze"), "{log}");
    assert!(!log.contains("a-secret-key"), "{log}");
}

#[tokio::test]
async fn a_client_that_asks_too_often() {
    let server = prompt(&["--rate-limit", "1,3", "--trusted-proxies", "127.0.0.0/8"]).await;
    let asked_by = |client: &str| analyze(&server).header("x-forwarded-for", client.to_owned());
    for left in ["2", "1", "0"] {
        let response = asked_by("192.0.2.1").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["ratelimit-policy"], "\"default\";q=3;w=3");
        assert!(response.headers()["ratelimit"].to_str().unwrap().starts_with(&format!("\"default\";r={left};")));
    }
    let response = asked_by("192.0.2.1").send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.headers()["ratelimit"], "\"default\";r=0;t=1");
    assert_eq!(answer(response).await, (429, json!({ "message": "Too many requests: try again in 1 s" })));
    // Each client has a quota of its own, and pages are not counted.
    assert_eq!(status(asked_by("192.0.2.2")).await, 200);
    assert_eq!(server.get("/").await.status(), 200);
    // The addresses of an IPv6 network (/64) share a quota.
    for (address, expected) in [("2001:db8::1", 200), ("2001:db8::2", 200), ("2001:db8::3", 200), ("2001:db8::4", 429)]
    {
        assert_eq!(status(asked_by(address)).await, expected, "{address}");
    }
    assert_eq!(status(asked_by("2001:db8:0:1::1")).await, 200);
}

#[tokio::test]
async fn a_forwarded_address_counts_only_behind_a_trusted_proxy() {
    let server = prompt(&["--rate-limit", "1"]).await;
    assert_eq!(status(analyze(&server).header("x-forwarded-for", "192.0.2.1")).await, 200);
    assert_eq!(status(analyze(&server).header("x-forwarded-for", "192.0.2.2")).await, 429);
    let process = Process::start(serving());
    let request = reqwest::Client::new().get(process.url("/health")).header("x-forwarded-for", "192.0.2.1");
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(process.line()["remote_ip"], Value::from("127.0.0.1"));
}
