//! What the server is, what its model takes, and whether they are ready.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::About;
use crate::http::app::App;
use crate::http::problem::Problem;
use crate::model::names::{Form, VERSION};
use crate::protocol::oip::describe::{
    self, BACKEND, EXTENSIONS, LABELS_FILE, Model, PLATFORM, SERVER, SERVER_VERSION, data_type,
};

/// Both health checks. `KServe`'s client reads the fields, which the specification leaves out.
#[derive(Serialize)]
struct Health {
    live: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<bool>,
}

pub(super) async fn live() -> impl IntoResponse {
    Json(Health { live: true, ready: None })
}

pub(super) async fn ready(State(app): State<App>) -> Response {
    let is_ready = app.is_ready();
    (status(is_ready), Json(Health { live: true, ready: Some(is_ready) })).into_response()
}

fn status(is_ready: bool) -> StatusCode {
    if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

pub(super) async fn server() -> Json<Value> {
    Json(json!({ "name": SERVER, "version": SERVER_VERSION, "extensions": EXTENSIONS }))
}

pub(super) async fn models(State(app): State<App>) -> Json<Value> {
    let model = app.model();
    Json(json!({ "models": Form::ALL.map(|form| model.names.of(form)) }))
}

pub(super) async fn index(State(app): State<App>) -> Json<Value> {
    let state = if app.is_ready() { "READY" } else { "UNAVAILABLE" };
    let model = app.model();
    let entry = |form| json!({ "name": model.names.of(form), "version": VERSION, "state": state, "reason": "" });
    Json(Value::from(Form::ALL.map(entry).to_vec()))
}

pub(super) async fn model((Path(asked), State(app)): About) -> Result<Json<Model>, Problem> {
    let (model, form) = asked.find(&app)?;
    Ok(Json(Model { name: asked.model, ..Model::of(form, &model) }))
}

pub(super) async fn model_ready((Path(asked), State(app)): About) -> Result<Response, Problem> {
    asked.find(&app)?;
    let is_ready = app.is_ready();
    Ok((status(is_ready), Json(json!({ "name": asked.model, "ready": is_ready }))).into_response())
}

/// Triton's configuration of the model, which NVIDIA's sample clients read.
pub(super) async fn config((Path(asked), State(app)): About) -> Result<Json<Value>, Problem> {
    let (model, form) = asked.find(&app)?;
    let Model { inputs: [input], outputs: [output], .. } = Model::of(form, &model);
    Ok(Json(json!({
        "name": asked.model,
        "platform": PLATFORM,
        "backend": BACKEND,
        "max_batch_size": app.max_batch,
        "input": [{
            "name": input.name,
            "data_type": data_type(input.datatype).0,
            "format": describe::format(form, &model).0,
            "dims": input.shape[1..],
        }],
        "output": [{
            "name": output.name,
            "data_type": data_type(output.datatype).0,
            "dims": output.shape[1..],
            "label_filename": LABELS_FILE,
        }],
    })))
}
