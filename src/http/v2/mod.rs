//! The Open Inference Protocol, version 2, with Triton's extensions: `/v2`. What it means is in [`crate::protocol::oip`].

mod describe;
mod infer;
mod json;
mod statistics;

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::access::guard;
use super::app::App;
use super::problem::Problem;
use crate::model::Served;
use crate::model::names::Form;

/// The routes of the protocol, and an error in its form for every other path below theirs.
pub(super) fn routes() -> Router<App> {
    let model = |rest: &str, route: axum::routing::MethodRouter<App>| {
        let unversioned = Router::new().route(&format!("/v2/models/{{model}}{rest}"), route.clone());
        unversioned.route(&format!("/v2/models/{{model}}/versions/{{version}}{rest}"), route)
    };
    Router::new()
        .route("/v2", get(describe::server))
        .route("/v2/", get(describe::server))
        .route("/v2/health/live", get(describe::live))
        .route("/v2/health/ready", get(describe::ready))
        .route("/v2/models", get(describe::models))
        .route("/v2/models/stats", get(statistics::all))
        .route("/v2/repository/index", post(describe::index))
        .merge(model("", get(describe::model)))
        .merge(model("/ready", get(describe::model_ready)))
        .merge(model("/config", get(describe::config)))
        .merge(model("/stats", get(statistics::one)))
        .merge(model("/infer", post(infer::infer).route_layer(from_fn(guard))))
        .route("/v2/{*path}", any(async || Problem::NotFound))
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(from_fn(render))
}

/// A model in a path.
#[derive(Deserialize)]
struct Asked {
    model: String,
    version: Option<String>,
}

impl Asked {
    /// The model that is asked for, and its form.
    ///
    /// # Errors
    /// [`Problem::NoModel`].
    fn find(&self, app: &App) -> Result<(Arc<Served>, Form), Problem> {
        app.find(&self.model, self.version.as_deref())
    }
}

/// The path and the state of a request about a model.
type About = (Path<Asked>, State<App>);

/// The JSON of an error.
#[derive(Serialize)]
pub(super) struct Failure {
    error: String,
}

/// Renders the problems of the routes in the protocol's form.
pub(super) async fn render(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => {
            let (status, body) = (status(&problem), Json(Failure { error: problem.message() }));
            problem.respond(status, body)
        }
        None => response,
    }
}

/// Clients of the protocol know 400 for anything that is wrong with the request itself.
pub(super) fn status(problem: &Problem) -> StatusCode {
    match problem.status() {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    }
}
