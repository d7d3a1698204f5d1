//! `POST /predict`, the contract of the Python service that glimpse replaces.

use serde_json::{Value, json};

use crate::support::{Server, answer, base64, picture};

async fn predict(server: &Server, body: impl Into<reqwest::Body>) -> (u16, Value) {
    answer(server.post("/predict", body).await).await
}

#[tokio::test]
async fn the_same_answer_as_the_api() {
    let server = Server::start().await;
    let file = picture("rocket.jpg");
    let expected = answer(server.analyze(&file).await).await;
    assert_eq!(expected.0, 200);
    assert_eq!(predict(&server, json!({ "image_data": base64(&file) }).to_string()).await, expected);
    let untyped = server.client.post(server.url("/predict")).body(json!({ "image_data": base64(&file) }).to_string());
    assert_eq!(answer(untyped.send().await.unwrap()).await, expected);
}

#[tokio::test]
async fn a_malformed_request_is_a_422_with_a_list() {
    let server = Server::start().await;
    let missing = json!([{ "type": "missing", "loc": ["body", "image_data"], "msg": "Field required" }]);
    let not_text =
        json!([{ "type": "string_type", "loc": ["body", "image_data"], "msg": "Input should be a valid string" }]);
    let not_an_object =
        json!([{ "type": "model_attributes_type", "loc": ["body"], "msg": "Input should be a valid dictionary" }]);
    for (body, detail) in [
        ("{}", &missing),
        (r#"{"base64Image": "a secret"}"#, &missing),
        (r#"{"image_data": null}"#, &not_text),
        (r#"{"image_data": 17}"#, &not_text),
        (r#"["a secret"]"#, &not_an_object),
    ] {
        assert_eq!(predict(&server, body).await, (422, json!({ "detail": detail })), "{body}");
    }
    let (status, body) = predict(&server, "{a secret").await;
    assert_eq!((status, &body["detail"][0]["type"]), (422, &json!("json_invalid")));
    assert!(!body.to_string().contains("secret"), "the request is echoed: {body}");
}

#[tokio::test]
async fn every_other_error_is_a_500() {
    let server = Server::start().await;
    let file = picture("rocket.jpg");
    let detail = json!({ "detail": "Internal server error during model inference." });
    for image_data in ["", "hello, world", "aGVsbG8=", &base64(&file[..file.len() / 2])] {
        let body = json!({ "image_data": image_data }).to_string();
        assert_eq!(predict(&server, body).await, (500, detail.clone()), "{image_data:.20}");
    }
}

#[tokio::test]
async fn the_body_limit_is_enforced() {
    let server = Server::with_flags(&["--max-body-bytes", "100"]).await;
    let (status, body) = predict(&server, json!({ "image_data": "A".repeat(100) }).to_string()).await;
    assert_eq!(status, 413);
    assert_eq!(body["detail"], "The request body is larger than 100 bytes: send a smaller picture");
}
