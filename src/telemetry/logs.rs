//! Logs: one line an event on standard output, as JSON or for people to read.
//!
//! What happens while a request is answered carries its id: the span of the request holds it.

use std::fmt;
use std::io::IsTerminal;
use std::time::SystemTime;

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

use super::traces::{self, TARGET, Traces};
use crate::config::{Config, LogFormat};

/// Starts the log, and the way of spans to `traces`. Panics go to the log as well, as errors, instead of
/// to standard error.
pub fn start(config: &Config, traces: Option<&Traces>) {
    let mut layers = vec![log(config)];
    layers.extend(traces.map(Traces::layer));
    if tracing_subscriber::registry().with(layers).try_init().is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let message = panic.payload_as_str().unwrap_or("a panic without a message");
            tracing::error!(place, "panic: {message}");
        }));
    }
}

/// Everything but the spans of a trace, which are none of the log's.
fn log(config: &Config) -> Box<dyn Layer<Registry> + Send + Sync> {
    // A log that nobody reads any more is no reason to write elsewhere.
    let layer = tracing_subscriber::fmt::layer().log_internal_errors(false);
    let logged = Targets::new().with_default(config.log.log_level).with_target(TARGET, LevelFilter::OFF);
    let terminal = std::io::stdout().is_terminal();
    if config.log.log_format == LogFormat::Text || (config.log.log_format == LogFormat::Auto && terminal) {
        layer.with_ansi(terminal).with_target(false).with_timer(Clock).with_filter(logged).boxed()
    } else {
        layer.fmt_fields(JsonFields::new()).event_format(JsonLines).with_filter(logged).boxed()
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

/// An event as one flat JSON object: `time`, `level`, the fields of its spans, the id of its trace where
/// it has one, its own fields.
struct JsonLines;

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
