use axum::body::Body;
use axum::http::{Request, StatusCode};
use tower::ServiceExt;

use super::*;

async fn panics() -> StatusCode {
    panic!("a secret")
}

#[tokio::test]
async fn a_panic_in_a_route_is_a_500_without_its_words() {
    let routes = Router::new().route("/", get(panics));
    let router = middlewares(routes, &Origins::Any);
    for _ in 0..2 {
        let request = Request::get("/").header("x-request-id", "abc").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["x-request-id"], "abc");
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(body, r#"{"message":"Internal server error"}"#);
    }
}
