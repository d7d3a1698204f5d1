//! The gRPC door: our own service, the Open Inference Protocol, health and reflection, on the port of HTTP.
//!
//! A request whose Content-Type is gRPC's comes here before HTTP's routes are asked ([`crate::doors`]). The layers around are
//! HTTP's own: a problem becomes a status in `render.rs`.

mod body;
pub mod codec;
mod glimpse;
mod health;
mod inference;
mod inflate;
mod observe;
mod render;
mod request;
mod status;
mod stream;
mod wire;

use axum::Router;
use axum::middleware::from_fn;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic_web::GrpcWebLayer;

use crate::config::Origins;
use crate::http::App;
use crate::http::layers;

pub use observe::observed;
pub use render::{is_call, is_grpc, is_stream, method};

/// The code that `build.rs` makes from `proto`.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::pedantic, reason = "generated code")]
pub mod pb {
    /// Our own service.
    pub mod glimpse {
        tonic::include_proto!("glimpse.v1");
    }
    /// The Open Inference Protocol.
    pub mod inference {
        tonic::include_proto!("inference");
    }
}

/// The descriptions of the services above, for reflection.
const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("descriptors");

/// Bytes of a message beside its picture.
const MESSAGE_OVERHEAD: usize = 64 << 10;

/// Every service, behind every layer.
pub fn router(app: App, origins: &Origins) -> Router {
    // Larger messages are refused before they are read, see `body`.
    let most = app.body_limits.max_bytes.saturating_add(MESSAGE_OVERHEAD);
    let classifier = pb::glimpse::classifier_server::ClassifierServer::new(glimpse::Service(app.clone()))
        .max_decoding_message_size(most)
        .accept_compressed(CompressionEncoding::Gzip);
    let inference =
        pb::inference::grpc_inference_service_server::GrpcInferenceServiceServer::new(inference::Service(app.clone()))
            .max_decoding_message_size(most)
            .accept_compressed(CompressionEncoding::Gzip);
    let health = tonic_health::pb::health_server::HealthServer::new(health::Service(app.clone()));
    let mut routes = Routes::new(classifier).add_service(inference).add_service(health);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // They fail only for descriptors that contradict themselves.
    if let (Ok(v1), Ok(v1alpha)) = (reflection().build_v1(), reflection().build_v1alpha()) {
        routes = routes.add_service(v1).add_service(v1alpha);
    }
    let routes = routes.prepare().into_axum_router();
    let routes = routes.layer(from_fn(body::check)).layer(GrpcWebLayer::new()).layer(from_fn(body::keep_error));
    let routes = routes.layer(from_fn(render::guard));
    layers::around_grpc(routes.layer(layers::grpc_cors(origins)), app, render::render)
}
