//! A file in a form (multipart/form-data, RFC 7578) that is in memory.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use multer::{Field, Multipart};

use crate::error::{Error, Malformed};
use crate::memory;
use crate::stop::Stop;

/// Parts of a form that are read, at most. A browser's form has one or a few, and even an empty part costs time.
const MAX_PARTS: usize = 100;

/// Bytes that the parser is given at a time. It copies them.
const STEP: usize = 64 << 10;

/// Copies the file in the part `name` of `form` to `file`, replacing what was there.
///
/// # Errors
/// [`Malformed::NotAForm`], [`Malformed::TooManyParts`], [`Malformed::NoFile`]; [`Error::OutOfMemory`]; what
/// [`Stop::check`] returns.
pub(super) fn read(form: &Bytes, boundary: &str, name: &str, stop: &Stop, file: &mut Vec<u8>) -> Result<(), Error> {
    let steps = (0..form.len()).step_by(STEP).map(|at| Ok::<_, Infallible>(form.slice(at..form.len().min(at + STEP))));
    let mut parts = Multipart::new(stream::iter(steps.collect::<Vec<_>>()), boundary);
    for _ in 0..MAX_PARTS {
        stop.check()?;
        match at_once(parts.next_field())? {
            None => return Err(Malformed::NoFile.into()),
            Some(part) if part.name() == Some(name) => return copy(part, stop, file),
            Some(_) => {}
        }
    }
    Err(Malformed::TooManyParts { limit: MAX_PARTS }.into())
}

fn copy(mut part: Field<'_>, stop: &Stop, file: &mut Vec<u8>) -> Result<(), Error> {
    file.clear();
    while let Some(chunk) = at_once(part.chunk())? {
        stop.check()?;
        if file.capacity() - file.len() < chunk.len() {
            memory::reserve(file, file.len().max(chunk.len()))?;
        }
        file.extend_from_slice(&chunk);
    }
    if file.is_empty() { Err(Malformed::NoFile.into()) } else { Ok(()) }
}

/// The result of a parser that never waits, since the form is in memory.
fn at_once<T>(future: impl Future<Output = multer::Result<T>>) -> Result<T, Error> {
    match future.now_or_never() {
        Some(Ok(value)) => Ok(value),
        Some(Err(_)) | None => Err(Malformed::NotAForm.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(form: &[u8]) -> Result<Vec<u8>, Error> {
        let mut file = b"left from the last form".to_vec();
        read(&Bytes::copy_from_slice(form), "x", "picture", &Stop::never(), &mut file).map(|()| file)
    }

    fn part(name: &str, content: &[u8]) -> Vec<u8> {
        let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n\r\n");
        [head.as_bytes(), content, b"\r\n"].concat()
    }

    #[test]
    fn the_named_part_is_the_file() {
        let large: Vec<u8> = (0..1_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let form = [part("other", b"no"), part("picture", &large), b"--x--\r\n".to_vec()].concat();
        assert_eq!(file(&form), Ok(large));
    }

    #[test]
    fn a_form_without_a_file() {
        for form in [b"--x--\r\n".to_vec(), [part("other", b"a"), b"--x--\r\n".to_vec()].concat()] {
            assert_eq!(file(&form), Err(Malformed::NoFile.into()));
        }
        assert_eq!(file(&[part("picture", b""), b"--x--\r\n".to_vec()].concat()), Err(Malformed::NoFile.into()));
    }

    #[test]
    fn a_form_that_is_cut_short() {
        let whole = [part("picture", b"content"), b"--x--\r\n".to_vec()].concat();
        for length in 0..whole.len() - b"\r\n--x--\r\n".len() {
            assert_eq!(file(&whole[..length]), Err(Malformed::NotAForm.into()), "{length}");
        }
        assert_eq!(file(b"no form"), Err(Malformed::NotAForm.into()));
    }

    #[test]
    fn empty_parts_without_end() {
        let form = part("", b"").repeat(100_000);
        assert_eq!(file(&form), Err(Malformed::TooManyParts { limit: MAX_PARTS }.into()));
    }
}
