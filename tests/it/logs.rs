//! Log lines written by a worker.

use prost::Message;
use serde_json::Value;

use crate::support::{Process, analyze_body, picture, root, serving, temporary};

/// The fields of ONNX's `ModelProto` needed to add a node to a model.
#[derive(Message)]
struct Model {
    #[prost(message, tag = 7)]
    graph: Option<Graph>,
}

#[derive(Message)]
struct Graph {
    #[prost(message, repeated, tag = 1)]
    nodes: Vec<Node>,
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

impl Node {
    fn new(operator: &str, inputs: &[&str], output: &str) -> Self {
        let inputs = inputs.iter().map(|&name| name.to_owned()).collect();
        Self { inputs, outputs: vec![output.to_owned()], operator: operator.to_owned() }
    }
}

/// The default model with three nodes more, which take the picture of the batch whose number is the count of values other
/// than zero. An input of zeros has none and the batch a picture 0, so that the model loads. A photograph has many, so that
/// inference fails.
pub(crate) fn failing_model() -> Vec<u8> {
    let nodes = vec![
        Node::new("NonZero", &["input"], "positions"),
        Node::new("Size", &["positions"], "count"),
        Node::new("Gather", &["input", "count"], "nowhere"),
    ];
    let addition = Model { graph: Some(Graph { nodes }) };
    let mut model = std::fs::read(root().join("models/model.onnx")).expect("run scripts/setup first");
    // Concatenated protobuf messages merge.
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
