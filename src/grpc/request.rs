//! What the layers know of a request, by the extensions of its message.

use std::time::Instant;

use bytes::Bytes;
use tonic::Extensions;

use super::render::Patience;
use crate::engine::{Output, Terms};
use crate::guard::body::Receipt;
use crate::http::App;

/// The terms of an analysis: the server's, or the client's if those end sooner.
pub(super) fn terms(app: &App, output: Output, extensions: &Extensions) -> Terms {
    let terms = app.engine.terms(output);
    extensions.get().map_or(terms, |Patience(patience)| terms.within(*patience))
}

/// The end of the client's patience.
pub(super) fn deadline(extensions: &Extensions) -> Option<Instant> {
    let Patience(patience) = extensions.get()?;
    Instant::now().checked_add(*patience)
}

/// The bytes of a picture, which hold what their message has taken from the budget.
pub(super) fn hold(bytes: Bytes, extensions: &Extensions) -> Bytes {
    match extensions.get::<Receipt>() {
        Some(receipt) => receipt.account.hold(bytes),
        None => bytes,
    }
}
