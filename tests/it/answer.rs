//! `POST /answer`: the page's form without JavaScript takes a picture file and answers with a page.

use reqwest::Response;
use serde_json::Value;

use crate::support::{Server, picture, predictions};

const BOUNDARY: &str = "----a-boundary";

fn part(disposition: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], format!("--{BOUNDARY}--\r\n").as_bytes()].concat()
}

async fn send(server: &Server, body: Vec<u8>) -> Response {
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    server.client.post(server.url("/answer")).header("content-type", content_type).body(body).send().await.unwrap()
}

async fn send_picture(server: &Server, name: &str) -> Response {
    send(server, form(&[part(r#"name="picture"; filename="a.jpg""#, &picture(name))])).await
}

#[tokio::test]
async fn a_page_with_the_apis_answer() {
    let server = Server::start().await;
    for name in ["coffee.jpg", "chelsea.png", "coffee.tif"] {
        let api: Value = server.analyze(&picture(name)).await.json().await.unwrap();
        let response = send_picture(&server, name).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(response.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        let page = response.text().await.unwrap();
        for (label, confidence) in predictions(&api) {
            let (words, per_cent) = (label.replace('_', " "), format!("{:.1} %", confidence * 100.0));
            assert!(
                page.contains(&format!("<span>{words}</span> <span>{per_cent}</span>")),
                "{words} {per_cent}: {page}"
            );
        }
        assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>") && page.contains("<form"));
        assert!(!page.contains("<!--answer-->"));
    }
}

#[tokio::test]
async fn other_fields_are_ignored() {
    let server = Server::start().await;
    let parts = [part(r#"name="other""#, b"x"), part(r#"name="picture"; filename="a""#, &picture("rocket.jpg"))];
    assert_eq!(send(&server, form(&parts)).await.status(), 200);
}

/// The status and the error message of an error page.
async fn refused(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let page = response.text().await.unwrap();
    let sentence = page.split(r#"<p class="plain-error" role="alert">"#).nth(1).unwrap_or_else(|| panic!("{page}"));
    (status, sentence.split("</p>").next().unwrap().to_owned())
}

#[tokio::test]
async fn errors_are_shown_on_the_page() {
    let server = Server::start().await;
    let choose = (400, "Choose a photograph first".to_owned());
    assert_eq!(refused(send(&server, form(&[part(r#"name="picture"; filename="""#, b"")])).await).await, choose);
    assert_eq!(refused(send(&server, form(&[part(r#"name="other""#, b"x")])).await).await, choose);
    assert_eq!(refused(send(&server, form(&[])).await).await, choose);
    let invalid = (400, "Invalid request body".to_owned());
    assert_eq!(refused(send(&server, b"no form".to_vec()).await).await, invalid);
    assert_eq!(refused(send(&server, part(r#"name="picture"; filename="a""#, b"cut off")).await).await, invalid);
    let text = send(&server, form(&[part(r#"name="picture"; filename="a""#, b"<script>alert(1)</script>")])).await;
    let sentence = "The data is not an image: send JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF, BMP, ICO, PNM or QOI";
    assert_eq!(refused(text).await, (422, sentence.to_owned()));
    for content_type in ["application/json", "multipart/mixed; boundary=x", ""] {
        let request = server.client.post(server.url("/answer")).header("content-type", content_type).body("{}");
        let expected = (415, "Content-Type must be multipart/form-data".to_owned());
        assert_eq!(refused(request.send().await.unwrap()).await, expected);
    }
    let without_boundary = server.client.post(server.url("/answer")).header("content-type", "multipart/form-data");
    assert_eq!(refused(without_boundary.body("x").send().await.unwrap()).await, invalid);
}

#[tokio::test]
async fn files_up_to_the_servers_limit_are_accepted() {
    let server = Server::with_flags(&["--max-body-bytes", "10000"]).await;
    let sentence = "The request body is larger than 10000 bytes: send a smaller picture";
    assert_eq!(refused(send_picture(&server, "coffee.jpg").await).await, (413, sentence.to_owned()));
    // The file exceeds axum's default limit of 2 MiB.
    let server = Server::with_flags(&["--max-body-bytes", "4000000"]).await;
    let mut padded = picture("coffee.jpg");
    padded.resize(3 << 20, 0);
    let response = send(&server, form(&[part(r#"name="picture"; filename="a.jpg""#, &padded)])).await;
    assert_eq!(response.status(), 200);
}
