//! Shared by the tests: a server in this process, the executable as a child, a scripted worker and a raw client.

pub(crate) mod collector;
pub(crate) mod grpc;
pub(crate) mod onnx;
mod process;
pub(crate) mod raw;
mod scripted;
#[cfg(all(feature = "embed", target_os = "linux"))]
pub(crate) mod seccomp;
mod server;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use glimpse::http;
use serde_json::{Value, json};

#[cfg(feature = "embed")]
pub(crate) use process::copy_executable;
pub(crate) use process::{LONG, Process, executable, output, refused, root, serving};
pub(crate) use raw::Connection;
pub(crate) use scripted::{Begun, scripted};
pub(crate) use server::{Builder, Server, engine, model};

/// The polling interval of [`eventually`].
const POLL: Duration = Duration::from_millis(5);

/// Waits until `condition` holds. Fails the test with `what` if it does not within [`LONG`].
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(POLL).await;
        }
    };
    assert!(tokio::time::timeout(LONG, holds).await.is_ok(), "not within {LONG:?}: {what}");
}

/// The bytes of a sample picture.
pub(crate) fn picture(name: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/pictures").join(name)).unwrap()
}

/// The names of the sample pictures, sorted.
pub(crate) fn pictures() -> Vec<String> {
    let names = std::fs::read_dir(root().join("tests/pictures")).unwrap();
    let mut names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "README.md");
    names.sort();
    assert!(names.len() >= 3, "the sample pictures are missing");
    names
}

/// A path in the temporary folder. Removes what an earlier run left there. Every test needs its own `name`.
pub(crate) fn temporary(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.is_dir() {
        std::fs::remove_dir_all(&path).unwrap();
    } else {
        let _ = std::fs::remove_file(&path);
    }
    path
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// The body of a request to `/api/v1/analyze`.
pub(crate) fn analyze_body(picture: &[u8]) -> String {
    json!({ "base64Image": base64(picture) }).to_string()
}

/// The API description.
pub(crate) fn description() -> &'static Value {
    static DESCRIPTION: OnceLock<Value> = OnceLock::new();
    DESCRIPTION.get_or_init(|| serde_json::from_str(http::description()).unwrap())
}

/// Fails if the API description has `path` without `status`. Undescribed paths pass. So does 405, which answers undescribed
/// methods.
fn assert_described(path: &str, status: u16) {
    let Some(methods) = description()["paths"][path].as_object() else { return };
    let is_described = methods.values().any(|method| method["responses"][status.to_string()].is_object());
    assert!(is_described || status == 405, "{path} has answered {status}, which is not described");
}

/// The status and the JSON body of a response. Fails if the status is not described.
pub(crate) async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_described(response.url().path(), status);
    (status, response.json().await.unwrap())
}

/// The labels of an answer and their confidences.
pub(crate) fn predictions(body: &Value) -> Vec<(String, f64)> {
    let pair = |it: &Value| (it["label"].as_str().unwrap().to_owned(), it["confidence"].as_f64().unwrap());
    body.as_array().unwrap().iter().map(pair).collect()
}
