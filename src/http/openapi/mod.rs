//! `GET /api/v1/openapi.json`: the description of the API (`OpenAPI` 3.1), made from its routes and their types.

mod headers;
mod refusals;

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use headers::Headers;
pub(super) use refusals::{OfAnalyze, OfPredict};

use super::legacy::predict;
use super::v1::{analyze, model};
use super::{access, health, metrics, problem};
use crate::model::Prediction;

/// Where the description is.
pub(super) const PATH: &str = "/api/v1/openapi.json";

/// A grey PNG of one pixel, for the examples.
pub(super) const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "glimpse",
        description = "Takes a photograph and answers with its three most likely ImageNet labels.\n\n\
            Any other path under `/api` is answered 404, any other method 405 with `Allow`: both with an `Error`. \
            A request whose head is damaged is answered 400, one whose head is too large 431: both without a body."
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "analysis", description = "What is in a photograph."),
        (name = "operation", description = "For those who run the server.")
    ),
    paths(
        analyze::analyze,
        model::model,
        openapi,
        predict::predict,
        health::live,
        health::ready,
        health::health,
        metrics::metrics
    ),
    components(schemas(Prediction, problem::Refusal, predict::Refusal, predict::Problem)),
    modifiers(&Keys, &Headers)
)]
struct Api;

/// The keys, which a server may ask for.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let key = ApiKey::Header(ApiKeyValue::new(access::KEY.as_str()));
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        components.add_security_scheme("key", SecurityScheme::ApiKey(key));
    }
}

/// The description of the API, as JSON.
pub fn description() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let mut text = Api::openapi().to_pretty_json().unwrap_or_default();
        text.push('\n');
        text
    });
    &TEXT
}

/// This description
#[utoipa::path(
    get,
    path = PATH,
    tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1.", body = serde_json::Map<String, serde_json::Value>))
)]
pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], description())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The page `/docs` is made from this file. `scripts/describe_api` has it written.
    #[test]
    fn the_site_has_the_description() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/src/openapi.json");
        if std::env::var_os("WRITE_DESCRIPTION").is_some() {
            std::fs::write(&file, super::description()).unwrap();
        }
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(written == super::description(), "web/src/openapi.json is out of date: run scripts/describe_api");
    }
}
