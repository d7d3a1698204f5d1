//! glimpse takes a photograph and answers with its most likely `ImageNet` labels.
//!
//! # The map
//!
//! A request goes down through these rooms once and comes back once. A door (an HTTP route, a gRPC method, a command) turns
//! its protocol into pictures and an answer into its protocol. Everything below the doors knows no protocol.
//!
//! ```text
//! socket -> server -> doors -> http or grpc -> guard -> engine -> image -> model -> engine -> the same door -> socket
//! ```
//!
//! | room | what it does | what it does not know |
//! | --- | --- | --- |
//! | [`commands`] | runs a command: `serve` wires everything below together, `health` asks a running server, `decode` is the child process that decodes HEIC and AVIF | |
//! | [`server`] | listens, accepts, times connections, shuts down | routes |
//! | [`doors`] | sends a request to one of the two below, by its type | |
//! | [`http`] | the table of routes, a file a route; errors as statuses and JSON | pictures, threads |
//! | [`grpc`] | the services, a file a service; errors as codes. HTTP carries it, so that its layers are HTTP's | pictures, threads |
//! | [`protocol`] | what doors share: the Open Inference Protocol apart from its transports, the choice of labels | transports |
//! | [`guard`] | keys, rate limits, the client's address; the size, rate and memory of bodies | statuses, routes |
//! | [`engine`] | admission, deadlines, the compute threads; finds the picture in its payload; the order of the stages | protocols |
//! | [`image`] | decodes a file to pixels and resizes them to a model's input | threads, queues |
//! | [`model`] | ONNX Runtime, the model's description of itself, labels | threads, queues |
//!
//! The ground, which all of them use: [`error`] (what can go wrong), [`stop`] (when work stops), [`memory`]
//! (allocations that may fail), [`config`] (every option, its variable and its default), [`telemetry`] (logs, metrics,
//! traces).
//!
//! # Another door
//!
//! A door is a file that says where in its request the picture is ([`engine::Payload`]), how many labels are wanted
//! ([`engine::Terms`]), and what an answer and a problem look like; `http/adapters/sagemaker.rs` is the smallest. It reads its
//! body with `http/body.rs`, which obeys every limit, and takes a body apart in [`engine::Engine::prepare`], on a compute
//! thread. Its routes stand in a function `routes` that `http/router.rs` or `http/adapters/mod.rs` merges, behind the guard where
//! they analyze pictures, and with a layer that renders problems where its errors have a form of their own. Nothing below the
//! doors changes. `tests/clients` gets a file with a client that exists.
//!
//! # Where to find
//!
//! - a limit or its default: [`config`]
//! - a status or a message of HTTP: `http/problem.rs`; an error of the core: [`error`]
//! - a route, its guard and its description: `http/router.rs`
//! - a code of gRPC: `grpc/status.rs`; the messages: `grpc/proto`
//! - the form of another server's routes: `http/adapters`
//! - a stage, its name and its time: `engine/timings.rs`, and its place in the order: `engine/worker.rs`
//! - an image format: `image/decode`, a file a format, and `image/formats.rs` for its name in messages
//! - Pillow's arithmetic: `image/preprocess`
//! - what happens when a client leaves: [`stop`] for its work, `http/observe.rs` for its log line
//! - the properties that a model file must have: `model/description.rs` and `models/README.md`
//! - the web page: `web/`; how it is served and cached: `http/site`

pub mod commands;
pub mod config;
pub mod doors;
pub mod engine;
pub mod error;
pub mod grpc;
pub mod guard;
pub mod http;
pub mod image;
pub mod memory;
pub mod model;
pub mod protocol;
#[cfg(test)]
mod readme;
pub mod server;
pub mod stop;
pub mod telemetry;
