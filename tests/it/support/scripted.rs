//! A worker that ends each request as the test decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use bytes::Bytes;
use glimpse::engine::{Analysis, Input, Terms, Work};
use glimpse::error::{Error, StartError};
use glimpse::model::Prediction;
use glimpse::stop::Stop;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::LONG;

enum End {
    Answer,
    NotAnImage,
    Panic,
}

/// The worker. Waits for the test at every request. Fails the request if the test drops its [`Begun`].
pub(crate) struct Scripted {
    begun: UnboundedSender<Begun>,
    renewal: Arc<Renewal>,
}

/// The test's side of the worker.
pub(crate) struct Script {
    begun: UnboundedReceiver<Begun>,
    renewal: Arc<Renewal>,
}

/// Whether a reset after a panic succeeds, and the number of resets.
#[derive(Default)]
struct Renewal {
    is_refused: AtomicBool,
    count: AtomicUsize,
}

/// A request that the worker holds until one of the methods is called.
pub(crate) struct Begun {
    /// The text in the request's base64 field.
    pub(crate) text: String,
    /// The request's body as it came.
    pub(crate) body: Bytes,
    end: mpsc::Sender<End>,
}

pub(crate) fn scripted() -> (Scripted, Script) {
    let (sender, receiver) = unbounded_channel();
    let renewal = Arc::new(Renewal::default());
    (Scripted { begun: sender, renewal: renewal.clone() }, Script { begun: receiver, renewal })
}

impl Script {
    /// The next request that the worker begins.
    pub(crate) async fn begun(&mut self) -> Begun {
        timeout(LONG, self.begun.recv()).await.expect("no request is begun").expect("the worker is gone")
    }

    /// Whether the worker has begun no request beyond those that [`begun`](Self::begun) returned.
    pub(crate) fn is_idle(&self) -> bool {
        self.begun.is_empty()
    }

    /// Ends every request from now on with `end`.
    pub(crate) fn each(mut self, mut end: impl FnMut(Begun) + Send + 'static) {
        tokio::spawn(async move {
            while let Some(begun) = self.begun.recv().await {
                end(begun);
            }
        });
    }

    /// Makes resets after a panic fail, or succeed again.
    pub(crate) fn refuse_renewal(&self, is_refused: bool) {
        self.renewal.is_refused.store(is_refused, Ordering::SeqCst);
    }

    /// The number of resets after a panic.
    pub(crate) fn renewals(&self) -> usize {
        self.renewal.count.load(Ordering::SeqCst)
    }
}

impl Begun {
    /// Makes the worker answer with one label, `scripted`.
    pub(crate) fn answer(self) {
        self.end(End::Answer);
    }

    /// Makes the worker fail as for a file that is not a picture, which the API answers with 422.
    pub(crate) fn fail(self) {
        self.end(End::NotAnImage);
    }

    /// Makes the worker panic.
    pub(crate) fn panic(self) {
        self.end(End::Panic);
    }

    fn end(self, end: End) {
        self.end.send(end).expect("the worker waits for it");
    }
}

impl Work for Scripted {
    fn run(&mut self, input: &Input, _: &Terms, stop: &Stop) -> Result<Analysis, Error> {
        let (text, body) = (text(input), body(input));
        let (end, told) = mpsc::channel();
        // Both channels are closed after the end of the test.
        self.begun.send(Begun { text, body, end }).map_err(|_| Error::Internal)?;
        let end = told.recv().map_err(|_| Error::Internal)?;
        stop.check()?;
        match end {
            End::Answer => {
                let predictions =
                    vec![Prediction { index: 0, label: "scripted".into(), confidence: 1.0, activation: None }];
                Ok(Analysis { predictions, ..Analysis::default() })
            }
            End::NotAnImage => Err(Error::NotAnImage),
            End::Panic => panic!("a text that no client may read"),
        }
    }

    fn renew(&mut self) -> Result<(), StartError> {
        if self.renewal.is_refused.load(Ordering::SeqCst) {
            return Err(StartError::new("The test refuses it."));
        }
        self.renewal.count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn body(input: &Input) -> Bytes {
    match input {
        Input::Picture(payload) => payload.bytes().clone(),
        Input::Tensor(_) => Bytes::new(),
    }
}

/// The text in the base64 field of a request, or an empty text without one.
fn text(input: &Input) -> String {
    let Input::Picture(payload) = input else { return String::new() };
    let body: Value = serde_json::from_slice(payload.bytes()).unwrap_or_default();
    let field = body.get("base64Image").or_else(|| body.get("image_data"));
    field.and_then(Value::as_str).unwrap_or_default().to_owned()
}
