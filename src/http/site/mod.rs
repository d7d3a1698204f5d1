//! The web site: the files that `web/` is built to, from the executable or from a folder.
//!
//! Their URLs are relative, so that a proxy can serve the site below any path.

#[cfg(feature = "embed")]
mod embedded;
mod file;
mod folder;
pub(super) mod headers;
mod version;

use std::path::PathBuf;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, IF_RANGE, RANGE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use tower::ServiceExt;
use tower_http::services::ServeDir;
use tower_http::services::fs::Backend;

use super::App;
use super::problem::Problem;
use crate::error::{Error, StartError};

/// The files that [`Site::open`] requires. A build that has these has the others as well.
const REQUIRED: [&str; 4] = ["index.html", NOT_FOUND, super::form::PAGE, headers::HASHES];
const NOT_FOUND: &str = "404.html";

/// In bytes. File systems take 255, and `ServeDir` appends `.html` and `.br`.
const LONGEST_NAME: usize = 240;
/// In bytes. Systems take 4096 (macOS 1024), including the folder's own path.
const LONGEST_PATH: usize = 512;

/// The path of files whose names contain a hash of their content.
const HASHED: &str = "/_astro/";
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ALLOWED: [(HeaderName, &str); 1] = [(ALLOW, "GET,HEAD")];
/// Cached, but asked for each time with the `ETag`.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// The source of the site's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// A folder, which is read anew for each request.
    Folder(PathBuf),
    /// This executable.
    #[cfg(feature = "embed")]
    Embedded,
}

impl Site {
    /// Opens the site in `folder`. The default is the site in this executable or, in builds without one,
    /// `web/dist`.
    ///
    /// # Errors
    /// A required file is missing.
    pub fn open(folder: Option<PathBuf>) -> Result<Self, StartError> {
        #[cfg(feature = "embed")]
        let Some(folder) = folder else { return Self::embedded() };
        #[cfg(not(feature = "embed"))]
        let folder = folder.unwrap_or_else(|| "web/dist".into());
        match REQUIRED.iter().find(|name| !folder.join(name).is_file()) {
            None => Ok(Self::Folder(folder)),
            Some(missing) => Err(StartError::new(format!(
                "The web site can't be served: there is no {missing} in {}. Run scripts/setup, or set WEB_DIR to a \
                 built site.",
                folder.display()
            ))),
        }
    }

    #[cfg(feature = "embed")]
    fn embedded() -> Result<Self, StartError> {
        match REQUIRED.iter().find(|name| embedded::read(name).is_none()) {
            None => Ok(Self::Embedded),
            Some(missing) => Err(StartError::new(format!(
                "This executable was built without the web site's {missing}: run scripts/setup and build it again, or \
                 set WEB_DIR to a built site."
            ))),
        }
    }

    /// Returns the content of the file of this name, or nothing if it can't be read.
    pub(super) async fn read(&self, name: &str) -> Option<Bytes> {
        match self {
            Self::Folder(folder) => tokio::fs::read(folder.join(name)).await.ok().map(Bytes::from),
            #[cfg(feature = "embed")]
            Self::Embedded => embedded::read(name),
        }
    }

    /// Answers with the file that the request asks for, or with 404.
    async fn respond(&self, request: Request) -> Response {
        match self {
            Self::Folder(folder) => from_backend(ServeDir::with_backend(folder, folder::Files), request).await,
            #[cfg(feature = "embed")]
            Self::Embedded => from_backend(ServeDir::with_backend("", embedded::Files), request).await,
        }
    }
}

async fn from_backend<B: Backend>(files: ServeDir<NoFallback, B>, request: Request) -> Response {
    let files = files
        .precompressed_br()
        .precompressed_gzip()
        .html_as_default_extension(true)
        .redirect_to_trailing_slash(false)
        // They are answered with the whole file, which RFC 9110, section 14.2, allows.
        .ignore_multi_range_requests(true);
    match files.oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

type NoFallback = tower_http::services::fs::DefaultServeDirFallback;

/// Answers with a file of the site, or with its page for what does not exist.
pub(super) async fn page(State(app): State<App>, mut request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if !can_exist(&path) {
        return not_found(&app.site, &path).await;
    }
    let is_head = *request.method() == Method::HEAD;
    let is_read = is_head || *request.method() == Method::GET;
    if *request.method() != Method::GET || request.headers().contains_key(IF_RANGE) {
        // Ranges are defined for GET only, and `ServeDir` does not evaluate `If-Range`.
        request.headers_mut().remove(RANGE);
    }
    // The backends hash a file only when it is opened. Other methods need to know only whether it exists.
    *request.method_mut() = if is_read { Method::GET } else { Method::HEAD };
    version::remove_conditions(request.headers_mut());
    let mut response = app.site.respond(request).await;
    version::remove_time(response.headers_mut());
    match response.status() {
        StatusCode::NOT_FOUND => return not_found(&app.site, &path).await,
        status if status.is_server_error() => {
            tracing::error!("the web site's folder can't be read");
            return Problem::from(Error::Internal).into_response();
        }
        _ if !is_read => return (ALLOWED, Problem::MethodNotAllowed).into_response(),
        _ => {}
    }
    let cache = if path.starts_with(HASHED) { IMMUTABLE } else { REVALIDATED };
    response.headers_mut().insert(CACHE_CONTROL, cache);
    // `ServeDir` names no encoding.
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    if response.headers().get(CONTENT_TYPE).is_some_and(|it| it == "text/html") {
        response.headers_mut().insert(CONTENT_TYPE, html);
    }
    if is_head { response.map(|_| Body::empty()) } else { response }
}

/// Whether a file system can have a file of this name. Asking for another name is an error, not a missing file.
fn can_exist(path: &str) -> bool {
    !path.contains("%00") && path.len() <= LONGEST_PATH && path.split('/').all(|name| name.len() <= LONGEST_NAME)
}

/// The page for what does not exist, with its URLs relative to `path`.
async fn not_found(site: &Site, path: &str) -> Response {
    let page = site.read(NOT_FOUND).await.unwrap_or_default();
    let page = String::from_utf8_lossy(&page).replace(r#"="./"#, &format!(r#"="{}"#, to_root(path)));
    Problem::NotFound.respond(StatusCode::NOT_FOUND, ([(CACHE_CONTROL, REVALIDATED)], Html(page)))
}

/// The relative URL from a page at `path` to the root of the site, wherever a proxy has put that.
fn to_root(path: &str) -> String {
    // A browser goes no higher than the host's root, so one step too many does no harm there.
    match path.matches('/').count().min(LONGEST_PATH) {
        0 | 1 => "./".into(),
        slashes => "../".repeat(slashes - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_from_any_depth() {
        for (path, root) in [("*", "./"), ("/", "./"), ("/a", "./"), ("/a/", "../"), ("/a/b/c", "../../")] {
            assert_eq!(to_root(path), root, "{path}");
        }
        assert!(to_root(&"/".repeat(60_000)).len() < 2000);
    }
}
