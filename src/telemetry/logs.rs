//! Logs: one line for each event on standard output, as JSON or as text for people.
//!
//! A line that is logged while a request is answered has the request's id, from the request's span.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use super::log_writer::{Queue, Stdout};
use super::traces::{self, TARGET, Traces};
use crate::config::{Config, LogFormat};
use crate::error::StartError;
use crate::image::decode::failures;

static QUEUE: Queue = Queue::new();

/// The longest that the last lines, or a last sentence, may hold up the end of the process.
const FLUSH: Duration = Duration::from_secs(1);

/// Flushes the log when it is dropped. Declare it before what logs while it is being dropped.
#[derive(Debug)]
#[must_use]
pub struct Log(());

impl Drop for Log {
    fn drop(&mut self) {
        flush();
    }
}

/// Starts the log and, where there are `traces`, the export of spans.
///
/// Panics are logged as errors from here on, instead of being written to standard error.
///
/// # Errors
/// The system refuses the thread that writes the log.
pub fn start(config: &Config, traces: Option<&Traces>) -> Result<Log, StartError> {
    let mut layers = vec![layer(config)];
    layers.extend(traces.map(Traces::layer));
    if tracing_subscriber::registry().with(layers).try_init().is_ok() {
        QUEUE
            .start(Stdout, |lines| tracing::warn!(lines, "log lines were dropped: nobody read them in time"))
            .map_err(|error| StartError::new(format!("The system refuses the log's thread: {error}.")))?;
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let message = panic.payload_as_str().unwrap_or("a panic without a message");
            // A hostile file can bring this about: it must not call the operator.
            if failures::is_decoding() {
                tracing::debug!(place, "panic of a decoder: {message}");
            } else {
                tracing::error!(place, "panic: {message}");
            }
        }));
    }
    Ok(Log(()))
}

/// Waits up to a second for the lines logged so far to be written. Call before ending the process in a way
/// that does not drop [`Log`].
pub fn flush() {
    QUEUE.flush(FLUSH);
}

/// The lines that were lost since the start: the queue was full, or standard output failed.
pub(super) fn dropped_lines() -> u64 {
    QUEUE.dropped()
}

/// Writes why the process ends to standard error. Gives up after a second: standard error may be a pipe that
/// nobody reads.
pub fn last_words(sentence: &str) {
    let line = format!("glimpse: {sentence}\n");
    let (done, is_done) = mpsc::channel();
    let write = move || {
        // The exit status says the same.
        let _ = io::stderr().write_all(line.as_bytes());
        let _ = done.send(());
    };
    if thread::Builder::new().spawn(write).is_ok() {
        let _ = is_done.recv_timeout(FLUSH);
    }
}

/// The log's layer. It leaves out the spans of traces.
fn layer(config: &Config) -> Box<dyn Layer<Registry> + Send + Sync> {
    // Reported on standard error otherwise.
    let layer = tracing_subscriber::fmt::layer().log_internal_errors(false).with_writer(|| &QUEUE);
    let logged = Targets::new().with_default(config.log.log_level).with_target(TARGET, LevelFilter::OFF);
    let terminal = io::stdout().is_terminal();
    if config.log.log_format == LogFormat::Text || (config.log.log_format == LogFormat::Auto && terminal) {
        layer.with_ansi(terminal).with_target(false).with_timer(Clock).with_filter(logged).boxed()
    } else {
        let lines = JsonLines { instance: config.log.instance_id.clone() };
        layer.fmt_fields(JsonFields::new()).event_format(lines).with_filter(logged).boxed()
    }
}

/// UTC to the millisecond (RFC 3339).
struct Clock;

impl Clock {
    fn now() -> impl fmt::Display {
        humantime::format_rfc3339_millis(SystemTime::now())
    }
}

impl FormatTime for Clock {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", Self::now())
    }
}

/// An event as one flat JSON object: `time`, `level`, `instance_id`, the fields of its spans, `trace_id` if it belongs to a
/// trace, its own fields. A later field replaces an earlier one of the same name.
struct JsonLines {
    instance: String,
}

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        line.insert("time".into(), Clock::now().to_string().into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("instance_id".into(), self.instance.as_str().into());
        for span in context.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            if let Some(fields) = span.extensions().get::<FormattedFields<JsonFields>>() {
                line.extend(serde_json::from_str::<Map<String, Value>>(fields).unwrap_or_default());
            }
        }
        if let Some(id) = traces::current_id() {
            line.insert("trace_id".into(), id.to_string().into());
        }
        event.record(&mut Fields(&mut line));
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().into(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }
}
