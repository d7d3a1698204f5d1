//! `POST /v2/models/{model}/infer`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Request as HttpRequest, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{Asked, json};
use crate::engine::Output;
use crate::http::app::App;
use crate::http::body;
use crate::http::headers::INFERENCE_HEADER_LENGTH;
use crate::http::problem::Problem;
use crate::model::names::VERSION;
use crate::protocol::oip::{Fault, Job, OUTPUT, OutputTensor, Request, Values};
use crate::stop::Stop;

#[derive(Serialize)]
struct Answer<'a> {
    model_name: &'a str,
    model_version: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    outputs: [Tensor<'a>; 1],
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'static str,
    shape: [usize; 2],
    datatype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

#[derive(Serialize)]
struct Parameters {
    binary_data_size: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Floats(&'a [f32]),
    Texts(&'a [String]),
}

pub(super) async fn infer(
    Path(asked): Path<Asked>,
    State(app): State<App>,
    request: HttpRequest,
) -> Result<Response, Problem> {
    asked.find(&app)?;
    let header = header_length(request.headers())?;
    let received = body::receive(&app, request).await?;
    // Again: a client that sends slowly does not keep a model that was replaced.
    let (model, form) = asked.find(&app)?;
    let terms = app.terms(&model, Output::Probabilities);
    let (limit, most) = (app.max_batch, app.body_limits.max_bytes);
    let read = move |stop: &Stop| {
        let document = received.inflated(most, stop)?;
        let request = match header {
            Some(0) => Ok(Request::raw(document.bytes().clone(), form, &model)),
            header => json::request(&document, header, limit),
        };
        Ok(request.and_then(|request| request.job(form, &model, limit)))
    };
    let mut job = app.engine.prepare(terms.deadline, read).await??;
    let terms = job.terms(terms);
    let results = app.analyze_all(std::mem::take(&mut job.inputs), terms).await?;
    let output = OutputTensor::of(results, job.output)?;
    Ok(answer(&asked.model, &job, &output))
}

/// The value of the header; none without one.
fn header_length(headers: &HeaderMap) -> Result<Option<usize>, Problem> {
    let Some(value) = headers.get(INFERENCE_HEADER_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|value| value.trim().parse().ok());
    let fault = || Fault::invalid("Inference-Header-Content-Length must be a number of bytes");
    length.map(Some).ok_or_else(|| fault().into())
}

fn answer(model: &str, job: &Job, output: &OutputTensor) -> Response {
    let binary = job.is_binary.then(|| output.binary());
    let data = match &output.values {
        Values::Floats(values) => Data::Floats(values),
        Values::Texts(texts) => Data::Texts(texts),
    };
    let tensor = Tensor {
        name: OUTPUT,
        shape: output.shape,
        datatype: output.datatype().name(),
        parameters: binary.as_ref().map(|binary| Parameters { binary_data_size: binary.len() }),
        data: if binary.is_some() { None } else { Some(data) },
    };
    let answer = Answer { model_name: model, model_version: VERSION, id: &job.id, outputs: [tensor] };
    match binary {
        None => Json(answer).into_response(),
        Some(binary) => with_binary(&serde_json::to_vec(&answer).unwrap_or_default(), &binary),
    }
}

fn with_binary(json: &[u8], binary: &Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (INFERENCE_HEADER_LENGTH, HeaderValue::from(json.len())),
    ];
    (headers, [json, binary].concat()).into_response()
}
