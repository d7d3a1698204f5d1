//! The Open Inference Protocol, version 2, over gRPC.

use futures_util::stream;
use glimpse::grpc::pb::inference::infer_parameter::ParameterChoice;
use glimpse::grpc::pb::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use glimpse::grpc::pb::inference::{
    InferParameter, InferTensorContents, ModelConfigRequest, ModelConfigResponse, ModelInferRequest,
    ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse, ModelStatisticsRequest, ModelStatisticsResponse,
    ModelStreamInferResponse, ServerReadyRequest, ServerReadyResponse,
};
use glimpse::protocol::oip::{elements, prefixed};
use tonic::Code;

use crate::support::grpc::Client;
use crate::support::{Server, model, picture, predictions};

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";

async fn start() -> (Server, Client) {
    let server = Server::start().await;
    let client = Client::new(server.address);
    (server, client)
}

/// A request for the best three labels of pictures, raw or not.
fn infer(files: &[Vec<u8>], is_raw: bool) -> ModelInferRequest {
    let bytes_contents = files.iter().map(|file| file.clone().into()).collect();
    let contents = InferTensorContents { bytes_contents, ..InferTensorContents::default() };
    let input = InferInputTensor {
        name: "image".into(),
        datatype: "BYTES".into(),
        shape: vec![i64::try_from(files.len()).unwrap()],
        contents: (!is_raw).then_some(contents),
        ..InferInputTensor::default()
    };
    let three = InferParameter { parameter_choice: Some(ParameterChoice::Int64Param(3)) };
    let parameters = [("classification".to_owned(), three)].into();
    ModelInferRequest {
        model_name: model().name.clone(),
        id: "7".into(),
        inputs: vec![input],
        outputs: vec![InferRequestedOutputTensor { name: "probabilities".into(), parameters }],
        raw_input_contents: if is_raw { vec![prefixed(files.iter().map(Vec::as_slice))] } else { vec![] },
        ..ModelInferRequest::default()
    }
}

/// The labels in an answer, three for each picture.
fn classes(answer: &ModelInferResponse) -> Vec<(String, f64)> {
    let texts = elements(answer.raw_output_contents[0].clone(), 100).unwrap();
    let class = |text: &bytes::Bytes| {
        let parts: Vec<_> = std::str::from_utf8(text).unwrap().splitn(3, ':').collect();
        (parts[2].to_owned(), parts[0].parse().unwrap())
    };
    texts.iter().map(class).collect()
}

#[tokio::test]
async fn pictures_have_the_answers_of_the_api() {
    let (server, client) = start().await;
    let files = [picture("rocket.jpg"), picture("coffee.png")];
    let mut expected = Vec::new();
    for file in &files {
        expected.extend(predictions(&server.analyze(file).await.json().await.unwrap()));
    }
    for is_raw in [true, false] {
        let answer: ModelInferResponse = client.call(INFER, infer(&files, is_raw)).await.unwrap();
        assert_eq!((&*answer.id, &*answer.model_version, &answer.outputs[0].shape), ("7", "1", &vec![2, 3]));
        assert_eq!(classes(&answer), expected, "{is_raw}");
    }
    let messages = stream::iter([infer(&files, true), infer(&[b"no picture".to_vec()], true), infer(&files, false)]);
    let path = "/inference.GRPCInferenceService/ModelStreamInfer";
    let mut answers = client.stream::<_, ModelStreamInferResponse>(path, messages).await.unwrap();
    for number in 0..3 {
        let ModelStreamInferResponse { error_message, infer_response } = answers.message().await.unwrap().unwrap();
        let answer = infer_response.unwrap();
        assert_eq!((&*answer.id, error_message.is_empty()), ("7", number != 1), "{error_message}");
        assert!(number == 1 || classes(&answer) == expected);
    }
    assert_eq!(answers.message().await.unwrap(), None);
}

#[tokio::test]
async fn what_contradicts_the_protocol_is_refused() {
    let (_server, client) = start().await;
    let refused = async |change: &dyn Fn(&mut ModelInferRequest)| {
        let mut request = infer(&[picture("coffee.jpg")], true);
        change(&mut request);
        client.call::<_, ModelInferResponse>(INFER, request).await.unwrap_err().code()
    };
    assert_eq!(refused(&|it| it.model_name = "other".into()).await, Code::NotFound);
    assert_eq!(refused(&|it| it.model_version = "2".into()).await, Code::NotFound);
    assert_eq!(refused(&|it| it.raw_input_contents.clear()).await, Code::InvalidArgument);
    assert_eq!(refused(&|it| it.raw_input_contents.push(bytes::Bytes::new())).await, Code::InvalidArgument);
    assert_eq!(
        refused(&|it| it.inputs[0].contents = Some(InferTensorContents::default())).await,
        Code::InvalidArgument
    );
    assert_eq!(refused(&|it| it.inputs[0].shape = vec![2]).await, Code::InvalidArgument);
    assert_eq!(refused(&|it| it.inputs[0].shape = vec![i64::MAX, 1]).await, Code::InvalidArgument);
    assert_eq!(refused(&|it| it.inputs[0].datatype = "INT8".into()).await, Code::InvalidArgument);
    assert_eq!(refused(&|it| it.outputs[0].name = "other".into()).await, Code::InvalidArgument);
    let nan = |it: &mut ModelInferRequest| {
        let fp32_contents = vec![f32::NAN; 3 * 224 * 224];
        it.inputs[0].datatype = "FP32".into();
        it.inputs[0].shape = vec![1, 3, 224, 224];
        it.inputs[0].contents = Some(InferTensorContents { fp32_contents, ..InferTensorContents::default() });
        it.raw_input_contents.clear();
    };
    assert_eq!(refused(&nan).await, Code::InvalidArgument);
}

#[tokio::test]
async fn the_model_describes_itself() {
    let (_server, client) = start().await;
    let name = format!("{}-tensor", model().name);
    let request = ModelMetadataRequest { name: name.clone(), version: String::new() };
    let metadata: ModelMetadataResponse =
        client.call("/inference.GRPCInferenceService/ModelMetadata", request).await.unwrap();
    assert_eq!((&metadata.name, &metadata.inputs[0].shape), (&name, &vec![-1, 3, 224, 224]));
    let request = ModelConfigRequest { name, version: "1".into() };
    let config: ModelConfigResponse =
        client.call("/inference.GRPCInferenceService/ModelConfig", request).await.unwrap();
    let config = config.config.unwrap();
    assert_eq!((config.input[0].data_type, config.input[0].format, config.max_batch_size), (11, 2, 32));
    let request = ModelStatisticsRequest::default();
    let statistics: ModelStatisticsResponse =
        client.call("/inference.GRPCInferenceService/ModelStatistics", request).await.unwrap();
    assert_eq!(statistics.model_stats.len(), 2);
    let ready: ServerReadyResponse =
        client.call("/inference.GRPCInferenceService/ServerReady", ServerReadyRequest {}).await.unwrap();
    assert!(ready.ready);
}
