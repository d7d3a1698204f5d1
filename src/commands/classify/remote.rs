//! A server that analyzes the pictures instead: `POST /api/v1/analyze`, and again where it is busy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};
use url::Url;

use super::Answer;
use super::paths::Source;
use super::reader::{Content, Reader};
use crate::config::Classify;
use crate::error::StartError;
use crate::model::Prediction;
use crate::protocol::choice::LABELS;

/// Requests at the same time, where WORKERS says nothing.
const AT_ONCE: usize = 4;

/// The longest that a picture is sent again and again.
const PATIENCE: Duration = Duration::from_mins(5);
/// The longest that one request may take.
const TIMEOUT: Duration = Duration::from_mins(2);
/// The waits before a request is sent again, where the server names none: doubled each time, from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LAST_WAIT: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes: a thousand labels take some 60,000.
const LONGEST_ANSWER: u64 = 16 << 20;

/// The most labels that a server may say it has, and the largest picture file that it may say it takes, in bytes.
const MOST_LABELS: usize = 100_000;
const MOST_BYTES: u64 = 1 << 30;

pub(super) struct Remote {
    agent: Agent,
    analyze: String,
    authorization: Option<String>,
    columns: usize,
    at_once: usize,
    reader: Reader,
    /// The last picture could not be sent, again and again. Until one can be, the others are tried once each.
    is_gone: AtomicBool,
}

/// What is read of `GET /api/v1/model`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    labels: usize,
    #[serde(default)]
    multi_label: bool,
    #[serde(default)]
    activation: Option<IgnoredAny>,
    limits: Limits,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    body_bytes: u64,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

/// Why an attempt has no answer.
enum Fault {
    /// Worth another try, after the wait that the server asks for.
    Passing {
        sentence: String,
        wait: Duration,
    },
    Final(String),
}

impl Remote {
    /// Asks the server at `url` what it is.
    ///
    /// # Errors
    /// A sentence, where there is no glimpse.
    pub(super) fn find(url: &Url, options: &Classify) -> Result<Self, StartError> {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            // A client that follows one sends no body there.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(TIMEOUT))
            .user_agent(concat!("glimpse/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .into();
        let base = url.as_str().trim_end_matches('/');
        let refused = |reason: &str| StartError::new(format!("The server at {base} can't be used: {reason}."));
        let authorization = options.api_key.as_ref().map(|key| format!("Bearer {key}"));
        let mut request = agent.get(format!("{base}/api/v1/model"));
        if let Some(authorization) = &authorization {
            request = request.header("Authorization", authorization);
        }
        let answer = request.call().map_err(|error| refused(&error.to_string()))?;
        let status = answer.status();
        if status.is_redirection() {
            return Err(refused(&elsewhere(&answer)));
        }
        let model: Option<Model> = read(answer).ok().filter(|_| status == 200);
        let model = model.filter(|model| (1..=MOST_LABELS).contains(&model.labels));
        let model = model.ok_or_else(|| refused(&format!("it is not glimpse (status {status})")))?;
        if options.explain && model.activation.is_none() {
            return Err(refused("its model has no activation maps, so leave out --explain"));
        }
        let usual = if model.multi_label { model.labels } else { LABELS.min(model.labels) };
        Ok(Self {
            agent,
            analyze: analyze(base, options),
            authorization,
            columns: options.top_k.unwrap_or(usual).min(model.labels),
            at_once: options.pipeline.workers.unwrap_or(AT_ONCE),
            reader: Reader::new(model.limits.body_bytes.min(MOST_BYTES)),
            is_gone: AtomicBool::new(false),
        })
    }

    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    pub(super) const fn at_once(&self) -> usize {
        self.at_once
    }

    pub(super) async fn answer(&self, source: &Source) -> Answer {
        let Content { bytes, room: _room } = self.reader.read(source).await?;
        let (end, mut usual) = (Instant::now() + PATIENCE, FIRST_WAIT);
        loop {
            let (fault, asked) = match self.send(bytes.clone()).await {
                Ok(mut labels) => {
                    self.is_gone.store(false, Ordering::Relaxed);
                    labels.truncate(self.columns);
                    return Ok(labels);
                }
                Err(Fault::Final(sentence)) => return Err(sentence),
                Err(Fault::Passing { sentence, wait }) => (sentence, wait),
            };
            // Up to twice as long, so that clients that were refused together do not come back together.
            let wait = asked.max(usual).min(PATIENCE).mul_f32(1.0 + fastrand::f32());
            if Instant::now() + wait > end || self.is_gone.load(Ordering::Relaxed) {
                self.is_gone.store(true, Ordering::Relaxed);
                return Err(fault);
            }
            tokio::time::sleep(wait).await;
            usual = (usual * 2).min(LAST_WAIT);
        }
    }

    /// Sends a picture once. An analysis changes nothing, so that it may be sent again after any failure of the connection.
    async fn send(&self, bytes: bytes::Bytes) -> Result<Vec<Prediction>, Fault> {
        let mut request = self.agent.post(&self.analyze).header("Content-Type", "application/octet-stream");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let sent = tokio::task::spawn_blocking(move || {
            let response = request.send(&bytes[..])?;
            let (status, wait) = (response.status(), retry_after(&response));
            let elsewhere = status.is_redirection().then(|| elsewhere(&response));
            Ok((status.as_u16(), wait, elsewhere, text(response)?))
        });
        let (status, wait, elsewhere, text) = match sent.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(fault(&error)),
            Err(_) => return Err(Fault::Final("the request failed".to_owned())),
        };
        if status == 200 {
            let unread = |_| Fault::Final("the server's answer is not a list of labels".to_owned());
            return serde_json::from_str(&text).map_err(unread);
        }
        if let Some(sentence) = elsewhere {
            return Err(Fault::Final(sentence));
        }
        let said = serde_json::from_str(&text).map(|Message { message }| message);
        let sentence = said.unwrap_or_else(|_| format!("the server answers with status {status}"));
        // 502 comes from a balancer whose instance has ended.
        Err(if matches!(status, 429 | 502 | 503) { Fault::Passing { sentence, wait } } else { Fault::Final(sentence) })
    }
}

fn analyze(base: &str, options: &Classify) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(top_k) = options.top_k {
        query.append_pair("top_k", &top_k.to_string());
    }
    if let Some(least) = options.min_confidence {
        query.append_pair("min_confidence", &least.to_string());
    }
    if options.explain {
        query.append_pair("explain", "true");
    }
    let query = query.finish();
    let separator = if query.is_empty() { "" } else { "?" };
    format!("{base}/api/v1/analyze{separator}{query}")
}

/// The wait that a server asks for, in seconds; none without one.
fn retry_after(response: &Response<Body>) -> Duration {
    let value = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
    Duration::from_secs(value.and_then(|seconds| seconds.trim().parse().ok()).unwrap_or(0))
}

fn elsewhere(response: &Response<Body>) -> String {
    let to = response.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or("another address");
    format!("it sends to {to}, so name that one")
}

fn text(response: Response<Body>) -> Result<String, ureq::Error> {
    response.into_body().into_with_config().limit(LONGEST_ANSWER).read_to_string()
}

fn read<T: DeserializeOwned>(response: Response<Body>) -> Result<T, String> {
    let text = text(response).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn fault(error: &ureq::Error) -> Fault {
    let sentence = format!("the server can't be reached: {error}");
    match error {
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => {
            Fault::Passing { sentence, wait: Duration::ZERO }
        }
        _ => Fault::Final(sentence),
    }
}
