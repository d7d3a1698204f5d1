//! Any bytes on a connection: a whole answer with a status that is documented, or none, and always an end.
#![no_main]

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use clap::Parser;
use glimpse::config::CommandLine;
use glimpse::stop::Stop;
use glimpse::guard::Budget;
use glimpse::engine::{Analysis, Engine, Limits, Payload, Timings, Work};
use glimpse::error::Error;
use glimpse::http::{self, Access, App, Site};
use glimpse::image::{Decoder, payload};
use glimpse::server::Peer;
use glimpse::server::lifecycle::Lifecycle;
use glimpse::model::{Metadata, Prediction};
use glimpse::telemetry::metrics::Metrics;
use httparse::{EMPTY_HEADER, Response, Status};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

/// Every status that can come without keys and limits of rate.
const STATUSES: [u16; 12] = [200, 304, 400, 404, 405, 413, 414, 415, 422, 431, 500, 503];

/// What begins HTTP/2.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Everything but the model.
struct Stub;

impl Work for Stub {
    fn run(&mut self, payload: &Payload, stop: &Stop) -> Result<Analysis, Error> {
        let mut file = Vec::new();
        match payload {
            Payload::File(bytes) => file.extend_from_slice(bytes),
            Payload::Base64(text) => {
                payload::decode(std::str::from_utf8(text).map_err(|_| Error::NotBase64)?, &mut file)?;
            }
        }
        Decoder::new(100_000).decode(&file, stop, &mut Vec::new())?;
        let predictions = vec![Prediction { label: "cat".into(), confidence: 1.0 }];
        Ok(Analysis { predictions, timings: Timings::default() })
    }
}

fn metadata() -> Metadata {
    let read = |key: &str| {
        let value = match key {
            "glimpse.format" => "1",
            "glimpse.input_layout" => "NCHW",
            "glimpse.input_width" | "glimpse.input_height" => "224",
            "glimpse.input_resize" => "bicubic",
            "glimpse.input_mean" | "glimpse.input_std" => "[1, 1, 1]",
            "glimpse.output" => "softmax",
            "glimpse.labels" => r#"["cat"]"#,
            _ => "a model for tests",
        };
        Some(value.to_owned())
    };
    Metadata::read(read).unwrap()
}

fn router() -> axum::Router {
    let config = CommandLine::parse_from(["glimpse", "--log-level", "off"]).config;
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/dist");
    let limits = Limits { queue_depth: 4, timeout: Duration::from_secs(10) };
    let app = App {
        engine: Arc::new(Engine::new(vec![Stub], limits).unwrap()),
        budget: Budget::new(1 << 24),
        model: Arc::new(metadata()),
        access: Access::new(&config.access).unwrap().into(),
        site: Site::open(Some(web.into())).expect("run scripts/setup first"),
        metrics: Metrics::start(),
        shows_metrics: true,
        lifecycle: Lifecycle::new(),
        max_body_bytes: 1 << 20,
        body_timeout: config.connections.body_timeout,
        min_body_rate: config.connections.min_body_rate,
        max_pixels: 100_000,
        timeout: config.engine.inference_timeout,
    };
    http::router(app, &config.access.cors_allow_origins)
}

thread_local! {
    static SERVER: RefCell<(Runtime, axum::Router)> =
        RefCell::new((Builder::new_current_thread().enable_all().build().unwrap(), router()));
}

async fn answer(router: axum::Router, bytes: &[u8]) -> Vec<u8> {
    let (mut client, server) = tokio::io::duplex(1 << 16);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer::Ip(SocketAddr::from((Ipv4Addr::LOCALHOST, 1))));
            Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {}))
        }
    });
    let serving = tokio::spawn(async move {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // The bytes end before their answer is there.
        builder.http1().half_close(true).max_headers(100).max_buf_size(1 << 16);
        let _ = builder.serve_connection(TokioIo::new(server), service).await;
    });
    let mut answer = Vec::new();
    let (mut reader, mut writer) = tokio::io::split(&mut client);
    let sending = async {
        // It may have been answered and closed before its end.
        let _ = writer.write_all(bytes).await;
        let _ = writer.shutdown().await;
    };
    let (_, read) = tokio::join!(sending, reader.read_to_end(&mut answer));
    read.unwrap();
    serving.await.unwrap();
    answer
}

/// Holds the first answer against what is promised.
fn check(request: &[u8], mut answer: &[u8]) {
    if answer.is_empty() || request.starts_with(PREFACE) {
        return;
    }
    let mut headers = [EMPTY_HEADER; 64];
    let (status, headers) = loop {
        let mut head = Response::new(&mut headers);
        let Ok(Status::Complete(length)) = head.parse(answer) else { panic!("an answer without an end") };
        answer = &answer[length..];
        // 100, where the client waits for it.
        match head.code.unwrap() {
            100 => headers = [EMPTY_HEADER; 64],
            status => break (status, head.headers),
        }
    };
    assert!(STATUSES.contains(&status), "{status}");
    // To `/predict` a picture that can't be classified is a 500, as its contract has it.
    assert!(status != 500 || request.windows(8).any(|bytes| bytes == b"/predict"));
    let header = |name: &str| {
        let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.map(|header| std::str::from_utf8(header.value).unwrap())
    };
    let has_body = status != 304 && !request.trim_ascii_start().starts_with(b"HEAD ");
    if let Some(length) = header("content-length").filter(|_| has_body) {
        let body = answer.get(..length.parse().unwrap()).expect("the body is cut short");
        if header("content-type") == Some("application/json") {
            serde_json::from_slice::<Value>(body).unwrap();
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    SERVER.with_borrow(|(runtime, router)| {
        let answer = runtime.block_on(async {
            let answer = answer(router.clone(), bytes);
            tokio::time::timeout(Duration::from_secs(20), answer).await.expect("it does not end")
        });
        check(bytes, &answer);
    });
});
