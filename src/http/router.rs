//! The table of routes: each with its guard, the form of its errors and its description.

use axum::middleware::from_fn;
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use super::access::guard;
use super::adapters::hugging_face;
use super::app::App;
use super::legacy::predict;
use super::openapi::{self, Description};
use super::problem::{Message, Problem};
use super::v1::{analyze, batch, model};
use super::{adapters, form, health, layers, metrics, site, v2};
use crate::config::{Adapters, Origins};
use crate::image::Area;
use crate::model::{Activation, Prediction};

/// The routes of the API, which `openapi.json` describes.
fn api(shows_metrics: bool) -> OpenApiRouter<App> {
    let routes = OpenApiRouter::with_openapi(openapi::frame())
        .routes(guarded(routes!(analyze::analyze)))
        .routes(guarded(routes!(batch::batch)))
        .routes(routes!(model::model))
        .routes(routes!(openapi::openapi).layer(Extension(Description(description))))
        .routes(guarded(routes!(predict::predict)).layer(from_fn(predict::render)))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::health));
    if shows_metrics { routes.routes(routes!(metrics::metrics)) } else { routes }
}

/// The site and its form, which `openapi.json` does not describe.
fn pages(adapters: &Adapters, origins: &Origins) -> Router<App> {
    let answer = get(site::page)
        .merge(post(form::analyze).route_layer(from_fn(guard)).fallback(not_allowed))
        .layer(from_fn(form::render));
    let mut routes = Router::new().route("/answer", answer);
    if adapters.hugging_face {
        routes = routes.route("/", hugging_face::root().layer(layers::cors(origins)));
    }
    routes.fallback(site::page).layer(from_fn(site::headers::headers))
}

/// Paths of the API that do not exist. The site's page for unknown paths never answers them.
fn unknown() -> Router<App> {
    let nothing = || async { Problem::NotFound };
    Router::new().route("/api", any(nothing)).route("/api/", any(nothing)).route("/api/{*path}", any(nothing))
}

fn guarded(route: UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    route.map(|methods| methods.route_layer(from_fn(guard)))
}

async fn not_allowed() -> Problem {
    Problem::MethodNotAllowed
}

/// Every route, behind every layer.
pub fn router(app: App, origins: &Origins) -> Router {
    let (api, _) = api(app.shows_metrics).split_for_parts();
    let api = api.method_not_allowed_fallback(not_allowed).layer(layers::cors(origins));
    let v2 = v2::routes().layer(layers::v2_cors(origins));
    let adapters = adapters::routes(&app.adapters).layer(layers::cors(origins));
    let routes =
        api.merge(v2).merge(adapters).merge(unknown()).merge(pages(&app.adapters, origins)).with_state(app.clone());
    layers::around(routes, app)
}

/// The metrics alone, for a port of their own.
pub fn metrics_router(app: App) -> Router {
    let (routes, _) = OpenApiRouter::new().routes(routes!(metrics::metrics)).split_for_parts();
    layers::around(routes.fallback(|| async { Problem::NotFound }).with_state(app.clone()), app)
}

/// The description of the API, as JSON.
pub fn description() -> &'static str {
    static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let (_, document) = api(true).split_for_parts();
        openapi::Document(document)
            .with_schema::<Prediction>()
            .with_schema::<Activation>()
            .with_schema::<Area>()
            .with_schema::<batch::Answer>()
            .with_schema::<Message>()
            .with_schema::<predict::PredictError>()
            .with_schema::<predict::Fault>()
            .text()
    });
    &TEXT
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use crate::image::{ACCEPTED, FORMATS};

    /// The page `/docs` and the file dialog are made from these files. `scripts/describe_api` has them written.
    #[test]
    fn the_site_has_the_description() {
        let formats = format!("{:#}\n", json!({ "names": FORMATS, "accepted": ACCEPTED }));
        for (name, text) in [("openapi.json", super::description()), ("formats.json", formats.as_str())] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/src").join(name);
            if std::env::var_os("WRITE_DESCRIPTION").is_some() {
                std::fs::write(&file, text).unwrap();
            }
            let written = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(written == text, "web/src/{name} is out of date: run scripts/describe_api");
        }
    }
}
