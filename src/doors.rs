//! The doors behind one port: a request whose type is gRPC's goes to the services, every other one to the routes of HTTP.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use tower::Service;

use crate::config::Origins;
use crate::http::App;
use crate::{grpc, http};

/// Every door of the server.
#[derive(Clone, Debug)]
pub struct Doors {
    http: Router,
    grpc: Router,
}

impl Doors {
    /// The doors in front of `app`. Pages of `origins` may use them.
    pub fn new(app: App, origins: &Origins) -> Self {
        Self { grpc: grpc::router(app.clone(), origins), http: http::router(app, origins) }
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let door = if grpc::is_grpc(&request) { &mut self.grpc } else { &mut self.http };
        door.call(request)
    }
}
