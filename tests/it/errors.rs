//! Every row of the table of errors in the README.

use serde_json::{Value, json};

use crate::support::raw::analyze;
use crate::support::{Server, analyze_body, answer, picture};

/// The status and message of the answer to a POST of `body`. Fails if it is not shaped like an error.
async fn refused(server: &Server, body: impl Into<reqwest::Body>) -> (u16, String) {
    let response = server.post("/api/v1/analyze", body).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.headers().contains_key("x-request-id"));
    let (status, body) = answer(response).await;
    (status, message(&body))
}

fn message(body: &Value) -> String {
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    body["message"].as_str().unwrap().to_owned()
}

async fn refused_picture(server: &Server, picture: &[u8]) -> (u16, String) {
    refused(server, analyze_body(picture)).await
}

fn expected(status: u16, message: &str) -> (u16, String) {
    (status, message.to_owned())
}

#[tokio::test]
async fn invalid_request_body() {
    let server = Server::start().await;
    for body in
        ["", "{", "no json", "[]", r#"["aGVsbG8="]"#, "null", r#"{"base64Image": 1}"#, r#"{"base64Image": ["a"]}"#]
    {
        assert_eq!(refused(&server, body).await, expected(400, "Invalid request body"), "{body}");
    }
    let deep = format!("{{\"a\": {}", "[".repeat(100_000));
    assert_eq!(refused(&server, deep).await, expected(400, "Invalid request body"));
}

#[tokio::test]
async fn field_is_required() {
    let server = Server::start().await;
    for body in ["{}", r#"{"base64Image": null}"#, r#"{"base64Image": ""}"#, r#"{"image": "aGVsbG8="}"#] {
        assert_eq!(refused(&server, body).await, expected(400, "base64Image field is required"), "{body}");
    }
}

#[tokio::test]
async fn not_base64() {
    let server = Server::start().await;
    for text in ["hello, world", "data:image/png,abc", "a", "YWJj!"] {
        let body = json!({ "base64Image": text }).to_string();
        assert_eq!(refused(&server, body).await, expected(400, "base64Image is not valid base64"), "{text}");
    }
}

#[tokio::test]
async fn body_too_large() {
    let server = Server::with_flags(&["--max-body-bytes", "1000"]).await;
    let large = json!({ "base64Image": "A".repeat(1000) }).to_string();
    let answer = expected(413, "The request body is larger than 1000 bytes: send a smaller picture");
    assert_eq!(refused(&server, large.clone()).await, answer);
    let fits = json!({ "base64Image": "A".repeat(1000 - 18) }).to_string();
    assert_eq!(fits.len(), 1000);
    assert_eq!(refused(&server, fits).await.0, 422);
    // Without a Content-Length the limit applies to the bytes received.
    let chunk = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let raw = server.exchange(analyze(&["Transfer-Encoding: chunked"]) + &chunk).await;
    assert_eq!((raw.status, raw.body), (413, json!({ "message": answer.1 }).to_string()));
}

#[tokio::test]
async fn a_body_that_breaks_off_and_one_that_waits() {
    let server = Server::with_flags(&["--max-body-bytes", "1000"]).await;
    // A client that waits for 100 Continue with too large a body is refused at once.
    let refused = server.exchange(analyze(&["Expect: 100-continue", "Content-Length: 5000"])).await;
    assert_eq!(refused.status, 413);
    let broken = server.exchange(analyze(&["Transfer-Encoding: chunked"]) + "not a chunk\r\n").await;
    let body = json!({ "message": "The request body ended too early: send it again" }).to_string();
    assert_eq!((broken.status, broken.body), (400, body));
}

#[tokio::test]
async fn wrong_content_type() {
    let server = Server::start().await;
    let sentence = "Content-Type must be application/json, multipart/form-data, application/octet-stream or image/*";
    for content_type in ["text/plain", "text/json", "multipart/mixed; boundary=x", ""] {
        let request = server.client.post(server.url("/api/v1/analyze")).header("content-type", content_type);
        let (status, body) = answer(request.body("{}").send().await.unwrap()).await;
        assert_eq!((status, message(&body)), expected(415, sentence), "{content_type}");
    }
}

#[tokio::test]
async fn not_an_image() {
    let server = Server::start().await;
    let sentence = "The data is not an image: send JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF, BMP, ICO, PNM or QOI";
    assert_eq!(refused_picture(&server, b"hello").await, expected(422, sentence));
}

#[tokio::test]
async fn unsupported_image() {
    let server = Server::start().await;
    let sentence = "JPEG XL is not supported: send JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF, BMP, ICO, PNM or QOI";
    assert_eq!(refused_picture(&server, b"\xff\x0a\xfa\x1f").await, expected(422, sentence));
}

#[tokio::test]
async fn damaged_image() {
    let server = Server::start().await;
    let sentence = "The image is damaged or incomplete: send it again or save it anew";
    for name in ["rocket.jpg", "chelsea.png"] {
        let file = picture(name);
        assert_eq!(refused_picture(&server, &file[..file.len() / 2]).await, expected(422, sentence), "{name}");
    }
}

#[tokio::test]
async fn too_many_pixels() {
    let server = Server::start().await;
    // The header declares 13000 x 13000 pixels. The file holds almost none.
    let header =
        [&b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x32\xc8\0\0\x32\xc8\x08\x02\0\0\0"[..], &[0x7d, 0xb4, 0xf4, 0x5b]]
            .concat();
    let file = with_png_checksum(header);
    let sentence = "The image has 13000 x 13000 pixels, more than 50000000 in all: send a smaller one";
    assert_eq!(refused_picture(&server, &file).await, expected(422, sentence));
}

/// Corrects the checksum of the PNG's first chunk and appends empty picture data.
fn with_png_checksum(mut png: Vec<u8>) -> Vec<u8> {
    let mut crc = u32::MAX;
    for byte in &png[12..29] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    png.truncate(29);
    png.extend((!crc).to_be_bytes());
    png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
    png
}

#[tokio::test]
async fn paths_and_methods() {
    let server = Server::start().await;
    for path in ["/api/v1/nothing", "/api", "/api/", "/api/v1/", "/api/v2/analyze", "/api/v1/analyze/"] {
        let (status, body) = answer(server.get(path).await).await;
        assert_eq!((status, message(&body)), expected(404, "There is nothing at this path"), "{path}");
    }
    for (path, method, allowed) in [
        ("/api/v1/analyze", "GET", "POST"),
        ("/api/v1/analyze", "DELETE", "POST"),
        ("/api/v1/model", "POST", "GET,HEAD"),
        ("/health", "PUT", "GET,HEAD"),
    ] {
        let request = server.client.request(method.parse().unwrap(), server.url(path));
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["allow"], allowed, "{method} {path}");
        let (status, body) = answer(response).await;
        assert_eq!(
            (status, message(&body)),
            expected(405, "This method is not allowed at this path"),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn busy() {
    let (server, mut script) = Server::scripted(&["--queue-depth", "0", "--inference-timeout", "1m"]).await;
    let first = server.spawn_analyze(b"first");
    let begun = script.begun().await;
    let response = server.analyze(b"next").await;
    assert_eq!(response.headers()["retry-after"], "1");
    let (status, body) = answer(response).await;
    assert_eq!((status, message(&body)), expected(503, "The server is busy: try again in a moment"));
    begun.answer();
    assert_eq!(first.await.unwrap(), (200, json!([{ "label": "scripted", "confidence": 1.0 }])));
}

#[tokio::test]
async fn past_the_deadline() {
    // The worker holds the request while the script exists.
    let (server, _script) = Server::scripted(&["--queue-depth", "0", "--inference-timeout", "30ms"]).await;
    let sentence = "The analysis took too long: try again later or send a smaller picture";
    assert_eq!(refused_picture(&server, b"held").await, expected(504, sentence));
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_server_serves_on() {
    let (server, mut script) = Server::scripted(&["--inference-timeout", "1m"]).await;
    let panics = server.spawn_analyze(b"panics");
    script.begun().await.panic();
    let (status, body) = panics.await.unwrap();
    assert_eq!((status, message(&body)), expected(500, "Internal server error"));
    let next = server.spawn_analyze(b"next");
    script.begun().await.answer();
    assert_eq!(next.await.unwrap().0, 200);
}

#[tokio::test]
async fn configured_limits_are_enforced() {
    let flags = ["--max-pixels", "100000", "--max-body-bytes", "300000", "--workers", "1"];
    let server = Server::with_flags(&flags).await;
    assert_eq!(refused_picture(&server, &picture("rocket.jpg")).await.0, 422);
    assert_eq!(refused_picture(&server, &picture("coffee.png")).await.0, 413);
}
