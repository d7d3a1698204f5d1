//! Bodies: the memory they hold, where they are parsed, and the forms they come in.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{Begun, Server, analyze_body, base64, eventually, picture, raw};

const FORM: &str = "multipart/form-data; boundary=x";

/// A part of a form with the boundary `x`.
fn part(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn field(name: &str, content: &[u8]) -> Vec<u8> {
    [format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").as_bytes(), content, b"\r\n"].concat()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], b"--x--\r\n"].concat()
}

/// A form of about 16 MB whose parts are empty and have no name.
fn empty_parts() -> Vec<u8> {
    [b"--x\r\n\r\n\r\n".repeat(1_800_000), b"--x--\r\n".to_vec()].concat()
}

/// The bytes of a POST of `body`.
fn request(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let headers = [format!("Content-Type: {content_type}"), format!("Content-Length: {}", body.len())];
    let head = raw::head(&format!("POST {path}"), &[&headers[0], &headers[1]]);
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_body_holds_its_budget_for_as_long_as_it_waits_or_is_worked_on() {
    let form = form(&[part("picture", &vec![0; 600_000])]);
    let json = json!({ "base64Image": "A".repeat(600_000) }).to_string().into_bytes();
    for (path, content_type, body) in [("/answer", FORM, form), ("/api/v1/analyze", "application/json", json)] {
        let budget = (body.len() * 9 / 2).to_string();
        let flags = ["--max-inflight-bytes", &budget, "--queue-depth", "20", "--inference-timeout", "1m"];
        let (server, mut script) = Server::scripted(&flags).await;
        let mut stays = server.connect(request(path, content_type, &body)).await;
        let first = script.begun().await;
        let mut waiting = Vec::new();
        for number in 1..4 {
            waiting.push(server.connect(request(path, content_type, &body)).await);
            eventually("the body waits", async || server.waiting() == number).await;
        }
        assert_eq!(server.inflight_bytes(), 4 * body.len(), "{path}");
        let refused = server.exchange(request(path, content_type, &body)).await;
        assert_eq!((refused.status, &*refused.headers["retry-after"]), (503, "1"), "{path}: {refused:?}");
        // Their bodies are in the queue until a worker skips them.
        for leaving in waiting.drain(1..) {
            leaving.until_left().await;
        }
        assert_eq!(server.inflight_bytes(), 4 * body.len(), "{path}");
        first.fail();
        script.begun().await.fail();
        assert_eq!((stays.response().await.status, waiting[0].response().await.status), (422, 422), "{path}");
        eventually("every body is gone", async || server.inflight_bytes() == 0).await;
        assert_eq!(server.exchange(raw::head("GET /livez", &[])).await.status, 200);
    }
}

#[tokio::test]
async fn a_body_is_handed_to_a_worker_unread() {
    let (server, mut script) = Server::scripted(&["--inference-timeout", "1m"]).await;
    let wide = [b"{\"a\":[".to_vec(), b"1,".repeat(9_000_000), b"1]".to_vec()].concat();
    let deep = [b"{\"a\":".to_vec(), b"[".repeat(18_000_000)].concat();
    for (path, content_type, body) in [
        ("/answer", FORM, empty_parts()),
        ("/answer", FORM, b"no form".to_vec()),
        ("/api/v1/analyze", "application/json", wide),
        ("/predict", "application/json", deep),
        ("/api/v1/analyze", "application/json", b"no json".to_vec()),
    ] {
        let mut connection = server.connect(request(path, content_type, &body)).await;
        // The door knows nothing of what is wrong with it.
        let begun: Begun = script.begun().await;
        assert!(begun.body == body, "{path}");
        begun.fail();
        let status = connection.response().await.status;
        assert_eq!(status, if path == "/predict" { 500 } else { 422 }, "{path}");
    }
}

async fn post(server: &Server, path: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Response {
    let content_type = if path == "/answer" { FORM } else { "application/json" };
    let request = server.client.post(server.url(path)).header("content-type", content_type);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(body).send().await.unwrap()
}

#[tokio::test]
async fn a_form_has_at_most_a_hundred_parts() {
    let server = Server::start().await;
    let picture = part("picture", &picture("rocket.jpg"));
    let last_of = |count: usize| form(&[vec![field("other", b""); count - 1], vec![picture.clone()]].concat());
    assert_eq!(post(&server, "/answer", &[], last_of(100)).await.status(), 200);
    for body in [last_of(101), empty_parts()] {
        let refused = post(&server, "/answer", &[], body).await;
        assert_eq!(refused.status(), 400);
        let page = refused.text().await.unwrap();
        assert!(page.contains("The form has more than 100 parts: send the picture alone"), "{page}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The routes that take a picture, each with a body that has one.
fn bodies(picture: &[u8]) -> [(&'static str, Vec<u8>); 3] {
    [
        ("/api/v1/analyze", analyze_body(picture).into_bytes()),
        ("/predict", json!({ "image_data": base64(picture) }).to_string().into_bytes()),
        ("/answer", form(&[part("picture", picture)])),
    ]
}

#[tokio::test]
async fn a_compressed_body_has_the_answer_of_the_plain_one() {
    let server = Server::start().await;
    for (path, body) in bodies(&picture("chelsea.png")) {
        let plain = post(&server, path, &[], body.clone()).await;
        assert_eq!(plain.status(), 200, "{path}");
        let plain = plain.text().await.unwrap();
        for (codings, encoded) in [
            (&["gzip"][..], gzip(&body)),
            (&["GZip"], gzip(&body)),
            (&["x-gzip"], gzip(&body)),
            (&["identity, gzip"], gzip(&body)),
            (&["identity", "gzip"], gzip(&body)),
            (&["deflate"], zlib(&body)),
            (&["deflate"], deflate(&body)),
            (&["identity"], body.clone()),
            (&[""], body.clone()),
            (&[", "], body.clone()),
        ] {
            let headers: Vec<_> = codings.iter().map(|coding| ("content-encoding", *coding)).collect();
            let response = post(&server, path, &headers, encoded).await;
            assert_eq!(response.status(), 200, "{path} {codings:?}");
            assert!(response.text().await.unwrap() == plain, "{path} {codings:?}");
        }
    }
}

/// The sentence of a refusal, whatever its form.
async fn sentence(response: Response) -> String {
    let body = response.text().await.unwrap();
    let json: Value = serde_json::from_str(&body).unwrap_or_default();
    json["message"].as_str().or(json["detail"].as_str()).map_or(body, str::to_owned)
}

#[tokio::test]
async fn a_body_that_is_not_compressed_as_it_says() {
    let server = Server::start().await;
    for (path, body) in bodies(&picture("rocket.jpg")) {
        let (zipped, deflated) = (gzip(&body), zlib(&body));
        for (coding, damaged) in [
            ("gzip", &body[..]),
            ("gzip", b""),
            ("gzip", &zipped[..zipped.len() - 1]),
            ("gzip", &[&zipped[..], b"more"].concat()),
            ("deflate", &body),
            ("deflate", b""),
            ("deflate", &deflated[..deflated.len() - 1]),
            ("deflate", &deflated[..deflated.len() / 2]),
        ] {
            let response = post(&server, path, &[("content-encoding", coding)], damaged.to_vec()).await;
            assert_eq!(response.status(), 400, "{path} {coding}");
            let said = sentence(response).await;
            let expected = format!("The request body is not valid {coding}, as Content-Encoding says it is");
            assert!(said.contains(&expected), "{path} {coding}: {said}");
        }
        for codings in [
            &["br"][..],
            &["zstd"],
            &["compress"],
            &["gzip, gzip"],
            &["deflate,gzip"],
            &["gzip", "gzip"],
            &["gzip", "br"],
            &["gzip;q=1"],
            &["\u{e9}"],
        ] {
            let headers: Vec<_> = codings.iter().map(|coding| ("content-encoding", *coding)).collect();
            let response = post(&server, path, &headers, gzip(&zipped)).await;
            assert_eq!(response.status(), 415, "{path} {codings:?}");
            assert_eq!(response.headers()["accept-encoding"], "gzip, deflate", "{path} {codings:?}");
            let said = sentence(response).await;
            assert!(said.contains("Content-Encoding must be gzip, deflate or identity"), "{path} {codings:?}: {said}");
        }
    }
}

#[tokio::test]
async fn a_bomb_is_refused_at_the_limit() {
    let server = Server::with_flags(&["--max-body-bytes", "1000000", "--workers", "1"]).await;
    let mut zeros = Vec::new();
    std::io::repeat(b' ').take(100_000_000).read_to_end(&mut zeros).unwrap();
    for (coding, bomb) in [("gzip", gzip(&zeros)), ("deflate", zlib(&zeros)), ("deflate", deflate(&zeros))] {
        for path in ["/api/v1/analyze", "/predict", "/answer"] {
            let response = post(&server, path, &[("content-encoding", coding)], bomb.clone()).await;
            assert_eq!(response.status(), 413, "{path} {coding}");
            let said = sentence(response).await;
            assert!(said.contains("larger than 1000000 bytes"), "{path} {coding}: {said}");
        }
    }
    assert_eq!(server.inflight_bytes(), 0);
}

#[tokio::test]
async fn every_encoding_of_json_has_the_same_answer() {
    let server = Server::start().await;
    let file = picture("coffee.jpg");
    let utf16 = |json: &str, unit: fn(u16) -> [u8; 2]| json.encode_utf16().flat_map(unit).collect::<Vec<_>>();
    for (path, body) in &bodies(&file)[..2] {
        let plain = post(&server, path, &[], body.clone()).await.text().await.unwrap();
        let json = std::str::from_utf8(body).unwrap();
        let (little, big) = (utf16(json, u16::to_le_bytes), utf16(json, u16::to_be_bytes));
        for body in [
            [&b"\xef\xbb\xbf"[..], body].concat(),
            [&b"\xff\xfe"[..], &little].concat(),
            [&b"\xfe\xff"[..], &big].concat(),
            little,
            big,
        ] {
            let begins = format!("{:x?}", &body[..4]);
            let response = post(&server, path, &[], body).await;
            assert_eq!(response.status(), 200, "{path} {begins}");
            assert_eq!(response.text().await.unwrap(), plain, "{path} {begins}");
        }
    }
}

#[tokio::test]
async fn every_form_of_base64_has_the_same_answer() {
    let server = Server::start().await;
    let encoded = base64(&picture("coffee.jpg"));
    let percent = encoded.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D");
    let all: String = encoded.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
    let send = async |text: &str| {
        let body = json!({ "base64Image": text }).to_string();
        let response = post(&server, "/api/v1/analyze", &[], body).await;
        assert_eq!(response.status(), 200, "{text:.40}");
        response.text().await.unwrap()
    };
    let plain = send(&encoded).await;
    for text in [
        format!("data:image/jpeg;base64,{encoded}"),
        format!("data:image/jpeg;base64,{percent}"),
        format!("data:;base64,{all}"),
        format!("data:image/jpeg;base64,{}", percent.replace("%2B", "%2B%0A")),
    ] {
        assert!(send(&text).await == plain, "{text:.40}");
    }
    let escaped = format!("{{\"base64Image\": \"{}\"}}", encoded.replace('/', "\\/"));
    assert!(post(&server, "/api/v1/analyze", &[], escaped).await.text().await.unwrap() == plain);
}
