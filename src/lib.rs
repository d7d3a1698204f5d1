//! glimpse takes a photograph and answers with its most likely `ImageNet` labels.
//!
//! # The map
//!
//! A request goes down through these rooms once and comes back once. A door (an HTTP route, a command) turns its
//! protocol into pictures and an answer into its protocol. Everything below the doors knows no protocol.
//!
//! ```text
//! socket -> server -> http -> guard -> engine -> image -> model -> engine -> http -> socket
//! ```
//!
//! | room | what it does | what it does not know |
//! | --- | --- | --- |
//! | [`commands`] | runs a command: `serve` wires everything below together, `health` asks a running server, `decode` is the child process that decodes HEIC and AVIF | |
//! | [`server`] | listens, accepts, times connections, shuts down | routes |
//! | [`http`] | the table of routes, a file a route; errors as statuses and JSON | pictures, threads |
//! | [`guard`] | keys, rate limits, the client's address; the size, rate and memory of bodies | statuses, routes |
//! | [`engine`] | admission, deadlines, the compute threads; finds the picture in its payload; the order of the stages | protocols |
//! | [`image`] | decodes a file to pixels and resizes them to a model's input | threads, queues |
//! | [`model`] | ONNX Runtime, the model's description of itself, labels | threads, queues |
//!
//! The ground, which all of them use: [`error`] (what can go wrong), [`stop`] (when work stops), [`memory`]
//! (allocations that may fail), [`config`] (every option, its variable and its default), [`telemetry`] (logs, metrics,
//! traces).
//!
//! # Where to find
//!
//! - a limit or its default: [`config`]
//! - a status or a message of HTTP: `http/problem.rs`; an error of the core: [`error`]
//! - a route, its guard and its description: `http/router.rs`
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
