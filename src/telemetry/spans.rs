//! The way of finished spans to the collector: how many may wait for it, and how many it did not get.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};

/// The spans that the collector did not get since the start.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// The spans that the collector did not get since the start: too many waited, or a delivery failed.
pub(super) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

fn count_dropped(spans: usize) {
    DROPPED.fetch_add(spans as u64, Ordering::Relaxed);
}

/// Returns a processor that sends spans to `exporter` in batches. Up to `capacity` spans wait; further ones are
/// dropped and counted. The processor of the SDK has the same limit, but tells nobody how many it drops.
pub(super) fn processor<E: SpanExporter + 'static>(exporter: E, capacity: usize) -> impl SpanProcessor + 'static {
    let waiting = Arc::new(AtomicUsize::new(0));
    let exporter = Counted { exporter, waiting: waiting.clone(), is_failing: AtomicBool::new(false) };
    Bounded { next: BatchSpanProcessor::builder(exporter).build(), waiting, capacity }
}

#[derive(Debug)]
struct Bounded<P> {
    next: P,
    /// Spans that have ended and were not given to the exporter yet.
    waiting: Arc<AtomicUsize>,
    capacity: usize,
}

impl<P: SpanProcessor> SpanProcessor for Bounded<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        let taken = |waiting| (waiting < self.capacity).then_some(waiting + 1);
        if self.waiting.try_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok() {
            self.next.on_end(span);
        } else {
            count_dropped(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

/// An exporter that logs when it begins to fail and when it works again, rather than for each batch.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    waiting: Arc<AtomicUsize>,
    is_failing: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        let result = self.exporter.export(batch).await;
        if result.is_err() {
            count_dropped(spans);
        }
        match (&result, self.is_failing.swap(result.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => tracing::warn!("traces can't be delivered and are dropped: {error}"),
            (Ok(()), true) => tracing::info!("traces are delivered again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
