//! `inference.GRPCInferenceService`: the Open Inference Protocol, version 2, with Triton's extensions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tonic::{Extensions, Request, Response, Status, Streaming};

use super::pb::inference::grpc_inference_service_server::GrpcInferenceService;
use super::pb::inference::infer_parameter::ParameterChoice;
use super::pb::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use super::pb::inference::model_infer_response::InferOutputTensor;
use super::pb::inference::model_metadata_response::TensorMetadata;
use super::pb::inference::repository_index_response::ModelIndex;
use super::pb::inference::{
    InferParameter, InferStatistics, ModelConfig, ModelConfigRequest, ModelConfigResponse, ModelInferRequest,
    ModelInferResponse, ModelInput, ModelMetadataRequest, ModelMetadataResponse, ModelOutput, ModelReadyRequest,
    ModelReadyResponse, ModelStatistics, ModelStatisticsRequest, ModelStatisticsResponse, ModelStreamInferResponse,
    RepositoryIndexRequest, RepositoryIndexResponse, ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest,
    ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse, StatisticDuration,
};
use super::request;
use super::status::refuse;
use super::stream::{Answer, Answers, answer_each};
use crate::engine::{Count, Output};
use crate::http::{App, Problem};
use crate::model::Served;
use crate::model::names::{Form, VERSION};
use crate::protocol::oip::describe::{
    self, BACKEND, EXTENSIONS, LABELS_FILE, Model, PLATFORM, SERVER, SERVER_VERSION, Statistics, data_type,
};
use crate::protocol::oip::{Data, Datatype, Fault, InputTensor, Job, OUTPUT, OutputTensor, RequestedOutput};

/// The service.
#[derive(Clone, Debug)]
pub(super) struct Service(pub(super) App);

impl Service {
    /// The model that is asked for, and its form. An empty version is none.
    fn find(&self, name: &str, version: &str) -> Result<(Arc<Served>, Form), Problem> {
        self.0.find(name, Some(version).filter(|version| !version.is_empty()))
    }

    async fn infer(&self, message: ModelInferRequest, extensions: &Extensions) -> Result<ModelInferResponse, Problem> {
        let (model, form) = self.find(&message.model_name, &message.model_version)?;
        let (app, name) = (&self.0, message.model_name.clone());
        let request = request_of(message, extensions)?;
        let terms = request::terms(app, &model, Output::Probabilities, extensions);
        let limit = app.max_batch;
        let is_tensor = request.inputs.iter().any(|input| input.datatype == Datatype::Fp32);
        // Pictures are not copied; the numbers of tensors are.
        let mut job: Job = if is_tensor {
            app.engine.prepare(terms.deadline, move |_| Ok(request.job(form, &model, limit))).await??
        } else {
            request.job(form, &model, limit)?
        };
        let results = app.analyze_all(std::mem::take(&mut job.inputs), job.terms(terms)).await?;
        Ok(answer(name, job.id, &OutputTensor::of(results, job.output)?))
    }

    fn statistics(&self, name: String) -> ModelStatistics {
        let statistics = Statistics::from(self.0.engine.statistics().totals());
        let count = |Count { count, nanoseconds }| Some(StatisticDuration { count, ns: nanoseconds });
        ModelStatistics {
            name,
            version: VERSION.into(),
            last_inference: statistics.last,
            inference_count: statistics.success.count,
            execution_count: statistics.success.count,
            inference_stats: Some(InferStatistics {
                success: count(statistics.success),
                fail: count(statistics.fail),
                queue: count(statistics.queue),
                compute_input: count(statistics.compute_input),
                compute_infer: count(statistics.compute_infer),
                compute_output: count(statistics.compute_output),
            }),
        }
    }
}

#[tonic::async_trait]
impl GrpcInferenceService for Service {
    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Result<Response<ServerReadyResponse>, Status> {
        Ok(Response::new(ServerReadyResponse { ready: self.0.is_ready() }))
    }

    async fn model_ready(&self, request: Request<ModelReadyRequest>) -> Result<Response<ModelReadyResponse>, Status> {
        let ModelReadyRequest { name, version } = request.into_inner();
        self.find(&name, &version).map_err(refuse)?;
        Ok(Response::new(ModelReadyResponse { ready: self.0.is_ready() }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        let (name, version) = (SERVER.to_owned(), SERVER_VERSION.to_owned());
        let extensions = EXTENSIONS.map(str::to_owned).to_vec();
        Ok(Response::new(ServerMetadataResponse { name, version, extensions }))
    }

    async fn model_metadata(
        &self,
        request: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        let ModelMetadataRequest { name, version } = request.into_inner();
        let (model, form) = self.find(&name, &version).map_err(refuse)?;
        let model = Model::of(form, &model);
        let tensor = |tensor: describe::Tensor| TensorMetadata {
            name: tensor.name.into(),
            datatype: tensor.datatype.into(),
            shape: tensor.shape,
        };
        Ok(Response::new(ModelMetadataResponse {
            name,
            versions: vec![VERSION.into()],
            platform: PLATFORM.into(),
            inputs: model.inputs.map(tensor).into(),
            outputs: model.outputs.map(tensor).into(),
            properties: HashMap::new(),
        }))
    }

    async fn model_infer(&self, request: Request<ModelInferRequest>) -> Result<Response<ModelInferResponse>, Status> {
        let (_, extensions, message) = request.into_parts();
        self.infer(message, &extensions).await.map(Response::new).map_err(refuse)
    }

    type ModelStreamInferStream = Answers<ModelStreamInferResponse>;

    async fn model_stream_infer(
        &self,
        request: Request<Streaming<ModelInferRequest>>,
    ) -> Result<Response<Self::ModelStreamInferStream>, Status> {
        let (_, extensions, messages) = request.into_parts();
        let (deadline, shared) = (request::deadline(&extensions), request::of_stream(&extensions));
        let service = self.clone();
        let answer = move |message: ModelInferRequest| -> Answer<ModelStreamInferResponse> {
            let (service, shared) = (service.clone(), shared.clone());
            Box::pin(async move {
                let id = message.id.clone();
                let result = match request::count(&service.0, &shared) {
                    Ok(()) => service.infer(message, &shared).await,
                    Err(problem) => Err(problem),
                };
                streamed(result, id)
            })
        };
        Ok(Response::new(answer_each(messages, &self.0, deadline, answer)))
    }

    async fn model_config(
        &self,
        request: Request<ModelConfigRequest>,
    ) -> Result<Response<ModelConfigResponse>, Status> {
        let ModelConfigRequest { name, version } = request.into_inner();
        let (model, form) = self.find(&name, &version).map_err(refuse)?;
        let Model { inputs: [input], outputs: [output], .. } = Model::of(form, &model);
        let config = ModelConfig {
            name,
            platform: PLATFORM.into(),
            max_batch_size: i32::try_from(self.0.max_batch).unwrap_or(i32::MAX),
            input: vec![ModelInput {
                name: input.name.into(),
                data_type: data_type(input.datatype).1,
                format: describe::format(form, &model).1,
                dims: input.shape[1..].to_vec(),
            }],
            output: vec![ModelOutput {
                name: output.name.into(),
                data_type: data_type(output.datatype).1,
                dims: output.shape[1..].to_vec(),
                label_filename: LABELS_FILE.into(),
            }],
            backend: BACKEND.into(),
        };
        Ok(Response::new(ModelConfigResponse { config: Some(config) }))
    }

    async fn model_statistics(
        &self,
        request: Request<ModelStatisticsRequest>,
    ) -> Result<Response<ModelStatisticsResponse>, Status> {
        let ModelStatisticsRequest { name, version } = request.into_inner();
        // Without a name, all are meant.
        let names = if name.is_empty() {
            let model = self.0.model();
            Form::ALL.map(|form| model.names.of(form)).to_vec()
        } else {
            self.find(&name, &version).map_err(refuse)?;
            vec![name]
        };
        let model_stats = names.into_iter().map(|name| self.statistics(name)).collect();
        Ok(Response::new(ModelStatisticsResponse { model_stats }))
    }

    async fn repository_index(
        &self,
        _: Request<RepositoryIndexRequest>,
    ) -> Result<Response<RepositoryIndexResponse>, Status> {
        let state = if self.0.is_ready() { "READY" } else { "UNAVAILABLE" };
        let model = self.0.model();
        let entry = |form| ModelIndex {
            name: model.names.of(form),
            version: VERSION.into(),
            state: state.into(),
            reason: String::new(),
        };
        Ok(Response::new(RepositoryIndexResponse { models: Form::ALL.map(entry).to_vec() }))
    }
}

/// An answer of a stream. Its errors are messages, as in Triton: the stream goes on.
fn streamed(result: Result<ModelInferResponse, Problem>, id: String) -> ModelStreamInferResponse {
    let (error_message, response) = match result {
        Ok(response) => (String::new(), response),
        Err(problem) => {
            problem.count();
            (problem.message(), ModelInferResponse { id, ..ModelInferResponse::default() })
        }
    };
    ModelStreamInferResponse { error_message, infer_response: Some(response) }
}

/// A message as a request of the protocol. Its contents are raw or not, for all inputs alike.
fn request_of(message: ModelInferRequest, extensions: &Extensions) -> Result<crate::protocol::oip::Request, Fault> {
    let ModelInferRequest { id, parameters, inputs, outputs, raw_input_contents: raw, .. } = message;
    if !raw.is_empty() && raw.len() != inputs.len() {
        return Err(Fault::invalid("raw_input_contents must have one entry for each input"));
    }
    let mut raw = raw.into_iter();
    let inputs = inputs.into_iter().map(|input| tensor(input, raw.next(), extensions)).collect::<Result<_, _>>()?;
    let timeout = parameters.get("timeout").and_then(number).filter(|timeout| *timeout > 0);
    Ok(crate::protocol::oip::Request {
        id,
        inputs,
        outputs: outputs.into_iter().map(output).collect::<Result<_, _>>()?,
        binary_output: true,
        timeout: timeout.map(Duration::from_micros),
    })
}

fn tensor(input: InferInputTensor, raw: Option<Bytes>, extensions: &Extensions) -> Result<InputTensor, Fault> {
    let InferInputTensor { name, datatype, shape, contents, .. } = input;
    let datatype = Datatype::named(&datatype)?;
    let data = match (raw, contents) {
        (Some(_), Some(_)) => {
            return Err(Fault::invalid("An input has either contents or an entry of raw_input_contents"));
        }
        (Some(raw), None) => Data::Binary(request::hold(raw, extensions)),
        (None, Some(contents)) if datatype == Datatype::Bytes => {
            let elements = contents.bytes_contents.into_iter().map(|element| request::hold(element, extensions));
            Data::Elements(elements.collect())
        }
        (None, Some(contents)) => Data::Floats(contents.fp32_contents),
        (None, None) => return Err(Fault::invalid("An input must have contents or an entry of raw_input_contents")),
    };
    Ok(InputTensor { name: Some(name), datatype, shape, data })
}

fn output(output: InferRequestedOutputTensor) -> Result<RequestedOutput, Fault> {
    let classification = output.parameters.get("classification");
    let count = classification.map(|value| {
        number(value).ok_or_else(|| Fault::invalid("classification must be a whole number of at least 1"))
    });
    Ok(RequestedOutput { name: output.name, classification: count.transpose()?, binary: None })
}

/// A parameter that is a whole number.
fn number(parameter: &InferParameter) -> Option<u64> {
    match parameter.parameter_choice.as_ref()? {
        ParameterChoice::Int64Param(number) => u64::try_from(*number).ok(),
        ParameterChoice::Uint64Param(number) => Some(*number),
        _ => None,
    }
}

fn answer(model_name: String, id: String, output: &OutputTensor) -> ModelInferResponse {
    let tensor = InferOutputTensor {
        name: OUTPUT.into(),
        datatype: output.datatype().name().into(),
        shape: output.shape.iter().map(|side| i64::try_from(*side).unwrap_or(i64::MAX)).collect(),
        ..InferOutputTensor::default()
    };
    ModelInferResponse {
        model_name,
        model_version: VERSION.into(),
        id,
        parameters: HashMap::new(),
        outputs: vec![tensor],
        raw_output_contents: vec![output.binary()],
    }
}
