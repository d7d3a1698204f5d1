//! A client of gRPC.

use std::net::SocketAddr;

use futures_util::Stream;
use glimpse::grpc::pb::glimpse::{ClassifyRequest, ClassifyResponse};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

/// A client with one connection.
#[derive(Clone)]
pub(crate) struct Client(Grpc<HttpClient<HttpConnector, tonic::body::Body>>);

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let http = HttpClient::builder(TokioExecutor::new()).http2_only(true).build_http();
        let origin = format!("http://{address}").parse().unwrap();
        Self(Grpc::with_origin(http, origin).max_decoding_message_size(usize::MAX))
    }

    /// The same, which compresses what it sends.
    pub(crate) fn compressed(self) -> Self {
        Self(self.0.send_compressed(CompressionEncoding::Gzip))
    }

    /// Calls a method that takes and gives one message.
    pub(crate) async fn call<T, U>(&self, path: &'static str, request: impl Into<Asked<T>>) -> Result<U, Status>
    where
        T: Message + 'static,
        U: Message + Default + 'static,
    {
        let mut grpc = self.0.clone();
        grpc.ready().await.unwrap();
        let answer = grpc.unary(request.into().0, path.parse().unwrap(), ProstCodec::<T, U>::default()).await?;
        Ok(answer.into_inner())
    }

    /// Calls a method that takes one message and gives several.
    pub(crate) async fn watch<T, U>(&self, path: &'static str, message: T) -> Result<Streaming<U>, Status>
    where
        T: Message + 'static,
        U: Message + Default + 'static,
    {
        let mut grpc = self.0.clone();
        grpc.ready().await.unwrap();
        let codec = ProstCodec::<T, U>::default();
        Ok(grpc.server_streaming(Request::new(message), path.parse().unwrap(), codec).await?.into_inner())
    }

    /// Calls a method that takes and gives several messages.
    pub(crate) async fn stream<T, U>(
        &self,
        path: &'static str,
        messages: impl Stream<Item = T> + Send + 'static,
    ) -> Result<Streaming<U>, Status>
    where
        T: Message + 'static,
        U: Message + Default + 'static,
    {
        let mut grpc = self.0.clone();
        grpc.ready().await.unwrap();
        let codec = ProstCodec::<T, U>::default();
        Ok(grpc.streaming(Request::new(messages), path.parse().unwrap(), codec).await?.into_inner())
    }

    pub(crate) async fn classify(
        &self,
        request: impl Into<Asked<ClassifyRequest>>,
    ) -> Result<ClassifyResponse, Status> {
        self.call("/glimpse.v1.Classifier/Classify", request).await
    }
}

/// A message, with metadata or without.
pub(crate) struct Asked<T>(Request<T>);

impl<T: Message> From<T> for Asked<T> {
    fn from(message: T) -> Self {
        Self(Request::new(message))
    }
}

impl<T> From<Request<T>> for Asked<T> {
    fn from(request: Request<T>) -> Self {
        Self(request)
    }
}

/// The request for the labels of `image`.
pub(crate) fn classify(image: Vec<u8>) -> ClassifyRequest {
    ClassifyRequest { image: image.into(), ..ClassifyRequest::default() }
}
