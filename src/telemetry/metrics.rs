//! Metrics in Prometheus' text format: their names, and every place that writes them.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

use super::reasons::{Refusal, Rejection};
use super::{logs, spans};
use crate::engine::{Stage, Timings};
use crate::image::decode::failures;
use crate::model::Metadata;

const REQUESTS: &str = "glimpse_http_requests_total";
const REQUEST_DURATION: &str = "glimpse_http_request_duration_seconds";
const GRPC_REQUESTS: &str = "glimpse_grpc_requests_total";
const GRPC_DURATION: &str = "glimpse_grpc_request_duration_seconds";
const REJECTED: &str = "glimpse_rejected_total";
const HTTP_REFUSED: &str = "glimpse_http_refused_total";
const QUEUE_DEPTH: &str = "glimpse_queue_depth";
const QUEUE_WAIT: &str = "glimpse_queue_wait_seconds";
const STAGE_DURATION: &str = "glimpse_stage_duration_seconds";
const INFLIGHT_BYTES: &str = "glimpse_inflight_bytes";
const INFLIGHT_BYTES_LIMIT: &str = "glimpse_inflight_bytes_limit";
const PICTURE_BYTES_LIMIT: &str = "glimpse_picture_bytes_limit";
const DECODER_FAILURES: &str = "glimpse_decoder_failures_total";
const LOG_LINES_DROPPED: &str = "glimpse_log_lines_dropped_total";
const SPANS_DROPPED: &str = "glimpse_spans_dropped_total";
const READY: &str = "glimpse_ready";
const WORKERS: &str = "glimpse_workers";
const MODEL_RELOADS: &str = "glimpse_model_reloads_total";
const BUILD_INFO: &str = "glimpse_build_info";
const MODEL_INFO: &str = "glimpse_model_info";

/// The buckets' upper bounds, in seconds: from the resize of a small picture to the default deadline.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The time between two upkeeps. Observations are kept one by one until an upkeep or a scrape puts them into
/// their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// The metrics of this process, shared by all servers in it.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    process: Collector,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Metrics")
    }
}

impl Metrics {
    /// Starts counting at the first call; later calls return the same metrics.
    pub fn start() -> Self {
        static STARTED: OnceLock<Metrics> = OnceLock::new();
        STARTED
            .get_or_init(|| {
                // Fails only for an empty list of buckets.
                let builder = PrometheusBuilder::new();
                let builder = builder
                    .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
                    .unwrap_or_else(|_| PrometheusBuilder::new());
                let recorder = builder.build_recorder();
                let handle = recorder.handle();
                // An embedding program may have set its own recorder, which then stays.
                let _ = metrics::set_global_recorder(recorder);
                let process = Collector::default();
                process.describe();
                describe();
                Self { handle, process }
            })
            .clone()
    }

    /// All metrics in the text format.
    pub fn render(&self, now: &Now<'_>) -> String {
        gauge!(QUEUE_DEPTH).set(precise(now.queue_depth));
        gauge!(INFLIGHT_BYTES).set(precise(now.inflight_bytes));
        gauge!(INFLIGHT_BYTES_LIMIT).set(precise(now.inflight_bytes_limit));
        gauge!(PICTURE_BYTES_LIMIT).set(precise(now.picture_bytes_limit));
        gauge!(WORKERS).set(precise(now.workers));
        gauge!(READY).set(f64::from(u8::from(now.is_ready)));
        counter!(LOG_LINES_DROPPED).absolute(logs::dropped_lines());
        counter!(SPANS_DROPPED).absolute(spans::dropped());
        counter!(DECODER_FAILURES).absolute(failures::failures());
        let labels = [("version", env!("CARGO_PKG_VERSION").to_owned()), ("instance_id", now.instance.to_owned())];
        gauge!(BUILD_INFO, &labels).set(1.0);
        show_model(now.model);
        self.process.collect();
        self.handle.render()
    }

    /// Keeps the memory of observations bounded while nobody scrapes. Never returns.
    pub async fn keep_up(self) {
        loop {
            tokio::time::sleep(UPKEEP).await;
            self.handle.run_upkeep();
        }
    }
}

/// Values that are read at the time of a scrape.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// Number of requests that wait for a worker.
    pub queue_depth: usize,
    /// Bytes of memory that request bodies hold.
    pub inflight_bytes: usize,
    /// The most bytes that they may hold.
    pub inflight_bytes_limit: usize,
    /// The most bytes that one picture may take.
    pub picture_bytes_limit: usize,
    /// Number of workers.
    pub workers: usize,
    /// Whether the server wants requests.
    pub is_ready: bool,
    /// The name of this process.
    pub instance: &'a str,
    /// The model that answers.
    pub model: &'a Metadata,
}

/// Counts a request that has been answered or left by its client. `route` is a pattern, never a path: every value is a time series.
pub fn request(route: &str, method: &str, status: u16, time: Duration) {
    let labels = [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.to_string())];
    counter!(REQUESTS, &labels).increment(1);
    histogram!(REQUEST_DURATION, &labels[..2]).record(time);
}

/// Counts a request of gRPC. `method` is one of a fixed list, `code` gRPC's.
pub fn grpc(method: &'static str, code: i32, time: Duration) {
    counter!(GRPC_REQUESTS, "method" => method, "code" => code.to_string()).increment(1);
    histogram!(GRPC_DURATION, "method" => method).record(time);
}

/// Counts that another model has taken the place of the one before.
pub fn reloaded() {
    counter!(MODEL_RELOADS, "result" => "loaded").increment(1);
}

/// Counts that another model could not be loaded.
pub fn not_reloaded() {
    counter!(MODEL_RELOADS, "result" => "refused").increment(1);
}

type ModelLabels = [(&'static str, String); 3];

/// Sets the series of `model` to 1, and that of the model before it to 0.
fn show_model(Metadata { name, version, weights_sha256, .. }: &Metadata) {
    static SHOWN: Mutex<Option<ModelLabels>> = Mutex::new(None);
    let labels = [("name", name.clone()), ("version", version.clone()), ("weights", weights_sha256.clone())];
    let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(before) = shown.as_ref().filter(|before| **before != labels) {
        gauge!(MODEL_INFO, before).set(0.0);
    }
    gauge!(MODEL_INFO, &labels).set(1.0);
    *shown = Some(labels);
}

/// Counts a refused request.
pub fn rejected(reason: Rejection) {
    counter!(REJECTED, "reason" => reason.label()).increment(1);
}

/// Counts what the HTTP library refused before it became a request.
pub fn refused_by_http(reason: Refusal) {
    counter!(HTTP_REFUSED, "reason" => reason.label()).increment(1);
}

/// Observes the time that each stage of an analysis took.
pub fn analyzed(timings: &Timings) {
    for (stage, time) in timings.iter() {
        match stage {
            Stage::Queue => histogram!(QUEUE_WAIT).record(time),
            stage => histogram!(STAGE_DURATION, "stage" => stage.name()).record(time),
        }
    }
}

fn describe() {
    describe_counter!(REQUESTS, "Requests, by the status of their answer; 499 where the client left before it.");
    describe_histogram!(REQUEST_DURATION, Unit::Seconds, "Time from a request's head to its answer's.");
    describe_counter!(
        GRPC_REQUESTS,
        "Requests of gRPC, by the code of their status; 1 where the client left before it."
    );
    describe_histogram!(GRPC_DURATION, Unit::Seconds, "Time from the head of a request of gRPC to its status.");
    describe_counter!(REJECTED, "Requests that were refused before their picture was looked at.");
    describe_counter!(HTTP_REFUSED, "Requests that were refused before their head was understood.");
    describe_gauge!(QUEUE_DEPTH, "Requests that wait for a worker.");
    describe_histogram!(QUEUE_WAIT, Unit::Seconds, "Time that analyzed requests have waited for a worker.");
    describe_histogram!(STAGE_DURATION, Unit::Seconds, "Time that the stages of an analysis took.");
    describe_gauge!(INFLIGHT_BYTES, Unit::Bytes, "Bytes of request bodies in memory.");
    describe_gauge!(INFLIGHT_BYTES_LIMIT, Unit::Bytes, "The most bytes of request bodies in memory.");
    describe_gauge!(PICTURE_BYTES_LIMIT, Unit::Bytes, "The most bytes that a worker takes for one picture.");
    describe_gauge!(WORKERS, "Workers, each of which analyzes one picture at a time.");
    describe_gauge!(READY, "1 while the server wants requests; 0 when it is about to end or a worker is missing.");
    describe_counter!(SPANS_DROPPED, "Spans that the collector of traces did not get.");
    describe_counter!(LOG_LINES_DROPPED, "Log lines that were lost because standard output was not read or failed.");
    describe_counter!(DECODER_FAILURES, "Pictures at which a decoder panicked, or its process ended.");
    describe_gauge!(BUILD_INFO, "The version and the name of this process; always 1.");
    describe_gauge!(MODEL_INFO, "1 for the model that answers, 0 for those before it.");
    describe_counter!(MODEL_RELOADS, "Times that the model's file was loaded anew, or could not be.");
    count_from_zero();
}

/// Exports counters before they count anything. Prometheus' `rate()` needs two samples of a series: it does not see the first
/// event of one that begins with it.
fn count_from_zero() {
    for result in ["loaded", "refused"] {
        counter!(MODEL_RELOADS, "result" => result).absolute(0);
    }
    for reason in Rejection::ALL {
        counter!(REJECTED, "reason" => reason.label()).absolute(0);
    }
    for reason in Refusal::ALL {
        counter!(HTTP_REFUSED, "reason" => reason.label()).absolute(0);
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn precise(number: usize) -> f64 {
    number as f64
}
