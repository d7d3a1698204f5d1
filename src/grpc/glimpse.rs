//! `glimpse.v1.Classifier`: our own service.

use bytes::Bytes;
use tonic::{Extensions, Request, Response, Status, Streaming};

use super::pb::glimpse::classifier_server::Classifier;
use super::pb::glimpse::classify_result::Result as Outcome;
use super::pb::glimpse::{
    Activation, Area, ClassifyBatchRequest, ClassifyBatchResponse, ClassifyRequest, ClassifyResponse, ClassifyResult,
    Failure, GetModelRequest, Model, Prediction,
};
use super::stream::{Answer, Answers, answer_each};
use super::{request, status};
use crate::engine::{Analysis, Input, Payload, Terms};
use crate::error::{Error, Malformed};
use crate::http::{App, Problem};
use crate::image::{self, ACCEPTED};
use crate::model;
use crate::protocol::choice::Choice;

/// The service.
#[derive(Debug)]
pub(super) struct Service(pub(super) App);

impl Service {
    /// The labels that a request chooses, and its terms.
    fn choice(
        &self,
        top_k: u32,
        min_confidence: f32,
        explains: bool,
        extensions: &Extensions,
    ) -> Result<(Choice, Terms), Problem> {
        let top_k = (top_k != 0).then(|| usize::try_from(top_k).unwrap_or(usize::MAX));
        // A message can't tell 0 from a field that is not set.
        let min_confidence = Some(min_confidence).filter(|least| *least != 0.0);
        let model = self.0.model();
        let choice = Choice::new(top_k, min_confidence, &model)?.explained(explains, &model)?;
        Ok((choice, request::terms(&self.0, &model, choice.output(), extensions)))
    }

    async fn classify_one(
        &self,
        request: ClassifyRequest,
        extensions: &Extensions,
    ) -> Result<ClassifyResponse, Problem> {
        let ClassifyRequest { image, top_k, min_confidence, explain } = request;
        let (choice, terms) = self.choice(top_k, min_confidence, explain, extensions)?;
        let analysis = self.0.analyze(picture(image, extensions), terms).await?;
        Ok(response(&analysis, choice))
    }
}

#[tonic::async_trait]
impl Classifier for Service {
    async fn classify(&self, request: Request<ClassifyRequest>) -> Result<Response<ClassifyResponse>, Status> {
        let (_, extensions, message) = request.into_parts();
        self.classify_one(message, &extensions).await.map(Response::new).map_err(status::refuse)
    }

    async fn classify_batch(
        &self,
        request: Request<ClassifyBatchRequest>,
    ) -> Result<Response<ClassifyBatchResponse>, Status> {
        let (_, extensions, message) = request.into_parts();
        let ClassifyBatchRequest { images, top_k, min_confidence, explain } = message;
        let (choice, terms) = self.choice(top_k, min_confidence, explain, &extensions).map_err(status::refuse)?;
        let limit = self.0.max_batch;
        match images.len() {
            0 => return Err(status::refuse(Malformed::NoPicture)),
            count if count > limit => return Err(status::refuse(Error::TooManyInputs { limit })),
            _ => {}
        }
        let inputs = images.into_iter().map(|image| picture(image, &extensions)).collect();
        let results = self.0.analyze_all(inputs, terms).await.map_err(status::refuse)?;
        let results =
            results.into_iter().map(|result| outcome(result.map(|it| response(&it, choice)).map_err(Problem::from)));
        Ok(Response::new(ClassifyBatchResponse { results: results.collect() }))
    }

    type ClassifyStreamStream = Answers<ClassifyResult>;

    async fn classify_stream(
        &self,
        request: Request<Streaming<ClassifyRequest>>,
    ) -> Result<Response<Self::ClassifyStreamStream>, Status> {
        let (_, extensions, messages) = request.into_parts();
        let (deadline, shared) = (request::deadline(&extensions), request::of_stream(&extensions));
        let app = self.0.clone();
        let answer = move |message| -> Answer<ClassifyResult> {
            let (service, shared) = (Self(app.clone()), shared.clone());
            Box::pin(async move {
                outcome(match request::count(&service.0, &shared) {
                    Ok(()) => service.classify_one(message, &shared).await,
                    Err(problem) => Err(problem),
                })
            })
        };
        Ok(Response::new(answer_each(messages, &self.0, deadline, answer)))
    }

    async fn get_model(&self, _: Request<GetModelRequest>) -> Result<Response<Model>, Status> {
        let model = self.0.model();
        Ok(Response::new(Model {
            name: model.name.clone(),
            version: model.version.clone(),
            source: model.source.clone(),
            weights_sha256: model.weights_sha256.clone(),
            licence: model.licence.clone(),
            precision: model.precision.clone(),
            width: model.input.width,
            height: model.input.height,
            labels: number(model.labels.len()),
            formats: ACCEPTED.iter().map(ToString::to_string).collect(),
            max_batch: number(self.0.max_batch),
            max_message_bytes: self.0.body_limits.max_bytes as u64,
            activation_rows: model.activation.map_or(0, |size| number(size.rows)),
            activation_columns: model.activation.map_or(0, |size| number(size.columns)),
        }))
    }
}

fn picture(image: Bytes, extensions: &Extensions) -> Input {
    Payload::file(request::hold(image, extensions)).into()
}

/// The answer to a picture.
fn response(analysis: &Analysis, choice: Choice) -> ClassifyResponse {
    let prediction = |it: &model::Prediction| Prediction {
        label: it.label.to_string(),
        confidence: it.confidence,
        index: number(it.index),
        activation: it.activation.as_ref().map(activation),
    };
    ClassifyResponse { predictions: choice.of_all(&analysis.predictions).iter().map(prediction).collect() }
}

fn activation(it: &model::Activation) -> Activation {
    let image::Area { left, top, width, height } = it.window;
    Activation {
        rows: number(it.rows),
        columns: number(it.columns),
        values: it.values.clone(),
        window: Some(Area { left, top, width, height }),
    }
}

/// The result of one of several pictures. A problem is counted.
fn outcome(result: Result<ClassifyResponse, Problem>) -> ClassifyResult {
    let result = match result {
        Ok(response) => Outcome::Response(response),
        Err(problem) => {
            problem.count();
            let (code, message) = (status::code(&problem) as i32, problem.message());
            Outcome::Failure(Failure { code, message, reason: status::reason(&problem).to_owned() })
        }
    };
    ClassifyResult { result: Some(result) }
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
