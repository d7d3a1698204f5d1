//! The command line. A failed start prints one sentence and exits with a code other than 0.

use std::path::PathBuf;

use crate::support::{Process, executable, output, refused, root, serving, temporary};

#[test]
fn help_and_version() {
    let (code, help, _) = output(executable().arg("--help"));
    assert_eq!(code, Some(0));
    for variable in [
        "LISTEN_ADDR",
        "INFERENCE_TIMEOUT",
        "MODEL_PATH",
        "ORT_DYLIB_PATH",
        "WORKERS",
        "QUEUE_DEPTH",
        "MAX_BODY_BYTES",
        "MAX_PIXELS",
        "JPEG_DECODE",
        "CORS_ALLOW_ORIGINS",
        "LOG_FORMAT",
        "LOG_LEVEL",
    ] {
        assert!(help.contains(&format!("[env: {variable}]")), "{variable} is not in:\n{help}");
    }
    let (code, version, _) = output(executable().arg("--version"));
    assert_eq!((code, version.as_str()), (Some(0), concat!("glimpse ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[test]
fn a_value_that_does_not_parse_is_named_with_what_is_expected() {
    for (variable, value, expected) in [
        ("LISTEN_ADDR", "8080", "[HOST]:PORT"),
        ("INFERENCE_TIMEOUT", "10", "10s, 500ms or 1m"),
        ("INFERENCE_TIMEOUT", "0s", "10s, 500ms or 1m"),
        ("WORKERS", "0", "a whole number from 1 to 256"),
        ("QUEUE_DEPTH", "-1", "a whole number from 0 to 65536"),
        ("MAX_BODY_BYTES", "20 pictures", "20MB or 20MiB"),
        ("TRUSTED_PROXIES", "localhost", "10.0.0.0/8,::1"),
        ("CLIENT_ADDR_HEADER", "X Real IP", "X-Forwarded-For"),
        ("MAX_PIXELS", "many", "a whole number of at least 1"),
        ("CORS_ALLOW_ORIGINS", "example.org", "https://example.org"),
        ("LOG_FORMAT", "xml", "auto, json, text"),
        ("LOG_LEVEL", "loud", "off, error, warn, info, debug and trace"),
    ] {
        let (code, _, message) = output(executable().env(variable, value));
        assert_eq!(code, Some(2), "{variable}={value}");
        for part in [variable, value, expected] {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
    }
}

#[test]
fn a_missing_or_invalid_model_file() {
    let missing = refused(serving().env("MODEL_PATH", "nowhere.onnx"));
    assert!(missing.contains("nowhere.onnx") && missing.contains("scripts/setup"), "{missing}");
    let other = refused(serving().env("MODEL_PATH", "Cargo.toml"));
    assert!(other.contains("Cargo.toml") && other.contains("scripts/export_model.py"), "{other}");
    let folder = refused(serving().args(["--model", "src"]));
    assert!(folder.contains("The model src can't be read: it is not a file"), "{folder}");
    assert!(refused(serving().env("MODEL_PATH", "/dev/zero")).contains("it is not a file"));
}

/// A copy of the model with one text replaced by another of the same length.
fn changed_model(from: &str, to: &str, name: &str) -> PathBuf {
    assert_eq!(from.len(), to.len());
    let mut model = std::fs::read(root().join("models/model.onnx")).expect("run scripts/setup first");
    let at = model.windows(from.len()).rposition(|bytes| bytes == from.as_bytes()).unwrap();
    model[at..at + from.len()].copy_from_slice(to.as_bytes());
    let path = temporary(name);
    std::fs::write(&path, model).unwrap();
    path
}

#[test]
fn a_model_without_a_description() {
    let model = changed_model("glimpse.labels", "glimpse.babels", "no_labels.onnx");
    let sentence = refused(serving().env("MODEL_PATH", model));
    assert!(sentence.contains("it does not describe itself: glimpse.labels is missing"), "{sentence}");
}

#[test]
fn a_model_whose_shapes_contradict_its_description() {
    let model = changed_model("goldfish\", \"great", "goldfish,   great", "one_label_less.onnx");
    let sentence = refused(serving().env("MODEL_PATH", model));
    assert!(sentence.contains("its output has the shape [1, 1000], and its description says [1, 999]"), "{sentence}");
}

#[test]
fn a_library_that_is_missing_or_not_onnx_runtime() {
    let names = |library: &str| {
        let sentence = refused(serving().env("ORT_DYLIB_PATH", library));
        assert!(sentence.starts_with("glimpse: ONNX Runtime can't be loaded from "), "{sentence}");
        assert!(sentence.contains(library) && sentence.contains("ORT_DYLIB_PATH"), "{sentence}");
        sentence
    };
    names("/nowhere/libonnxruntime.so");
    assert!(names("Cargo.toml").contains("Cargo.toml: "));
    assert!(names("src").contains("it is not a file"));
    assert!(names("/dev/null").contains("it is not a file"));
    #[cfg(target_os = "linux")]
    {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps.split_whitespace().find(|part| part.contains("libc.so")).unwrap();
        assert!(names(libc).contains("it is not ONNX Runtime"));
    }
}

#[test]
fn an_address_that_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let sentence = refused(executable().current_dir(root()).env("LISTEN_ADDR", &address));
    assert!(sentence.contains(&address) && sentence.contains("LISTEN_ADDR"), "{sentence}");
}

#[test]
fn the_log_of_the_start_names_the_model_and_the_time_it_took() {
    let process = Process::start(serving());
    assert!(["MobileNetV2", "EfficientNet-Lite0"].contains(&process.ready["model"].as_str().unwrap()));
    assert_eq!(process.ready["labels"], 1000);
    assert!(process.ready["ready_ms"].as_u64().unwrap() > 0);
}

#[test]
fn health_asks_the_server_on_this_machine() {
    let process = Process::start(serving());
    let address = process.address.to_string();
    assert_eq!(output(executable().env("LISTEN_ADDR", &address).arg("health")).0, Some(0));
    let every_address = format!("0.0.0.0:{}", process.address.port());
    assert_eq!(output(executable().args(["health", "--listen-addr", &every_address])).0, Some(0));
    drop(process);
    let sentence = refused(executable().env("LISTEN_ADDR", &address).arg("health"));
    assert!(sentence.contains(&address), "{sentence}");
}
