//! What a browser may do with the site's pages.

use std::fmt::Write;

use axum::Extension;
use axum::extract::Request;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::Site;
use crate::http::App;

/// The file with the hashes of the pages' inline scripts, a line each, which the site's build writes.
pub(super) const HASHES: &str = "script-hashes.txt";

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

pub(in crate::http) async fn headers(Extension(app): Extension<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let policy = policy(&app.site).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        PERMISSIONS_POLICY,
        HeaderValue::from_static("camera=(self), geolocation=(), microphone=(), payment=(), usb=()"),
    );
    response
}

/// Everything from this server, and no script that is not a file of it or has one of the hashes.
/// Styles are free: the components' library adds them while the page runs.
async fn policy(site: &Site) -> HeaderValue {
    let mut policy = "default-src 'none'; base-uri 'none'; connect-src 'self'; font-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; img-src 'self' blob:; style-src 'self' 'unsafe-inline'; script-src 'self'"
        .to_owned();
    let hashes = site.read(HASHES).await.unwrap_or_default();
    for hash in String::from_utf8_lossy(&hashes).split_whitespace() {
        let _ = write!(policy, " {hash}");
    }
    // A folder may hold anything; what is no header allows no inline script.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}
