//! The state that the routes share.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::problem::Problem;
use super::site::Site;
use crate::config::Adapters;
use crate::engine::{Analysis, Engine, Input, Output, Terms};
use crate::error::Error;
use crate::guard::{Access, BodyLimits, Budget};
use crate::model::names::{Form, VERSION};
use crate::model::{Catalogue, Served};
use crate::server::lifecycle::{Lifecycle, Phase};
use crate::telemetry::metrics::{self, Metrics};

/// The state of the routes. Clones share it.
#[derive(Clone, Debug)]
pub struct App(Arc<State>);

/// The state behind an [`App`].
#[derive(Clone, Debug)]
pub struct State {
    /// The engine that analyzes inputs.
    pub engine: Arc<Engine>,
    /// The budget of memory for the bodies of requests.
    pub budget: Budget,
    /// The limits on the body of a request.
    pub body_limits: BodyLimits,
    /// The model that serves now.
    pub catalogue: Arc<Catalogue>,
    /// The API keys, the trusted proxies and the rate limit.
    pub access: Arc<Access>,
    /// The source of the web site's files.
    pub site: Site,
    /// The name of this process in its metrics.
    pub instance: String,
    /// The metrics of this process.
    pub metrics: Metrics,
    /// Whether `/metrics` is on this port.
    pub shows_metrics: bool,
    /// The phase of the server's life.
    pub lifecycle: Lifecycle,
    /// The adapters that are on.
    pub adapters: Adapters,
    /// The longest that a stream of messages may be idle.
    pub idle_timeout: Duration,
    /// The most pictures in one request.
    pub max_batch: usize,
    /// The largest picture, in pixels.
    pub max_pixels: u64,
    /// Bytes of memory that a picture may take.
    pub max_picture_bytes: u64,
}

impl App {
    /// Shares `state`.
    pub fn new(state: State) -> Self {
        Self(Arc::new(state))
    }

    /// The model that serves now. A request asks once and keeps it, so that one model answers all of it.
    pub(crate) fn model(&self) -> Arc<Served> {
        self.catalogue.now()
    }

    /// The model that a client asks for, and its form. Without a version, any is meant.
    ///
    /// # Errors
    /// [`Problem::NoModel`].
    pub(crate) fn find(&self, name: &str, version: Option<&str>) -> Result<(Arc<Served>, Form), Problem> {
        let model = self.model();
        let form = model.names.find(name).filter(|_| version.is_none_or(|version| version == VERSION));
        let form = form.ok_or_else(|| Problem::NoModel { name: name.to_owned() })?;
        Ok((model, form))
    }

    /// The terms of a request of `model` that begins now.
    pub(crate) fn terms(&self, model: &Served, output: Output) -> Terms {
        Terms { model: model.model.clone(), ..self.engine.terms(output) }
    }

    /// Whether the server wants requests: it is not about to end, and every worker is there.
    pub(crate) fn is_ready(&self) -> bool {
        self.lifecycle.phase() == Phase::Serving && self.engine.is_whole()
    }

    /// Analyzes one input and observes the time of its stages.
    ///
    /// # Errors
    /// As [`Engine::analyze`].
    pub(crate) async fn analyze(&self, input: impl Into<Input>, terms: Terms) -> Result<Analysis, Error> {
        self.engine.analyze(input, terms).await.inspect(|analysis| metrics::analyzed(&analysis.timings))
    }

    /// Analyzes several inputs and observes the time of their stages.
    ///
    /// # Errors
    /// As [`Engine::analyze_all`].
    pub(crate) async fn analyze_all(
        &self,
        inputs: Vec<Input>,
        terms: Terms,
    ) -> Result<Vec<Result<Analysis, Error>>, Error> {
        let results = self.engine.analyze_all(inputs, terms).await?;
        results.iter().flatten().for_each(|analysis| metrics::analyzed(&analysis.timings));
        Ok(results)
    }
}

impl Deref for App {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}
