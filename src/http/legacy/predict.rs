//! `POST /predict`: the contract of the Python service that glimpse replaces, so that a gateway
//! which called it can call us. `{"image_data": "..."}` in, the same labels out; errors as
//! `{"detail": ...}`.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoResponses, ToSchema};

use crate::engine::Payload;
use crate::error::{Error, FieldFault, Malformed};
use crate::guard::BodyError;
use crate::http::app::App;
use crate::http::body::{self, Received};
use crate::http::openapi::responses::{self, PICTURE, Rendered, Responses};
use crate::http::problem::Problem;
use crate::http::v1::analyze;
use crate::protocol::choice::Choice;

const FIELD: &str = "image_data";

/// The message of the replaced service for every picture that it could not classify.
const FAILED: &str = "Internal server error during model inference.";

/// A picture to be analyzed, as the replaced service took it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the description only: a worker finds the field in the body")]
pub(in crate::http) struct PictureData {
    /// As `base64Image` of `/api/v1/analyze`.
    #[schema(example = json!(PICTURE))]
    image_data: String,
}

/// Why a request was refused, as the replaced service said it.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct PredictError {
    #[schema(inline)]
    detail: Detail,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Detail {
    /// One sentence.
    Sentence(String),
    /// What does not fit in the request's body.
    Faults(Vec<Fault>),
}

/// What does not fit in a request's body.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(in crate::http) struct Fault {
    /// Which kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Where it is: the names of what it is in, and the column in what is not JSON.
    #[schema(value_type = Vec<Value>)]
    loc: Value,
    /// What is wrong.
    msg: &'static str,
}

/// What is in a picture, as the replaced service had it
///
/// For gateways that called it: the same answer as `/api/v1/analyze`, its own names and statuses.
#[utoipa::path(
    post,
    path = "/predict",
    tag = "analysis",
    security((), ("bearer" = []), ("key" = [])),
    request_body = PictureData,
    responses(Described)
)]
pub(in crate::http) async fn predict(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let Received { bytes, coding, .. } = body::receive(&app, request).await?;
    let model = app.model();
    let choice = Choice::usual(&model);
    let terms = app.terms(&model, choice.output());
    let analysis = app.analyze(Payload::field(bytes, FIELD).compressed(coding), terms).await?;
    Ok(analyze::labels(&analysis, choice, &model))
}

/// The responses of the route.
struct Described;

impl IntoResponses for Described {
    fn responses() -> Responses {
        // It takes a body of any type.
        let problems = responses::problems(FIELD).into_iter();
        let problems = problems.filter(|(_, problem)| !matches!(problem, Problem::MediaType { .. }));
        let rendered = |(name, problem): (_, Problem)| {
            let body = error(&problem);
            Rendered::new(name, respond(problem), &body)
        };
        responses::responses(problems.map(rendered), &PredictError::name())
    }
}

/// Renders the problems of the route in the form of the replaced service.
pub(in crate::http) async fn render(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => respond(problem),
        None => response,
    }
}

/// A problem with the status and the JSON of the replaced service.
pub(in crate::http) fn respond(problem: Problem) -> Response {
    let (status, body) = (status(&problem), Json(error(&problem)));
    problem.respond(status, body)
}

/// The contract has 422 for a body that does not fit, 500 for a picture that could not be classified, and the statuses of
/// the gateway in front for everything else.
fn status(problem: &Problem) -> StatusCode {
    match problem {
        Problem::Core(Error::Malformed(malformed)) if fault(malformed).is_some() => StatusCode::UNPROCESSABLE_ENTITY,
        Problem::Core(Error::Malformed(Malformed::NotCompressed { .. }) | Error::PayloadTooLarge { .. }) => {
            problem.status()
        }
        Problem::Core(_) | Problem::Body(BodyError::NoRoom | BodyError::OutOfMemory) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        other => other.status(),
    }
}

/// The JSON of a problem.
pub(in crate::http) fn error(problem: &Problem) -> PredictError {
    let detail = match problem {
        Problem::Core(Error::Malformed(malformed)) if let Some(fault) = fault(malformed) => Detail::Faults(vec![fault]),
        problem if status(problem) == StatusCode::INTERNAL_SERVER_ERROR => Detail::Sentence(FAILED.into()),
        problem => Detail::Sentence(problem.message()),
    };
    PredictError { detail }
}

/// The error of pydantic for a body that does not fit. `None` for errors that the replaced service found later.
fn fault(malformed: &Malformed) -> Option<Fault> {
    let (kind, loc, msg) = match malformed {
        Malformed::NotJson { column } => ("json_invalid", json!(["body", column]), "JSON decode error"),
        Malformed::NotAnObject => ("model_attributes_type", json!(["body"]), "Input should be a valid dictionary"),
        Malformed::Field { name, fault: FieldFault::Missing } => ("missing", json!(["body", name]), "Field required"),
        Malformed::Field { name, fault: FieldFault::Null | FieldFault::NotText } => {
            ("string_type", json!(["body", name]), "Input should be a valid string")
        }
        _ => return None,
    };
    Some(Fault { kind, loc, msg })
}
