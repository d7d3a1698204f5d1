//! The process that decodes: questions from its standard input, answers to its standard output.

use std::io::{self, Read, Write};

use super::message::{Answer, Question};
use crate::error::Error;
use crate::image::Picture;
use crate::image::decode::limits::Source;
use crate::image::decode::{failures, heif};
use crate::memory;

/// The first output: the process runs and is confined.
pub(super) const READY: &[u8] = b"\n";

/// Says that it is ready, and answers questions until `input` ends. Keeps no memory from picture to picture, because each worker
/// has a process like this one. Decoding a picture of these formats takes far longer than allocating its memory.
///
/// # Errors
/// `input` ends in the middle of a question, or `output` is closed.
pub fn serve(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    output.write_all(READY)?;
    output.flush()?;
    loop {
        let mut question = [0; Question::BYTES];
        match input.read_exact(&mut question) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            done => done?,
        }
        let question = Question::from_bytes(&question);
        let length = usize::try_from(question.length).unwrap_or(usize::MAX);
        let (mut file, mut pixels) = (Vec::new(), Vec::new());
        memory::resize(&mut file, length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        input.read_exact(&mut file)?;
        let result = decode(&question, &file, &mut pixels);
        output.write_all(&Answer::of(&result).to_bytes())?;
        if result.is_ok() {
            output.write_all(&pixels)?;
        }
        output.flush()?;
    }
}

fn decode(question: &Question, file: &[u8], pixels: &mut Vec<u8>) -> Result<Picture, Error> {
    let stop = question.stop();
    failures::guarded(|| heif::decode(&Source { file, limits: question.limits, stop: &stop }, pixels))
}
