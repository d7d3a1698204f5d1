//! Hugging Face's inference API for the task `image-classification`: `POST /` and `POST /models/{model}`. Its clients send the
//! file itself, or `{"inputs": "...", "parameters": {"top_k": 5}}` with the file as base64.

use axum::extract::{Path, Request, State};
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::{Input, Output, Payload, Terms, json as document};
use crate::error::{Error, FieldFault, Malformed};
use crate::guard::Document;
use crate::http::access::guard;
use crate::http::app::App;
use crate::http::body::{self, Content, Received};
use crate::http::problem::Problem;
use crate::http::{site, v2};
use crate::model::names::Form;
use crate::protocol::choice::Choice;
use crate::stop::Stop;

const FIELD: &str = "inputs";

/// Labels where the client asks for no number, as in `transformers`' pipeline.
const TOP_K: usize = 5;

pub(super) fn routes() -> Router<App> {
    let model = post(classify_by).route_layer(from_fn(guard));
    Router::new().route("/info", get(info)).route("/models/{model}", model).layer(from_fn(v2::render))
}

/// `POST /`. Every other method is the page's.
pub(in crate::http) fn root() -> MethodRouter<App> {
    let classify = post(classify).route_layer(from_fn(guard)).layer(from_fn(v2::render));
    classify.fallback(site::page)
}

#[derive(Serialize)]
struct Label {
    label: std::sync::Arc<str>,
    score: f32,
}

/// What a JSON body holds beside the picture.
#[derive(Default, Deserialize)]
struct Parameters {
    top_k: Option<usize>,
}

#[derive(Deserialize)]
struct Question<'a> {
    #[serde(borrow)]
    inputs: Option<document::Text<'a>>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

async fn classify_by(
    path: Path<String>,
    State(app): State<App>,
    request: Request,
) -> Result<Json<Vec<Label>>, Problem> {
    let Path(name) = path;
    match app.find(&name, None)? {
        (_, Form::Picture) => classify(State(app), request).await,
        _ => Err(Problem::NoModel { name }),
    }
}

async fn classify(State(app): State<App>, request: Request) -> Result<Json<Vec<Label>>, Problem> {
    let content = Content::of(request.headers())?;
    let received = body::receive(&app, request).await?;
    let model = app.model();
    let few = Some(TOP_K.min(model.labels.len()));
    let terms = app.terms(&model, Output::Probabilities);
    let (input, choice) = match content {
        Content::Json | Content::Unstated => {
            let most = app.body_limits.max_bytes;
            let read = move |stop: &Stop| question(&received.inflated(most, stop)?);
            let (input, top_k) = app.engine.prepare(terms.deadline, read).await?;
            (input, Choice::new(top_k.or(few), None, &model)?)
        }
        content => {
            let Received { bytes, coding, .. } = received;
            let payload = content.picture(bytes, FIELD).compressed(coding);
            (payload.into(), Choice::new(few, None, &model)?)
        }
    };
    let analysis = app.analyze(input, Terms { output: choice.output(), ..terms }).await?;
    Ok(Json(analysis.predictions.into_iter().map(|it| Label { label: it.label, score: it.confidence }).collect()))
}

/// The picture in a body that may be JSON, and the number of labels that it asks for.
fn question(body: &Document) -> Result<(Input, Option<usize>), Error> {
    if !document::may_be(body.bytes()) {
        return Ok((Payload::file(body.bytes().clone()).into(), None));
    }
    let text = body.of(body.part(document::to_utf8(body.bytes())?));
    document::probe_for_unescaping(text.bytes())?;
    let question: Question<'_> = serde_json::from_slice(text.bytes()).map_err(|error| {
        if error.is_data() { Malformed::NotAnObject } else { Malformed::NotJson { column: error.column() } }
    })?;
    let missing = Malformed::Field { name: FIELD, fault: FieldFault::Missing };
    let document::Text(picture) = question.inputs.ok_or(missing)?;
    let picture = text.text(picture);
    Ok((Payload::base64(picture).into(), question.parameters.and_then(|parameters| parameters.top_k)))
}

async fn info(State(app): State<App>) -> Json<Value> {
    Json(json!({
        "model_id": app.model().names.of(Form::Picture),
        "pipeline_tag": "image-classification",
        "version": env!("CARGO_PKG_VERSION"),
    }))
}
