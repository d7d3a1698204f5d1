//! The contract of `POST /api/v1/analyze`, over a socket.

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};

use crate::support::{Server, answer, base64, picture, predictions, root};

#[tokio::test]
async fn three_labels_highest_first() {
    let server = Server::start().await;
    let response = server.analyze(&picture("chelsea.png")).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let (status, body) = answer(response).await;
    assert_eq!(status, 200);
    let predictions = predictions(&body);
    assert_eq!(predictions.len(), 3);
    assert!(predictions.is_sorted_by(|a, b| a.1 >= b.1), "{predictions:?}");
    assert!(predictions.iter().all(|(label, confidence)| !label.is_empty() && (0.0..=1.0).contains(confidence)));
    let fields: Vec<&String> = body[0].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["label", "confidence"]);
}

/// TGA has no magic number.
#[tokio::test]
async fn a_format_that_only_its_name_tells() {
    let server = Server::start().await;
    let file = base64(&std::fs::read(root().join("tests/fixtures/tga/tga_bits.tga")).unwrap());
    for (prefix, expected) in [("data:image/x-tga;base64,", 200), ("data:;base64,", 422), ("", 422)] {
        let body = json!({ "base64Image": format!("{prefix}{file}") }).to_string();
        assert_eq!(answer(server.post("/api/v1/analyze", body).await).await.0, expected, "{prefix}");
    }
    // The bytes of a known format go before a wrong name.
    let body = json!({ "base64Image": format!("data:image/x-tga;base64,{}", base64(&picture("rocket.jpg"))) });
    assert_eq!(answer(server.post("/api/v1/analyze", body.to_string()).await).await.0, 200);
}

#[tokio::test]
async fn every_form_of_base64_gives_the_same_answer() {
    let server = Server::start().await;
    let file = picture("rocket.jpg");
    let plain = base64(&file);
    let lines: Vec<&str> = plain.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let expected = answer(server.analyze(&file).await).await;
    assert_eq!(expected.0, 200);
    for text in [
        BASE64_STANDARD_NO_PAD.encode(&file),
        BASE64_URL_SAFE_NO_PAD.encode(&file),
        lines.join("\r\n"),
        lines.join("\n"),
        format!("data:image/jpeg;base64,{plain}"),
        format!("data:image/png;base64,{plain}"),
    ] {
        let got = answer(server.post("/api/v1/analyze", json!({ "base64Image": text }).to_string()).await).await;
        assert_eq!(got, expected, "{text:.60}");
    }
    let escaped = format!(r#"{{"base64Image": "{}"}}"#, plain.replace('/', "\\/"));
    assert_eq!(answer(server.post("/api/v1/analyze", escaped).await).await, expected, "escaped slashes");
}

#[tokio::test]
async fn other_fields_and_other_json_types_are_accepted() {
    let server = Server::start().await;
    let body = json!({ "name": "rocket", "tags": [1, { "a": null }], "base64Image": base64(&picture("rocket.jpg")) });
    for content_type in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"] {
        let request = server.client.post(server.url("/api/v1/analyze")).header("content-type", content_type);
        assert_eq!(request.body(body.to_string()).send().await.unwrap().status(), 200, "{content_type}");
    }
    let unnamed = server.client.post(server.url("/api/v1/analyze")).body(body.to_string());
    assert_eq!(unnamed.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn server_timing_names_every_stage() {
    let server = Server::start().await;
    let response = server.analyze(&picture("rocket.jpg")).await;
    let header = response.headers()["server-timing"].to_str().unwrap().to_owned();
    let stages: Vec<(&str, f64)> = header
        .split(", ")
        .map(|stage| {
            let (name, duration) = stage.split_once(";dur=").unwrap();
            (name, duration.parse().unwrap())
        })
        .collect();
    assert_eq!(stages.iter().map(|stage| stage.0).collect::<Vec<_>>(), ["queue", "decode", "resize", "inference"]);
    assert!(stages[1..].iter().all(|stage| stage.1 > 0.0), "{header}");
}

#[tokio::test]
async fn a_phone_photograph_is_seen_upright() {
    let server = Server::start().await;
    let (status, upright) = answer(server.analyze(&picture("chelsea.png")).await).await;
    assert_eq!(status, 200);
    let (status, turned) = answer(server.analyze(&picture("chelsea_phone.jpg")).await).await;
    assert_eq!(status, 200);
    let label = |body: &Value| predictions(body)[0].0.clone();
    assert_eq!(label(&turned), label(&upright));
}
