//! The doors behind one port: a request whose type is gRPC's goes to the services, every other one to the routes of HTTP. The
//! two paths that Vertex AI chooses for a container lead to `/readyz` and `:predict`, even where another route has the path.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::uri::PathAndQuery;
use axum::http::{Request, Uri};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use tower::Service;

use crate::config::{Adapters, Origins};
use crate::http::App;
use crate::model::names::Form;
use crate::{grpc, http};

/// Every door of the server.
#[derive(Clone, Debug)]
pub struct Doors {
    http: Router,
    grpc: Router,
    renamed: Arc<[(String, PathAndQuery)]>,
}

impl Doors {
    /// The doors in front of `app`. Pages of `origins` may use them.
    pub fn new(app: App, origins: &Origins) -> Self {
        let renamed = renamed(&app);
        Self { grpc: grpc::router(app.clone(), origins), http: http::router(app, origins), renamed }
    }

    /// The path of the route that a request means.
    fn rename<B>(&self, request: &mut Request<B>) {
        let path = request.uri().path();
        let Some((_, route)) = self.renamed.iter().find(|(name, _)| name == path) else { return };
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(route.clone());
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
}

impl Service<Request<Body>> for Doors {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        self.rename(&mut request);
        let door = if grpc::is_grpc(&request) { &mut self.grpc } else { &mut self.http };
        door.call(request)
    }
}

/// The paths that Vertex AI chooses, and those of the routes that they stand for.
fn renamed(app: &App) -> Arc<[(String, PathAndQuery)]> {
    let Adapters { tensorflow, health_route, predict_route, .. } = &app.adapters;
    let predict = format!("/v1/models/{}:predict", app.names.of(Form::Picture));
    let routes = [(health_route, "/readyz"), (predict_route, &*predict)].into_iter().filter(|_| *tensorflow);
    routes.filter_map(|(name, route)| Some((name.clone()?, route.parse().ok()?))).collect()
}
