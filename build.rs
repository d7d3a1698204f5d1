//! With the feature `embed`: puts the model and ONNX Runtime from `models/` into the build; the site in
//! `web/dist` goes there by itself (`src/http/site/embedded.rs`).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "embed")]
    embed();
}

#[cfg(feature = "embed")]
fn embed() {
    use std::path::Path;

    /// Packing takes seconds once; unpacking, at every start, is no slower for it.
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
    // A new file among the site's is a reason to build again as well.
    println!("cargo::rerun-if-changed=web/dist");
    read("web/dist/index.html");
    write("model.onnx", &read("models/model.onnx"));
    write("onnxruntime.zst", &zstd::bulk::compress(&read(library), LEVEL).expect("memory for packing"));
}
