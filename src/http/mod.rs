//! The HTTP door: `router` is the table of routes, `problem` maps errors to responses, `layers` wraps every route.

mod access;
mod app;
mod body;
mod form;
mod headers;
mod health;
mod host;
mod layers;
mod legacy;
mod metrics;
mod observe;
mod openapi;
mod problem;
mod router;
mod site;
mod v1;
mod v2;

pub use app::{App, State};
pub use router::{description, metrics_router, router};
pub use site::Site;
