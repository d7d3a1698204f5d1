//! The description of the API, held against what servers answer: every status that it names is provoked here, and
//! `support::answer` finds every status that any test provokes in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use glimpse::engine::{Analysis, Budget, Limits, Payload, Ticket, Work};
use glimpse::error::Error;
use glimpse::http::{Access, App};
use glimpse::lifecycle::Phase;
use serde_json::{Value, json};

use crate::support::{LONG, Server, answer, app, app_with, base64, config, description, picture};

/// Headers that belong to HTTP, or to every answer there is, rather than to the API.
const UNDESCRIBED: [&str; 7] = [
    "access-control-expose-headers",
    "connection",
    "content-length",
    "content-type",
    "date",
    "vary",
    "x-content-type-options",
];

/// An answer, as it came.
struct Answer {
    status: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Answer {
    fn new(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
        let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
        Self { status, headers: lines.map(pair).collect(), body: body.to_owned() }
    }
}

/// What is described at `$ref`, or the thing itself.
fn resolved(value: &Value) -> &Value {
    value["$ref"].as_str().map_or(value, |at| description().pointer(&at[1..]).unwrap())
}

/// What is wrong with `value` by `schema`.
fn problems(schema: &Value, value: &Value) -> Vec<String> {
    let mut schema = schema.clone();
    schema["components"] = description()["components"].clone();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

/// Holds an answer against the description: its status, its headers, its body.
fn hold(method: &str, path: &str, answer: &Answer) {
    let Answer { status, headers, body } = answer;
    let place = format!("{method} {path}: {status} {body}");
    let described = &description()["paths"][path][method]["responses"][status];
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

/// A worker that waits for longer than anybody, or panics.
struct Useless {
    panics: bool,
}

impl Work for Useless {
    fn run(&mut self, _: &Payload, ticket: &Ticket) -> Result<Analysis, Error> {
        assert!(!self.panics, "as the test asks");
        while ticket.check().is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(Error::DeadlineExceeded)
    }
}

fn useless(panics: bool, timeout: Duration) -> App {
    app_with(vec![Useless { panics }], Limits { queue_depth: 4, timeout })
}

fn guarded(flags: &[&str]) -> App {
    App { access: Access::new(&config(flags).access).unwrap(), ..app() }
}

/// A request to a server of its own, and the statuses that `/api/v1/analyze` and `/predict` answer it with.
struct Case {
    app: App,
    content_type: &'static str,
    /// How its length is told, where not truly.
    framing: Option<&'static str>,
    /// With `FIELD` for the field's name, which each route has its own of.
    body: String,
    analyze: u16,
    predict: u16,
}

fn case(app: App, text: &str, analyze: u16, predict: u16) -> Case {
    let body = json!({ "FIELD": text }).to_string();
    Case { app, content_type: "application/json", framing: None, body, analyze, predict }
}

fn cases() -> Vec<Case> {
    let file = base64(&picture("coffee.jpg"));
    let half = base64(&picture("coffee.jpg")[..1000]);
    let too_long = Some("Content-Length: 1000");
    let chunked = Some("Transfer-Encoding: chunked");
    vec![
        case(app(), &file, 200, 200),
        Case { body: "{}".into(), ..case(app(), "", 400, 422) },
        Case { body: "[]".into(), ..case(app(), "", 400, 422) },
        Case { body: "{".into(), ..case(app(), "", 400, 422) },
        Case { body: r#"{"FIELD": 1}"#.into(), ..case(app(), "", 400, 422) },
        Case { body: "no chunk\r\n".into(), framing: chunked, ..case(app(), "", 400, 400) },
        case(app(), "no base64!", 400, 500),
        case(guarded(&["--api-keys", "key"]), &file, 401, 401),
        Case { framing: too_long, ..case(app(), "eA==", 408, 408) },
        case(App { max_body_bytes: 10, ..app() }, &file, 413, 413),
        Case { content_type: "text/plain", ..case(app(), &file, 415, 200) },
        case(app(), "aGVsbG8=", 422, 500),
        case(app(), &half, 422, 500),
        case(useless(true, LONG), "eA==", 500, 500),
        case(App { budget: Budget::new(10), ..app() }, &file, 503, 500),
        case(useless(false, Duration::from_millis(30)), "eA==", 504, 500),
    ]
}

/// Asks, holds the answer against the description, and gives its status.
fn ask(server: &Server, method: &str, path: &str, headers: &str, body: &str) -> u16 {
    let request_line = format!("{} {path} HTTP/1.1", method.to_uppercase());
    let request = format!("{request_line}\r\nHost: x\r\nConnection: close\r\n{headers}\r\n\r\n{body}");
    let answer = Answer::new(&server.raw(request.as_bytes()));
    hold(method, path, &answer);
    answer.status.parse().unwrap()
}

fn post(server: &Server, path: &str, case: &Case) -> u16 {
    let field = if path == "/predict" { "image_data" } else { "base64Image" };
    let body = case.body.replace("FIELD", field);
    let length = format!("Content-Length: {}", body.len());
    let framing = case.framing.unwrap_or(&length);
    ask(server, "post", path, &format!("Content-Type: {}\r\n{framing}", case.content_type), &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_described_status_is_real() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let server = Server::with_flags(case.app.clone(), &["--body-timeout", "100ms"]).await;
        for (path, expected) in [("/api/v1/analyze", case.analyze), ("/predict", case.predict)] {
            assert_eq!(post(&server, path, &case), expected, "{path}: {:.40}", case.body);
            seen.insert(("post", path, expected));
        }
    }
    for path in ["/api/v1/analyze", "/predict"] {
        let case = case(guarded(&["--rate-limit", "1"]), "", 400, 500);
        let server = Server::with(case.app.clone()).await;
        assert_ne!(post(&server, path, &case), 429);
        assert_eq!(post(&server, path, &case), 429);
        seen.insert(("post", path, 429));
    }
    let server = Server::start().await;
    let gets = ["/api/v1/model", "/api/v1/openapi.json", "/health", "/livez", "/readyz", "/metrics"];
    seen.extend(gets.map(|path| ("get", path, ask(&server, "get", path, "X-A: b", ""))));
    server.lifecycle.advance(Phase::Leaving);
    seen.extend(gets.map(|path| ("get", path, ask(&server, "get", path, "X-A: b", ""))));

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
async fn the_server_gives_its_description() {
    let server = Server::start().await;
    let (status, body) = answer(server.get("/api/v1/openapi.json").await).await;
    assert_eq!((status, &body), (200, description()));
    assert_eq!((&body["openapi"], &body["info"]["version"]), (&json!("3.1.0"), &json!(env!("CARGO_PKG_VERSION"))));
    let schemes = &body["components"]["securitySchemes"];
    assert_eq!((&schemes["bearer"]["scheme"], &schemes["key"]["name"]), (&json!("bearer"), &json!("x-api-key")));
}

/// An answer's has the schema that stands beside it, a request's is answered with 200.
#[tokio::test]
async fn the_examples_are_examples() {
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

/// What the answers hold, each with where it is described.
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
