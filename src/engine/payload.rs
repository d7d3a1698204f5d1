use bytes::Bytes;

/// A picture as it came with its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Base64 text: either alphabet, with or without padding and white space, bare or as a `data:` URL.
    Base64(Bytes),
    /// The picture file itself.
    File(Bytes),
}
