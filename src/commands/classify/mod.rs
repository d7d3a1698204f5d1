//! `glimpse classify`: files in, labels out. The engine works in this process, or a server does (`remote`).
//!
//! Pictures are found, read, analyzed and answered at the same time, a few at once, so that memory does not grow with their
//! number. Results are written in the order of the files. A file that can't be analyzed is named on standard error and does not
//! stop the others.

mod interrupt;
mod local;
mod output;
mod paths;
mod progress;
mod reader;
mod remote;
mod resume;

use std::future::ready;
use std::io;
use std::pin::{Pin, pin};
use std::process::ExitCode;

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

use crate::config::{Classify, Format};
use crate::error::StartError;
use crate::model::Prediction;
use crate::server;
use crate::telemetry::logs;
use interrupt::Interrupt;
use local::Local;
use output::{Output, visible};
use paths::{Paths, Source};
use progress::Progress;
use remote::Remote;
use resume::Done;

/// Every picture was answered.
const ALL: u8 = 0;
/// Some pictures could not be.
const SOME: u8 = 1;
/// No picture could be, or the command can't do anything at all.
const NONE: u8 = 2;

/// The labels of a picture, highest first, or a sentence that says why there are none.
type Answer = Result<Vec<Prediction>, String>;

/// Who analyzes the pictures.
enum Analyst {
    Local(Local),
    Remote(Remote),
}

/// Runs the command and returns its exit code.
pub fn classify(options: &Classify) -> ExitCode {
    let code = run(options).unwrap_or_else(|error| {
        logs::last_words(&error.to_string());
        NONE
    });
    code.into()
}

fn run(options: &Classify) -> Result<u8, StartError> {
    let refused = |error: io::Error| StartError::new(format!("The system refuses what the command needs: {error}."));
    if options.explain && !matches!(options.format, Format::Json | Format::Ndjson) {
        return Err(StartError::new("The option --explain is for --format json or ndjson."));
    }
    let interrupt = Interrupt::listen()?;
    let done = options.resume.as_deref().map(Done::read).transpose()?.unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
    let analyst = match &options.server {
        Some(url) => Analyst::Remote(Remote::find(url, options)?),
        None => Analyst::Local(Local::load(options)?),
    };
    let (code, is_at_rest) = runtime.block_on(async {
        let code = run_on(options, &analyst, &done, &interrupt).await;
        (code, analyst.rest().await)
    });
    // A read of a pipe, or a request, may never end.
    runtime.shutdown_background();
    if !is_at_rest {
        server::exit_now(i32::from(code.unwrap_or(NONE)));
    }
    code
}

/// What became of the pictures.
#[derive(Default)]
struct Counts {
    answered: u64,
    failed: u64,
    /// Those that an earlier run has answered.
    skipped: u64,
}

impl Counts {
    const fn code(&self) -> u8 {
        match self {
            Self { failed: 0, .. } => ALL,
            Self { answered: 0, .. } => NONE,
            _ => SOME,
        }
    }
}

async fn run_on(options: &Classify, analyst: &Analyst, done: &Done, interrupt: &Interrupt) -> Result<u8, StartError> {
    let mut output = Output::new(options, analyst.columns(), done)?;
    let progress = Progress::start(options)?;
    let mut counts = Counts::default();
    let mut results = pin!(results(options, analyst, done)?);
    let written = loop {
        let next = tokio::select! {
            biased;
            () = interrupt.came() => None,
            next = next(&mut results, &mut output) => next?,
        };
        let Some((source, result)) = next else { break output.end() };
        let name = source.to_string();
        match result {
            None => counts.skipped += 1,
            Some(Ok(labels)) => {
                counts.answered += 1;
                if let Err(error) = progress.output(|| output.write(&name, &labels)) {
                    break Err(error);
                }
            }
            Some(Err(sentence)) => {
                counts.failed += 1;
                progress.error(|| logs::last_words(&format!("{}: {}", visible(&name), visible(&sentence))));
            }
        }
        progress.step();
    };
    progress.end();
    // Whoever reads has seen enough.
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(unwritten(&error));
    }
    if let Some(code) = interrupt.code() {
        return Ok(code);
    }
    if counts.answered + counts.failed + counts.skipped == 0 {
        return Err(StartError::new("There are no pictures: name files, or folders that hold some."));
    }
    Ok(counts.code())
}

/// The next result. What was written before is flushed if it is not there yet.
async fn next<T>(results: &mut (impl Stream<Item = T> + Unpin), output: &mut Output) -> Result<Option<T>, StartError> {
    let mut result = pin!(results.next());
    if let Some(there) = futures_util::FutureExt::now_or_never(&mut result) {
        return Ok(there);
    }
    match output.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unwritten(&error)),
        _ => Ok(result.await),
    }
}

fn unwritten(error: &io::Error) -> StartError {
    StartError::new(format!("Standard output can't be written: {error}."))
}

type Next<'a> = Pin<Box<dyn Future<Output = (Source, Option<Answer>)> + 'a>>;

/// The answers, in the order of the files; none for a file that was done before.
fn results<'a>(
    options: &Classify,
    analyst: &'a Analyst,
    done: &'a Done,
) -> Result<impl Stream<Item = (Source, Option<Answer>)> + 'a, StartError> {
    let mut found = find(Paths::of(options)?, analyst.at_once())?;
    let found = stream::poll_fn(move |context| found.poll_recv(context));
    let answers = found.map(move |(source, found)| -> Next<'a> {
        match found {
            Ok(()) if done.has(&source.to_string()) => Box::pin(ready((source, None))),
            Ok(()) => Box::pin(async move {
                let answer = analyst.answer(&source).await;
                (source, Some(answer))
            }),
            Err(sentence) => Box::pin(ready((source, Some(Err(sentence))))),
        }
    });
    Ok(answers.buffered(analyst.at_once()))
}

/// Finds the pictures on a thread of its own, `ahead` of them before they are asked for: folders and lists may be slow.
fn find(paths: Paths, ahead: usize) -> Result<mpsc::Receiver<<Paths as Iterator>::Item>, StartError> {
    let (sender, receiver) = mpsc::channel(ahead);
    let find = move || {
        for found in paths {
            // The receiver is gone when the run has ended.
            if sender.blocking_send(found).is_err() {
                return;
            }
        }
    };
    let started = std::thread::Builder::new().name("files".into()).spawn(find);
    started.map_err(|error| StartError::new(format!("The system refuses a thread: {error}.")))?;
    Ok(receiver)
}

impl Analyst {
    async fn answer(&self, source: &Source) -> Answer {
        match self {
            Self::Local(local) => local.answer(source).await,
            Self::Remote(remote) => remote.answer(source).await,
        }
    }

    /// The labels of an answer, at most.
    fn columns(&self) -> usize {
        match self {
            Self::Local(local) => local.columns(),
            Self::Remote(remote) => remote.columns(),
        }
    }

    /// The pictures in work at the same time.
    fn at_once(&self) -> usize {
        match self {
            Self::Local(local) => local.at_once(),
            Self::Remote(remote) => remote.at_once(),
        }
    }

    /// Waits for what still runs, and returns whether nothing does that must not be cut off.
    async fn rest(&self) -> bool {
        match self {
            Self::Local(local) => local.rest().await,
            Self::Remote(_) => true,
        }
    }
}
