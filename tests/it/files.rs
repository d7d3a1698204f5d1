//! `POST /api/v1/analyze` with the picture as the body itself or in a form, and the labels that the query chooses.

use serde_json::{Value, json};

use crate::support::{Server, answer, base64, model, picture, root};

async fn send(server: &Server, path: &str, content_type: Option<&str>, body: Vec<u8>) -> (u16, Value) {
    let mut request = server.client.post(server.url(path)).body(body);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    answer(request.send().await.unwrap()).await
}

const PATH: &str = "/api/v1/analyze";

/// A form with a field and then the file.
fn form(head: &str, file: &[u8]) -> Vec<u8> {
    let field =
        "--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\ntext\r\n--x\r\nContent-Disposition: form-data; ";
    [field.as_bytes(), head.as_bytes(), b"\r\n\r\n", file, b"\r\n--x--\r\n"].concat()
}

#[tokio::test]
async fn a_picture_has_one_answer_in_every_form() {
    let server = Server::start().await;
    let file = picture("rocket.jpg");
    let expected = answer(server.analyze(&file).await).await;
    assert_eq!(expected.0, 200);
    let types = ["image/jpeg", "image/png", "image/*", "application/octet-stream", "application/x-www-form-urlencoded"];
    for content_type in types.map(Some).into_iter().chain([None]) {
        assert_eq!(send(&server, PATH, content_type, file.clone()).await, expected, "{content_type:?}");
    }
    for head in [
        "name=\"image\"; filename=\"rocket.jpg\"",
        "name=\"other\"; filename=\"\"",
        "name=\"b\"\r\nContent-Type: image/png",
    ] {
        let sent = send(&server, PATH, Some("multipart/form-data; boundary=x"), form(head, &file)).await;
        assert_eq!(sent, expected, "{head}");
    }
    // JSON without a type, and with the one of a client that was told nothing.
    let body = json!({ "base64Image": base64(&file) }).to_string();
    for content_type in [None, Some("application/x-www-form-urlencoded")] {
        assert_eq!(send(&server, PATH, content_type, body.clone().into()).await, expected, "{content_type:?}");
    }
}

#[tokio::test]
async fn a_compressed_file_is_inflated() {
    let server = Server::start().await;
    let file = picture("chelsea.bmp");
    let expected = answer(server.analyze(&file).await).await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &file).unwrap();
    let request = server.client.post(server.url(PATH)).header("content-type", "image/bmp");
    let request = request.header("content-encoding", "gzip").body(packed.finish().unwrap());
    assert_eq!(answer(request.send().await.unwrap()).await, expected);
}

#[tokio::test]
async fn a_type_names_the_format_that_bytes_do_not() {
    let server = Server::start().await;
    let folder = root().join("tests/fixtures/tga");
    let file = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|it| it == "tga"));
    let file = std::fs::read(file.unwrap()).unwrap();
    assert_eq!(send(&server, PATH, Some("image/x-tga"), file.clone()).await.0, 200);
    assert_eq!(send(&server, PATH, Some("application/octet-stream"), file).await.0, 422);
}

#[tokio::test]
async fn what_is_no_picture_is_refused_in_words() {
    let server = Server::start().await;
    let not_an_image = "The data is not an image: send JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF, BMP, ICO, PNM or QOI";
    for (content_type, body, status, message) in [
        (Some("image/png"), &b""[..], 422, not_an_image),
        (Some("application/octet-stream"), b"{}", 422, not_an_image),
        (None, b"hello", 422, not_an_image),
        (None, b"", 400, "Invalid request body"),
        (None, b"{}", 400, "base64Image field is required"),
        (Some("application/json"), b"\xff\xd8\xff", 400, "Invalid request body"),
        (Some("multipart/form-data"), b"", 400, "Invalid request body"),
        (Some("multipart/form-data; boundary=x"), b"--x--\r\n", 400, "Choose a photograph first"),
    ] {
        let sent = send(&server, PATH, content_type, body.to_vec()).await;
        assert_eq!(sent, (status, json!({ "message": message })), "{content_type:?} {}", body.escape_ascii());
    }
}

#[tokio::test]
async fn the_query_chooses_the_labels() {
    let server = Server::start().await;
    let labels = async |query: &str| {
        let (status, body) = send(&server, &format!("{PATH}?{query}"), Some("image/png"), picture("chelsea.png")).await;
        assert_eq!(status, 200, "{query}: {body}");
        body.as_array().unwrap().clone()
    };
    let all = labels(&format!("top_k={}", model().labels.len())).await;
    assert_eq!(all.len(), model().labels.len());
    let sum: f64 = all.iter().map(|label| label["confidence"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    for (query, count) in [("", 3), ("top_k=1", 1), ("top_k=5", 5), ("min_confidence=0", 3), ("min_confidence=1", 0)] {
        assert_eq!(labels(query).await, all[..count], "{query}");
    }
    let second = all[1]["confidence"].as_f64().unwrap();
    assert_eq!(labels(&format!("top_k=5&min_confidence={second}")).await, all[..2]);
    for (query, message) in [
        ("top_k=0", "top_k must be a whole number from 1 to 1000"),
        ("top_k=1001", "top_k must be a whole number from 1 to 1000"),
        ("top_k=three", "top_k must be a whole number from 1 to 1000"),
        ("min_confidence=2", "min_confidence must be a number from 0 to 1"),
    ] {
        let refused = send(&server, &format!("{PATH}?{query}"), Some("image/png"), picture("chelsea.png")).await;
        assert_eq!(refused, (400, json!({ "message": message })), "{query}");
    }
}
