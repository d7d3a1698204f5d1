//! `POST /answer`: the form of a page without JavaScript. A picture file in, a page of the site out.

use std::fmt::Write;

use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use html_escape::{encode_double_quoted_attribute, encode_text};

use super::{App, body, problem};
use crate::engine::{Analysis, Payload};
use crate::error::Error;
use crate::model::Prediction;

/// The site's page that the answer is put into, in place of what is between these two comments.
pub(super) const PAGE: &str = "answer.html";
const BEGIN: &str = "<!--answer-->";
const END: &str = "<!--/answer-->";

/// The name of the form's field, see `web/src/components/PlainForm.astro`.
const FIELD: &str = "picture";

pub(super) async fn answer(State(app): State<App>, request: Request) -> Response {
    match analysis(&app, request).await {
        Ok(analysis) => page(&app, StatusCode::OK, &list(&analysis.predictions)).await,
        Err(error) => refused(&app, &error).await,
    }
}

/// The page that says what went wrong.
pub(super) async fn refused(app: &App, error: &Error) -> Response {
    let message = format!(r#"<p class="plain-error" role="alert">{}</p>"#, encode_text(&error.to_string()));
    problem::because(error, page(app, error.status(), &message).await)
}

async fn analysis(app: &App, request: Request) -> Result<Analysis, Error> {
    let content_type = request.headers().get(CONTENT_TYPE).cloned();
    let body = body::read(app, request, body::require_form).await?;
    app.analyze(Payload::File(file(content_type, body).await?)).await
}

/// The file of the form (RFC 7578).
async fn file(content_type: Option<HeaderValue>, body: Bytes) -> Result<Bytes, Error> {
    let mut request = Request::new(body.into());
    request.headers_mut().extend(content_type.map(|it| (CONTENT_TYPE, it)));
    // The body has been read, up to the server's own limit.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut fields = Multipart::from_request(request, &()).await.map_err(|_| Error::InvalidBody)?;
    while let Some(field) = fields.next_field().await.map_err(|_| Error::InvalidBody)? {
        if field.name() == Some(FIELD) {
            let file = field.bytes().await.map_err(|_| Error::InvalidBody)?;
            return if file.is_empty() { Err(Error::NoFile) } else { Ok(file) };
        }
    }
    Err(Error::NoFile)
}

fn list(predictions: &[Prediction]) -> String {
    let mut list = r#"<ol class="plain-answer">"#.to_owned();
    for Prediction { label, confidence } in predictions {
        let words = label.replace('_', " ");
        let (text, attribute) = (encode_text(&words), encode_double_quoted_attribute(&words));
        let per_cent = confidence * 100.0;
        let _ = write!(
            list,
            r#"<li><span>{text}</span> <span>{per_cent:.1} %</span><meter value="{confidence}" aria-label="{attribute}"></meter></li>"#
        );
    }
    list.push_str("</ol>");
    list
}

async fn page(app: &App, status: StatusCode, answer: &str) -> Response {
    let page = app.site.read(PAGE).await.unwrap_or_default();
    let page = String::from_utf8_lossy(&page);
    let (before, rest) = page.split_once(BEGIN).unwrap_or((&page, ""));
    let after = rest.split_once(END).map_or("", |(_, after)| after);
    (status, [(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Html(format!("{before}{answer}{after}")))
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_stays_a_text() {
        let label = r#"<b>"a"_&_b"#.into();
        let list = list(&[Prediction { label, confidence: 0.25 }]);
        assert!(list.contains(r#"<span>&lt;b&gt;"a" &amp; b</span> <span>25.0 %</span>"#), "{list}");
        let attribute = list.split(r#"aria-label=""#).nth(1).unwrap().split(r#""></meter>"#).next().unwrap();
        assert!(attribute.contains("&quot;a&quot;") && !attribute.contains('"'), "{list}");
    }
}
