//! Compressed messages: each is inflated on a compute thread, and charged for what it takes then. tonic would inflate them on
//! the threads that serve connections, and charge nobody.

use std::mem::{replace, take};

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use tonic::Status;

use super::body::{Kept, SMALL, not_whole, status_of};
use super::status::refuse;
use crate::engine::{Coding, Output, inflate};
use crate::error::Error;
use crate::guard::body::charged;
use crate::guard::frames::PREFIX;
use crate::guard::{Account, BodyError};
use crate::http::App;
use crate::memory;
use crate::stop::Stop;

/// The messages of a body, inflated. A message has `limit` bytes at most, before it is inflated and then, and a method that
/// takes one message gets one. The errors are statuses.
pub(super) fn inflated(app: App, body: Body, account: Account, limit: usize, is_one: bool, kept: Kept) -> Body {
    let (read, pending, given, charged) = Default::default();
    let body = body.into_data_stream();
    let messages = Messages { app, body, account, limit, is_one, kept, read, pending, given, charged };
    Body::from_stream(stream::try_unfold(messages, |mut messages| async move {
        Ok::<_, Status>(messages.next().await?.map(|data| (data, messages)))
    }))
}

struct Messages {
    app: App,
    body: BodyDataStream,
    /// What messages take is charged to it.
    account: Account,
    limit: usize,
    is_one: bool,
    kept: Kept,
    /// What has come of the next messages.
    read: Vec<u8>,
    /// A message whose prefix has been given.
    pending: Option<Bytes>,
    /// Whether there was a message.
    given: bool,
    /// What the last message of several takes from the budget.
    charged: usize,
}

impl Messages {
    /// The next prefix or message; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        if let Some(message) = self.pending.take() {
            return Ok(Some(message));
        }
        if self.is_one && self.given {
            return if self.fill(1).await? { Err(not_whole()) } else { Ok(None) };
        }
        // Of a stream, the next message is asked for once the last one is done with.
        self.account.give_back(take(&mut self.charged));
        if !self.fill(PREFIX).await? {
            return Ok(None);
        }
        let [flag, length @ ..] = *self.read.first_chunk::<PREFIX>().ok_or_else(not_whole)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > self.limit {
            return Err(refuse(BodyError::TooLarge { limit: self.limit }));
        }
        self.fill(PREFIX + length).await?;
        let rest = self.read.split_off(PREFIX + length);
        let message = Bytes::from(replace(&mut self.read, rest)).slice(PREFIX..);
        let message = match flag {
            0 => message,
            1 => self.inflate(message).await.map_err(refuse)?,
            _ => return Err(not_whole()),
        };
        let length = u32::try_from(message.len()).map_err(|_| refuse(Error::Internal))?.to_be_bytes();
        self.pending = Some(message);
        self.given = true;
        Ok(Some([&[0], &length[..]].concat().into()))
    }

    /// Reads until `bytes` have come. Returns whether there are any; the body must not end between.
    async fn fill(&mut self, bytes: usize) -> Result<bool, Status> {
        while self.read.len() < bytes {
            match self.body.try_next().await.map_err(|error| status_of(&error, &self.kept))? {
                Some(data) => {
                    memory::grow(&mut self.read, data.len()).map_err(refuse)?;
                    self.read.extend_from_slice(&data);
                }
                None if self.read.is_empty() => return Ok(false),
                None => return Err(not_whole()),
            }
        }
        Ok(true)
    }

    async fn inflate(&mut self, message: Bytes) -> Result<Bytes, Error> {
        let (limit, account) = (self.limit, self.account.clone());
        // A worker may have the message when the request is gone.
        let message = account.hold(message);
        let read = move |stop: &Stop| {
            let mut buffer = Vec::new();
            inflate(&message, Coding::Gzip, limit, stop, &mut buffer)?;
            account.charge(buffer.len(), buffer.len()).map_err(|_| Error::Busy)?;
            Ok(charged(buffer, &account))
        };
        let engine = &self.app.engine;
        let deadline = engine.terms(Output::Probabilities).deadline;
        let message = if limit <= SMALL {
            // It takes less time than the wait for a thread.
            read(&Stop::at(deadline))?
        } else if self.is_one {
            engine.prepare(deadline, read).await?
        } else {
            // A stream that is refused for one message would lose all that follow.
            engine.prepare_in_turn(deadline, read).await?
        };
        if !self.is_one {
            self.charged = message.len();
        }
        Ok(message)
    }
}
