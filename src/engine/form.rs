//! The files in a form (multipart/form-data, RFC 7578) that is in memory. A part with a file name or the type of
//! an image is a file, whatever its own name is: clients call it as they like.

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

/// Copies the first file of `form` to `file`, replacing what was there.
///
/// # Errors
/// [`Malformed::NotAForm`], [`Malformed::TooManyParts`], [`Malformed::NoFile`]; [`Error::OutOfMemory`]; what
/// [`Stop::check`] returns.
pub(super) fn read(form: &[u8], boundary: &str, stop: &Stop, file: &mut Vec<u8>) -> Result<(), Error> {
    let mut files = Files::new(form, boundary, stop);
    let part = files.next()?.ok_or(Malformed::NoFile)?;
    copy(part, &files.polls, file)?;
    if file.is_empty() { Err(Malformed::NoFile.into()) } else { Ok(()) }
}

/// The parts of a form that are files.
struct Files<'f> {
    parts: Multipart<'f>,
    polls: Polls<'f>,
    seen: usize,
}

impl<'f> Files<'f> {
    fn new(form: &'f [u8], boundary: &str, stop: &'f Stop) -> Self {
        let polls = Polls { most: form.len() / STEP + 2, stop };
        Self { parts: Multipart::new(steps(form), boundary), polls, seen: 0 }
    }

    /// The next file; `None` at the end of the form.
    fn next(&mut self) -> Result<Option<Field<'f>>, Error> {
        while self.seen < MAX_PARTS {
            self.seen += 1;
            match self.polls.finish(self.parts.next_field())? {
                Some(part) if !is_file(&part) => {}
                part => return Ok(part),
            }
        }
        Err(Malformed::TooManyParts { limit: MAX_PARTS }.into())
    }
}

/// A file of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The file.
    pub file: Vec<u8>,
    /// The type that its part names.
    pub media_type: Option<String>,
}

/// The files of `form` in their order, with the types that their parts name: `limit` at most. All of them together are not longer
/// than the form.
///
/// # Errors
/// As for one file, but that a form without files gives none; [`Error::TooManyInputs`].
pub fn files(form: &[u8], boundary: &str, limit: usize, stop: &Stop) -> Result<Vec<Upload>, Error> {
    let (mut files, mut uploads) = (Files::new(form, boundary, stop), Vec::new());
    while let Some(part) = files.next()? {
        if uploads.len() == limit {
            return Err(Error::TooManyInputs { limit });
        }
        let (mut file, media_type) = (Vec::new(), part.content_type().map(ToString::to_string));
        copy(part, &files.polls, &mut file)?;
        uploads.push(Upload { file, media_type });
    }
    Ok(uploads)
}

fn is_file(part: &Field<'_>) -> bool {
    part.file_name().is_some() || part.content_type().is_some_and(|kind| kind.type_() == "image")
}

fn copy(mut part: Field<'_>, polls: &Polls<'_>, file: &mut Vec<u8>) -> Result<(), Error> {
    file.clear();
    while let Some(chunk) = polls.finish(part.chunk())? {
        memory::grow(file, chunk.len())?;
        file.extend_from_slice(&chunk);
    }
    Ok(())
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
        read(form, "x", &Stop::never(), &mut file).map(|()| file)
    }

    fn part(name: &str, content: &[u8]) -> Vec<u8> {
        let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n\r\n");
        [head.as_bytes(), content, b"\r\n"].concat()
    }

    fn field(name: &str, content: &[u8]) -> Vec<u8> {
        [format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").as_bytes(), content, b"\r\n"]
            .concat()
    }

    #[test]
    fn the_first_file_is_found() {
        let large: Vec<u8> = (0..5_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let form = [field("top_k", b"5"), part("any", &large), part("other", b"b"), b"--x--\r\n".to_vec()].concat();
        assert!(file(&form) == Ok(large));
        let typed =
            b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: image/png\r\n\r\nfile\r\n--x--\r\n";
        assert_eq!(file(typed), Ok(b"file".to_vec()));
    }

    #[test]
    fn all_files_come_in_their_order() {
        let form =
            [part("a", b"one"), field("b", b"no file"), part("a", b""), part("c", b"three"), b"--x--\r\n".to_vec()]
                .concat();
        let all = |limit| files(&form, "x", limit, &Stop::never());
        assert_eq!(
            all(3),
            Ok(["one", "", "three"].map(|file| Upload { file: file.into(), media_type: None }).to_vec())
        );
        assert_eq!(all(2), Err(Error::TooManyInputs { limit: 2 }));
        assert_eq!(files(b"--x--\r\n", "x", 3, &Stop::never()), Ok(Vec::new()));
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
        for form in [b"--x--\r\n".to_vec(), [field("other", b"a"), b"--x--\r\n".to_vec()].concat()] {
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
        let form = field("", b"").repeat(100_000);
        assert_eq!(file(&form), Err(Malformed::TooManyParts { limit: MAX_PARTS }.into()));
        let most = files(&part("", b"").repeat(100_000), "x", usize::MAX, &Stop::never());
        assert_eq!(most, Err(Malformed::TooManyParts { limit: MAX_PARTS }.into()));
    }
}
