use bytes::Bytes;

/// A picture as it came with its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Text: base64 in any of the forms that [`payload::decode`](crate::image::payload::decode) takes.
    Base64(Bytes),
    /// The picture file itself.
    File(Bytes),
}
