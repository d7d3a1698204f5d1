//! What the routes that analyse a picture answer: the labels, or one of their errors.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response as Answer;
use serde_json::{Value, json};
use utoipa::openapi::example::Example;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::headers;
use crate::engine::ANSWERS;
use crate::error::Error;
use crate::http::legacy::predict;
use crate::http::problem;
use crate::http::v1::analyze;
use crate::model::Prediction;

/// What `POST /api/v1/analyze` answers.
pub(in crate::http) struct OfAnalyze;

/// What `POST /predict` answers.
pub(in crate::http) struct OfPredict;

type Responses = BTreeMap<String, RefOr<Response>>;

impl IntoResponses for OfAnalyze {
    fn responses() -> Responses {
        let refusals =
            errors().into_iter().map(|error| Refusal::new(&error, problem::error, &problem::Refusal::of(&error)));
        responses(refusals.collect(), &problem::Refusal::name())
    }
}

impl IntoResponses for OfPredict {
    fn responses() -> Responses {
        // It takes a body of any type.
        let errors = errors().into_iter().filter(|error| !matches!(error, Error::UnsupportedMediaType { .. }));
        let refusals = errors.map(|error| {
            let body = match error {
                Error::MissingImage => predict::Refusal::missing(),
                Error::InvalidBody => predict::Refusal::no_text(),
                _ => predict::Refusal::of(&error),
            };
            Refusal::new(&error, predict::refused, &body)
        });
        responses(refusals.collect(), &predict::Refusal::name())
    }
}

/// What can keep a picture from being analysed, with figures that may occur.
fn errors() -> [Error; 16] {
    [
        Error::InvalidBody,
        Error::MissingImage,
        Error::NotBase64,
        Error::BodyIncomplete,
        Error::Unauthorized,
        Error::BodyTooSlow,
        Error::BodyTooLarge { limit: 20_971_520 },
        Error::UnsupportedMediaType { expected: "application/json" },
        Error::NotAnImage,
        Error::UnsupportedImage,
        Error::DamagedImage,
        Error::TooManyPixels { width: 13_000, height: 13_000, limit: 50_000_000 },
        Error::TooManyRequests { seconds: 1 },
        Error::Internal,
        Error::Busy,
        Error::DeadlineExceeded,
    ]
}

/// How a route answers an error.
struct Refusal {
    name: String,
    answer: Answer,
    body: Value,
}

impl Refusal {
    fn new(error: &Error, respond: fn(&Error) -> Answer, body: &impl serde::Serialize) -> Self {
        // The variant's name stands before its fields.
        let name = format!("{error:?}").chars().take_while(|it| it.is_alphanumeric()).collect();
        Self { name, answer: respond(error), body: json!(body) }
    }
}

/// The labels, and the refusals by their status. Statuses and headers are those of the answers themselves.
fn responses(refusals: Vec<Refusal>, schema: &str) -> Responses {
    let mut by_status: BTreeMap<StatusCode, Vec<Refusal>> = BTreeMap::new();
    for refusal in refusals {
        by_status.entry(refusal.answer.status()).or_default().push(refusal);
    }
    let refused = by_status
        .into_iter()
        .map(|(status, refusals)| (status.as_str().to_owned(), refused(status, refusals, schema).into()));
    std::iter::once((StatusCode::OK.as_str().to_owned(), labels().into())).chain(refused).collect()
}

fn labels() -> Response {
    let labels = ArrayBuilder::new().items(Ref::from_schema_name(Prediction::name()));
    let labels = labels.min_items(Some(ANSWERS)).max_items(Some(ANSWERS));
    let example = json!([
        { "label": "Egyptian_cat", "confidence": 0.797_672 },
        { "label": "tabby", "confidence": 0.118_194 },
        { "label": "tiger_cat", "confidence": 0.043_753 },
    ]);
    let content = Content::builder().schema(Some(labels)).example(Some(example)).build();
    let response = ResponseBuilder::new().description("The most likely labels, the most likely first.");
    let response = response.content("application/json", content);
    response.header_ref(analyze::SERVER_TIMING.as_str(), headers::reference(&analyze::SERVER_TIMING)).build()
}

fn refused(status: StatusCode, refusals: Vec<Refusal>, schema: &str) -> Response {
    let mut response =
        ResponseBuilder::new().description(format!("{}.", status.canonical_reason().unwrap_or_default()));
    for name in refusals.iter().flat_map(|refusal| refusal.answer.headers().keys()).filter(|name| *name != CONTENT_TYPE)
    {
        response = response.header_ref(name.as_str(), headers::reference(name));
    }
    let examples = refusals.into_iter().map(|Refusal { name, body, .. }| {
        let mut example = Example::new();
        example.value = Some(body);
        (name, example)
    });
    let content = Content::builder().schema(Some(Ref::from_schema_name(schema))).examples_from_iter(examples);
    response.content("application/json", content.build()).build()
}
