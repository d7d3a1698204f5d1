//! Makes the code of the gRPC services from `src/grpc/proto`. With the feature `embed`, copies the model and ONNX Runtime from `models/` to `OUT_DIR`. The site in
//! `web/dist` is embedded by `src/http/site/embedded.rs`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    grpc();
    #[cfg(feature = "embed")]
    embed();
}

/// Makes the servers, and the descriptions of them that reflection needs. The tests have clients too.
fn grpc() {
    let folder = "src/grpc/proto";
    println!("cargo::rerun-if-changed={folder}");
    let mut compiler = protox::Compiler::new([folder]).expect("the folder can be read");
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(["glimpse.proto", "inference.proto"]).unwrap_or_else(|error| panic!("{error}"));
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    std::fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())
        .expect("OUT_DIR can be written to");
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        // Pictures and tensors are not copied out of their message.
        .bytes(".glimpse.v1")
        .bytes(".inference")
        .codec_path("crate::grpc::codec::BoundedCodec")
        .compile_fds(compiler.file_descriptor_set())
        .expect("OUT_DIR can be written to");
}

#[cfg(feature = "embed")]
fn embed() {
    use std::path::Path;

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
    write("onnxruntime", &read(library));
}
