//! A file in a form (multipart/form-data, RFC 7578) that is in memory.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use multer::{Field, Multipart};

use crate::error::{Error, Malformed};
use crate::memory;
use crate::stop::Stop;

/// Parts of a form that are read, at most. A browser's form has one or a few, and even an empty part costs time.
const MAX_PARTS: usize = 100;

/// Bytes that the parser is given at a time. It copies what it is given into memory that can't be refused, so a step is
/// small. It searches a head that is not complete anew with every step, so a step is not very small.
const STEP: usize = 1 << 20;

/// Copies the file in the part `name` of `form` to `file`, replacing what was there.
///
/// # Errors
/// [`Malformed::NotAForm`], [`Malformed::TooManyParts`], [`Malformed::NoFile`]; [`Error::OutOfMemory`]; what
/// [`Stop::check`] returns.
pub(super) fn read(form: &[u8], boundary: &str, name: &str, stop: &Stop, file: &mut Vec<u8>) -> Result<(), Error> {
    let polls = Polls { most: form.len() / STEP + 2, stop };
    let mut parts = Multipart::new(steps(form), boundary);
    for _ in 0..MAX_PARTS {
        match polls.finish(parts.next_field())? {
            None => return Err(Malformed::NoFile.into()),
            Some(part) if part.name() == Some(name) => return copy(part, &polls, file),
            Some(_) => {}
        }
    }
    Err(Malformed::TooManyParts { limit: MAX_PARTS }.into())
}

fn copy(mut part: Field<'_>, polls: &Polls<'_>, file: &mut Vec<u8>) -> Result<(), Error> {
    file.clear();
    while let Some(chunk) = polls.finish(part.chunk())? {
        memory::grow(file, chunk.len())?;
        file.extend_from_slice(&chunk);
    }
    if file.is_empty() { Err(Malformed::NoFile.into()) } else { Ok(()) }
}

/// The form step by step. It is pending after each step, or the parser would take all of them at once.
fn steps(mut form: &[u8]) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let mut is_due = false;
    stream::poll_fn(move |_| {
        is_due = !is_due;
        match form.split_at_checked(STEP.min(form.len())) {
            Some((step, rest)) if is_due && !step.is_empty() => {
                form = rest;
                Poll::Ready(Some(Ok(Bytes::copy_from_slice(step))))
            }
            _ if form.is_empty() => Poll::Ready(None),
            _ => Poll::Pending,
        }
    })
}

/// Polls the parser, which never waits for anything but its next step.
struct Polls<'s> {
    /// Every poll takes a step, so that no future needs more polls than there are steps.
    most: usize,
    stop: &'s Stop,
}

impl Polls<'_> {
    fn finish<T>(&self, future: impl Future<Output = multer::Result<T>>) -> Result<T, Error> {
        let mut future = pin!(future);
        for _ in 0..self.most {
            self.stop.check()?;
            if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return result.map_err(|_| Malformed::NotAForm.into());
            }
        }
        Err(Malformed::NotAForm.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(form: &[u8]) -> Result<Vec<u8>, Error> {
        let mut file = b"left from the last form".to_vec();
        read(form, "x", "picture", &Stop::never(), &mut file).map(|()| file)
    }

    fn part(name: &str, content: &[u8]) -> Vec<u8> {
        let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n\r\n");
        [head.as_bytes(), content, b"\r\n"].concat()
    }

    #[test]
    fn the_named_part_is_the_file() {
        let large: Vec<u8> = (0..5_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let form = [part("other", &large), part("picture", &large), b"--x--\r\n".to_vec()].concat();
        assert!(file(&form) == Ok(large));
    }

    #[test]
    fn a_boundary_at_the_end_of_a_step() {
        let head = part("picture", b"").len() - b"\r\n".len();
        for off in 0..12 {
            let content = vec![b'\r'; STEP - head - off];
            let form = [part("picture", &content), b"--x--\r\n".to_vec()].concat();
            assert!(file(&form) == Ok(content), "{off}");
        }
    }

    #[test]
    fn a_head_without_end() {
        let form = [b"--x\r\nContent-Disposition: ".to_vec(), vec![b'a'; 20_000_000]].concat();
        assert_eq!(file(&form), Err(Malformed::NotAForm.into()));
        assert_eq!(file(&vec![b'-'; 20_000_000]), Err(Malformed::NotAForm.into()));
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
