//! Compares the answers with those of the original model behind Pillow, which the export writes to
//! `models/reference.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::support::{Server, answer, model, picture, pictures, predictions, root};

/// The greatest difference of a confidence for formats that decode to the same pixels as in Pillow.
const EXACT: f64 = 0.001;
/// The same for lossy formats that Pillow decodes with another library.
const CLOSE: f64 = 0.02;

#[derive(Deserialize)]
struct Reference {
    models: BTreeMap<String, Model>,
}

#[derive(Deserialize)]
struct Model {
    weights_sha256: String,
    pictures: BTreeMap<String, Vec<Prediction>>,
}

#[derive(Deserialize)]
struct Prediction {
    label: String,
    confidence: f64,
}

/// A server for each exported model.
async fn servers() -> Vec<Server> {
    let mut servers = Vec::new();
    for entry in std::fs::read_dir(root().join("models")).unwrap() {
        let path = entry.unwrap().path();
        let is_model = path.extension().is_some_and(|ending| ending == "onnx") && !path.is_symlink();
        if is_model {
            servers.push(Server::with_flags(&["--model", path.to_str().unwrap(), "--workers", "1"]).await);
        }
    }
    assert!(!servers.is_empty(), "run scripts/setup first");
    servers
}

#[tokio::test]
async fn every_model_answers_as_its_original_does() {
    let reference = std::fs::read_to_string(root().join("models/reference.json")).expect("run scripts/setup first");
    let reference: Reference = serde_json::from_str(&reference).unwrap();
    let mut tested = Vec::new();
    for server in servers().await {
        let (_, described) = answer(server.get("/api/v1/model").await).await;
        let name = described["name"].as_str().unwrap();
        let model = &reference.models[name];
        // The fast model approximates its original. This test checks its first labels, the export its confidences.
        let is_exact = described["precision"] == "float32";
        if !is_exact && described["weightsSha256"] != model.weights_sha256.as_str() {
            // Its weights have been replaced since. Only scripts/setup --precision int8 makes it again.
            continue;
        }
        assert_eq!(
            described["weightsSha256"],
            model.weights_sha256.as_str(),
            "{name}: the reference is of other weights"
        );
        if model.pictures.keys().cloned().collect::<Vec<_>>() != pictures() {
            // The pictures have changed since the export, and its weights are not available for another one.
            continue;
        }
        if is_exact {
            tested.push(name.to_owned());
        }
        for (file, expected) in &model.pictures {
            let (status, body) = answer(server.analyze(&picture(file)).await).await;
            assert_eq!(status, 200, "{file}: {body}");
            if is_exact {
                compare(&format!("{name}, {file}"), file, &predictions(&body), expected);
            } else {
                assert_eq!(predictions(&body)[0].0, expected[0].label, "{name}, int8, {file}");
            }
        }
    }
    assert!(tested.contains(&model().name), "the model that is served is not among {tested:?}: run scripts/setup");
}

fn compare(what: &str, file: &str, ours: &[(String, f64)], original: &[Prediction]) {
    let is_exact = [".jpg", ".png", ".gif", ".bmp", ".tif"].iter().any(|ending| file.ends_with(ending));
    let labels = |count: usize| -> (Vec<&str>, Vec<&str>) {
        (
            ours[..count].iter().map(|it| it.0.as_str()).collect(),
            original[..count].iter().map(|it| it.label.as_str()).collect(),
        )
    };
    let (our_labels, original_labels) = labels(if is_exact { 3 } else { 1 });
    assert_eq!(our_labels, original_labels, "{what}");
    for (label, confidence) in ours {
        let Some(original) = original.iter().find(|it| it.label == *label) else { continue };
        let difference = (confidence - original.confidence).abs();
        assert!(difference <= if is_exact { EXACT } else { CLOSE }, "{what}: {label} is off by {difference}");
    }
}
