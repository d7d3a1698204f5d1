//! Routes of other servers, so that their clients need no change: a file for each. `ADAPTERS` says which are on.

pub(super) mod hugging_face;
mod instances;
mod sagemaker;
mod tensorflow;

use axum::Router;

use super::app::App;
use crate::config::Adapters;

pub(crate) use tensorflow::AnyModel;

/// The routes of the adapters that are on.
pub(super) fn routes(adapters: &Adapters) -> Router<App> {
    let mut routes = Router::new();
    if adapters.hugging_face {
        routes = routes.merge(hugging_face::routes());
    }
    if adapters.tensorflow {
        routes = routes.merge(tensorflow::routes());
    }
    if adapters.sagemaker {
        routes = routes.merge(sagemaker::routes());
    }
    routes
}
