//! `POST /api/v1/analyze/batch`: several pictures in one request, each with an answer of its own.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::analyze;
use super::choice::{self, Parameters};
use crate::engine::json::{self, Field};
use crate::engine::{Analysis, File, Input, Payload, Pending, files};
use crate::error::{Error, FieldFault, Malformed};
use crate::guard::Document;
use crate::http::app::App;
use crate::http::body::{self, Content};
use crate::http::openapi::responses::{self, PICTURE, Rendered, Responses};
use crate::http::problem::{Message, Problem};
use crate::model::Prediction;
use crate::protocol::choice::Choice;
use crate::stop::Stop;
use crate::telemetry::metrics;

/// The name of the body's field.
const FIELD: &str = "images";

const NDJSON: &str = "application/x-ndjson";

/// Pictures to be analyzed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the description only: a worker finds the field in the body")]
pub(in crate::http) struct Pictures {
    /// Picture files as base64, each as `base64Image` of `/api/v1/analyze`.
    #[schema(min_items = 1, example = json!([PICTURE, PICTURE]))]
    images: Vec<String>,
}

/// A form with pictures.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the description only")]
pub(in crate::http) struct PicturesForm {
    /// The picture files. The parts may have any name: those with a file name count.
    #[schema(value_type = Vec<String>, format = Binary, min_items = 1)]
    images: Vec<Vec<u8>>,
}

/// The answer to one picture of several: its labels, or why there are none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum Answer {
    /// What is in the picture.
    Labels {
        /// The place of the picture in the request, from 0. Only in a stream.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        index: Option<usize>,
        /// The most likely labels, the most likely first.
        predictions: Vec<Prediction>,
    },
    /// Why the picture has no labels.
    Problem {
        /// The place of the picture in the request, from 0. Only in a stream.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        index: Option<usize>,
        /// One sentence that says what to do.
        message: String,
        /// The status that the picture would have had alone.
        #[schema(example = 422)]
        status: u16,
    },
}

/// What is in several pictures
///
/// The answers are in the order of the pictures, and each picture has its own. The pictures are admitted all at once, or the
/// request is answered 503. With `Accept: application/x-ndjson`, each answer comes as a line as soon as it is there.
#[utoipa::path(
    post,
    path = "/api/v1/analyze/batch",
    tag = "analysis",
    security((), ("bearer" = []), ("key" = [])),
    params(Parameters),
    request_body(content((Pictures = "application/json"), (PicturesForm = "multipart/form-data"))),
    responses(Described)
)]
pub(in crate::http) async fn batch(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let uri = request.uri().clone();
    choice::of(&uri, &app.model())?;
    let content = content(request.headers())?;
    let is_stream = wants_lines(request.headers());
    let received = body::receive(&app, request).await?;
    let model = app.model();
    let choice = choice::of(&uri, &model)?;
    let terms = app.terms(&model, choice.output());
    let (limit, most) = (app.max_batch, app.body_limits.max_bytes);
    let split = move |stop: &Stop| split(&received.inflated(most, stop)?, &content, limit, stop);
    let pictures = app.engine.prepare(terms.deadline, split).await?;
    let answers = Answers { pending: app.engine.admit(pictures, &terms)?, choice };
    let response = if is_stream { answers.lines() } else { Json(answers.list().await).into_response() };
    Ok(analyze::answered_by(&model, response))
}

/// The content of a body of several pictures.
///
/// # Errors
/// [`Problem::MediaType`] for a file alone.
fn content(headers: &HeaderMap) -> Result<Content, Problem> {
    match Content::of(headers) {
        Ok(Content::File(_)) | Err(Problem::MediaType { .. }) => {
            Err(Problem::MediaType { expected: "application/json or multipart/form-data" })
        }
        other => other,
    }
}

fn wants_lines(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(',')).filter_map(|range| range.split(';').next());
    types.any(|name| name.trim().eq_ignore_ascii_case(NDJSON))
}

/// Takes the pictures out of a body.
fn split(document: &Document, content: &Content, limit: usize, stop: &Stop) -> Result<Vec<Input>, Error> {
    let pictures: Vec<Input> = if let Content::Form(boundary) = content {
        let files = files(document.bytes(), boundary, limit, stop)?.into_iter();
        files.map(|File { bytes, named }| Payload::file(document.part(bytes.into())).named(named).into()).collect()
    } else {
        let text = document.of(document.part(json::to_utf8(document.bytes())?));
        let fields = json::list(text.bytes(), FIELD, limit)?.into_iter();
        fields.map(|field| encoded(&text, field)).collect::<Result<_, _>>()?
    };
    if pictures.is_empty() { Err(Malformed::NoPicture.into()) } else { Ok(pictures) }
}

/// The picture in a value of the list. A value that is not a text makes the whole request malformed.
fn encoded(document: &Document, field: Field<'_>) -> Result<Input, Malformed> {
    match field {
        Field::Text(text) => Ok(Payload::base64(document.text(text)).into()),
        _ => Err(Malformed::Field { name: FIELD, fault: FieldFault::NotText }),
    }
}

/// The answers of a request that are not there yet.
struct Answers {
    pending: Vec<Pending>,
    choice: Choice,
}

impl Answers {
    /// Each picture's answer, in order.
    async fn list(self) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(self.pending.len());
        for pending in self.pending {
            answers.push(answer(None, pending.result().await, self.choice));
        }
        answers
    }

    /// A line for each picture as its answer is there. Pictures that are not begun when the client leaves are not analyzed.
    fn lines(self) -> Response {
        let Self { pending, choice } = self;
        let lines = pending.into_iter().enumerate().map(|(index, pending)| async move {
            let result = pending.result().await;
            line(&answer(Some(index), result, choice))
        });
        let lines: FuturesUnordered<_> = lines.collect();
        let mut response = Body::from_stream(lines.map(Ok::<_, Error>)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(NDJSON));
        response
    }
}

fn line(answer: &Answer) -> Bytes {
    let mut line = serde_json::to_vec(answer).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

fn answer(index: Option<usize>, result: Result<Analysis, Error>, choice: Choice) -> Answer {
    match result {
        Ok(analysis) => {
            metrics::analyzed(&analysis.timings);
            Answer::Labels { index, predictions: choice.of_all(&analysis.predictions).to_vec() }
        }
        Err(error) => {
            let problem = Problem::from(error);
            problem.count();
            Answer::Problem { index, message: problem.message(), status: problem.status().as_u16() }
        }
    }
}

/// The responses of the route.
struct Described;

impl IntoResponses for Described {
    fn responses() -> Responses {
        responses::batch(responses::batch_problems(FIELD).into_iter().map(Rendered::from), &Message::name())
    }
}
