//! Integration tests of what clients and operators see of the server. Each module covers one behaviour.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod access;
mod access_faults;
mod adapters;
mod admission;
mod analyze;
mod answer;
mod batch;
mod bodies;
mod classify;
mod classify_faults;
mod clients;
#[cfg(all(feature = "embed", target_os = "linux"))]
mod confinement;
mod connections;
mod engine;
mod errors;
mod explain;
mod fidelity;
mod files;
mod gateway;
mod grpc;
#[cfg(target_os = "linux")]
mod image_memory;
mod image_model;
mod inference;
mod inference_grpc;
mod isolation;
mod lifecycle;
mod logs;
mod middleware;
mod openapi;
mod predict;
mod reload;
mod routes;
mod shared_session;
#[cfg(feature = "embed")]
mod single_file;
mod site;
mod start;
mod support;
mod telemetry_log;
mod traces;
mod transport;
