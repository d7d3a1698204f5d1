//! The responses of the routes that analyze a picture: the labels, or a problem.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response as HttpResponse};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::example::Example;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

use super::headers;
use crate::error::{Error, FieldFault, Malformed};
use crate::guard::BodyError;
use crate::http::body::PICTURE_TYPES;
use crate::http::headers::{MODEL_REVISION, SERVER_TIMING};
use crate::http::problem::Problem;
use crate::http::v1::batch::Answer;
use crate::model::Prediction;

/// A grey PNG of one pixel, for the examples.
pub(in crate::http) const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==";

/// Responses by their status.
pub(in crate::http) type Responses = BTreeMap<String, RefOr<Response>>;

/// Every problem that can keep the picture in the field `name` from being analyzed, with example figures.
pub(in crate::http) fn problems(name: &'static str) -> Vec<(&'static str, Problem)> {
    let field = |fault| Malformed::Field { name, fault }.into();
    vec![
        ("InvalidBody", Malformed::NotAnObject.into()),
        ("MissingImage", field(FieldFault::Missing)),
        ("NotText", field(FieldFault::NotText)),
        ("NotBase64", field(FieldFault::NotBase64)),
        ("NotCompressed", Malformed::NotCompressed { coding: "gzip" }.into()),
        ("BodyIncomplete", BodyError::Incomplete.into()),
        ("Unauthorized", Problem::Unauthorized),
        ("BodyTooSlow", BodyError::TooSlow.into()),
        ("BodyTooLarge", BodyError::TooLarge { limit: 20_971_520 }.into()),
        ("UnsupportedMediaType", Problem::MediaType { expected: PICTURE_TYPES }),
        ("UnsupportedCoding", Problem::Coding),
        ("NotAnImage", Error::NotAnImage.into()),
        ("UnsupportedImage", Error::UnsupportedImage { kind: "JPEG 2000" }.into()),
        ("DamagedImage", Error::DamagedImage.into()),
        ("TooManyPixels", Error::TooManyPixels { width: 13_000, height: 13_000, limit: 50_000_000 }.into()),
        ("SideTooLong", Error::SideTooLong { width: 1, height: 100_000, limit: 65_535 }.into()),
        ("TooCostly", Error::TooCostly { bytes: 800_000_000, limit: 640_000_000 }.into()),
        ("TooManyRequests", Problem::TooManyRequests { seconds: 1 }),
        ("TooManyWrongKeys", Problem::TooManyWrongKeys { seconds: 1 }),
        ("Internal", Error::Internal.into()),
        ("Busy", Error::Busy.into()),
        ("OutOfMemory", Error::OutOfMemory.into()),
        ("DeadlineExceeded", Error::DeadlineExceeded.into()),
    ]
}

/// The problems of a route that lets a client choose its labels.
pub(in crate::http) fn problems_of_choice(name: &'static str) -> Vec<(&'static str, Problem)> {
    let parameter = Problem::Parameter { name: "top_k", expected: "a whole number from 1 to 1000".into() };
    [problems(name), vec![("OutOfRange", parameter)]].concat()
}

/// Every problem of a request with several pictures in the field `name`, with example figures. Those of a picture alone are
/// in its own answer.
pub(in crate::http) fn batch_problems(name: &'static str) -> Vec<(&'static str, Problem)> {
    let is_of_a_picture = |problem: &Problem| {
        problem.status() == StatusCode::UNPROCESSABLE_ENTITY
            || matches!(problem, Problem::MediaType { .. } | Problem::Core(Error::Internal))
            || matches!(problem, Problem::Core(Error::Malformed(Malformed::Field { fault, .. })) if *fault != FieldFault::Missing)
    };
    let mut all = problems_of_choice(name);
    all.retain(|(_, problem)| !is_of_a_picture(problem));
    all.extend([
        ("NotAList", Malformed::Field { name, fault: FieldFault::NotAList }.into()),
        ("NoPicture", Malformed::NoPicture.into()),
        ("TooManyPictures", Error::TooManyInputs { limit: 32 }.into()),
        ("UnsupportedMediaType", Problem::MediaType { expected: "application/json or multipart/form-data" }),
    ]);
    all
}

/// A problem as a route renders it.
pub(in crate::http) struct Rendered {
    name: &'static str,
    response: HttpResponse,
    body: Value,
}

/// A problem in the usual form.
impl From<(&'static str, Problem)> for Rendered {
    fn from((name, problem): (&'static str, Problem)) -> Self {
        let body = problem.body();
        Self::new(name, problem.into_response(), &body)
    }
}

impl Rendered {
    pub(in crate::http) fn new(name: &'static str, response: HttpResponse, body: &impl serde::Serialize) -> Self {
        Self { name, response, body: json!(body) }
    }
}

/// The labels, and the problems by their status. Statuses and headers are taken from the rendered responses.
pub(in crate::http) fn responses(problems: impl Iterator<Item = Rendered>, schema: &str) -> Responses {
    with_problems(labels(), problems, schema)
}

/// The answers to several pictures, and the problems of the whole request.
pub(in crate::http) fn batch(problems: impl Iterator<Item = Rendered>, schema: &str) -> Responses {
    with_problems(answers(), problems, schema)
}

fn with_problems(success: Response, problems: impl Iterator<Item = Rendered>, schema: &str) -> Responses {
    let mut by_status: BTreeMap<StatusCode, Vec<Rendered>> = BTreeMap::new();
    for problem in problems {
        by_status.entry(problem.response.status()).or_default().push(problem);
    }
    let failures = by_status
        .into_iter()
        .map(|(status, problems)| (status.as_str().to_owned(), failure(status, problems, schema).into()));
    std::iter::once((StatusCode::OK.as_str().to_owned(), success.into())).chain(failures).collect()
}

fn labels() -> Response {
    let labels = ArrayBuilder::new().items(Ref::from_schema_name(Prediction::name()));
    let example = json!([
        { "label": "Egyptian_cat", "confidence": 0.797_672 },
        { "label": "tabby", "confidence": 0.118_194 },
        { "label": "tiger_cat", "confidence": 0.043_753 },
    ]);
    let content = Content::builder().schema(Some(labels)).example(Some(example)).build();
    let response = ResponseBuilder::new().description("The most likely labels, the most likely first.");
    let response = response.content("application/json", content);
    let response = response.header_ref(SERVER_TIMING.as_str(), headers::reference(&SERVER_TIMING));
    response.header_ref(MODEL_REVISION.as_str(), headers::reference(&MODEL_REVISION)).build()
}

fn answers() -> Response {
    let answer = || Ref::from_schema_name(Answer::name());
    let example = json!([
        { "predictions": [{ "label": "Egyptian_cat", "confidence": 0.797_672 }] },
        { "message": "The image is damaged or incomplete: send it again or save it anew", "status": 422 },
    ]);
    let list = Content::builder().schema(Some(ArrayBuilder::new().items(answer()))).example(Some(example)).build();
    let lines = Content::builder().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
    let response = ResponseBuilder::new()
        .description("An answer for each picture, in the order of the pictures; or a line for each, as it is ready.");
    let response = response.content("application/json", list).content("application/x-ndjson", lines);
    response.header_ref(MODEL_REVISION.as_str(), headers::reference(&MODEL_REVISION)).build()
}

fn failure(status: StatusCode, problems: Vec<Rendered>, schema: &str) -> Response {
    let mut response =
        ResponseBuilder::new().description(format!("{}.", status.canonical_reason().unwrap_or_default()));
    for name in
        problems.iter().flat_map(|problem| problem.response.headers().keys()).filter(|name| *name != CONTENT_TYPE)
    {
        response = response.header_ref(name.as_str(), headers::reference(name));
    }
    let examples = problems.into_iter().map(|Rendered { name, body, .. }| {
        let mut example = Example::new();
        example.value = Some(body);
        (name, example)
    });
    let content = Content::builder().schema(Some(Ref::from_schema_name(schema))).examples_from_iter(examples);
    response.content("application/json", content.build()).build()
}
