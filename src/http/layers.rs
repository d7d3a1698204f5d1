//! The layers around every route, and CORS.

use std::any::Any;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, Any as AnyOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use super::App;
use super::headers::{
    API_KEY, INFERENCE_HEADER_LENGTH, MODEL_REVISION, RATE_LIMIT, RATE_LIMIT_POLICY, REQUEST_ID, SERVER_TIMING,
    TRACEPARENT,
};
use super::problem::Problem;
use super::{body, host, observe};
use crate::config::Origins;
use crate::error::Error;

/// The time for which a browser may cache the answer to a preflight request.
const MAX_AGE: Duration = Duration::from_mins(10);

/// The headers that a page sends with gRPC-web, and those that it reads.
const GRPC_WEB: [HeaderName; 3] = [
    HeaderName::from_static("x-grpc-web"),
    HeaderName::from_static("x-user-agent"),
    HeaderName::from_static("grpc-timeout"),
];
const GRPC: [HeaderName; 3] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
];

/// The layers round every route, from the inside out. The panic handler is innermost, so that the observer sees its 500.
pub(super) fn around(routes: Router, app: App) -> Router {
    routes
        .layer(CatchPanicLayer::custom(panicked))
        .layer(SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(from_fn(host::require_host))
        .layer(from_fn(body::limit))
        .layer(from_fn(observe::observe))
        .layer(Extension(app))
}

/// The same layers round the services of gRPC. `render` renders their problems, and is where every one passes.
pub(crate) fn around_grpc<F>(
    routes: Router,
    app: App,
    render: impl Fn(Request, Next) -> F + Clone + Send + Sync + 'static,
) -> Router
where
    F: Future<Output = Response> + Send + 'static,
{
    routes
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(host::require_host))
        .layer(from_fn(body::limit))
        .layer(from_fn(render))
        .layer(from_fn(observe::observe))
        .layer(Extension(app))
}

/// A panic while a request is answered is a 500. The panic hook has logged it.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::from(Error::Internal).into_response()
}

/// Lets pages of other origins call a route.
pub(super) fn cors(origins: &Origins) -> CorsLayer {
    cors_with(origins, &[], &[])
}

/// Lets pages of other origins call a route of the Open Inference Protocol.
pub(super) fn v2_cors(origins: &Origins) -> CorsLayer {
    cors_with(origins, &[INFERENCE_HEADER_LENGTH], &[INFERENCE_HEADER_LENGTH])
}

/// Lets pages of other origins call a method of gRPC.
pub(crate) fn grpc_cors(origins: &Origins) -> CorsLayer {
    cors_with(origins, &GRPC_WEB, &GRPC)
}

fn cors_with(origins: &Origins, sent: &[HeaderName], read: &[HeaderName]) -> CorsLayer {
    let allowed = [&[AUTHORIZATION, CONTENT_TYPE, REQUEST_ID, API_KEY, TRACEPARENT], sent].concat();
    let exposed =
        [&[REQUEST_ID, RETRY_AFTER, SERVER_TIMING, MODEL_REVISION, RATE_LIMIT_POLICY, RATE_LIMIT], read].concat();
    let layer =
        CorsLayer::new().allow_methods([Method::GET, Method::POST]).allow_headers(allowed).expose_headers(exposed);
    let layer = layer.max_age(MAX_AGE);
    match origins {
        Origins::Any => layer.allow_origin(AnyOrigin),
        Origins::List(list) => layer.allow_origin(AllowOrigin::list(list.iter().cloned())),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn panics() -> StatusCode {
        panic!("a secret")
    }

    #[tokio::test]
    async fn a_panic_in_a_route_is_a_500_without_its_words() {
        let router = Router::new().route("/", get(panics)).layer(CatchPanicLayer::custom(panicked));
        for _ in 0..2 {
            let response = router.clone().oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
            assert_eq!(body, r#"{"message":"Internal server error"}"#);
        }
    }
}
