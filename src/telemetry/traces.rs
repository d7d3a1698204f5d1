//! Traces: spans of requests and their stages, sent to a collector by OTLP over HTTP.
//!
//! OpenTelemetry's own variables (`OTEL_*`) configure them. Its SDK reads most by itself but passes over bad
//! values in silence, so they are checked here first. Without a collector there is no thread, no connection
//! and no span: the target [`TARGET`] is then disabled.

use std::time::Duration;

use opentelemetry::trace::{TraceContextExt, TraceId, TracerProvider};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::SdkTracerProvider;
use percent_encoding::percent_decode_str;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Layer, Registry};

use super::spans;
use crate::config::{list, within};
use crate::error::StartError;

/// The target of every span that is exported. Spans of other targets are the log's.
pub const TARGET: &str = "glimpse::trace";

const SERVICE: &str = "glimpse";

/// The longest time that the last spans may hold up the end of the process.
const FLUSH: Duration = Duration::from_secs(3);

/// A day, in milliseconds.
const MOST_MILLISECONDS: usize = 24 * 60 * 60 * 1000;

/// The largest number of spans in memory, at some kilobytes each.
const MOST_SPANS: usize = 100_000;

/// The spans that may wait for an export: the default of OpenTelemetry's specification.
const QUEUE_SIZE: usize = 2048;

/// The time that an export may take, in milliseconds: the default of OpenTelemetry's specification.
const TIMEOUT: u64 = 10_000;

const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// The export of spans.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts the thread that sends spans, or returns `None` if the environment names no collector. `instance` is
    /// the name of this process.
    ///
    /// # Errors
    /// A variable has a value that is not supported.
    pub fn start(instance: &str) -> Result<Option<Self>, StartError> {
        if !is_wanted(variable)? {
            return Ok(None);
        }
        check(variable)?;
        // The builder reads the endpoint, the headers and the compression from the environment.
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(client()?)
            .build()
            .map_err(|error| cannot_send(&error))?;
        let capacity = variable("OTEL_BSP_MAX_QUEUE_SIZE").and_then(|value| value.parse().ok());
        let processor = spans::processor(exporter, capacity.unwrap_or(QUEUE_SIZE));
        let resource = resource(variable, instance)?;
        let provider = SdkTracerProvider::builder().with_resource(resource).with_span_processor(processor).build();
        Ok(Some(Self { provider }))
    }

    /// Returns the layer that exports the spans of [`TARGET`].
    pub(super) fn layer(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        let scope = InstrumentationScope::builder(SERVICE).with_version(env!("CARGO_PKG_VERSION")).build();
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer_with_scope(scope))
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO))
            .boxed()
    }

    /// Sends the remaining spans. Gives up after three seconds.
    pub fn finish(self) {
        if self.provider.shutdown_with_timeout(FLUSH).is_err() {
            tracing::warn!("the last traces could not be delivered");
        }
    }
}

/// The trace of the current span, if there is one.
pub(super) fn current_id() -> Option<TraceId> {
    let context = Context::current();
    let span = context.span();
    let id = span.span_context().trace_id();
    (id != TraceId::INVALID).then_some(id)
}

/// The client that sends exports.
///
/// It uses no proxy. `HTTP_PROXY` is meant for the world outside, and the collector is nearby: traces are sent
/// without TLS.
fn client() -> Result<reqwest::blocking::Client, StartError> {
    let milliseconds = otlp(variable, "TIMEOUT").and_then(|(_, value)| value.parse().ok()).unwrap_or(TIMEOUT);
    reqwest::blocking::Client::builder()
        .no_proxy()
        .timeout(Duration::from_millis(milliseconds))
        .build()
        .map_err(|error| cannot_send(&error))
}

fn cannot_send(error: &dyn std::error::Error) -> StartError {
    StartError::new(format!("Traces can't be sent: {error}. Look at OTEL_EXPORTER_OTLP_*."))
}

/// The attributes that describe this process. The environment's replace the defaults.
fn resource(read: impl Fn(&str) -> Option<String>, instance: &str) -> Result<Resource, StartError> {
    let resource = Resource::builder_empty()
        .with_service_name(SERVICE)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", instance.to_owned()))
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(attributes(&read(RESOURCE_ATTRIBUTES).unwrap_or_default())?);
    Ok(match read("OTEL_SERVICE_NAME") {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    })
}

/// Parses `key=value,key=value` with percent-encoded keys and values, as OpenTelemetry's resource specification
/// has it. The SDK's own detector does not decode.
fn attributes(text: &str) -> Result<Vec<KeyValue>, StartError> {
    let attribute = |pair: &str| {
        let (key, value) = pair.split_once('=')?;
        let (key, value) = (decoded(key)?, decoded(value)?);
        (!key.is_empty()).then(|| KeyValue::new(key, value))
    };
    list(text).map(attribute).collect::<Option<_>>().ok_or_else(|| {
        StartError::new(format!("{RESOURCE_ATTRIBUTES} must be key=value,key=value with percent-encoded UTF-8 values."))
    })
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text.trim()).decode_utf8().ok().map(Into::into)
}

/// A variable of the environment. OpenTelemetry treats an empty one as unset.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?.to_string_lossy().into_owned();
    Some(value).filter(|value| !value.is_empty())
}

/// The name and value of a setting of OTLP. The variable for traces wins over the one for all signals.
fn otlp(read: impl Fn(&str) -> Option<String>, setting: &str) -> Option<(String, String)> {
    let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{setting}"), format!("OTEL_EXPORTER_OTLP_{setting}")];
    names.into_iter().find_map(|name| read(&name).map(|value| (name, value)))
}

/// Whether a collector is named and traces are not switched off.
fn is_wanted(read: impl Fn(&str) -> Option<String>) -> Result<bool, StartError> {
    let is_disabled = read("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if is_disabled || otlp(&read, "ENDPOINT").is_none() {
        return Ok(false);
    }
    match read("OTEL_TRACES_EXPORTER").as_deref() {
        None | Some("otlp") => Ok(true),
        Some("none") => Ok(false),
        Some(_) => Err(StartError::new("OTEL_TRACES_EXPORTER must be otlp or none: traces are sent in no other way.")),
    }
}

/// Refuses values that the SDK ignores in silence or does not support.
fn check(read: impl Fn(&str) -> Option<String>) -> Result<(), StartError> {
    // An endpoint may contain a password, so its value is not in the message.
    if let Some((name, _)) = otlp(&read, "PROTOCOL").filter(|(_, value)| value != "http/protobuf") {
        return Err(StartError::new(format!("{name} must be http/protobuf: traces are sent in no other way.")));
    }
    if let Some((name, _)) = otlp(&read, "ENDPOINT").filter(|(_, value)| !is_plain_http(value)) {
        return Err(StartError::new(format!(
            "{name} must begin with http:// and name a host: traces are sent without TLS, to a collector nearby."
        )));
    }
    if let Some((name, _)) = otlp(&read, "COMPRESSION").filter(|(_, value)| !["gzip", "none"].contains(&value.as_str()))
    {
        return Err(StartError::new(format!("{name} must be gzip or none: traces are compressed in no other way.")));
    }
    if let Some(sampler) = read("OTEL_TRACES_SAMPLER").filter(|value| !SAMPLERS.contains(&value.as_str())) {
        let known = SAMPLERS.join(", ");
        return Err(StartError::new(format!("OTEL_TRACES_SAMPLER is {sampler}: one of {known} is expected.")));
    }
    if let Some(share) = read("OTEL_TRACES_SAMPLER_ARG").filter(|value| !is_share(value)) {
        return Err(StartError::new(format!(
            "OTEL_TRACES_SAMPLER_ARG is {share}: a share of the requests from 0 to 1 is expected."
        )));
    }
    for (name, check) in NUMBERS {
        if let Some((value, Err(expected))) = read(name).map(|value| (value.clone(), check(&value))) {
            return Err(StartError::new(format!("{name} is {value}: {expected}.")));
        }
    }
    Ok(())
}

/// Parses a whole number in a variable's range.
type Number = fn(&str) -> Result<usize, String>;

const NUMBERS: [(&str, Number); 5] = [
    ("OTEL_EXPORTER_OTLP_TIMEOUT", within::<1, MOST_MILLISECONDS>),
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", within::<1, MOST_MILLISECONDS>),
    ("OTEL_BSP_SCHEDULE_DELAY", within::<1, MOST_MILLISECONDS>),
    ("OTEL_BSP_MAX_QUEUE_SIZE", within::<1, MOST_SPANS>),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", within::<1, MOST_SPANS>),
];

fn is_plain_http(endpoint: &str) -> bool {
    let uri = endpoint.parse::<http::Uri>().ok();
    uri.is_some_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some_and(|host| !host.is_empty()))
}

fn is_share(text: &str) -> bool {
    text.parse().is_ok_and(|share: f64| (0.0..=1.0).contains(&share))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");

    /// An environment that has only these variables.
    fn with<'a>(variables: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn traces_are_for_a_collector_that_is_named() {
        for (variables, expected) in [
            (&[][..], false),
            (&[("OTEL_SERVICE_NAME", "a"), ("OTEL_TRACES_EXPORTER", "otlp")][..], false),
            (&[HERE][..], true),
            (&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://a/b")][..], true),
            (&[HERE, ("OTEL_TRACES_EXPORTER", "otlp")][..], true),
            (&[HERE, ("OTEL_TRACES_EXPORTER", "none")][..], false),
            (&[HERE, ("OTEL_SDK_DISABLED", "True")][..], false),
            (&[HERE, ("OTEL_SDK_DISABLED", "no")][..], true),
        ] {
            assert_eq!(is_wanted(with(variables)), Ok(expected), "{variables:?}");
        }
        assert!(is_wanted(with(&[HERE, ("OTEL_TRACES_EXPORTER", "console")])).is_err());
    }

    #[test]
    fn what_is_not_to_be_had_is_refused_by_name() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector:4318/v1/traces"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
            ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_BSP_SCHEDULE_DELAY", "0"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "18446744073709551615"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "-1"),
        ] {
            let StartError(sentence) = check(with(&[HERE, (name, value)])).unwrap_err();
            assert!(sentence.starts_with(name) && sentence.ends_with('.'), "{sentence}");
        }
    }

    #[test]
    fn the_variable_for_traces_comes_before_that_for_everything() {
        let everything = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        assert!(check(with(&[HERE, everything, ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")])).is_ok());
    }

    #[test]
    fn a_password_in_an_address_is_not_said() {
        let address = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:secret@collector");
        let StartError(sentence) = check(with(&[address])).unwrap_err();
        assert!(!sentence.contains("secret"), "{sentence}");
    }

    #[test]
    fn the_environment_replaces_the_default_attributes() {
        let get = |variables: &[(&str, &str)], key: &'static str| {
            resource(with(variables), "here").unwrap().get(&key.into()).unwrap().to_string()
        };
        let name = |variables: &[(&str, &str)]| get(variables, "service.name");
        assert_eq!(get(&[], "service.instance.id"), "here");
        assert_eq!(get(&[(RESOURCE_ATTRIBUTES, "service.instance.id=there")], "service.instance.id"), "there");
        let attributes = (RESOURCE_ATTRIBUTES, "service.name=a%20b");
        assert_eq!(name(&[]), SERVICE);
        assert_eq!(name(&[attributes]), "a b");
        assert_eq!(name(&[attributes, ("OTEL_SERVICE_NAME", "c")]), "c");
    }

    #[test]
    fn resource_attributes_are_percent_decoded() {
        let pairs = [("a", "b c"), ("d", "e,f=g"), ("h", "")].map(|(key, value)| KeyValue::new(key, value));
        assert_eq!(attributes("a=b%20c, d = e%2Cf=g ,h=,").unwrap(), pairs);
        assert_eq!(attributes("").unwrap(), []);
        for list in ["a", "=b", "a=%ff"] {
            let StartError(sentence) = attributes(list).unwrap_err();
            assert!(sentence.starts_with(RESOURCE_ATTRIBUTES), "{sentence}");
        }
    }
}
