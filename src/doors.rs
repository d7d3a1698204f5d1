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
use crate::http::{AnyModel, App};
use crate::model::names::Form;
use crate::{grpc, http};

/// Every door of the server.
#[derive(Clone, Debug)]
pub struct Doors {
    http: Router,
    grpc: Router,
    renamed: Renamed,
}

/// The paths that Vertex AI chooses: the one for `/readyz`, and the one for `:predict` of the model that serves.
#[derive(Clone, Debug)]
struct Renamed {
    health: Option<Arc<str>>,
    predict: Option<Arc<str>>,
    app: App,
}

impl Doors {
    /// The doors in front of `app`. Pages of `origins` may use them.
    pub fn new(app: App, origins: &Origins) -> Self {
        let renamed = Renamed::of(&app);
        Self { grpc: grpc::router(app.clone(), origins), http: http::router(app, origins), renamed }
    }
}

impl Renamed {
    fn of(app: &App) -> Self {
        let Adapters { tensorflow, health_route, predict_route, .. } = &app.adapters;
        let path = |route: &Option<String>| route.as_deref().filter(|_| *tensorflow).map(Arc::from);
        Self { health: path(health_route), predict: path(predict_route), app: app.clone() }
    }

    /// The route that is meant by a path.
    fn route(&self, path: &str) -> Option<PathAndQuery> {
        let is = |name: &Option<Arc<str>>| name.as_deref() == Some(path);
        if is(&self.health) {
            return Some(PathAndQuery::from_static("/readyz"));
        }
        let predict = || format!("/v1/models/{}:predict", self.app.model().names.of(Form::Picture));
        is(&self.predict).then(predict)?.parse().ok()
    }

    /// Gives a request the path of the route that it means.
    fn rename<B>(&self, request: &mut Request<B>) {
        let Some(route) = self.route(request.uri().path()) else { return };
        request.extensions_mut().insert(AnyModel);
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(route);
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
        self.renamed.rename(&mut request);
        let door = if grpc::is_grpc(&request) { &mut self.grpc } else { &mut self.http };
        door.call(request)
    }
}
