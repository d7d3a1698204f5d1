//! Who may have a picture analysed, and how often.

use std::path::Path;

use glimpse::http::{Access, App};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{Process, Server, answer, app, base64, config, picture, serving};

async fn server(flags: &[&str]) -> Server {
    Server::with(App { access: Access::new(&config(flags).access).unwrap(), ..app() }).await
}

fn analyze(server: &Server) -> RequestBuilder {
    let body = json!({ "base64Image": base64(&picture("coffee.jpg")) }).to_string();
    server.client.post(server.url("/api/v1/analyze")).body(body)
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_key_where_one_is_asked_for() {
    let server = server(&["--api-keys", "first,second"]).await;
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
        // The key in the header that comes first counts.
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

#[test]
fn keys_from_a_file() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("keys.txt");
    std::fs::write(&path, "from-a-file\n\n  another  \n").unwrap();
    let flags = ["--api-keys", "given", "--api-keys-file", path.to_str().unwrap()];
    let keys = config(&flags).access.keys().unwrap();
    assert!(keys.has(b"given") && keys.has(b"from-a-file") && keys.has(b"another") && !keys.has(b""));
    std::fs::write(&path, "\n").unwrap();
    assert!(config(&flags).access.keys().unwrap_err().to_string().contains("there is none"));
    std::fs::remove_file(&path).unwrap();
    assert!(config(&flags).access.keys().unwrap_err().to_string().contains("API_KEYS_FILE"));
}

#[tokio::test]
async fn keys_are_never_logged() {
    let mut command = serving();
    command.env("API_KEYS", "a-secret-key").args(["--log-level", "trace"]);
    let mut process = Process::start(command);
    let client = reqwest::Client::new();
    let request = client.post(process.url("/api/v1/analyze")).body("{}");
    assert_eq!(request.bearer_auth("a-secret-key").send().await.unwrap().status(), 400);
    let mut log = process.ready.to_string();
    loop {
        let line = process.line();
        log.push_str(&line.to_string());
        if line["message"] == "request" {
            break;
        }
    }
    assert!(!log.contains("a-secret-key"), "{log}");
}

#[tokio::test]
async fn a_client_that_asks_too_often() {
    let server = server(&["--rate-limit", "1,3", "--trusted-proxies", "127.0.0.0/8"]).await;
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
    // Another client is another one, and what costs nothing is not counted.
    assert_eq!(status(asked_by("192.0.2.2")).await, 200);
    assert_eq!(server.get("/").await.status(), 200);
    // An IPv6 client is its network.
    for (address, expected) in [("2001:db8::1", 200), ("2001:db8::2", 200), ("2001:db8::3", 200), ("2001:db8::4", 429)]
    {
        assert_eq!(status(asked_by(address)).await, expected, "{address}");
    }
    assert_eq!(status(asked_by("2001:db8:0:1::1")).await, 200);
}

#[tokio::test]
async fn a_forged_address_is_not_believed() {
    let server = server(&["--rate-limit", "1"]).await;
    assert_eq!(status(analyze(&server).header("x-forwarded-for", "192.0.2.1")).await, 200);
    assert_eq!(status(analyze(&server).header("x-forwarded-for", "192.0.2.2")).await, 429);
    let mut process = Process::start(serving());
    let request = reqwest::Client::new().get(process.url("/health")).header("x-forwarded-for", "192.0.2.1");
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(process.line()["remote_ip"], Value::from("127.0.0.1"));
}
