//! `POST /answer`: the form of a page without JavaScript. A picture file in, a page of the site out.

use std::fmt::Write;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use html_escape::{encode_double_quoted_attribute, encode_text};

use super::App;
use super::body::{self, Received};
use super::problem::Problem;
use crate::engine::Payload;
use crate::model::Prediction;
use crate::protocol::choice::Choice;

/// The page of the site that holds the result between these two comments.
pub(super) const PAGE: &str = "answer.html";
const BEGIN: &str = "<!--answer-->";
const END: &str = "<!--/answer-->";

pub(super) async fn analyze(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let boundary = body::require_form(request.headers())?;
    let Received { bytes, coding, .. } = body::receive(&app, request).await?;
    let model = app.model();
    let choice = Choice::usual(&model);
    let terms = app.terms(&model, choice.output());
    let analysis = app.analyze(Payload::part(bytes, boundary).compressed(coding), terms).await?;
    Ok(page(&app, &list(choice.of_all(&analysis.predictions))).await.into_response())
}

/// Renders the problems of the route as a page.
pub(super) async fn render(Extension(app): Extension<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let message = format!(r#"<p class="plain-error" role="alert">{}</p>"#, encode_text(&problem.message()));
    let (status, page) = (problem.status(), page(&app, &message).await);
    problem.respond(status, page)
}

fn list(predictions: &[Prediction]) -> String {
    if predictions.is_empty() {
        return "<p>Nothing that the model knows is in this picture with enough confidence.</p>".to_owned();
    }
    let mut list = r#"<ol class="plain-answer">"#.to_owned();
    for Prediction { label, confidence, .. } in predictions {
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

async fn page(app: &App, result: &str) -> impl IntoResponse + use<> {
    let page = app.site.read(PAGE).await.unwrap_or_default();
    let page = String::from_utf8_lossy(&page);
    let (before, rest) = page.split_once(BEGIN).unwrap_or((&page, ""));
    let after = rest.split_once(END).map_or("", |(_, after)| after);
    ([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Html(format!("{before}{result}{after}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_stays_a_text() {
        let label = r#"<b>"a"_&_b"#.into();
        let list = list(&[Prediction { index: 0, label, confidence: 0.25, activation: None }]);
        assert!(list.contains(r#"<span>&lt;b&gt;"a" &amp; b</span> <span>25.0 %</span>"#), "{list}");
        let attribute = list.split(r#"aria-label=""#).nth(1).unwrap().split(r#""></meter>"#).next().unwrap();
        assert!(attribute.contains("&quot;a&quot;") && !attribute.contains('"'), "{list}");
    }
}
