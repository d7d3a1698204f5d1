//! `grpc.health.v1.Health`: what `/readyz` says, for the server and for each of its services.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::time::Instant;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::status;
use crate::http::{App, Problem};
use crate::server::lifecycle::Phase;

/// The services whose health may be asked for. The empty name is the server's.
const SERVICES: [&str; 3] = ["", "glimpse.v1.Classifier", "inference.GRPCInferenceService"];

/// How often a watcher looks whether a worker is missing.
const LOOK: Duration = Duration::from_secs(1);

/// The service.
#[derive(Debug)]
pub(super) struct Service(pub(super) App);

type Watch = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Health for Service {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let service = &request.get_ref().service;
        if !SERVICES.contains(&&**service) {
            return Err(status::refuse(Problem::NoService));
        }
        Ok(Response::new(response(now(&self.0))))
    }

    type WatchStream = Watch;

    /// Every change of the health, beginning with what it is now. Ends once the server drains, and after the time that a
    /// connection may be idle: a client that is gone would hold its connection for ever. Others ask again.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Watch>, Status> {
        let is_known = SERVICES.contains(&&*request.get_ref().service);
        let (app, said) = (self.0.clone(), None);
        let end = Instant::now() + app.idle_timeout;
        let changes = stream::unfold((app, said), move |(app, said)| async move {
            loop {
                let now = if is_known { now(&app) } else { ServingStatus::ServiceUnknown };
                if said != Some(now) {
                    return Some((Ok(response(now)), (app, Some(now))));
                }
                if app.lifecycle.phase() == Phase::Draining || Instant::now() >= end {
                    return None;
                }
                tokio::select! {
                    () = app.lifecycle.changed() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

fn now(app: &App) -> ServingStatus {
    if app.is_ready() { ServingStatus::Serving } else { ServingStatus::NotServing }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
