//! The HTTP door: `router` is the table of routes, `problem` maps errors to responses, `layers` wraps every route.

pub(crate) mod access;
mod adapters;
mod app;
mod body;
mod form;
mod headers;
mod health;
mod host;
pub(crate) mod layers;
mod legacy;
mod metrics;
mod observe;
mod openapi;
mod problem;
mod router;
mod site;
mod v1;
mod v2;

pub(crate) use adapters::AnyModel;
pub use app::{App, State};
pub(crate) use problem::Problem;
pub use router::{description, metrics_router, router};
pub use site::Site;
