//! The lines of the log that a worker writes.

use prost::Message;
use serde_json::Value;

use crate::support::{Process, analyze_body, picture, root, serving, temporary};

/// The parts of ONNX's `ModelProto` that are needed to add a node to a model.
#[derive(Message)]
struct Model {
    #[prost(message, tag = 7)]
    graph: Option<Graph>,
}

#[derive(Message)]
struct Graph {
    #[prost(message, repeated, tag = 1)]
    nodes: Vec<Node>,
    #[prost(message, repeated, tag = 5)]
    constants: Vec<Tensor>,
}

#[derive(Message)]
struct Node {
    #[prost(string, repeated, tag = 1)]
    inputs: Vec<String>,
    #[prost(string, repeated, tag = 2)]
    outputs: Vec<String>,
    #[prost(string, tag = 4)]
    operator: String,
}

/// A tensor without dimensions: one number.
#[derive(Message)]
struct Tensor {
    #[prost(int32, tag = 2)]
    data_type: i32,
    #[prost(int64, repeated, tag = 7)]
    numbers: Vec<i64>,
    #[prost(string, tag = 8)]
    name: String,
}

/// `TensorProto.DataType.INT64`.
const INT64: i32 = 7;

/// The default model with a node more, which takes the 1000th picture of a batch of one: the model loads, and inference
/// fails.
pub(crate) fn failing_model() -> Vec<u8> {
    let index = Tensor { data_type: INT64, numbers: vec![999], name: "index".into() };
    let node = Node {
        inputs: vec!["input".into(), "index".into()],
        outputs: vec!["nowhere".into()],
        operator: "Gather".into(),
    };
    let addition = Model { graph: Some(Graph { nodes: vec![node], constants: vec![index] }) };
    let mut model = std::fs::read(root().join("models/model.onnx")).expect("run scripts/setup first");
    // Protocol Buffers merge messages that follow one another.
    addition.encode(&mut model).unwrap();
    model
}

#[tokio::test]
async fn a_workers_line_has_the_id_of_the_request() {
    let path = temporary("failing.onnx");
    std::fs::write(&path, failing_model()).unwrap();
    let process = Process::start({
        let mut command = serving();
        command.env("MODEL_PATH", path);
        command
    });
    let request = reqwest::Client::new().post(process.url("/api/v1/analyze")).header("x-request-id", "my-id");
    assert_eq!(request.body(analyze_body(&picture("rocket.jpg"))).send().await.unwrap().status(), 500);
    let line = process.line_of("inference failed");
    assert_eq!((&line["id"], &line["level"]), (&Value::from("my-id"), &Value::from("ERROR")), "{line}");
}
