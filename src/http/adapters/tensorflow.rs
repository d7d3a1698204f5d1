//! TensorFlow Serving's REST API, which is also `KServe`'s first protocol and Vertex AI's: `/v1/models`.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};

use super::instances::{self, Asked};
use crate::engine::{Output, Terms};
use crate::error::Error;
use crate::http::access::guard;
use crate::http::app::App;
use crate::http::body;
use crate::http::problem::Problem;
use crate::http::v2;
use crate::model::Prediction;
use crate::model::names::{Form, VERSION};
use crate::protocol::choice::Choice;
use crate::stop::Stop;

/// The ending of the path that asks for an analysis. It is part of the segment with the model's name.
const PREDICT: &str = ":predict";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{model}", model(get(status), post(predict_by)))
        .route("/v1/models/{model}/versions/{version}", model(get(status_of), post(predict_of)))
        .route("/v1/{*path}", any(async || Problem::NotFound))
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(from_fn(v2::render))
}
fn model(about: MethodRouter<App>, predict: MethodRouter<App>) -> MethodRouter<App> {
    about.merge(predict.route_layer(from_fn(guard)))
}

async fn models(State(app): State<App>) -> Json<Value> {
    Json(json!({ "models": [app.model().names.of(Form::Picture)] }))
}

async fn status(Path(name): Path<String>, State(app): State<App>) -> Result<Response, Problem> {
    describe(&name, None, &app)
}

async fn status_of(Path((name, version)): Path<(String, String)>, State(app): State<App>) -> Result<Response, Problem> {
    describe(&name, Some(&version), &app)
}

/// `KServe`'s fields beside TensorFlow Serving's.
fn describe(name: &str, version: Option<&str>, app: &App) -> Result<Response, Problem> {
    find(name, version, app)?;
    let is_ready = app.is_ready();
    let (code, state) =
        if is_ready { (StatusCode::OK, "AVAILABLE") } else { (StatusCode::SERVICE_UNAVAILABLE, "UNLOADING") };
    let status = json!({ "version": VERSION, "state": state, "status": { "error_code": "OK", "error_message": "" } });
    Ok((code, Json(json!({ "name": name, "ready": is_ready, "model_version_status": [status] }))).into_response())
}

/// In the extensions of a request whose path names the model that serves, whatever that is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnyModel;

/// Checks that the model takes pictures by this name.
fn find(name: &str, version: Option<&str>, app: &App) -> Result<(), Problem> {
    match app.find(name, version)? {
        (_, Form::Picture) => Ok(()),
        (_, Form::Tensor) => Err(Problem::NoModel { name: name.to_owned() }),
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Rows { predictions: Vec<Vec<Prediction>> },
    Columns { outputs: Vec<Vec<Prediction>> },
}

async fn predict_by(path: Path<String>, state: State<App>, request: Request) -> Result<Response, Problem> {
    let Path(segment) = path;
    let name = segment.strip_suffix(PREDICT).ok_or(Problem::NotFound)?;
    if request.extensions().get::<AnyModel>().is_none() {
        find(name, None, &state)?;
    }
    predict(state, request).await
}

async fn predict_of(path: Path<(String, String)>, state: State<App>, request: Request) -> Result<Response, Problem> {
    let Path((name, segment)) = path;
    let version = segment.strip_suffix(PREDICT).ok_or(Problem::NotFound)?;
    find(&name, Some(version), &state)?;
    predict(state, request).await
}

async fn predict(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let received = body::receive(&app, request).await?;
    let model = app.model();
    let (limit, most) = (app.max_batch, app.body_limits.max_bytes);
    let read = move |stop: &Stop| Ok(instances::read(&received.inflated(most, stop)?, limit));
    let terms = app.terms(&model, Output::Probabilities);
    let Asked { inputs, is_columnar, top_k, min_confidence } = app.engine.prepare(terms.deadline, read).await??;
    let choice = Choice::new(top_k, min_confidence, &model)?;
    let several = inputs.len() > 1;
    let results = app.analyze_all(inputs, Terms { output: choice.output(), ..terms }).await?;
    let mut rows = Vec::with_capacity(results.len());
    for (index, result) in results.into_iter().enumerate() {
        let problem = |error: Error| if several { Problem::Input { index, error } } else { error.into() };
        let analysis = result.map_err(problem)?;
        rows.push(choice.of_all(&analysis.predictions).to_vec());
    }
    let answer = if is_columnar { Answer::Columns { outputs: rows } } else { Answer::Rows { predictions: rows } };
    Ok(Json(answer).into_response())
}
