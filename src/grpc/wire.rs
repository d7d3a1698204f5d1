//! The size of a protobuf message once it is decoded, from its encoding.
//!
//! An empty message takes two bytes in a repeated field and a hundred times as much in memory. So all but the payloads, which are
//! not copied, must be small, and there may be only so many payloads.

use prost::encoding::{WireType, decode_key, decode_varint};

/// Bytes of a message beside its payloads, at most.
const MOST: usize = 64 << 10;

/// Payloads of a message, at most.
const MOST_PAYLOADS: usize = 4096;

/// The fields of a message that may be large.
#[derive(Debug)]
pub struct Shape {
    /// Fields of bytes or packed numbers.
    pub payloads: &'static [u32],
    /// Messages that have such fields.
    pub messages: &'static [(u32, &'static Shape)],
}

impl Shape {
    /// A message without payloads.
    pub const SMALL: Self = Self { payloads: &[], messages: &[] };
}

/// Whether a message of this shape stays within the limits. What is no message passes: decoding it fails.
pub(super) fn is_bounded(message: &[u8], shape: &Shape) -> bool {
    let mut count = Count { bytes: 0, payloads: 0 };
    count.message(message, shape);
    count.bytes <= MOST && count.payloads <= MOST_PAYLOADS
}

struct Count {
    bytes: usize,
    payloads: usize,
}

impl Count {
    /// Counts until the message ends, can't be read, or is too much.
    fn message(&mut self, mut rest: &[u8], shape: &Shape) {
        while !rest.is_empty() && self.bytes <= MOST && self.payloads <= MOST_PAYLOADS {
            let before = rest.len();
            let Ok((field, kind)) = decode_key(&mut rest) else { return };
            let length = match kind {
                WireType::Varint => decode_varint(&mut rest).map(|_| 0).ok(),
                WireType::ThirtyTwoBit => Some(4),
                WireType::SixtyFourBit => Some(8),
                WireType::LengthDelimited => decode_varint(&mut rest).ok().and_then(|it| usize::try_from(it).ok()),
                WireType::StartGroup | WireType::EndGroup => Some(0),
            };
            let Some((content, after)) = length.and_then(|length| rest.split_at_checked(length)) else { return };
            self.bytes += before - rest.len();
            rest = after;
            let inner = shape.messages.iter().find(|(number, _)| *number == field).map(|(_, shape)| shape);
            match inner {
                Some(inner) if kind == WireType::LengthDelimited => self.message(content, inner),
                _ if kind == WireType::LengthDelimited && shape.payloads.contains(&field) => self.payloads += 1,
                _ => self.bytes += content.len(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use prost::Message;

    use super::*;
    use crate::grpc::codec::Shaped;
    use crate::grpc::pb::inference::model_infer_request::InferInputTensor;
    use crate::grpc::pb::inference::{InferTensorContents, ModelInferRequest};

    fn fits(message: &ModelInferRequest) -> bool {
        is_bounded(&message.encode_to_vec(), ModelInferRequest::SHAPE)
    }

    fn with(contents: InferTensorContents) -> ModelInferRequest {
        let input = InferInputTensor { contents: Some(contents), ..InferInputTensor::default() };
        ModelInferRequest { inputs: vec![input], ..ModelInferRequest::default() }
    }

    #[test]
    fn payloads_may_be_large() {
        let file = Bytes::from(vec![7; 1_000_000]);
        let raw = ModelInferRequest { raw_input_contents: vec![file.clone(); 4], ..ModelInferRequest::default() };
        assert!(fits(&raw));
        assert!(fits(&with(InferTensorContents { bytes_contents: vec![file; 4], ..InferTensorContents::default() })));
        assert!(fits(&with(InferTensorContents {
            fp32_contents: vec![0.5; 600_000],
            ..InferTensorContents::default()
        })));
    }

    #[test]
    fn everything_else_is_small() {
        let many =
            ModelInferRequest { inputs: vec![InferInputTensor::default(); 100_000], ..ModelInferRequest::default() };
        assert!(!fits(&many));
        assert!(!fits(&ModelInferRequest { id: "7".repeat(100_000), ..ModelInferRequest::default() }));
        assert!(!fits(&ModelInferRequest {
            raw_input_contents: vec![Bytes::new(); 5000],
            ..ModelInferRequest::default()
        }));
        assert!(!fits(&with(InferTensorContents { int_contents: vec![1; 100_000], ..InferTensorContents::default() })));
        // Numbers that are not packed.
        let unpacked = [0x35, 0, 0, 0, 0].repeat(20_000);
        let nested = |field: u8, content: &[u8]| {
            let mut message = vec![field << 3 | 2];
            prost::encoding::encode_varint(content.len() as u64, &mut message);
            [message, content.to_vec()].concat()
        };
        assert!(!is_bounded(&nested(5, &nested(5, &unpacked)), ModelInferRequest::SHAPE));
    }

    #[test]
    fn what_is_no_message_is_left_to_the_decoder() {
        for bytes in [&b"\xff"[..], b"\x0a\xff", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x07"] {
            assert!(is_bounded(bytes, ModelInferRequest::SHAPE), "{bytes:x?}");
        }
    }
}
