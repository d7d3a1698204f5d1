//! The web site: the pages of `web/`, built to files that lie in this executable or in a folder.

#[cfg(feature = "embed")]
mod embedded;
pub(super) mod headers;

use std::path::PathBuf;

use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, IF_RANGE, RANGE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use tower::ServiceExt;
use tower_http::services::ServeDir;
use tower_http::services::fs::{Backend, TokioBackend};

use super::App;
use super::problem::Problem;
use crate::error::{Error, StartError};

/// What [`Site::open`] wants to find; the other files are named by these.
const REQUIRED: [&str; 4] = ["index.html", NOT_FOUND, super::form::PAGE, headers::HASHES];
const NOT_FOUND: &str = "404.html";

/// In bytes: less than what file systems take (255), so that `.html` and `.br` fit behind it.
const LONGEST_NAME: usize = 240;
/// In bytes: less than what systems take (4096, on macOS 1024), with the folder's own path before it.
const LONGEST_PATH: usize = 512;

/// Where the build puts files whose names change with what is in them.
const HASHED: &str = "/_astro/";
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ALLOWED: [(HeaderName, &str); 1] = [(ALLOW, "GET,HEAD")];
/// To be asked for again each time, by its `ETag`.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// Where the site's files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// A folder, read anew for each request.
    Folder(PathBuf),
    /// This executable.
    #[cfg(feature = "embed")]
    Embedded,
}

impl Site {
    /// The site in `folder`; where none is named the one in this executable, or the folder that
    /// `scripts/setup` leaves in the project.
    ///
    /// # Errors
    /// A sentence, where the folder holds no built site.
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

    /// The file of this name, whole.
    pub(super) async fn read(&self, name: &str) -> Option<Bytes> {
        match self {
            Self::Folder(folder) => tokio::fs::read(folder.join(name)).await.ok().map(Bytes::from),
            #[cfg(feature = "embed")]
            Self::Embedded => embedded::read(name),
        }
    }

    /// The response of the file that the request asks for; 404 where there is none.
    async fn respond(&self, request: Request) -> Response {
        match self {
            Self::Folder(folder) => from_backend(ServeDir::with_backend(folder, TokioBackend), request).await,
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
        // Answered with the whole file, as servers may (RFC 9110, section 14.2).
        .ignore_multi_range_requests(true);
    match files.oneshot(request).await {
        Ok(response) => response.map(axum::body::Body::new),
        Err(never) => match never {},
    }
}

type NoFallback = tower_http::services::fs::DefaultServeDirFallback;

/// A page or one of its files; the site's own page where there is none.
pub(super) async fn page(State(app): State<App>, mut request: Request) -> Response {
    if !can_exist(request.uri().path()) {
        return not_found(&app.site).await;
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if *request.method() != Method::GET || request.headers().contains_key(IF_RANGE) {
        // Parts are for GET; whether a part still fits what the client has, `ServeDir` does not look.
        request.headers_mut().remove(RANGE);
    }
    if !is_read {
        // Only whether it exists is of interest.
        *request.method_mut() = Method::HEAD;
    }
    let cache = if request.uri().path().starts_with(HASHED) { IMMUTABLE } else { REVALIDATED };
    let mut response = app.site.respond(request).await;
    match response.status() {
        StatusCode::NOT_FOUND => return not_found(&app.site).await,
        status if status.is_server_error() => {
            tracing::error!("the web site's folder can't be read");
            return Problem::from(Error::Internal).into_response();
        }
        _ if !is_read => return (ALLOWED, Problem::MethodNotAllowed).into_response(),
        _ => {}
    }
    response.headers_mut().insert(CACHE_CONTROL, cache);
    // The texts of the site are all of this encoding, and their types do not say so.
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    if response.headers().get(CONTENT_TYPE).is_some_and(|it| it == "text/html") {
        response.headers_mut().insert(CONTENT_TYPE, html);
    }
    response
}

/// Whether a file system can have a file of this name; where not, asking for it is a failure.
fn can_exist(path: &str) -> bool {
    !path.contains("%00") && path.len() <= LONGEST_PATH && path.split('/').all(|name| name.len() <= LONGEST_NAME)
}

async fn not_found(site: &Site) -> Response {
    let page = site.read(NOT_FOUND).await.unwrap_or_default();
    Problem::NotFound.respond(StatusCode::NOT_FOUND, ([(CACHE_CONTROL, REVALIDATED)], Html(page)))
}
