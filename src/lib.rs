//! glimpse takes a photograph over HTTP and answers with its three most likely `ImageNet` labels.
//!
//! # The map
//!
//! A request goes down through these rooms once and comes back once:
//!
//! ```text
//! socket -> http -> engine -> image -> model -> http -> socket
//! ```
//!
//! | room | what is in it | what it does not know |
//! | --- | --- | --- |
//! | [`http`] | the router, a file per route and per middleware; the web site's files | how a picture becomes a tensor |
//! | [`engine`] | admission, deadlines, the compute pool; the order of the stages | HTTP |
//! | [`image`] | base64, decoding, orientation, resizing, scaling to a tensor | threads, queues, HTTP |
//! | [`model`] | ONNX Runtime, the model's description of itself, labels | threads, queues, pictures |
//!
//! Beside the way: [`config`] (every option, its variable and its default), [`error`] (everything
//! that can go wrong, and the only place that picks a status code), [`telemetry`] (logs, metrics, traces),
//! [`server::lifecycle`] (serving, leaving, draining) and [`server`] (start, accept, finish; what `main` wires together).
//!
//! Where do I find ...
//! - a limit or its default? [`config`]. A message or a status? [`error`].
//! - what the API says of itself? `http/openapi`; the page made from that: `web/src/pages/docs.astro`.
//! - Pillow's arithmetic? `image/resize`. What `convert("RGB")` does? `image/decode`.
//! - the web page? `web/`; how it is served, cached and secured? `http/site`.
//! - what a model file must say of itself? `model/metadata.rs`, and `models/README.md`.

pub mod commands;
pub mod config;
pub mod engine;
pub mod error;
pub mod guard;
pub mod http;
pub mod image;
pub mod memory;
pub mod model;
#[cfg(test)]
mod readme;
pub mod server;
pub mod stop;
pub mod telemetry;
