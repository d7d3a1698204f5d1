//! Amazon `SageMaker`'s contract for containers: `GET /ping` and `POST /invocations`, which takes and gives what
//! `POST /api/v1/analyze` does. The container is started with the word `serve`.

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::http::access::guard;
use crate::http::app::App;
use crate::http::health;
use crate::http::v1::analyze;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/ping", get(health::ready))
        .route("/invocations", post(analyze::analyze).route_layer(from_fn(guard)))
}
