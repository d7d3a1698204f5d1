//! Compressed messages: each is inflated on a compute thread, and charged for what it takes then. tonic would inflate them on
//! the threads that serve connections.

use std::mem::take;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use tonic::Status;

use super::body::Kept;
use super::status::refuse;
use crate::engine::{Coding, Output, inflate};
use crate::error::Error;
use crate::guard::{Account, BodyError};
use crate::http::{App, Problem};
use crate::memory;
use crate::stop::Stop;

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Messages that inflate to so many bytes at most take less time than the wait for a thread.
const SMALL: usize = 64 << 10;

/// The messages of a compressed body.
pub(super) struct Compressed {
    pub(super) app: App,
    pub(super) body: Body,
    /// What messages take is charged to it.
    pub(super) account: Account,
    /// The most bytes of a message, before it is inflated and then.
    pub(super) limit: usize,
    /// The method takes one message.
    pub(super) is_one: bool,
    pub(super) kept: Kept,
}

impl Compressed {
    /// The same messages, inflated. The errors of the body are statuses.
    pub(super) fn inflated(self) -> Body {
        let Self { app, body, account, limit, is_one, kept } = self;
        let (read, pending, charged) = Default::default();
        let body = body.into_data_stream();
        let messages = Messages { app, body, account, limit, is_one, kept, read, pending, charged };
        Body::from_stream(stream::try_unfold(messages, |mut messages| async move {
            let next = messages.next().await.map_err(refuse)?;
            Ok::<_, Status>(next.map(|data| (data, messages)))
        }))
    }
}

struct Messages {
    app: App,
    body: BodyDataStream,
    account: Account,
    limit: usize,
    is_one: bool,
    kept: Kept,
    /// What has come of the next messages.
    read: Vec<u8>,
    /// A message whose prefix has been given.
    pending: Option<Bytes>,
    /// What the last message of several takes from the budget.
    charged: usize,
}

impl Messages {
    /// The next prefix or message; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        if let Some(message) = self.pending.take() {
            return Ok(Some(message));
        }
        // Of a stream, the next message is asked for once the last one is done with.
        self.account.give_back(take(&mut self.charged));
        if !self.fill(PREFIX).await? {
            return Ok(None);
        }
        let [flag, length @ ..] = *self.read.first_chunk::<PREFIX>().ok_or(Error::Internal)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > self.limit {
            return Err(BodyError::TooLarge { limit: self.limit }.into());
        }
        self.fill(PREFIX + length).await?;
        let rest = self.read.split_off(PREFIX + length);
        let message = Bytes::from(std::mem::replace(&mut self.read, rest)).slice(PREFIX..);
        let message = if flag == 0 { message } else { self.inflate(message).await? };
        let length = u32::try_from(message.len()).map_err(|_| Error::Internal)?.to_be_bytes();
        self.pending = Some(message);
        Ok(Some(Bytes::copy_from_slice(&[&[0], &length[..]].concat())))
    }

    /// Reads until `bytes` have come. Returns whether there are any; the body must not end between.
    async fn fill(&mut self, bytes: usize) -> Result<bool, Problem> {
        while self.read.len() < bytes {
            match self.body.try_next().await.map_err(|error| self.kept.cause(&error))? {
                Some(data) => {
                    memory::grow(&mut self.read, data.len())?;
                    self.read.extend_from_slice(&data);
                }
                None if self.read.is_empty() => return Ok(false),
                None => return Err(Problem::Protocol("A call must have whole messages".into())),
            }
        }
        Ok(true)
    }

    async fn inflate(&mut self, message: Bytes) -> Result<Bytes, Problem> {
        let limit = self.limit;
        let read = move |stop: &Stop| {
            let mut buffer = Vec::new();
            inflate(&message, Coding::Gzip, limit, stop, &mut buffer)?;
            Ok(buffer)
        };
        let deadline = self.app.engine.terms(Output::Probabilities).deadline;
        let inflated = if limit <= SMALL {
            read(&Stop::at(deadline))?
        } else if self.is_one {
            self.app.engine.prepare(deadline, read).await?
        } else {
            // A stream that is refused for one message would lose all that follow.
            self.app.engine.prepare_in_turn(deadline, read).await?
        };
        self.account.charge(inflated.len(), inflated.len()).map_err(|_| Error::Busy)?;
        if !self.is_one {
            self.charged = inflated.len();
        }
        Ok(inflated.into())
    }
}
