//! `POST /api/v1/analyze`: a picture in, the three most likely labels out. The picture is the body itself, a file of a form, or
//! `{"base64Image": "..."}`.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use utoipa::{IntoResponses, ToSchema};

use super::choice::{self, Parameters};
use crate::engine::{Analysis, Stage, Timings};
use crate::http::app::App;
use crate::http::body::{self, Content, Received};
use crate::http::headers::{MODEL_REVISION, SERVER_TIMING};
use crate::http::openapi::responses::{self, PICTURE, Rendered, Responses};
use crate::http::problem::{Message, Problem};
use crate::model::Served;
use crate::protocol::choice::Choice;

/// The name of the body's field.
const FIELD: &str = "base64Image";

/// A picture to be analyzed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the description only: a worker finds the field in the body")]
pub(in crate::http) struct Picture {
    /// A picture file as base64, bare or as a `data:` URL. `GET /api/v1/model` lists the formats. Of several pictures in a
    /// file, the first one counts.
    #[schema(min_length = 1, example = json!(PICTURE))]
    base64_image: String,
}

/// The picture file itself.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "the description only")]
pub(in crate::http) struct PictureFile(Vec<u8>);

/// A form with a picture.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the description only")]
pub(in crate::http) struct PictureForm {
    /// The picture file. The part may have any name: the first part with a file name counts.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
}

/// What is in a picture
///
/// Its most likely labels, the most likely first. The picture is the body itself, a file in a form, or base64 in JSON. A body
/// without a type, or with the one that `curl --data-binary` sends, may be the file or JSON.
#[utoipa::path(
    post,
    path = "/api/v1/analyze",
    tag = "analysis",
    security((), ("bearer" = []), ("key" = [])),
    params(Parameters),
    request_body(
        content(
            (Picture = "application/json"),
            (inline(PictureFile) = "application/octet-stream"),
            (inline(PictureFile) = "image/*"),
            (PictureForm = "multipart/form-data"),
        )
    ),
    responses(Described)
)]
pub(in crate::http) async fn analyze(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let uri = request.uri().clone();
    choice::of(&uri, &app.model())?;
    let content = Content::of(request.headers())?;
    let Received { bytes, coding, .. } = body::receive(&app, request).await?;
    // Not before: a client that sends slowly would keep a model that was replaced.
    let model = app.model();
    let choice = choice::of(&uri, &model)?;
    let terms = app.terms(&model, choice.output());
    let analysis = app.analyze(content.picture(bytes, FIELD).compressed(coding), terms).await?;
    Ok(labels(&analysis, choice, &model))
}

/// The responses of the route.
struct Described;

impl IntoResponses for Described {
    fn responses() -> Responses {
        responses::responses(responses::problems_of_choice(FIELD).into_iter().map(Rendered::from), &Message::name())
    }
}

/// The labels as the body, the time they took as `Server-Timing`, the model that answered as `Model-Revision`.
pub(in crate::http) fn labels(analysis: &Analysis, choice: Choice, model: &Served) -> Response {
    let mut response = answered_by(model, Json(choice.of_all(&analysis.predictions)).into_response());
    if let Ok(value) = HeaderValue::from_str(&server_timing(&analysis.timings)) {
        response.headers_mut().insert(SERVER_TIMING, value);
    }
    response
}

/// Names the model that answers, in `Model-Revision`.
pub(super) fn answered_by(model: &Served, mut response: Response) -> Response {
    if let Ok(revision) = HeaderValue::from_str(&model.revision) {
        response.headers_mut().insert(MODEL_REVISION, revision);
    }
    response
}

/// Milliseconds, in the form of the W3C's Server Timing.
fn server_timing(timings: &Timings) -> String {
    let entry = |(stage, time): (Stage, std::time::Duration)| {
        format!("{};dur={:.3}", stage.name(), time.as_secs_f64() * 1000.0)
    };
    timings.iter().map(entry).collect::<Vec<_>>().join(", ")
}
