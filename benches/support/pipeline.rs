//! The work of the workers without HTTP, queue and client: the upper bound of the server's throughput.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use glimpse::commands;
use glimpse::config::Config;
use glimpse::engine::{Input, Output, Payload, Terms, Work, Worker};
use glimpse::stop::Stop;
use serde_json::Value;

/// The server's workers, run without the engine.
pub struct Pipelines(Vec<Worker>);

impl Pipelines {
    pub fn load(config: &Config) -> Self {
        Self(commands::serve::workers(config).unwrap().0)
    }

    pub fn threads(&self) -> usize {
        self.0.len()
    }

    /// Runs `payloads` in turn, on one thread per worker, until `is_wanted` returns false for the number of the next request.
    /// Returns the number of requests done.
    pub fn run(&mut self, payloads: &[Input], is_wanted: impl Fn(usize) -> bool + Sync) -> usize {
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for pipeline in &mut self.0 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if !is_wanted(number) {
                            break;
                        }
                        let (terms, stop) = (Terms::patient(Output::Labels(3)), Stop::never());
                        pipeline.run(&payloads[number % payloads.len()], &terms, &stop).unwrap();
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        done.into_inner()
    }
}

/// The engine's input for the picture in a JSON body.
pub fn payload(body: &[u8]) -> Input {
    let mut body: Value = serde_json::from_slice(body).unwrap();
    let Value::String(text) = body["base64Image"].take() else { panic!("the body has no base64Image") };
    Payload::base64(Bytes::from(text)).into()
}
