//! What the layers know of a request, by the extensions of its message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tonic::Extensions;

use super::render::Patience;
use crate::engine::{Output, Terms};
use crate::guard::Account;
use crate::guard::body::Receipt;
use crate::http::access::Client;
use crate::http::{App, Problem};
use crate::model::Served;

/// The terms of an analysis by `model`: the server's, or the client's if those end sooner.
pub(super) fn terms(app: &App, model: &Served, output: Output, extensions: &Extensions) -> Terms {
    let terms = app.terms(model, output);
    match extensions.get() {
        Some(Patience(patience)) => terms.within(*patience),
        None => terms,
    }
}

/// The end of the client's patience.
pub(super) fn deadline(extensions: &Extensions) -> Option<Instant> {
    let Patience(patience) = extensions.get()?;
    Instant::now().checked_add(*patience)
}

/// The account of a request or of a stream.
pub(super) fn account(extensions: &Extensions) -> Option<&Account> {
    extensions.get::<Receipt>().map(|receipt| &receipt.account).or_else(|| extensions.get())
}

/// The bytes of a picture, which hold what their message has taken from the budget.
pub(super) fn hold(bytes: Bytes, extensions: &Extensions) -> Bytes {
    match account(extensions) {
        Some(account) => account.hold(bytes),
        None => bytes,
    }
}

/// What the messages of a stream share: its account, its client, and whether there was a message before. The client's patience
/// is for the whole stream.
pub(super) fn of_stream(extensions: &Extensions) -> Extensions {
    let mut shared = Extensions::default();
    if let Some(account) = account(extensions) {
        shared.insert(account.clone());
    }
    if let Some(client) = extensions.get::<Client>() {
        shared.insert(*client);
    }
    shared.insert(Arc::new(AtomicBool::new(false)));
    shared
}

/// Counts a message of a stream as another analysis. The first one was counted with the request.
///
/// # Errors
/// [`Problem::TooManyRequests`].
pub(super) fn count(app: &App, shared: &Extensions) -> Result<(), Problem> {
    let is_first = shared.get::<Arc<AtomicBool>>().is_none_or(|begun| !begun.swap(true, Ordering::Relaxed));
    if is_first {
        return Ok(());
    }
    let client = shared.get().and_then(|Client(client)| *client);
    app.access.again(client).map_err(|seconds| Problem::TooManyRequests { seconds })
}
