//! The API description. These tests provoke every described status, and `support::answer` checks that every status that
//! other tests provoke is described.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::raw::{Response, head};
use crate::support::{Begun, Builder, Server, answer, base64, description, picture, scripted};

/// Headers of HTTP or of every response, which the description omits.
const UNDESCRIBED: [&str; 7] = [
    "access-control-expose-headers",
    "connection",
    "content-length",
    "content-type",
    "date",
    "vary",
    "x-content-type-options",
];

/// The target of `$ref`, or `value` itself.
fn resolved(value: &Value) -> &Value {
    value["$ref"].as_str().map_or(value, |at| description().pointer(&at[1..]).unwrap())
}

/// The violations of `schema` in `value`.
fn problems(schema: &Value, value: &Value) -> Vec<String> {
    let mut schema = schema.clone();
    schema["components"] = description()["components"].clone();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

/// Fails if the status, the headers or the body of a response differ from the description.
fn hold(method: &str, path: &str, response: &Response) {
    let Response { status, headers, body } = response;
    let place = format!("{method} {path}: {status} {body}");
    let described = &description()["paths"][path][method]["responses"][status.to_string()];
    assert!(described.is_object(), "{place} is not described");
    let described_headers = described["headers"].as_object().unwrap();
    for (name, header) in described_headers {
        let is_there = headers.contains_key(name);
        assert!(is_there || resolved(header)["required"] != json!(true), "{place} has no {name}");
        let is_number = headers.get(name).is_some_and(|value| value.parse::<u64>().is_ok());
        assert!(!is_there || is_number || resolved(header)["schema"]["type"] != "integer", "{place}: {name}");
    }
    for name in headers.keys().filter(|name| !UNDESCRIBED.contains(&name.as_str())) {
        assert!(described_headers.contains_key(name), "{place} has {name}, which is not described");
    }
    let content = &described["content"][&headers["content-type"]];
    assert!(content.is_object(), "{place} is {}", headers["content-type"]);
    let value = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.clone()));
    assert_eq!(problems(&content["schema"], &value), [""; 0], "{place}");
}

/// The routes that analyze pictures, in the order of [`Case::statuses`].
const ROUTES: [&str; 3] = ["/api/v1/analyze", "/predict", "/api/v1/analyze/batch"];

/// A request, its server, and the statuses of the routes for it.
struct Case {
    server: Builder,
    content_type: &'static str,
    coding: &'static str,
    /// A header in place of the true Content-Length.
    framing: Option<&'static str>,
    /// The body. `FIELD` stands for the name of the route's field.
    body: String,
    statuses: [u16; 3],
}

/// A case whose body has this text in the field.
fn case(server: Builder, text: &str, statuses: [u16; 3]) -> Case {
    let body = json!({ "FIELD": text }).to_string();
    Case { server, content_type: "application/json", coding: "identity", framing: None, body, statuses }
}

fn with(flags: &[&str]) -> Builder {
    Server::builder().flags(flags)
}

/// A server whose worker panics on every request.
fn panicking() -> Builder {
    let (worker, script) = scripted();
    script.each(Begun::panic);
    Server::builder().worker(worker)
}

/// A server whose worker never finishes a request.
fn stuck() -> Builder {
    let (worker, script) = scripted();
    let mut held = Vec::new();
    script.each(move |begun| held.push(begun));
    Server::builder().worker(worker)
}

fn cases() -> Vec<Case> {
    let file = base64(&picture("coffee.jpg"));
    let half = base64(&picture("coffee.jpg")[..1000]);
    let usual = Server::builder;
    let too_long = Some("Content-Length: 1000");
    let chunked = Some("Transfer-Encoding: chunked");
    vec![
        case(usual(), &file, [200, 200, 200]),
        Case { body: "{}".into(), ..case(usual(), "", [400, 422, 400]) },
        Case { body: "[]".into(), ..case(usual(), "", [400, 422, 400]) },
        Case { body: "{".into(), ..case(usual(), "", [400, 422, 400]) },
        Case { body: r#"{"FIELD": 1}"#.into(), ..case(usual(), "", [400, 422, 400]) },
        Case { body: "no chunk\r\n".into(), framing: chunked, ..case(usual(), "", [400, 400, 400]) },
        case(usual(), "no base64!", [400, 500, 200]),
        case(with(&["--api-keys", "key"]), &file, [401, 401, 401]),
        Case { framing: too_long, ..case(with(&["--body-timeout", "100ms"]), "eA==", [408, 408, 408]) },
        case(with(&["--max-body-bytes", "10"]), &file, [413, 413, 413]),
        Case { content_type: "text/plain", ..case(usual(), &file, [415, 200, 415]) },
        Case { coding: "br", ..case(usual(), &file, [415, 415, 415]) },
        Case { coding: "gzip", ..case(usual(), &file, [400, 400, 400]) },
        case(usual(), "aGVsbG8=", [422, 500, 200]),
        case(usual(), &half, [422, 500, 200]),
        case(panicking(), "eA==", [500, 500, 200]),
        case(with(&["--max-inflight-bytes", "10"]), &file, [503, 500, 503]),
        case(stuck().flags(&["--inference-timeout", "30ms"]), "eA==", [504, 500, 504]),
    ]
}

/// Sends a request, checks the response against the description, and returns its status.
async fn ask(server: &Server, method: &str, path: &str, headers: &[&str], body: &str) -> u16 {
    let line = format!("{} {path}", method.to_uppercase());
    let response = server.exchange(head(&line, &[&["Connection: close"], headers].concat()) + body).await;
    hold(method, path, &response);
    response.status
}

impl Case {
    /// Sends the request to `path` and returns the status.
    async fn post(&self, server: &Server, path: &str) -> u16 {
        let body = self.body(path);
        let length = format!("Content-Length: {}", body.len());
        let content_type = format!("Content-Type: {}", self.content_type);
        let coding = format!("Content-Encoding: {}", self.coding);
        ask(server, "post", path, &[&content_type, &coding, self.framing.unwrap_or(&length)], &body).await
    }

    /// The body for a route. A batch has the text in a list.
    fn body(&self, path: &str) -> String {
        let field = match path {
            "/predict" => "image_data",
            "/api/v1/analyze/batch" => "images",
            _ => "base64Image",
        };
        let body = self.body.replace("FIELD", field);
        match serde_json::from_str::<Value>(&body) {
            Ok(body) if field == "images" && body[field].is_string() => json!({ field: [body[field]] }).to_string(),
            _ => body,
        }
    }

    async fn start(&mut self) -> Server {
        std::mem::take(&mut self.server).start().await
    }
}

#[tokio::test]
async fn every_described_status_is_real() {
    let mut seen = BTreeSet::new();
    for mut case in cases() {
        let server = case.start().await;
        for (path, expected) in ROUTES.into_iter().zip(case.statuses) {
            assert_eq!(case.post(&server, path).await, expected, "{path}: {:.40}", case.body);
            seen.insert(("post", path, expected));
        }
    }
    for path in ROUTES {
        let mut case = case(with(&["--rate-limit", "1"]), "", [400, 500, 400]);
        let server = case.start().await;
        assert_ne!(case.post(&server, path).await, 429);
        assert_eq!(case.post(&server, path).await, 429);
        seen.insert(("post", path, 429));
    }
    let server = Server::start().await;
    let gets = ["/api/v1/model", "/api/v1/openapi.json", "/health", "/livez", "/readyz", "/metrics"];
    for path in gets {
        seen.insert(("get", path, ask(&server, "get", path, &[], "").await));
    }
    server.leave();
    for path in gets {
        seen.insert(("get", path, ask(&server, "get", path, &[], "").await));
    }

    let mut described = BTreeSet::new();
    for (path, methods) in description()["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let statuses = operation["responses"].as_object().unwrap().keys();
            described.extend(statuses.map(|status| (method.as_str(), path.as_str(), status.parse().unwrap())));
        }
    }
    assert_eq!(described, seen);
}

#[tokio::test]
async fn the_server_serves_its_description() {
    let server = Server::start().await;
    let (status, body) = answer(server.get("/api/v1/openapi.json").await).await;
    assert_eq!((status, &body), (200, description()));
    assert_eq!((&body["openapi"], &body["info"]["version"]), (&json!("3.1.0"), &json!(env!("CARGO_PKG_VERSION"))));
    let schemes = &body["components"]["securitySchemes"];
    assert_eq!((&schemes["bearer"]["scheme"], &schemes["key"]["name"]), (&json!("bearer"), &json!("x-api-key")));
}

/// Every example of a response matches its schema. Every example of a request is answered with 200.
#[tokio::test]
async fn examples_are_valid() {
    let mut checked = 0;
    for (at, media) in media() {
        let named = media["examples"].as_object().into_iter().flat_map(|all| all.values().map(|it| &it["value"]));
        for example in named.chain(media.get("example")) {
            assert_eq!(problems(&media["schema"], example), [""; 0], "{at}: {example}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} examples");
    let server = Server::start().await;
    for (path, schema) in [("/api/v1/analyze", "Picture"), ("/predict", "PictureData")] {
        let fields = description()["components"]["schemas"][schema]["properties"].as_object().unwrap();
        let body: Value = fields.iter().map(|(name, field)| (name.clone(), field["example"].clone())).collect();
        assert_eq!(server.post(path, body.to_string()).await.status(), 200, "{path}");
    }
}

/// The content of every described response, with its position in the description.
fn media() -> Vec<(String, &'static Value)> {
    let mut found = Vec::new();
    for (path, methods) in description()["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let content = response["content"].as_object().unwrap().values();
                found.extend(content.map(|media| (format!("{path} {status}"), media)));
            }
        }
    }
    found
}
