//! gRPC on the port of HTTP: our own service, health, the layers around, and browsers.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use glimpse::grpc::pb::glimpse::classify_result::Result as Outcome;
use glimpse::grpc::pb::glimpse::{
    ClassifyBatchRequest, ClassifyBatchResponse, ClassifyRequest, ClassifyResponse, ClassifyResult, GetModelRequest,
    Model,
};
use glimpse::grpc::pb::inference::model_infer_request::InferInputTensor;
use glimpse::grpc::pb::inference::{ModelInferRequest, ModelInferResponse};
use prost::Message;
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::StatusExt;

use crate::support::grpc::{Client, classify};
use crate::support::{LONG, Server, eventually, model, picture, predictions};

const BATCH: &str = "/glimpse.v1.Classifier/ClassifyBatch";
const STREAM: &str = "/glimpse.v1.Classifier/ClassifyStream";
const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const NOT_AN_IMAGE: &str =
    "The data is not an image: send JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF, BMP, ICO, PNM or QOI";

async fn start() -> (Server, Client) {
    let server = Server::start().await;
    let client = Client::new(server.address);
    (server, client)
}

/// The labels of a picture by the HTTP API.
async fn expected(server: &Server, file: &[u8]) -> Vec<(String, f64)> {
    predictions(&server.analyze(file).await.json().await.unwrap())
}

/// The same of an answer of gRPC. JSON has the decimals of 32 bits.
fn labels(response: &ClassifyResponse) -> Vec<(String, f64)> {
    response.predictions.iter().map(|it| (it.label.clone(), it.confidence.to_string().parse().unwrap())).collect()
}

#[tokio::test]
async fn a_picture_has_the_answer_of_the_api() {
    let (server, client) = start().await;
    for name in ["rocket.jpg", "chelsea.png", "coffee.gif"] {
        let file = picture(name);
        let response = client.classify(classify(file.clone())).await.unwrap();
        assert_eq!(labels(&response), expected(&server, &file).await, "{name}");
        let packed = client.clone().compressed().classify(classify(file)).await.unwrap();
        assert_eq!(packed, response, "{name}");
    }
    let chosen = ClassifyRequest { top_k: 5, min_confidence: 0.1, ..classify(picture("chelsea.png")) };
    assert_eq!(client.classify(chosen).await.unwrap().predictions.len(), 2);
    let described: Model = client.call("/glimpse.v1.Classifier/GetModel", GetModelRequest {}).await.unwrap();
    assert_eq!((described.name, described.labels), (model().name.clone(), 1000));
    eventually("the bodies are given back", async || server.inflight_bytes() == 0).await;
}

#[tokio::test]
async fn each_picture_of_a_batch_has_its_own_result() {
    let (server, client) = start().await;
    let files = [picture("rocket.jpg"), b"no picture".to_vec(), picture("coffee.png")];
    let images = files.iter().map(|file| file.clone().into()).collect();
    let request = ClassifyBatchRequest { images, ..ClassifyBatchRequest::default() };
    let ClassifyBatchResponse { results } = client.call(BATCH, request).await.unwrap();
    let outcomes: Vec<_> = results.into_iter().map(|it| it.result.unwrap()).collect();
    let [Outcome::Response(rocket), Outcome::Failure(failure), Outcome::Response(coffee)] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(labels(rocket), expected(&server, &files[0]).await);
    assert_eq!(labels(coffee), expected(&server, &files[2]).await);
    assert_eq!((failure.code, &*failure.message, &*failure.reason), (3, NOT_AN_IMAGE, "NOT_AN_IMAGE"));
    for count in [0, 33] {
        let images = vec![b"x".to_vec().into(); count];
        let request = ClassifyBatchRequest { images, ..ClassifyBatchRequest::default() };
        let refused = client.call::<_, ClassifyBatchResponse>(BATCH, request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{count}");
    }
}

#[tokio::test]
async fn a_stream_is_answered_message_by_message() {
    let (server, mut script) = Server::scripted(&["--queue-depth", "9"]).await;
    let client = Client::new(server.address);
    let messages = stream::iter(vec![classify(vec![7; 100_000]); 5]);
    let mut answers = client.stream::<_, ClassifyResult>(STREAM, messages).await.unwrap();
    for number in 0..5 {
        let begun = script.begun().await;
        // No other picture of the stream waits.
        assert_eq!(server.waiting(), 0, "{number}");
        match number {
            2 => begun.fail(),
            _ => begun.answer(),
        }
        let answer = answers.message().await.unwrap().unwrap().result.unwrap();
        assert_eq!(matches!(answer, Outcome::Failure(_)), number == 2);
    }
    assert_eq!(answers.message().await.unwrap(), None);
    eventually("the bodies are given back", async || server.inflight_bytes() == 0).await;
}

#[tokio::test]
async fn an_idle_stream_ends_and_so_does_one_at_drain() {
    let server = Server::with_flags(&["--keep-alive-timeout", "300ms"]).await;
    let client = Client::new(server.address);
    let messages = || stream::iter([classify(picture("coffee.jpg"))]).chain(stream::pending());
    let mut answers = client.stream::<_, ClassifyResult>(STREAM, messages()).await.unwrap();
    assert!(answers.message().await.unwrap().is_some());
    let status = answers.message().await.unwrap_err();
    let message = "No message has come for too long: open a new stream";
    assert_eq!((status.code(), status.message()), (Code::Unavailable, message));

    let (server, client) = start().await;
    let mut answers = client.stream::<_, ClassifyResult>(STREAM, messages()).await.unwrap();
    assert!(answers.message().await.unwrap().is_some());
    server.drain();
    let status = tokio::time::timeout(LONG, answers.message()).await.unwrap().unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "The server is about to end: connect again"));
}

#[tokio::test]
async fn health_is_told_and_watched() {
    let (server, client) = start().await;
    let ask = |service: &str| HealthCheckRequest { service: service.into() };
    for service in ["", "glimpse.v1.Classifier", "inference.GRPCInferenceService"] {
        let answer: HealthCheckResponse = client.call(CHECK, ask(service)).await.unwrap();
        assert_eq!(answer.status, 1, "{service}");
    }
    let unknown = client.call::<_, HealthCheckResponse>(CHECK, ask("other")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let mut watched = client.watch::<_, HealthCheckResponse>(WATCH, ask("")).await.unwrap();
    assert_eq!(watched.message().await.unwrap().unwrap().status, 1);
    server.leave();
    assert_eq!(watched.message().await.unwrap().unwrap().status, 2);
    let answer: HealthCheckResponse = client.call(CHECK, ask("")).await.unwrap();
    assert_eq!(answer.status, 2);
    server.drain();
    assert_eq!(tokio::time::timeout(LONG, watched.message()).await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn refusals_have_codes_reasons_and_times() {
    let (_server, client) = start().await;
    let status = client.classify(classify(b"no picture".to_vec())).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, NOT_AN_IMAGE));
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "NOT_AN_IMAGE");
    let status = client.classify(ClassifyRequest { top_k: 1001, ..classify(vec![]) }).await.unwrap_err();
    let message = "top_k must be a whole number from 1 to 1000";
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, message));
    for path in ["/glimpse.v1.Classifier/Nothing", "/other.Service/Nothing"] {
        let status = client.call::<_, Model>(path, GetModelRequest {}).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unimplemented, "There is nothing at this path"), "{path}");
    }

    let keyed = Server::with_flags(&["--api-keys", "key", "--rate-limit", "1"]).await;
    let client = Client::new(keyed.address);
    assert_eq!(client.classify(classify(vec![])).await.unwrap_err().code(), Code::Unauthenticated);
    let with_key = || {
        let mut request = Request::new(classify(picture("coffee.jpg")));
        request.metadata_mut().insert("authorization", "Bearer key".parse().unwrap());
        request
    };
    assert!(client.classify(with_key()).await.is_ok());
    let status = client.classify(with_key()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "1000");
    // Health needs no key.
    assert!(client.call::<_, HealthCheckResponse>(CHECK, HealthCheckRequest::default()).await.is_ok());
}

#[tokio::test]
async fn limits_hold_for_messages() {
    let server = Server::with_flags(&["--max-body-bytes", "100kB"]).await;
    let client = Client::new(server.address);
    for client in [client.clone(), client.clone().compressed()] {
        let status = client.classify(classify(vec![0; 300_000])).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    }
    let messages = stream::iter([classify(vec![0; 300_000])]);
    let mut answers = client.stream::<_, ClassifyResult>(STREAM, messages).await.unwrap();
    assert_eq!(answers.message().await.unwrap_err().code(), Code::ResourceExhausted);
    let server = Server::with_flags(&["--max-inflight-bytes", "1000"]).await;
    let client = Client::new(server.address);
    assert_eq!(client.classify(classify(vec![0; 2000])).await.unwrap_err().code(), Code::Unavailable);
    // Methods without pictures take small messages, whether they are compressed or not.
    let (_server, client) = start().await;
    for client in [client.clone(), client.clone().compressed()] {
        let service = "x".repeat(1_000_000);
        let status = client.call::<_, HealthCheckResponse>(CHECK, HealthCheckRequest { service }).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert!(client.call::<_, HealthCheckResponse>(CHECK, HealthCheckRequest::default()).await.is_ok());
    }
    // Many small fields would take hundreds of times their bytes.
    let (server, client) = start().await;
    let twice = {
        let message = classify(picture("coffee.jpg")).encode_to_vec();
        [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat().repeat(2)
    };
    let request = server.client.post(server.url("/glimpse.v1.Classifier/Classify"));
    let answer = request.header("content-type", "application/grpc-web+proto").body(twice).send().await.unwrap();
    assert_eq!(web_status(answer).await, "3");
    let bomb = ModelInferRequest { inputs: vec![InferInputTensor::default(); 200_000], ..ModelInferRequest::default() };
    let refused = client.call::<_, ModelInferResponse>("/inference.GRPCInferenceService/ModelInfer", bomb);
    let status = refused.await.unwrap_err();
    assert_eq!(
        (status.code(), &*status.get_error_details().error_info().unwrap().reason),
        (Code::InvalidArgument, "INVALID_ARGUMENT")
    );
}

#[tokio::test]
async fn compressed_messages_of_a_stream_take_what_they_inflate_to_one_at_a_time() {
    let server = Server::with_flags(&["--max-inflight-bytes", "900kB", "--max-body-bytes", "600kB"]).await;
    let client = Client::new(server.address);
    let sizes = [0, 400_000, 500_000, 0, 590_000, 700_000, 0];
    let message = |size| classify(if size == 0 { picture("coffee.jpg") } else { vec![0; size] });
    let messages = stream::iter(sizes.map(message));
    let mut answers = client.clone().compressed().stream::<_, ClassifyResult>(STREAM, messages).await.unwrap();
    let mut codes = Vec::new();
    let end = loop {
        match answers.message().await {
            Ok(Some(ClassifyResult { result: Some(Outcome::Failure(failure)), .. })) => codes.push(failure.code),
            Ok(Some(_)) => codes.push(0),
            Ok(None) => panic!("the last message but one is too large"),
            Err(status) => break status,
        }
    };
    let bad = Code::InvalidArgument as i32;
    assert_eq!((codes, end.code()), (vec![0, bad, bad, 0, bad], Code::ResourceExhausted));
    // Where the budget has no room for what a message inflates to.
    let server = Server::with_flags(&["--max-inflight-bytes", "100kB"]).await;
    let client = Client::new(server.address).compressed();
    let messages = stream::iter([classify(vec![0; 300_000])]);
    let mut answers = client.stream::<_, ClassifyResult>(STREAM, messages).await.unwrap();
    assert_eq!(answers.message().await.unwrap_err().code(), Code::Unavailable);
}

/// Calls by gRPC-web whose clients leave while the only worker is busy.
#[tokio::test]
async fn a_message_that_waits_is_charged_when_its_client_is_gone() {
    for (method, encoding) in [("Classify", "identity"), ("Classify", "gzip"), ("ClassifyStream", "identity")] {
        let (server, mut script) = Server::scripted(&[]).await;
        let client = Client::new(server.address);
        let first = tokio::spawn(async move { client.classify(classify(b"first".to_vec())).await });
        let begun = script.begun().await;
        let message = classify(vec![7; 1_000_000]).encode_to_vec();
        let (flag, message) = if encoding == "gzip" { (1, gzip(&message)) } else { (0, message) };
        let body = [&[flag][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat();
        let request = server.client.post(server.url(&format!("/glimpse.v1.Classifier/{method}"))).body(body);
        let request = request.header("content-type", "application/grpc-web+proto").header("grpc-encoding", encoding);
        let answer = async { request.send().await.unwrap().bytes().await };
        assert!(tokio::time::timeout(Duration::from_millis(500), answer).await.is_err(), "{method}, {encoding}");
        tokio::time::sleep(Duration::from_millis(200)).await;
        let taken = server.inflight_bytes();
        assert!(taken >= 1_000_000, "{method}, {encoding}: {taken}");
        begun.answer();
        first.await.unwrap().unwrap();
        eventually("the budget comes back", async || server.inflight_bytes() == 0).await;
    }
}

/// The message uncompressed, in the form of gzip.
fn gzip(message: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut encoder, message).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_body_that_is_not_messages_is_refused() {
    let (server, client) = start().await;
    let message = classify(b"no picture".to_vec()).encode_to_vec();
    let whole = [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat();
    let flagged = [&[7][..], &whole[1..]].concat();
    let bodies = [&b""[..], &whole[..3], &whole[..9], &whole.repeat(2), &[&whole[..], b"x"].concat(), &flagged];
    for body in bodies {
        for encoding in ["identity", "gzip"] {
            let request = server.client.post(server.url("/glimpse.v1.Classifier/Classify")).body(body.to_vec());
            let request =
                request.header("content-type", "application/grpc-web+proto").header("grpc-encoding", encoding);
            let code = web_status(request.send().await.unwrap()).await;
            // tonic checks the flag itself, where nothing is compressed.
            let expected = if body == flagged && encoding == "identity" { "13" } else { "3" };
            assert_eq!(code, expected, "{body:?}, {encoding}");
        }
    }
    for text in ["!", "AAAA", "AAAAAAE"] {
        let request = server.client.post(server.url("/glimpse.v1.Classifier/Classify")).body(text);
        let answer = request.header("content-type", "application/grpc-web-text+proto").send().await.unwrap();
        assert_eq!(web_status(answer).await, "3", "{text}");
    }
    assert_eq!(client.classify(classify(b"no picture".to_vec())).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_full_server_refuses_before_it_reads() {
    let (server, mut script) = Server::scripted(&["--queue-depth", "0"]).await;
    let client = Client::new(server.address);
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.classify(classify(b"first".to_vec())).await }
    });
    let begun = script.begun().await;
    let status = client.classify(classify(vec![7; 5_000_000])).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "The server is busy: try again in a moment"));
    assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "1000");
    begun.answer();
    assert_eq!(first.await.unwrap().unwrap().predictions[0].label, "scripted");
}

#[tokio::test]
async fn the_clients_patience_ends_the_work() {
    let (server, mut script) = Server::scripted(&[]).await;
    let client = Client::new(server.address);
    let mut request = Request::new(classify(b"x".to_vec()));
    request.set_timeout(Duration::from_millis(200));
    let late = tokio::spawn(async move { client.classify(request).await });
    let begun = script.begun().await;
    assert_eq!(late.await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    begun.answer();
    eventually("the permit comes back", async || server.waiting() == 0).await;
}

#[tokio::test]
async fn a_panic_is_internal_without_its_words() {
    let (server, mut script) = Server::scripted(&[]).await;
    let client = Client::new(server.address);
    let asked = tokio::spawn(async move { client.classify(classify(b"x".to_vec())).await });
    script.begun().await.panic();
    let status = asked.await.unwrap().unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Internal, "Internal server error"));
}

/// The status of an answer of gRPC-web: a header, or in the trailers at the end of the body.
async fn web_status(answer: reqwest::Response) -> String {
    let header = answer.headers().get("grpc-status").map(|status| status.to_str().unwrap().to_owned());
    let body = String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned();
    let trailer = || body.split_once("grpc-status:").unwrap().1.lines().next().unwrap().trim().to_owned();
    header.unwrap_or_else(trailer)
}

#[tokio::test]
async fn bodies_of_browsers_are_refused_with_their_codes() {
    for (limit, bytes, code) in [("--max-inflight-bytes", 2000_u32, "14"), ("--max-body-bytes", 900_000, "8")] {
        let server = Server::with_flags(&[limit, "1000"]).await;
        let body = [&[0][..], &u32::to_be_bytes(bytes), &vec![0; bytes as usize]].concat();
        for encoding in ["identity", "gzip"] {
            let request = server.client.post(server.url("/glimpse.v1.Classifier/Classify")).body(body.clone());
            let request =
                request.header("content-type", "application/grpc-web+proto").header("grpc-encoding", encoding);
            assert_eq!(web_status(request.send().await.unwrap()).await, code, "{encoding}");
        }
    }
}

/// A request of gRPC-web over HTTP/1.1: the message, and the trailers in the body.
#[tokio::test]
async fn browsers_call_over_http_1() {
    let server = Server::with_flags(&["--cors-allow-origins", "https://example.org"]).await;
    let url = server.url("/glimpse.v1.Classifier/Classify");
    let send = async |file: Vec<u8>| {
        let message = classify(file).encode_to_vec();
        let body = [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat();
        let request = server.client.post(&url).header("content-type", "application/grpc-web+proto");
        let request = request.header("x-grpc-web", "1").header("origin", "https://example.org");
        request.body(body).send().await.unwrap()
    };
    let response = send(picture("coffee.jpg")).await;
    assert_eq!(
        (response.status().as_u16(), response.headers()["content-type"].as_bytes()),
        (200, &b"application/grpc-web+proto"[..])
    );
    assert_eq!(response.headers()["access-control-allow-origin"], "https://example.org");
    let body = response.bytes().await.unwrap();
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    let answer = ClassifyResponse::decode(&body[5..5 + length]).unwrap();
    assert_eq!(labels(&answer), expected(&server, &picture("coffee.jpg")).await);
    let trailers = String::from_utf8_lossy(&body[5 + length..]);
    assert!(trailers.contains("grpc-status:0"), "{trailers}");
    assert_eq!(web_status(send(b"no picture".to_vec()).await).await, "3");
    let preflight = server.client.request(reqwest::Method::OPTIONS, &url).header("origin", "https://example.org");
    let preflight = preflight.header("access-control-request-method", "POST");
    let preflight = preflight.header("access-control-request-headers", "content-type,x-grpc-web").send().await.unwrap();
    assert_eq!(preflight.status(), 200);
    assert!(preflight.headers()["access-control-allow-headers"].to_str().unwrap().contains("x-grpc-web"));
}

#[tokio::test]
async fn requests_are_counted_by_their_status() {
    let (server, client) = start().await;
    client.classify(classify(b"no picture".to_vec())).await.unwrap_err();
    client.classify(classify(picture("coffee.jpg"))).await.unwrap();
    let metrics = server.get("/metrics").await.text().await.unwrap();
    for code in [0, 3] {
        let line = format!("glimpse_grpc_requests_total{{method=\"/glimpse.v1.Classifier/Classify\",code=\"{code}\"}}");
        assert!(metrics.contains(&line), "{line}");
    }
}

#[tokio::test]
async fn each_message_of_a_stream_counts() {
    let server = Server::with_flags(&["--rate-limit", "1,2"]).await;
    let client = Client::new(server.address);
    let messages = stream::iter(vec![classify(picture("coffee.jpg")); 4]);
    let answers = client.stream::<_, ClassifyResult>(STREAM, messages).await.unwrap();
    let reasons: Vec<_> = answers
        .map(|answer| match answer.unwrap().result.unwrap() {
            Outcome::Response(_) => String::new(),
            Outcome::Failure(failure) => failure.reason,
        })
        .collect()
        .await;
    assert_eq!(reasons, ["", "", "RATE_LIMITED", "RATE_LIMITED"]);
}
