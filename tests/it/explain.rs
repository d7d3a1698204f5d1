//! Class activation maps: where in the picture the evidence for a label lies, by every door.

use glimpse::grpc::pb::glimpse::{Activation, ClassifyRequest, GetModelRequest, Model};
use serde_json::{Value, json};
use tonic::Code;

use crate::classify::run;
use crate::support::grpc::{Client, classify};
use crate::support::onnx::quarters;
use crate::support::{Server, analyze_body, answer, base64, model, picture, temporary};

const PATH: &str = "/api/v1/analyze?explain=true";
const ROWS: usize = 7;

async fn explained(server: &Server, file: &[u8]) -> Value {
    let (status, body) = answer(server.post(PATH, analyze_body(file)).await).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// The values of the map of an answer's first label.
fn first(body: &Value) -> Vec<f64> {
    body[0]["activation"]["values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

/// Pearson's correlation.
fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let count = f64::from(u32::try_from(one.len()).unwrap());
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (one_mean, other_mean) = (mean(one), mean(other));
    let products = |a: &[f64], a_mean: f64, b: &[f64], b_mean: f64| {
        a.iter().zip(b).map(|(a, b)| (a - a_mean) * (b - b_mean)).sum::<f64>()
    };
    products(one, one_mean, other, other_mean)
        / (products(one, one_mean, one, one_mean) * products(other, other_mean, other, other_mean)).sqrt()
}

#[tokio::test]
async fn every_label_has_a_map_where_it_is_asked_for() {
    let server = Server::start().await;
    let file = picture("chelsea.png");
    let body = explained(&server, &file).await;
    for label in body.as_array().unwrap() {
        let map = &label["activation"];
        assert_eq!((&map["rows"], &map["columns"]), (&json!(ROWS), &json!(ROWS)));
        assert_eq!(map["window"], json!({ "left": 0.0, "top": 0.0, "width": 1.0, "height": 1.0 }));
        let values: Vec<f64> = map["values"].as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect();
        assert_eq!(values.len(), ROWS * ROWS);
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)) && values.contains(&1.0), "{values:?}");
    }
    let mut plain = body;
    for label in plain.as_array_mut().unwrap() {
        label.as_object_mut().unwrap().remove("activation");
    }
    assert_eq!(answer(server.analyze(&file).await).await, (200, plain.clone()));
    assert_eq!(answer(server.post("/api/v1/analyze?explain=false", analyze_body(&file)).await).await, (200, plain));
    let (_, many) = answer(server.post(&format!("{PATH}&top_k=12"), analyze_body(&file)).await).await;
    let with: Vec<bool> = many.as_array().unwrap().iter().map(|label| label["activation"].is_object()).collect();
    assert_eq!(with, [[true; 10].as_slice(), &[false; 2]].concat());
}

#[tokio::test]
async fn every_door_has_the_same_maps() {
    let server = Server::start().await;
    let file = picture("rocket.jpg");
    let expected = explained(&server, &file).await;
    let sent = server.client.post(server.url(PATH)).header("content-type", "image/jpeg").body(file.clone());
    assert_eq!(answer(sent.send().await.unwrap()).await, (200, expected.clone()));
    let batch = json!({ "images": [base64(&file)] }).to_string();
    let (_, body) = answer(server.post("/api/v1/analyze/batch?explain=true", batch).await).await;
    assert_eq!(body[0]["predictions"], expected);

    let (code, lines, _) = run(&["--format", "ndjson", "--explain", "tests/pictures/rocket.jpg"]);
    assert_eq!(code, 0);
    assert_eq!(serde_json::from_str::<Value>(&lines[0]).unwrap()["predictions"], expected);
    let server_url = server.url("");
    let remote = ["--format", "ndjson", "--explain", "--server", &server_url, "tests/pictures/rocket.jpg"];
    let output = remote.map(str::to_owned);
    let (code, remote, _) =
        tokio::task::spawn_blocking(move || run(&output.each_ref().map(String::as_str))).await.unwrap();
    assert_eq!((code, remote), (0, lines));

    let client = Client::new(server.address);
    let request = ClassifyRequest { explain: true, ..classify(file.clone()) };
    let response = client.classify(request).await.unwrap();
    for (prediction, expected) in response.predictions.iter().zip(expected.as_array().unwrap()) {
        let Activation { rows, columns, values, window } = prediction.activation.clone().unwrap();
        assert_eq!((rows, columns, window.unwrap().width), (7, 7, 1.0));
        // JSON has the decimals of 32 bits.
        let values: Vec<f64> = values.iter().map(|value| value.to_string().parse().unwrap()).collect();
        assert_eq!(json!(values), expected["activation"]["values"]);
    }
    assert!(client.classify(classify(file)).await.unwrap().predictions[0].activation.is_none());
}

/// Files of one picture: as taken, turned by its EXIF orientation, and large, which takes other ways through the decoder.
#[tokio::test]
async fn a_map_is_that_of_the_upright_picture() {
    let server = Server::start().await;
    let upright = first(&explained(&server, &picture("chelsea.png")).await);
    let turned = first(&explained(&server, &picture("chelsea_phone.jpg")).await);
    let same = correlation(&upright, &turned);
    assert!(same > 0.9, "{same}: {upright:?} {turned:?}");
    let mirrored: Vec<f64> = upright.chunks(ROWS).flat_map(|row| row.iter().rev().copied()).collect();
    assert!(correlation(&upright, &mirrored) < 0.9, "the picture can't tell a mirrored map");
}

#[tokio::test]
async fn what_a_query_says_wrong_is_refused() {
    let server = Server::start().await;
    for query in ["explain", "explain=1", "explain=True"] {
        let refused = answer(server.post(&format!("/api/v1/analyze?{query}"), analyze_body(b"x")).await).await;
        assert_eq!(refused, (400, json!({ "message": "explain must be true or false" })), "{query}");
    }
}

#[tokio::test]
async fn a_model_without_maps_says_so() {
    let path = temporary("explain-quarters.onnx");
    std::fs::write(&path, quarters()).unwrap();
    let path = path.to_str().unwrap();
    let server = Server::with_flags(&["--model", path]).await;
    let described = async |server: &Server| answer(server.get("/api/v1/model").await).await.1["activation"].clone();
    assert_eq!(described(&server).await, Value::Null);
    let message = "explain must be left out: this model has no activation maps";
    for path in [PATH, "/api/v1/analyze/batch?explain=true"] {
        let refused = answer(server.post(path, analyze_body(&picture("coffee.jpg"))).await).await;
        assert_eq!(refused, (400, json!({ "message": message })), "{path}");
    }
    let client = Client::new(server.address);
    let request = ClassifyRequest { explain: true, ..classify(picture("coffee.jpg")) };
    let status = client.classify(request).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, message));

    let file = "tests/pictures/coffee.jpg";
    let (code, _, errors) = run(&["-f", "json", "--explain", "--model", path, file]);
    assert_eq!((code, errors.contains("--explain must be left out")), (2, true), "{errors}");
    let server_url = server.url("");
    let remote = ["-f", "json", "--explain", "--server", &server_url, file].map(str::to_owned);
    let (code, _, errors) =
        tokio::task::spawn_blocking(move || run(&remote.each_ref().map(String::as_str))).await.unwrap();
    assert_eq!((code, errors.contains("leave out --explain")), (2, true), "{errors}");
    let (code, _, errors) = run(&["--explain", file]);
    assert_eq!((code, errors.contains("--explain is for --format json or ndjson")), (2, true), "{errors}");

    let server = Server::start().await;
    assert_eq!(described(&server).await, json!({ "rows": 7, "columns": 7 }));
    let client = Client::new(server.address);
    let described: Model = client.call("/glimpse.v1.Classifier/GetModel", GetModelRequest {}).await.unwrap();
    assert_eq!((described.activation_rows, described.activation_columns), (7, 7));
    assert!(model().activation.is_some());
}
