//! Another model takes the place of the one that serves, without a pause and without a lost request.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use glimpse::grpc::pb::glimpse::{GetModelRequest, Model};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::grpc::{Client, classify};
use crate::support::onnx::quarters;
use crate::support::{Process, answer, eventually, picture, root, serving, temporary};

/// Swaps under load.
const SWAPS: usize = 100;
/// The swaps at whose ends memory is measured: early ones, and the last ones.
const EARLY: std::ops::Range<usize> = 10..30;
const LATE: std::ops::Range<usize> = 80..100;
/// Bytes by which it may grow between them: less than a model's weights.
const GROWTH: u64 = 10 << 20;

/// A model file that is replaced as deployments do it: by the rename of a complete file.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &[u8]) -> Self {
        let folder = temporary(name);
        std::fs::create_dir_all(&folder).unwrap();
        let file = Self(folder.join("model.onnx"));
        file.put(content);
        file
    }

    fn put(&self, content: &[u8]) {
        let beside = self.0.with_extension("new");
        std::fs::write(&beside, content).unwrap();
        std::fs::rename(beside, &self.0).unwrap();
    }

    fn serve(&self, flags: &[&str]) -> Process {
        let mut command = serving();
        command.arg("--model").arg(&self.0).args(["--model-name", "photos", "--workers", "2"]).args(flags);
        Process::start(command)
    }
}

fn photographs() -> Vec<u8> {
    std::fs::read(root().join("models/model.onnx")).unwrap()
}

async fn model(process: &Process) -> Value {
    answer(reqwest::get(process.url("/api/v1/model")).await.unwrap()).await.1
}

/// The labels of an answer, and the revision of the model that gave it.
async fn labels(response: Response) -> (BTreeSet<String>, String) {
    assert_eq!(response.status(), 200);
    let revision = response.headers()["model-revision"].to_str().unwrap().to_owned();
    let (_, labels) = answer(response).await;
    let labels = labels.as_array().unwrap().iter().map(|label| label["label"].as_str().unwrap().to_owned());
    (labels.collect(), revision)
}

async fn classify_file(process: &Process, file: &[u8]) -> (BTreeSet<String>, String) {
    let client = reqwest::Client::new();
    labels(client.post(process.url("/api/v1/analyze")).body(file.to_vec()).send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_swaps_the_model_at_every_door() {
    let file = File::new("reload-doors", &quarters());
    let process = file.serve(&[]);
    let before = model(&process).await;
    assert_eq!(
        (&before["name"], &before["labels"], &before["multiLabel"]),
        (&json!("Quarters"), &json!(4), &json!(true))
    );
    assert_eq!(before["threshold"], json!(0.5));
    assert_eq!(before["input"], json!({ "width": 2, "height": 2 }));
    let (_, metrics) = text(&process, "/metrics").await;
    assert!(metrics.contains("glimpse_model_info{name=\"Quarters\""), "{metrics}");
    file.put(&photographs());
    process.signal("HUP");
    let line = process.line_of("another model serves");
    let after = model(&process).await;
    assert_eq!((&after["labels"], &after["multiLabel"]), (&json!(1000), &json!(false)));
    assert_eq!(after["input"], json!({ "width": 224, "height": 224 }));
    assert_eq!((&line["model"], &line["revision"]), (&after["name"], &after["revision"]));
    let (labels, revision) = classify_file(&process, &picture("chelsea.png")).await;
    assert_eq!((labels.len(), revision.as_str()), (3, after["revision"].as_str().unwrap()));

    // The names of the Open Inference Protocol: the one before is gone, the chosen one stays.
    let name = after["name"].as_str().unwrap();
    for (name, status) in [(name, 200), ("photos", 200), ("Quarters", 404)] {
        let found = reqwest::get(process.url(&format!("/v2/models/{name}"))).await.unwrap();
        assert_eq!(found.status(), status, "{name}");
    }
    let (_, tensor) = answer(reqwest::get(process.url("/v2/models/photos-tensor")).await.unwrap()).await;
    assert_eq!(tensor["inputs"][0]["shape"], json!([-1, 3, 224, 224]));
    let described: Model =
        Client::new(process.address).call("/glimpse.v1.Classifier/GetModel", GetModelRequest {}).await.unwrap();
    assert_eq!((described.name.as_str(), described.labels, described.width), (name, 1000, 224));

    let (_, metrics) = text(&process, "/metrics").await;
    assert!(metrics.contains(r#"glimpse_model_reloads_total{result="loaded"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"glimpse_model_reloads_total{result="refused"} 0"#), "{metrics}");
    let info = |name: &str, value| {
        metrics
            .lines()
            .any(|line| line.starts_with(&format!("glimpse_model_info{{name=\"{name}\"")) && line.ends_with(value))
    };
    assert!(info("Quarters", " 0") && info(name, " 1"), "{metrics}");
}

async fn text(process: &Process, path: &str) -> (u16, String) {
    let response = reqwest::get(process.url(path)).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_can_not_be_used_is_refused_and_the_model_goes_on() {
    let file = File::new("reload-broken", &quarters());
    let process = file.serve(&[]);
    let before = model(&process).await;
    let whole = photographs();
    for (content, reason) in [(&whole[..whole.len() / 2], "can't be used"), (b"", "can't be used")] {
        file.put(content);
        process.signal("HUP");
        let line = process.line_of("the model is not replaced");
        assert_eq!((&line["level"], &line["model"]), (&json!("ERROR"), &json!("Quarters")));
        assert!(line["message"].as_str().unwrap().contains(reason), "{line}");
        assert_eq!(model(&process).await, before);
        assert_eq!(classify_file(&process, &picture("chelsea.png")).await.1, before["revision"].as_str().unwrap());
    }
    std::fs::remove_file(&file.0).unwrap();
    process.signal("HUP");
    process.line_of("the model is not replaced: The model");
    let (_, metrics) = text(&process, "/metrics").await;
    assert!(metrics.contains(r#"glimpse_model_reloads_total{result="refused"} 3"#), "{metrics}");
    file.put(&whole);
    process.signal("HUP");
    process.line_of("another model serves");
    assert_eq!(model(&process).await["labels"], 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_loads_a_file_that_has_changed() {
    let file = File::new("reload-watch", &quarters());
    let process = file.serve(&["--watch"]);
    file.put(&photographs());
    process.line_of("another model serves");
    assert_eq!(model(&process).await["labels"], 1000);
    std::fs::remove_file(&file.0).unwrap();
    file.put(&quarters());
    process.line_of("another model serves");
    assert_eq!(model(&process).await["labels"], 4);
}

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    end: AtomicBool,
    photographs: AtomicUsize,
    quarters: AtomicUsize,
}

impl Seen {
    /// Counts an answer, which must be one model's as a whole.
    fn count(&self, labels: &BTreeSet<String>) {
        let ours = labels.iter().filter(|label| label.starts_with("label ")).count();
        // Chelsea's picture has three labels of ImageNet, or the bright quarters.
        assert!(!labels.is_empty() && ours == labels.len() || ours == 0 && labels.len() == 3, "{labels:?}");
        let seen = if ours == 0 { &self.photographs } else { &self.quarters };
        seen.fetch_add(1, Ordering::Relaxed);
    }
}

async fn ask_by_http(url: String, file: Vec<u8>, seen: Arc<Seen>) {
    let client = reqwest::Client::new();
    while !seen.end.load(Ordering::Relaxed) {
        let (labels, _) = labels(client.post(&url).body(file.clone()).send().await.unwrap()).await;
        seen.count(&labels);
    }
}

async fn ask_by_grpc(client: Client, file: Vec<u8>, seen: Arc<Seen>) {
    while !seen.end.load(Ordering::Relaxed) {
        let answer = client.classify(classify(file.clone())).await.unwrap();
        seen.count(&answer.predictions.into_iter().map(|it| it.label).collect());
    }
}

/// The whole output of the model, by the name that stays.
async fn ask_by_oip(url: String, file: Vec<u8>, seen: Arc<Seen>) {
    let client = reqwest::Client::new();
    while !seen.end.load(Ordering::Relaxed) {
        let request = client.post(&url).header("Inference-Header-Content-Length", "0").body(file.clone());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let length: usize = response.headers()["inference-header-content-length"].to_str().unwrap().parse().unwrap();
        let values = (response.bytes().await.unwrap().len() - length) / 4;
        assert!(values == 4 || values == 1000, "{values}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_swaps_under_load_lose_nothing() {
    let file = File::new("reload-load", &photographs());
    let process = file.serve(&["--log-level", "info"]);
    let (seen, shown) = (Arc::new(Seen::default()), picture("chelsea.png"));
    let url = process.url("/api/v1/analyze");
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(tokio::spawn(ask_by_http(url.clone(), shown.clone(), seen.clone())));
    }
    clients.push(tokio::spawn(ask_by_grpc(Client::new(process.address), shown.clone(), seen.clone())));
    clients.push(tokio::spawn(ask_by_oip(process.url("/v2/models/photos/infer"), shown, seen.clone())));
    let models = [quarters(), photographs()];
    let mut memory = Vec::new();
    for swap in 0..SWAPS {
        file.put(&models[swap % 2]);
        process.signal("HUP");
        process.line_of("another model serves");
        memory.push(process.memory());
    }
    assert_eq!(model(&process).await["labels"], 1000);
    eventually("answers of both models", async || {
        seen.photographs.load(Ordering::Relaxed) > 0 && seen.quarters.load(Ordering::Relaxed) > 0
    })
    .await;
    seen.end.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    // The least of the late ones, because an old model may still be there at the end of a swap. The middle of the early ones,
    // because one of them may be far below the others: just after the free memory has been returned to the system.
    let sorted = |swaps: std::ops::Range<usize>| {
        let mut bytes = memory[swaps].to_vec();
        bytes.sort_unstable();
        bytes
    };
    let (early, late) = (sorted(EARLY), sorted(LATE));
    assert!(late[0] <= early[early.len() / 2] + GROWTH, "{early:?} bytes, then {late:?}");
}

/// The model in the executable is no file; a server of it says so and goes on.
#[cfg(feature = "embed")]
#[test]
fn the_model_in_the_executable_stays() {
    let process = Process::start(serving());
    process.signal("HUP");
    let line = process.line_of("the model is not replaced");
    assert!(line["message"].as_str().unwrap().contains("set MODEL_PATH"), "{line}");
    process.stop();
}
