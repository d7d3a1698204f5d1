//! With the feature `embed`, copies the model and the compressed ONNX Runtime from `models/` to `OUT_DIR`. The site in
//! `web/dist` is embedded by `src/http/site/embedded.rs`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "embed")]
    embed();
}

#[cfg(feature = "embed")]
fn embed() {
    use std::path::Path;

    /// The level of zstd. A high one takes seconds at build time and does not slow decompression at every start.
    const LEVEL: i32 = 19;

    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let target = std::env::var("CARGO_CFG_TARGET_OS").expect("cargo sets CARGO_CFG_TARGET_OS");
    let library = if target == "macos" { "models/libonnxruntime.dylib" } else { "models/libonnxruntime.so" };
    let read = |path: &str| {
        println!("cargo::rerun-if-changed={path}");
        std::fs::read(path).unwrap_or_else(|error| panic!("{path} can't be read ({error}): run scripts/setup first"))
    };
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(Path::new(&out).join(name), bytes).expect("OUT_DIR can be written to");
    };
    // Rebuilds if a file is added to the site.
    println!("cargo::rerun-if-changed=web/dist");
    read("web/dist/index.html");
    write("model.onnx", &read("models/model.onnx"));
    write("onnxruntime.zst", &zstd::bulk::compress(&read(library), LEVEL).expect("zstd can't allocate memory"));
}
