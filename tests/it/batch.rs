//! `POST /api/v1/analyze/batch`: several pictures in one request.

use serde_json::{Value, json};

use crate::support::{Server, answer, base64, eventually, picture};

const PATH: &str = "/api/v1/analyze/batch";

fn images(files: &[&[u8]]) -> String {
    json!({ "images": files.iter().map(|file| base64(file)).collect::<Vec<_>>() }).to_string()
}

fn not_an_image() -> Value {
    let message = "The data is not an image: send JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF, BMP, ICO, PNM or QOI";
    json!({ "message": message, "status": 422 })
}

async fn alone(server: &Server, name: &str) -> Value {
    json!({ "predictions": answer(server.analyze(&picture(name)).await).await.1 })
}

#[tokio::test]
async fn each_picture_has_its_own_answer_in_order() {
    let server = Server::start().await;
    let (rocket, coffee) = (picture("rocket.jpg"), picture("coffee.png"));
    let mut expected = vec![alone(&server, "rocket.jpg").await, not_an_image(), alone(&server, "coffee.png").await];
    let sent = answer(server.post(PATH, images(&[&rocket, b"no picture", &coffee])).await).await;
    assert_eq!(sent, (200, Value::from(expected.clone())));

    let part = |file: &[u8]| {
        let head = "--x\r\nContent-Disposition: form-data; name=\"images\"; filename=\"a\"\r\nContent-Type: image/jpeg\r\n\r\n";
        [head.as_bytes(), file, b"\r\n"].concat()
    };
    let form = [part(&rocket), part(b"no picture"), part(&coffee), b"--x--\r\n".to_vec()].concat();
    let request = server.client.post(server.url(PATH)).header("content-type", "multipart/form-data; boundary=x");
    assert_eq!(answer(request.body(form).send().await.unwrap()).await, (200, Value::from(expected.clone())));

    // What is not base64 has an answer of its own as well; escapes and UTF-16 are JSON too.
    let escaped = base64(&coffee).replace('/', "\\/");
    let body = format!(r#"{{"images": ["{}", "*", "data:image/png;base64,{escaped}"]}}"#, base64(&rocket));
    expected[1] = json!({ "message": "The picture is not valid base64", "status": 400 });
    let utf16: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for body in [body.into_bytes(), utf16] {
        assert_eq!(answer(server.post(PATH, body).await).await, (200, Value::from(expected.clone())));
    }
    eventually("the bodies are given back", async || server.inflight_bytes() == 0).await;
}

#[tokio::test]
async fn a_compressed_batch_is_inflated_within_the_limit() {
    let server = Server::with_flags(&["--max-body-bytes", "1MB"]).await;
    let send = async |body: &str| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, body.as_bytes()).unwrap();
        let request = server.client.post(server.url(PATH)).header("content-type", "application/json");
        answer(request.header("content-encoding", "gzip").body(packed.finish().unwrap()).send().await.unwrap()).await
    };
    let (status, body) = send(&images(&[&picture("coffee.jpg")])).await;
    assert_eq!((status, body.as_array().unwrap().len()), (200, 1));
    assert_eq!(send(&images(&[&vec![0; 2_000_000]])).await.0, 413);
}

#[tokio::test]
async fn the_query_chooses_for_all() {
    let server = Server::start().await;
    let file = picture("coffee.jpg");
    let (_, body) = answer(server.post(&format!("{PATH}?top_k=2"), images(&[&file, &file])).await).await;
    assert!(body.as_array().unwrap().iter().all(|it| it["predictions"].as_array().unwrap().len() == 2), "{body}");
    assert_eq!(server.post(&format!("{PATH}?top_k=0"), images(&[&file])).await.status(), 400);
}

#[tokio::test]
async fn what_is_no_batch_is_refused_whole() {
    let server = Server::with_flags(&["--max-batch", "2"]).await;
    for (body, status, message) in [
        (r#"{"images": []}"#, 400, "Send at least one picture"),
        ("{}", 400, "images field is required"),
        (r#"{"images": "x"}"#, 400, "images must be a list"),
        (r#"{"images": ["", "", ""]}"#, 413, "At most 2 pictures can be sent at once"),
        (r#"{"images": ["", 7]}"#, 400, "Invalid request body"),
        (r#"{"images": [null]}"#, 400, "Invalid request body"),
        ("[]", 400, "Invalid request body"),
        ("", 400, "Invalid request body"),
    ] {
        assert_eq!(answer(server.post(PATH, body).await).await, (status, json!({ "message": message })), "{body}");
    }
    let request = server.client.post(server.url(PATH)).header("content-type", "image/png").body(picture("coffee.png"));
    let message = "Content-Type must be application/json or multipart/form-data";
    assert_eq!(answer(request.send().await.unwrap()).await, (415, json!({ "message": message })));
}

#[tokio::test]
async fn a_batch_is_admitted_whole_or_not_at_all() {
    let (server, mut script) = Server::scripted(&["--queue-depth", "2"]).await;
    let first = server.spawn_analyze(b"first");
    let begun = script.begun().await;
    // The batch is taken apart on the worker's thread, while the last request holds one of three permits.
    let batch = tokio::spawn(
        server
            .client
            .post(server.url(PATH))
            .header("content-type", "application/json")
            .body(images(&[b"a", b"b", b"c"]))
            .send(),
    );
    eventually("the batch waits", async || server.waiting() == 1).await;
    let last = server.spawn_analyze(b"last");
    eventually("the last one waits", async || server.waiting() == 2).await;
    begun.answer();
    let refused = answer(batch.await.unwrap().unwrap()).await;
    assert_eq!(refused, (503, json!({ "message": "The server is busy: try again in a moment" })));
    script.begun().await.answer();
    assert_eq!((first.await.unwrap().0, last.await.unwrap().0), (200, 200));
    assert_eq!(server.post(PATH, images(&[b"a", b"b", b"c", b"d"])).await.status(), 413);
    assert!(script.is_idle() && server.waiting() == 0);
}

#[tokio::test]
async fn a_stream_has_each_answer_as_it_is_ready() {
    let (server, mut script) = Server::scripted(&["--queue-depth", "3"]).await;
    let request = server.client.post(server.url(PATH)).header("content-type", "application/json");
    let request = request.header("accept", "application/json;q=0.5, application/x-ndjson").body(images(&[b"a", b"b"]));
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let model: Value = server.client.get(server.url("/api/v1/model")).send().await.unwrap().json().await.unwrap();
    assert_eq!(response.headers()["model-revision"], *model["revision"].as_str().unwrap());
    script.begun().await.answer();
    let line: Value = serde_json::from_slice(&response.chunk().await.unwrap().unwrap()).unwrap();
    assert_eq!(line, json!({ "index": 0, "predictions": [{ "label": "scripted", "confidence": 1.0 }] }));
    // The second is worked on only now.
    script.begun().await.fail();
    let line: Value = serde_json::from_slice(&response.chunk().await.unwrap().unwrap()).unwrap();
    let mut expected = not_an_image();
    expected["index"] = json!(1);
    assert_eq!(line, expected);
    assert_eq!(response.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_takes_its_pictures_along() {
    let (server, mut script) = Server::scripted(&["--queue-depth", "3"]).await;
    let request = server.client.post(server.url(PATH)).header("content-type", "application/json");
    let response =
        request.header("accept", "application/x-ndjson").body(images(&[b"a", b"b", b"c"])).send().await.unwrap();
    let begun = script.begun().await;
    drop(response);
    eventually("the connection is gone", async || server.waiting() == 2).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    begun.answer();
    eventually("the work ends", async || server.waiting() == 0 && server.inflight_bytes() == 0).await;
    assert!(script.is_idle(), "work was begun for nobody");
}
