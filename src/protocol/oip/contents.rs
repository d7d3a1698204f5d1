//! The contents of tensors as bytes: Triton's binary tensor data extension.

use bytes::{BufMut, Bytes, BytesMut};

use super::Fault;
use crate::error::Error;
use crate::memory;

/// Bytes of the length before an element of the datatype `BYTES`.
const PREFIX: usize = 4;

/// The elements of a tensor of the datatype `BYTES`: each is behind its length, a little-endian number of 32 bits. They are
/// not copied.
///
/// # Errors
/// [`Fault::Invalid`] where a length passes the end; [`Error::TooManyInputs`] for more than `limit` elements.
pub fn elements(mut data: Bytes, limit: usize) -> Result<Vec<Bytes>, Fault> {
    let mut elements = Vec::new();
    while !data.is_empty() {
        if elements.len() == limit {
            return Err(Error::TooManyInputs { limit }.into());
        }
        let length = data.first_chunk::<PREFIX>().map(|length| u32::from_le_bytes(*length) as usize);
        let end = length.and_then(|length| length.checked_add(PREFIX)).filter(|end| *end <= data.len());
        let Some(end) = end else {
            return Err(Fault::invalid("An element of the tensor is longer than its data"));
        };
        elements.push(data.split_to(end).slice(PREFIX..));
    }
    Ok(elements)
}

/// Little-endian numbers of 32 bits.
///
/// # Errors
/// [`Fault::Invalid`] where the bytes are not a multiple of four; [`Error::OutOfMemory`].
pub fn floats(data: &[u8]) -> Result<Vec<f32>, Fault> {
    let (numbers, []) = data.as_chunks::<4>() else {
        return Err(Fault::invalid("The data of an FP32 tensor must be a multiple of 4 bytes"));
    };
    let mut values = Vec::new();
    memory::reserve(&mut values, numbers.len())?;
    values.extend(numbers.iter().map(|number| f32::from_le_bytes(*number)));
    Ok(values)
}

/// Elements behind their lengths.
pub fn prefixed<'a>(elements: impl Iterator<Item = &'a [u8]>) -> Bytes {
    let mut data = BytesMut::new();
    for element in elements {
        data.put_u32_le(u32::try_from(element.len()).unwrap_or(u32::MAX));
        data.put_slice(element);
    }
    data.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_behind_their_lengths() {
        let data = prefixed([&b"one"[..], b"", b"three"].into_iter());
        assert_eq!(elements(data.clone(), 3).unwrap(), ["one", "", "three"]);
        assert_eq!(elements(data.clone(), 2), Err(Error::TooManyInputs { limit: 2 }.into()));
        assert_eq!(elements(Bytes::new(), 2), Ok(vec![]));
        for end in [1, 3, 6, 8, 15] {
            assert!(matches!(elements(data.slice(..end), 3), Err(Fault::Invalid(_))), "{end}");
        }
        assert!(matches!(elements(Bytes::from_static(b"\xff\xff\xff\xffabc"), 3), Err(Fault::Invalid(_))));
    }

    #[test]
    fn floats_have_four_bytes() {
        assert_eq!(floats(&[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]), Ok(vec![1.0, -2.0]));
        assert!(matches!(floats(&[0; 5]), Err(Fault::Invalid(_))));
    }
}
