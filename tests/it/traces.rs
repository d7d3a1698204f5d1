//! Traces that the executable exports to a collector.
use std::io::Cursor;
use std::net::TcpListener;
use std::process::Command;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::{Value, json};

use crate::support::collector::{self, Collector, Spans};
use crate::support::{Connection, Process, analyze_body, answer, eventually, picture, raw, refused, serving};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

fn with(variables: &[(&str, &str)]) -> Command {
    let mut command = serving();
    command.envs(variables.iter().copied());
    command
}

async fn get(process: &Process, path: &str, headers: &[(&str, &str)]) -> u16 {
    let mut request = reqwest::Client::new().get(process.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status().as_u16()
}

/// Sends requests, one after the other, each of which is a span.
async fn ask(process: &Process, requests: usize) {
    for _ in 0..requests {
        assert_eq!(get(process, "/livez", &[]).await, 200);
    }
}

/// The spans that the server has counted as lost.
async fn dropped(process: &Process) -> u64 {
    let text = reqwest::get(process.url("/metrics")).await.unwrap().text().await.unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix("glimpse_spans_dropped_total "));
    value.unwrap().parse().unwrap()
}

/// The log lines whose message begins with `message`.
fn messages<'a>(log: &'a [Value], message: &str) -> Vec<&'a Value> {
    log.iter().filter(|line| line["message"].as_str().unwrap().starts_with(message)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_its_stages_continue_the_clients_trace() {
    let collector = Collector::start().await;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b"),
        ("INSTANCE_ID", "here"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
    ];
    let process = Process::start(with(&variables));
    let request =
        reqwest::Client::new().post(process.url("/api/v1/analyze?secret=1")).body(analyze_body(&picture("rocket.jpg")));
    let request = request.header("traceparent", traceparent("01")).header("tracestate", "vendor=opaque");
    assert_eq!(answer(request.send().await.unwrap()).await.0, 200);
    let log = process.stop();

    let spans = collector.spans();
    assert_eq!(spans.names(), ["POST /api/v1/analyze", "decode", "inference", "queue", "resize"]);
    let server = spans.named("POST /api/v1/analyze");
    assert_eq!(
        (collector::hex(&server.trace_id), collector::hex(&server.parent_span_id)),
        (TRACE.into(), PARENT.into())
    );
    assert_eq!((server.kind(), &*server.trace_state), (SpanKind::Server, "vendor=opaque"));
    let attributes = json!({
        "http.request.method": "POST",
        "http.route": "/api/v1/analyze",
        "http.response.status_code": 200,
    });
    assert_eq!(collector::attributes(&server.attributes), attributes);
    assert!(server.status.as_ref().is_none_or(|status| status.code() == StatusCode::Unset));
    let mut end = server.start_time_unix_nano;
    for name in ["queue", "decode", "resize", "inference"] {
        let stage = spans.named(name);
        assert_eq!((&stage.trace_id, &stage.parent_span_id), (&server.trace_id, &server.span_id), "{name}");
        assert_eq!(stage.kind(), SpanKind::Internal, "{name}");
        assert!(end <= stage.start_time_unix_nano && stage.start_time_unix_nano < stage.end_time_unix_nano, "{name}");
        end = stage.end_time_unix_nano;
    }
    assert!(end <= server.end_time_unix_nano, "the request ended before its stages");

    let resource = &spans.resource;
    assert_eq!(resource["service.name"], "glimpse");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(resource["deployment.environment.name"], "test");
    assert_eq!(resource["service.instance.id"], "here");
    assert!(log.iter().all(|line| line["instance_id"] == "here"), "{log:?}");
    let export = &collector.exports()[0];
    assert_eq!((&*export.path, &export.headers["x-tenant"]), ("/v1/traces", &"a b".parse().unwrap()));
    assert_eq!(messages(&log, "request")[0]["trace_id"], TRACE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_records_how_its_request_ended() {
    let collector = Collector::start().await;
    let process = Process::start(with(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*format!("{}/own/path", collector.endpoint)),
        ("OTEL_SERVICE_NAME", "photographs"),
    ]));
    let client = reqwest::Client::new();
    for (path, status) in [("/predict", 500), ("/api/v1/analyze", 422)] {
        let request = client.post(process.url(path)).header("content-type", "application/json");
        let request =
            request.body(json!({ "base64Image": "bm8gcGljdHVyZQ==", "image_data": "bm8gcGljdHVyZQ==" }).to_string());
        assert_eq!(request.send().await.unwrap().status(), status, "{path}");
    }
    assert_eq!(get(&process, "/nowhere/private", &[]).await, 404);
    let request = client.request("BREW".parse().unwrap(), process.url("/api/private"));
    assert_eq!(request.send().await.unwrap().status(), 404);
    let long = format!("vendor={}", "a".repeat(600));
    let headers = [("traceparent", &*traceparent("01")), ("tracestate", &*long)];
    assert_eq!(get(&process, "/livez", &headers).await, 200);
    process.stop();

    let spans = collector.spans();
    let ended = |name: &str| {
        let span = spans.named(name);
        let attributes = collector::attributes(&span.attributes);
        let code = span.status.as_ref().map_or(StatusCode::Unset, opentelemetry_proto::tonic::trace::v1::Status::code);
        (attributes["http.response.status_code"].clone(), attributes["error.type"].clone(), code)
    };
    assert_eq!(ended("POST /predict"), (json!(500), json!("500"), StatusCode::Error));
    assert_eq!(ended("POST /api/v1/analyze"), (json!(422), Value::Null, StatusCode::Unset));
    assert_eq!(ended("GET"), (json!(404), Value::Null, StatusCode::Unset));
    assert_eq!(ended("HTTP /api/{*path}"), (json!(404), Value::Null, StatusCode::Unset));
    let brewed = collector::attributes(&spans.named("HTTP /api/{*path}").attributes);
    assert_eq!(brewed["http.request.method"], "_OTHER");
    let alive = spans.named("GET /livez");
    assert_eq!((collector::hex(&alive.trace_id), &*alive.trace_state), (TRACE.into(), ""));
    assert!(!format!("{:?}", spans.all).contains("private"), "a path is in a span");
    assert_eq!(spans.resource["service.name"], "photographs");
    assert_eq!(collector.exports()[0].path, "/own/path");
}

/// A small file that takes long to decode.
fn slow_picture() -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image::GrayImage::new(5000, 5000).write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_its_span() {
    let collector = Collector::start().await;
    let process = Process::start(with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint), ("WORKERS", "1")]));
    let body = analyze_body(&slow_picture());
    let request = raw::analyze(&[&format!("Content-Length: {}", body.len())]) + &body;
    let mut connections = Vec::new();
    for _ in 0..20 {
        let mut connection = Connection::open(process.address).await;
        connection.send(&request).await;
        connection.end_sending().await;
        connections.push(connection);
    }
    for connection in connections {
        // The server closes it after the answer or after noticing the disconnect.
        connection.until_closed().await;
    }
    process.stop();
    let Spans { all, .. } = collector.spans();
    let left = |span: &&Span| collector::attributes(&span.attributes)["error.type"] == "client_gone";
    let left: Vec<_> = all.iter().filter(left).collect();
    assert!(!left.is_empty(), "no span says that its client left");
    for span in left {
        let attributes = collector::attributes(&span.attributes);
        assert_eq!(attributes["http.response.status_code"], Value::Null);
        assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    }
}

/// The names of the process' threads. Linux keeps the first 15 bytes of a name.
#[cfg(target_os = "linux")]
fn threads(process: &Process) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", process.id())).unwrap();
    tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_unless_a_collector_is_named() {
    let collector = Collector::start().await;
    let here = ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.endpoint);
    for variables in [
        &[("OTEL_SERVICE_NAME", "glimpse"), ("OTEL_TRACES_SAMPLER", "always_on")][..],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", ""), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")][..],
        &[here, ("OTEL_SDK_DISABLED", "true")][..],
        &[here, ("OTEL_TRACES_EXPORTER", "none")][..],
    ] {
        let process = Process::start(with(variables));
        assert_eq!(get(&process, "/livez", &[("traceparent", &traceparent("01"))]).await, 200);
        #[cfg(target_os = "linux")]
        {
            // A thread sets its name shortly after its start.
            let are_named = async || threads(&process).iter().any(|name| name.starts_with("worker-"));
            eventually("the worker threads have their names", are_named).await;
            let threads = threads(&process);
            assert!(!threads.iter().any(|name| name.starts_with("OpenTelemetry")), "{threads:?}");
        }
        let log = process.stop();
        assert_eq!(messages(&log, "request")[0]["trace_id"], Value::Null, "{variables:?}");
    }
    assert!(collector.exports().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configured_sampler_is_used() {
    let collector = Collector::start().await;
    for (variables, flags, expected) in [
        (&[][..], "01", 1),
        (&[][..], "00", 0),
        (&[("OTEL_TRACES_SAMPLER", "always_on")][..], "00", 1),
        (&[("OTEL_TRACES_SAMPLER", "always_off")][..], "01", 0),
        (&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0")][..], "01", 0),
        (&[("OTEL_TRACES_SAMPLER", "parentbased_always_off")][..], "01", 1),
    ] {
        let mut command = with(variables);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint);
        let process = Process::start(command);
        assert_eq!(get(&process, "/livez", &[("traceparent", &traceparent(flags))]).await, 200);
        process.stop();
        assert_eq!(collector.take().len(), expected, "{variables:?} {flags}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_are_compressed_if_configured() {
    let collector = Collector::start().await;
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.endpoint), ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")];
    let process = Process::start(with(&variables));
    assert_eq!(get(&process, "/livez", &[]).await, 200);
    process.stop();
    let export = &collector.exports()[0];
    assert_eq!((&export.headers["content-encoding"], &export.body[..2]), (&"gzip".parse().unwrap(), &[0x1f, 0x8b][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_collector_is_logged_once_and_changes_nothing() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let process = Process::start(with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*format!("http://{nobody}")),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
    ]));
    ask(&process, 20).await;
    eventually("the spans are counted", async || dropped(&process).await >= 20).await;
    let log = process.stop();
    assert_eq!(messages(&log, "traces can't be delivered").len(), 1, "{log:?}");
    let lines = messages(&log, "request").len();
    assert_eq!(log.iter().filter(|line| line["level"] == "WARN").count(), 1, "beside {lines} requests: {log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_beyond_the_queue_are_counted() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let process = Process::start(with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*format!("http://{}", silent.local_addr().unwrap())),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "4"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
    ]));
    ask(&process, 20).await;
    // One is on its way, and four wait. The last one may end after its answer.
    let dropped = dropped(&process).await;
    assert!((14..=15).contains(&dropped), "{dropped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_does_not_delay_the_exit() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let process = Process::start(with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*format!("http://{}", silent.local_addr().unwrap())),
        // One day.
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "86400000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "1"),
    ]));
    ask(&process, 5).await;
    let log = process.stop();
    assert_eq!(messages(&log, "the last traces could not be delivered").len(), 1, "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_returning_collector_is_logged() {
    let collector = Collector::start().await;
    collector.answer(400);
    let process = Process::start(with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "1"),
    ]));
    assert_eq!(get(&process, "/livez", &[]).await, 200);
    process.line_of("traces can't be delivered");
    collector.answer(200);
    assert_eq!(get(&process, "/livez", &[]).await, 200);
    process.line_of("traces are delivered again");
    let log = process.stop();
    assert!(messages(&log, "traces").is_empty(), "{log:?}");
}

#[test]
fn unsupported_settings_are_refused_in_a_sentence() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://localhost:4318"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_TRACES_SAMPLER", "xray"),
    ] {
        let sentence = refused(&mut with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), (name, value)]));
        assert!(sentence.starts_with("glimpse: ") && sentence.contains(name), "{name}: {sentence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_do_not_use_a_proxy() {
    let collector = Collector::start().await;
    let nobody = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let process = Process::start(with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.endpoint),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=a%20b%2Cc"),
        ("HTTP_PROXY", &*nobody),
        ("http_proxy", &*nobody),
        ("ALL_PROXY", &*nobody),
    ]));
    assert_eq!(get(&process, "/livez", &[]).await, 200);
    let log = process.stop();
    assert!(messages(&log, "traces").is_empty(), "{log:?}");
    let spans = collector.spans();
    assert_eq!(spans.names(), ["GET /livez"]);
    assert_eq!(spans.resource["deployment.environment.name"], "a b,c");
}
