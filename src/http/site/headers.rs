//! The headers that restrict what a browser does with the site's pages.

use std::fmt::Write;

use axum::Extension;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::middleware::Next;
use axum::response::Response;

use super::Site;
use crate::http::App;
use crate::http::headers::PERMISSIONS_POLICY;

/// The file with the hashes of the pages' inline scripts, one a line; written by `web/tools/content-security-policy.ts`.
pub(super) const HASHES: &str = "script-hashes.txt";

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

/// The policy: everything comes from this server, and inline scripts need one of the hashes. Inline styles are
/// allowed, because Astro writes one for its islands.
async fn policy(site: &Site) -> HeaderValue {
    let mut policy = "default-src 'none'; base-uri 'none'; connect-src 'self'; font-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; img-src 'self' blob:; manifest-src 'self'; style-src 'self' \
                      'unsafe-inline'; script-src 'self'"
        .to_owned();
    let hashes = site.read(HASHES).await.unwrap_or_default();
    for hash in String::from_utf8_lossy(&hashes).split_whitespace() {
        let _ = write!(policy, " {hash}");
    }
    // The file in a folder may hold bytes that a header can't; then no script runs.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}
