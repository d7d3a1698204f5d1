//! The codec of messages: prost's, behind a check of what decoding will take.

use std::marker::PhantomData;

use bytes::Buf;
use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstDecoder, ProstEncoder};

use super::pb::{glimpse, inference};
use super::status::refuse;
use super::wire::{self, Shape};
use crate::http::Problem;

/// A message whose large fields are known.
pub trait Shaped {
    /// The fields that may be large.
    const SHAPE: &'static Shape = &Shape::SMALL;
}

macro_rules! small {
    ($($message:ty),* $(,)?) => { $(impl Shaped for $message {})* };
}

small!(
    glimpse::GetModelRequest,
    inference::ServerLiveRequest,
    inference::ServerReadyRequest,
    inference::ModelReadyRequest,
    inference::ServerMetadataRequest,
    inference::ModelMetadataRequest,
    inference::ModelConfigRequest,
    inference::ModelStatisticsRequest,
    inference::RepositoryIndexRequest,
);

impl Shaped for glimpse::ClassifyRequest {
    const SHAPE: &'static Shape = &Shape { payloads: &[1], messages: &[] };
}

impl Shaped for glimpse::ClassifyBatchRequest {
    const SHAPE: &'static Shape = &Shape { payloads: &[1], messages: &[] };
}

impl Shaped for inference::ModelInferRequest {
    const SHAPE: &'static Shape = &Shape {
        payloads: &[7],
        // Floats and bytes of the contents of inputs.
        messages: &[(5, &Shape { payloads: &[], messages: &[(5, &Shape { payloads: &[6, 8], messages: &[] })] })],
    };
}

/// Encodes as prost, and decodes what stays within the limits of `wire.rs`.
#[derive(Debug)]
pub struct BoundedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Shaped + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(ProstDecoder::default())
    }
}

/// The decoder of a [`BoundedCodec`].
#[derive(Debug)]
pub struct BoundedDecoder<U>(ProstDecoder<U>);

impl<U: Message + Default + Shaped> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // A message lies in one piece.
        let message = buffer.chunk().get(..buffer.remaining()).unwrap_or_default();
        if !wire::is_bounded(message, U::SHAPE) {
            return Err(refused("The message has too many fields beside its pictures"));
        }
        self.0.decode(buffer).map_err(|_| refused("The message is not what the method takes"))
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.0.buffer_settings()
    }
}

fn refused(sentence: &str) -> Status {
    refuse(Problem::Protocol(sentence.to_owned()))
}
