//! The Open Inference Protocol, version 2, over HTTP.

#![allow(clippy::cast_possible_truncation, reason = "JSON has the decimals of numbers of 32 bits")]

use glimpse::protocol::oip::{elements, floats, prefixed};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{Server, base64, eventually, model, picture, predictions};

const HEADER: &str = "inference-header-content-length";

/// The server, whose model has the name `animals` as well.
async fn start() -> Server {
    Server::with_flags(&["--model-name", "animals"]).await
}

async fn json_of(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    json_of(server.client.get(server.url(path))).await
}

async fn infer(server: &Server, model: &str, body: &Value) -> (u16, Value) {
    json_of(server.client.post(server.url(&format!("/v2/models/{model}/infer"))).json(body)).await
}

fn error(message: &str) -> Value {
    json!({ "error": message })
}

/// The labels of a picture by our own API, as the classification extension writes them.
async fn classes(server: &Server, file: &[u8]) -> Vec<(String, f64)> {
    predictions(&server.analyze(file).await.json().await.unwrap())
}

/// `value:index:label` as label and value.
fn class(text: &str) -> (String, f64) {
    let mut parts = text.splitn(3, ':');
    let value = parts.next().unwrap().parse().unwrap();
    let index: usize = parts.next().unwrap().parse().unwrap();
    let label = parts.next().unwrap();
    assert_eq!(model().labels.iter().nth(index), Some(label));
    (label.to_owned(), value)
}

/// The tensor of a picture, as the server makes it.
fn tensor(file: &[u8]) -> Vec<f32> {
    use glimpse::image::{Decoder, Limits, Preprocessor};
    use glimpse::stop::Stop;

    let (mut pixels, model) = (Vec::new(), model());
    let picture = Decoder::new(Limits::NONE).decode(file, None, &Stop::never(), &mut pixels).unwrap();
    let mut tensor = vec![0.0; model.input.values()];
    Preprocessor::new(&model.input).fill(&mut pixels, picture, &mut tensor, &Stop::never()).unwrap();
    tensor
}

#[tokio::test]
async fn the_server_and_its_models_describe_themselves() {
    let server = start().await;
    for path in ["/v2", "/v2/"] {
        let (status, body) = get(&server, path).await;
        assert_eq!(
            (status, &body["name"], &body["version"]),
            (200, &json!("glimpse"), &json!(env!("CARGO_PKG_VERSION")))
        );
        assert!(body["extensions"].as_array().unwrap().contains(&json!("binary_tensor_data")));
    }
    assert_eq!(get(&server, "/v2/health/live").await, (200, json!({ "live": true })));
    assert_eq!(get(&server, "/v2/health/ready").await, (200, json!({ "live": true, "ready": true })));
    assert_eq!(get(&server, "/v2/models").await, (200, json!({ "models": ["animals", "animals-tensor"] })));
    let labels = model().labels.len();
    let (output, own) =
        (json!([{ "name": "probabilities", "datatype": "FP32", "shape": [-1, labels] }]), &model().name);
    for name in ["animals", own] {
        for path in [format!("/v2/models/{name}"), format!("/v2/models/{name}/versions/1")] {
            let input = json!([{ "name": "image", "datatype": "BYTES", "shape": [-1, 1] }]);
            let expected = json!({ "name": name, "versions": ["1"], "platform": "onnxruntime_onnx", "inputs": input, "outputs": output });
            assert_eq!(get(&server, &path).await, (200, expected));
        }
        assert_eq!(
            get(&server, &format!("/v2/models/{name}/ready")).await,
            (200, json!({ "name": name, "ready": true }))
        );
    }
    let (_, tensor) = get(&server, "/v2/models/animals-tensor").await;
    assert_eq!(tensor["inputs"], json!([{ "name": "input", "datatype": "FP32", "shape": [-1, 3, 224, 224] }]));
    let (_, config) = get(&server, "/v2/models/animals-tensor/config").await;
    let input = json!([{ "name": "input", "data_type": "TYPE_FP32", "format": "FORMAT_NCHW", "dims": [3, 224, 224] }]);
    assert_eq!((&config["max_batch_size"], &config["input"]), (&json!(32), &input));
    let (_, config) = get(&server, "/v2/models/animals/config").await;
    assert_eq!(
        config["input"],
        json!([{ "name": "image", "data_type": "TYPE_STRING", "format": "FORMAT_NONE", "dims": [1] }])
    );
    let index = json_of(server.client.post(server.url("/v2/repository/index"))).await.1;
    assert_eq!(index[0], json!({ "name": "animals", "version": "1", "state": "READY", "reason": "" }));
}

#[tokio::test]
async fn a_server_that_leaves_is_not_ready() {
    let server = start().await;
    server.leave();
    assert_eq!(get(&server, "/v2/health/ready").await, (503, json!({ "live": true, "ready": false })));
    assert_eq!(get(&server, "/v2/models/animals/ready").await, (503, json!({ "name": "animals", "ready": false })));
    assert_eq!(get(&server, "/v2/health/live").await.0, 200);
}

#[tokio::test]
async fn pictures_as_json_have_the_apis_answers() {
    let server = start().await;
    let files = [picture("rocket.jpg"), picture("coffee.png")];
    let data: Vec<String> = files.iter().map(|file| base64(file)).collect();
    for shape in [json!([2]), json!([2, 1])] {
        let data = if shape == json!([2]) { json!(data) } else { json!([[data[0]], [data[1]]]) };
        let input = json!({ "name": "image", "shape": shape, "datatype": "BYTES", "parameters": { "content_type": "base64" }, "data": data });
        let outputs = json!([{ "name": "probabilities", "parameters": { "classification": 3 } }]);
        let (status, body) =
            infer(&server, "animals", &json!({ "id": "7", "inputs": [input], "outputs": outputs })).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(
            (&body["model_name"], &body["model_version"], &body["id"]),
            (&json!("animals"), &json!("1"), &json!("7"))
        );
        let output = &body["outputs"][0];
        assert_eq!((&output["datatype"], &output["shape"]), (&json!("BYTES"), &json!([2, 3])));
        let answer: Vec<_> =
            output["data"].as_array().unwrap().iter().map(|text| class(text.as_str().unwrap())).collect();
        assert_eq!(answer[..3], classes(&server, &files[0]).await);
        assert_eq!(answer[3..], classes(&server, &files[1]).await);
    }
}

#[tokio::test]
async fn all_probabilities_are_given_where_nothing_else_is_asked_for() {
    let server = start().await;
    let file = picture("chelsea.png");
    let input = json!({ "name": "image", "shape": [1], "datatype": "BYTES", "data": [base64(&file)] });
    let (status, body) = infer(&server, &model().name, &json!({ "inputs": [input] })).await;
    let output = &body["outputs"][0];
    assert_eq!((status, &output["name"], &output["datatype"]), (200, &json!("probabilities"), &json!("FP32")));
    assert_eq!(body.get("id"), None);
    let labels = model().labels.len();
    assert_eq!(output["shape"], json!([1, labels]));
    let values: Vec<f64> = output["data"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    let best = values.iter().copied().fold(0.0, f64::max);
    assert_eq!((values.len(), best), (labels, classes(&server, &file).await[0].1));
}

#[tokio::test]
async fn tensors_have_the_answers_of_their_pictures() {
    let server = start().await;
    let (file, name) = (picture("rocket.jpg"), format!("{}-tensor", model().name));
    let values = tensor(&file);
    let nested: Vec<_> = values.chunks(224 * 224).map(|plane| plane.chunks(224).collect::<Vec<_>>()).collect();
    for data in [json!(values), json!([nested])] {
        for model in ["animals", "animals-tensor", &name] {
            let input = json!({ "name": "input", "shape": [1, 3, 224, 224], "datatype": "FP32", "data": data });
            let outputs = json!([{ "name": "probabilities", "parameters": { "classification": 3 } }]);
            let (status, body) = infer(&server, model, &json!({ "inputs": [input], "outputs": outputs })).await;
            assert_eq!(status, 200, "{body}");
            let texts = body["outputs"][0]["data"].as_array().unwrap();
            let answer: Vec<_> = texts.iter().map(|text| class(text.as_str().unwrap())).collect();
            assert_eq!(answer, classes(&server, &file).await);
        }
    }
}

/// A request with binary data.
fn binary(server: &Server, model: &str, json: &Value, data: &[u8]) -> RequestBuilder {
    let json = json.to_string();
    let request = server.client.post(server.url(&format!("/v2/models/{model}/infer")));
    request.header(HEADER, json.len()).body([json.as_bytes(), data].concat())
}

/// The JSON of an answer, and the binary data behind it.
async fn parts(request: RequestBuilder) -> (Value, Vec<u8>) {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    let length: usize = response.headers()[HEADER].to_str().unwrap().parse().unwrap();
    let mut body = response.bytes().await.unwrap().to_vec();
    let data = body.split_off(length);
    (serde_json::from_slice(&body).unwrap(), data)
}

#[tokio::test]
async fn binary_data_goes_both_ways() {
    let server = start().await;
    let files = [picture("rocket.jpg"), picture("coffee.png")];
    let data = prefixed(files.iter().map(Vec::as_slice));
    for size in [json!({ "binary_data_size": data.len() }), json!({})] {
        let input = json!({ "name": "image", "shape": [2], "datatype": "BYTES", "parameters": size });
        let request = json!({ "inputs": [input], "parameters": { "binary_data_output": true, "timeout": 5_000_000 } });
        let (body, data) = parts(binary(&server, "animals", &request, &data)).await;
        let labels = model().labels.len();
        assert_eq!(body["outputs"][0]["parameters"]["binary_data_size"], json!(data.len()));
        let values = floats(&data).unwrap();
        assert_eq!(values.len(), 2 * labels);
        for (row, file) in values.chunks(labels).zip(&files) {
            let best = row.iter().copied().fold(0.0, f32::max);
            assert_eq!(f64::from(best).to_string(), f64::from(classes(&server, file).await[0].1 as f32).to_string());
        }
    }
    // One output as classes in binary form, and one as JSON where the request wants binary.
    let input = json!({ "name": "image", "shape": [2, 1], "datatype": "BYTES", "parameters": { "binary_data_size": data.len() } });
    let outputs = json!([{ "name": "probabilities", "parameters": { "classification": 3, "binary_data": true } }]);
    let (_, answer) = parts(binary(&server, "animals", &json!({ "inputs": [input], "outputs": outputs }), &data)).await;
    let texts = elements(answer.into(), 6).unwrap();
    let answer: Vec<_> = texts.iter().map(|text| class(std::str::from_utf8(text).unwrap())).collect();
    assert_eq!(answer[..3], classes(&server, &files[0]).await);
    let outputs = json!([{ "name": "probabilities", "parameters": { "binary_data": false } }]);
    let request = json!({ "inputs": [input], "outputs": outputs, "parameters": { "binary_data_output": true } });
    assert_eq!(json_of(binary(&server, "animals", &request, &data)).await.1["outputs"][0]["shape"][0], json!(2));
    // A tensor.
    let values: Vec<u8> = tensor(&files[0]).iter().flat_map(|value| value.to_le_bytes()).collect();
    let input = json!({ "name": "input", "shape": [1, 3, 224, 224], "datatype": "FP32", "parameters": { "binary_data_size": values.len() } });
    let outputs = json!([{ "name": "probabilities", "parameters": { "classification": 1 } }]);
    let (_, body) =
        json_of(binary(&server, "animals-tensor", &json!({ "inputs": [input], "outputs": outputs }), &values)).await;
    assert_eq!(class(body["outputs"][0]["data"][0].as_str().unwrap()), classes(&server, &files[0]).await[0]);
    eventually("the bodies are given back", async || server.inflight_bytes() == 0).await;
}

#[tokio::test]
async fn a_bare_picture_is_a_request() {
    let server = start().await;
    let file = picture("coffee.jpg");
    let request = server.client.post(server.url("/v2/models/animals/infer")).header(HEADER, 0).body(file.clone());
    let (body, data) = parts(request).await;
    let best = floats(&data).unwrap().into_iter().fold(0.0, f32::max);
    let labels = model().labels.len();
    assert_eq!(
        (&body["outputs"][0]["shape"], f64::from(best) as f32),
        (&json!([1, labels]), classes(&server, &file).await[0].1 as f32)
    );
}

#[tokio::test]
async fn a_compressed_body_is_inflated_before_it_is_split() {
    let server = Server::with_flags(&["--max-body-bytes", "1MB"]).await;
    let send = async |file: &[u8], coding: &str| {
        let data = prefixed(std::iter::once(file));
        let input = json!({ "name": "image", "shape": [1], "datatype": "BYTES", "parameters": { "binary_data_size": data.len() } });
        let json = json!({ "inputs": [input], "outputs": [{ "name": "probabilities", "parameters": { "classification": 1 } }] }).to_string();
        let body = [json.as_bytes(), &data].concat();
        let mut packed = Vec::new();
        let fast = flate2::Compression::fast();
        match coding {
            "gzip" => {
                std::io::Read::read_to_end(&mut flate2::read::GzEncoder::new(&body[..], fast), &mut packed).unwrap()
            }
            _ => std::io::Read::read_to_end(&mut flate2::read::ZlibEncoder::new(&body[..], fast), &mut packed).unwrap(),
        };
        let path = format!("/v2/models/{}/infer", model().name);
        let request =
            server.client.post(server.url(&path)).header(HEADER, json.len()).header("content-encoding", coding);
        json_of(request.body(packed)).await
    };
    for coding in ["gzip", "deflate"] {
        assert_eq!(send(&picture("coffee.jpg"), coding).await.0, 200, "{coding}");
        assert_eq!(send(&vec![0; 5_000_000], coding).await.0, 413, "{coding}");
    }
}

#[tokio::test]
async fn errors_have_the_protocols_form() {
    let server = start().await;
    for path in ["/v2/models/cats", "/v2/models/animals/versions/2", "/v2/models/cats/ready", "/v2/models/cats/stats"] {
        let (status, body) = get(&server, path).await;
        assert_eq!(
            (status, body["error"].as_str().unwrap().starts_with("There is no model")),
            (404, true),
            "{path}: {body}"
        );
    }
    for path in ["/v2/nothing", "/v2/models/animals/nothing", "/v2/health"] {
        assert_eq!(get(&server, path).await, (404, error("There is nothing at this path")), "{path}");
    }
    assert_eq!(get(&server, "/v2/models/animals/infer").await, (405, error("This method is not allowed at this path")));
    let picture =
        |data: Value| json!({ "inputs": [{ "name": "image", "shape": [1], "datatype": "BYTES", "data": data }] });
    let not_an_image = "The data is not an image: send JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF, BMP, ICO, PNM or QOI";
    for (body, message) in [
        (json!({}), "The request does not fit the protocol: inputs is missing"),
        (json!([]), "The request does not fit the protocol: a value has another type"),
        (json!({ "inputs": [{}] }), "The request does not fit the protocol: name is missing"),
        (json!({ "inputs": [] }), "The model has one input: send one tensor"),
        (picture(json!([base64(b"no picture")])), not_an_image),
        (picture(json!(["*"])), "The picture is not valid base64"),
        (picture(json!([1])), "The data of a BYTES tensor must be a list of base64 texts"),
        (picture(json!(null)), "A tensor must have data or binary_data_size"),
    ] {
        assert_eq!(infer(&server, "animals", &body).await, (400, error(message)), "{body}");
    }
    let two = json!({ "inputs": [{ "name": "image", "shape": [2], "datatype": "BYTES", "data": [base64(&crate::support::picture("coffee.jpg")), ""] }] });
    assert_eq!(infer(&server, "animals", &two).await, (400, error(&format!("Input 1: {not_an_image}"))));
    for value in ["1e999", "-1e999", "1e39"] {
        let data = vec!["0"; 3 * 224 * 224 - 1].join(",");
        let body = format!(
            r#"{{"inputs": [{{"name": "input", "shape": [1, 3, 224, 224], "datatype": "FP32", "data": [{data},{value}]}}]}}"#
        );
        let (status, _) = json_of(server.client.post(server.url("/v2/models/animals/infer")).body(body)).await;
        assert_eq!(status, 400, "{value}");
    }
    let post = |header: &'static str, body: &'static str| {
        json_of(server.client.post(server.url("/v2/models/animals/infer")).header(HEADER, header).body(body))
    };
    assert_eq!(post("x", "{}").await, (400, error("Inference-Header-Content-Length must be a number of bytes")));
    assert_eq!(post("3", "{}").await, (400, error("Inference-Header-Content-Length is more than the body has")));
    assert_eq!(post("1", "{}").await, (400, error("Invalid request body")));
    let keyed = Server::with_flags(&["--api-keys", "key"]).await;
    let (status, body) = infer(&keyed, "animals", &json!({})).await;
    assert_eq!(
        (status, body),
        (401, error("An API key is required: send one as Authorization: Bearer, or as X-API-Key"))
    );
}

#[tokio::test]
async fn statistics_count_what_was_done() {
    let server = Server::with_flags(&["--queue-depth", "5"]).await;
    let name = model().name.clone();
    let read = async || get(&server, &format!("/v2/models/{name}/stats")).await.1["model_stats"][0].clone();
    let before = read().await;
    assert_eq!((&before["name"], &before["inference_count"]), (&json!(name), &json!(0)));
    server.analyze(&picture("coffee.jpg")).await;
    server.analyze(b"no picture").await;
    let after = read().await;
    assert_eq!((&after["inference_count"], &after["inference_stats"]["fail"]["count"]), (&json!(1), &json!(1)));
    assert!(after["inference_stats"]["compute_infer"]["ns"].as_u64().unwrap() > 0);
    assert_eq!(get(&server, "/v2/models/stats").await.1["model_stats"].as_array().unwrap().len(), 2);
}
