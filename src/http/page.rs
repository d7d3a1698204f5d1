//! `GET /`: a plain page to try the API with.

use axum::response::Html;

pub(super) async fn start() -> Html<&'static str> {
    Html(include_str!("page.html"))
}
