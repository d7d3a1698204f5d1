//! `GET /api/v1/openapi.json`: the description of the API (`OpenAPI` 3.1). `router` makes it from its table.

mod headers;
pub(super) mod responses;

use axum::Extension;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::OpenApi as Root;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{OpenApi, ToSchema};

use super::headers::API_KEY;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "glimpse",
        description = "Takes a photograph and answers with its three most likely ImageNet labels.\n\n\
            Any other path under `/api` is answered 404, any other method 405 with `Allow`: both with an `Error`. A request without one valid `Host` is answered 400 with an `Error`. \
            A request whose head is damaged is answered 400, one whose head is too large 431: both without a body."
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "analysis", description = "What is in a photograph."),
        (name = "operation", description = "For those who run the server.")
    )
)]
struct Frame;

/// The description without any route.
pub(super) fn frame() -> Root {
    Frame::openapi()
}

/// A description with every route.
pub(super) struct Document(pub(super) Root);

impl Document {
    /// Adds the schema of a type that only responses refer to.
    pub(super) fn with_schema<T: ToSchema>(mut self) -> Self {
        self.0.components.get_or_insert_default().schemas.insert(T::name().into_owned(), T::schema());
        self
    }

    /// The whole document as JSON: with the keys that a server may ask for, and the headers that layers set.
    pub(super) fn text(mut self) -> String {
        let components = self.0.components.get_or_insert_default();
        let key = ApiKey::Header(ApiKeyValue::new(API_KEY.as_str()));
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        components.add_security_scheme("key", SecurityScheme::ApiKey(key));
        headers::describe(&mut self.0);
        let mut text = self.0.to_pretty_json().unwrap_or_default();
        text.push('\n');
        text
    }
}

/// Returns the text of the description, which is made at the first request for it.
#[derive(Clone, Copy)]
pub(super) struct Description(pub(super) fn() -> &'static str);

/// This description
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1.", body = serde_json::Map<String, serde_json::Value>))
)]
pub(super) async fn openapi(Extension(Description(describe)): Extension<Description>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], describe())
}
