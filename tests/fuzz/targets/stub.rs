//! A server that has everything but a model.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use glimpse::config::{CommandLine, Config};
use glimpse::doors::Doors;
use glimpse::engine::{Analysis, Buffers, Capacity, Engine, Input, Output, Terms, Work};
use glimpse::error::Error;
use glimpse::guard::{Access, BodyLimits, Budget};
use glimpse::http::{App, Site, State};
use glimpse::image::{Decoder, Limits};
use glimpse::model::{Metadata, Prediction, Served};
use glimpse::server::lifecycle::Lifecycle;
use glimpse::stop::Stop;
use glimpse::telemetry::metrics::Metrics;

/// The most bytes of a body.
pub const MAX_BODY: usize = 1 << 20;

const MAX_PIXELS: u64 = 100_000;

/// The name of the model, which has one label.
pub const MODEL: &str = "cat";

/// Opens and decodes a picture, and answers with the only label.
struct Stub;

impl Work for Stub {
    fn run(&mut self, input: &Input, terms: &Terms, stop: &Stop) -> Result<Analysis, Error> {
        if let Input::Picture(payload) = input {
            let mut buffers = Buffers::default();
            let file = payload.open(&mut buffers, MAX_BODY, stop)?.bytes;
            Decoder::new(Limits { max_pixels: MAX_PIXELS, ..Limits::NONE }).decode(
                file,
                None,
                stop,
                &mut Vec::new(),
            )?;
        }
        let prediction = Prediction { index: 0, label: MODEL.into(), confidence: 1.0, activation: None };
        Ok(match terms.output {
            Output::Labels(_) | Output::Explained(_) => {
                Analysis { predictions: vec![prediction], ..Analysis::default() }
            }
            Output::Probabilities => Analysis { probabilities: vec![1.0], ..Analysis::default() },
        })
    }
}

fn metadata() -> Metadata {
    let read = |key: &str| {
        let value = match key {
            "glimpse.format" => "1",
            "glimpse.input_layout" => "NCHW",
            "glimpse.input_width" | "glimpse.input_height" => "4",
            "glimpse.input_resize" => "bicubic",
            "glimpse.input_mean" | "glimpse.input_std" => "[1, 1, 1]",
            "glimpse.output" => "softmax",
            "glimpse.labels" => r#"["cat"]"#,
            "glimpse.input_colours" | "glimpse.input_window" => return None,
            "glimpse.activation_rows" | "glimpse.activation_columns" => return None,
            _ => MODEL,
        };
        Some(value.to_owned())
    };
    Metadata::read(read).unwrap()
}

/// The doors of a server, its configuration, and its life.
pub fn server() -> (Doors, Config, Lifecycle) {
    let config = CommandLine::parse_from(["glimpse", "--log-level", "off"]).config;
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/dist");
    let capacity = Capacity { queue_depth: 4, timeout: Duration::from_secs(10) };
    let lifecycle = Lifecycle::new();
    let app = App::new(State {
        engine: Arc::new(Engine::new(vec![Stub], capacity).unwrap()),
        budget: Budget::new(1 << 24),
        body_limits: BodyLimits {
            max_bytes: MAX_BODY,
            timeout: config.connections.body_timeout,
            min_rate: config.connections.min_body_rate,
        },
        catalogue: Arc::new(Served::described(Arc::new(metadata()), None).into()),
        access: Arc::new(Access::new(&config.access).unwrap()),
        site: Site::open(Some(web.into())).expect("run scripts/setup first"),
        instance: String::new(),
        metrics: Metrics::start(),
        shows_metrics: true,
        lifecycle: lifecycle.clone(),
        adapters: config.adapters.adapters(),
        idle_timeout: config.connections.keep_alive_timeout,
        max_batch: config.engine.max_batch,
        max_pixels: MAX_PIXELS,
        max_picture_bytes: u64::MAX,
    });
    (Doors::new(app, &config.access.cors_allow_origins), config, lifecycle)
}
