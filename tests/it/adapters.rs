//! The routes of other servers: Hugging Face, TensorFlow Serving, `KServe` V1, Vertex AI, `SageMaker`.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{Server, base64, model, picture};

async fn json_of(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    json_of(server.client.get(server.url(path))).await
}

async fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    json_of(server.client.post(server.url(path)).json(body)).await
}

async fn raw(server: &Server, path: &str, file: Vec<u8>) -> (u16, Value) {
    json_of(server.client.post(server.url(path)).header("content-type", "image/png").body(file)).await
}

/// The labels of a picture by our own API.
async fn labels(server: &Server, file: &[u8], top_k: usize) -> Value {
    raw(server, &format!("/api/v1/analyze?top_k={top_k}"), file.to_vec()).await.1
}

fn scores(labels: &Value) -> Value {
    labels.as_array().unwrap().iter().map(|it| json!({ "label": it["label"], "score": it["confidence"] })).collect()
}

#[tokio::test]
async fn hugging_faces_clients_have_the_answers_of_the_api() {
    let server = Server::start().await;
    let file = picture("chelsea.png");
    let five = scores(&labels(&server, &file, 5).await);
    let model = format!("/models/{}", model().name);
    for path in ["/", &model] {
        assert_eq!(raw(&server, path, file.clone()).await, (200, five.clone()), "{path}");
        // The client has no type for bytes without a name.
        assert_eq!(json_of(server.client.post(server.url(path)).body(file.clone())).await, (200, five.clone()));
        let question = json!({ "inputs": base64(&file), "parameters": { "top_k": 2, "function_to_apply": "softmax" } });
        assert_eq!(post(&server, path, &question).await, (200, scores(&labels(&server, &file, 2).await)));
        let (status, body) = post(&server, path, &json!({ "inputs": base64(b"no picture") })).await;
        assert_eq!((status, body["error"].as_str().unwrap().starts_with("The data is not an image")), (400, true));
        assert_eq!(post(&server, path, &json!({})).await, (400, json!({ "error": "inputs field is required" })));
    }
    assert_eq!(raw(&server, "/models/other", file).await.0, 404);
    assert_eq!(get(&server, "/info").await.1["pipeline_tag"], "image-classification");
    // The page is where it was.
    let page = server.get("/").await;
    assert_eq!((page.status().as_u16(), &page.headers()["content-type"].as_bytes()[..9]), (200, &b"text/html"[..]));
}

#[tokio::test]
async fn tensorflow_servings_clients_have_the_answers_of_the_api() {
    let server = Server::with_flags(&["--model-name", "animals"]).await;
    let files = [picture("rocket.jpg"), picture("coffee.png")];
    let expected = json!([labels(&server, &files[0], 3).await, labels(&server, &files[1], 3).await]);
    let b64 = files.iter().map(|file| json!({ "b64": base64(file) })).collect::<Value>();
    let named = files.iter().map(|file| json!({ "image_bytes": { "b64": base64(file) } })).collect::<Value>();
    for path in ["/v1/models/animals:predict", "/v1/models/animals/versions/1:predict"] {
        for instances in [&b64, &named] {
            let answer = post(&server, path, &json!({ "signature_name": "x", "instances": instances })).await;
            assert_eq!(answer, (200, json!({ "predictions": expected })), "{path}");
        }
        assert_eq!(post(&server, path, &json!({ "inputs": b64 })).await, (200, json!({ "outputs": expected })));
    }
    let chosen = json!({ "instances": b64, "parameters": { "top_k": 1 } });
    let (_, answer) = post(&server, "/v1/models/animals:predict", &chosen).await;
    assert_eq!(answer["predictions"][1], json!([expected[1][0]]));
    assert_eq!(get(&server, "/v1/models").await, (200, json!({ "models": ["animals"] })));
    for path in ["/v1/models/animals", "/v1/models/animals/versions/1"] {
        let (status, body) = get(&server, path).await;
        assert_eq!((status, &body["name"], &body["ready"]), (200, &json!("animals"), &json!(true)));
        assert_eq!(body["model_version_status"][0]["state"], "AVAILABLE");
    }
    for (path, body) in [
        ("/v1/models/cats:predict", json!({ "instances": b64 })),
        ("/v1/models/animals:other", json!({ "instances": b64 })),
        ("/v1/models/animals/versions/2:predict", json!({ "instances": b64 })),
        ("/v1/nothing", json!({})),
    ] {
        let (status, body) = post(&server, path, &body).await;
        assert_eq!((status, body["error"].is_string()), (404, true), "{path}: {body}");
    }
    let wrong = json!({ "instances": [{ "b64": base64(&files[0]) }, { "b64": "" }] });
    let (status, body) = post(&server, "/v1/models/animals:predict", &wrong).await;
    assert_eq!(
        (status, body["error"].as_str().unwrap().starts_with("Input 1: The data is not")),
        (400, true),
        "{body}"
    );
    assert_eq!(post(&server, "/v1/models/animals:predict", &json!({})).await.0, 400);
}

#[tokio::test]
async fn vertex_ai_chooses_the_paths() {
    let file = picture("coffee.jpg");
    let instances = json!({ "instances": [{ "b64": base64(&file) }] });
    // Its own, and some that are other routes' as well.
    for (health, predict) in [
        ("/v1/endpoints/7/deployedModels/8", "/v1/endpoints/7/deployedModels/8:predict"),
        ("/health", "/predict"),
        ("/ping", "/invocations"),
        ("/:x", "/:y"),
    ] {
        let server = Server::with_flags(&["--aip-health-route", health, "--aip-predict-route", predict]).await;
        assert_eq!(get(&server, health).await.0, 200, "{health}");
        let answer = post(&server, predict, &instances).await;
        assert_eq!(answer, (200, json!({ "predictions": [labels(&server, &file, 3).await] })), "{predict}");
        server.leave();
        assert_eq!(get(&server, health).await.0, 503, "{health}");
    }
}

#[tokio::test]
async fn sagemaker_has_its_paths() {
    let server = Server::start().await;
    let file = picture("coffee.jpg");
    assert_eq!(get(&server, "/ping").await.0, 200);
    assert_eq!(raw(&server, "/invocations", file.clone()).await, (200, labels(&server, &file, 3).await));
    let request = server.client.post(server.url("/invocations")).header("content-type", "application/x-image");
    assert_eq!(json_of(request.body(file.clone())).await.0, 200);
    server.leave();
    assert_eq!(get(&server, "/ping").await.0, 503);
}

#[tokio::test]
async fn adapters_can_be_off() {
    let server = Server::with_flags(&["--adapters", "none"]).await;
    let file = picture("coffee.jpg");
    for path in ["/", "/models/x", "/v1/models/x:predict", "/invocations"] {
        let request = server.client.post(server.url(path)).header("content-type", "image/jpeg").body(file.clone());
        let status = request.send().await.unwrap().status().as_u16();
        assert!([404, 405].contains(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn adapters_need_the_key_too() {
    let server = Server::with_flags(&["--api-keys", "key"]).await;
    let name = &model().name;
    for path in ["/", &format!("/models/{name}"), &format!("/v1/models/{name}:predict"), "/invocations"] {
        assert_eq!(raw(&server, path, picture("coffee.jpg")).await.0, 401, "{path}");
    }
}
