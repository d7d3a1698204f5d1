//! The headers of the answers.

use axum::http::HeaderName;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use utoipa::Modify;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Header, HeaderBuilder, OpenApi as Document, RefOr, Response};

use crate::http::access;
use crate::http::{analyze, request_id};

/// What one of our headers holds.
pub(super) fn header(name: &HeaderName) -> Header {
    let (kind, description, example) = if *name == RETRY_AFTER {
        (Type::Integer, "Seconds after which it is worth trying again", "1")
    } else if *name == WWW_AUTHENTICATE {
        (Type::String, "How to send a key (RFC 6750)", "Bearer")
    } else if *name == analyze::SERVER_TIMING {
        let example = "queue;dur=0.021, decode;dur=2.310, resize;dur=0.642, inference;dur=5.870";
        (Type::String, "Where the time went, in milliseconds", example)
    } else if *name == access::POLICY {
        let description = "How often a client may ask: `q` requests in `w` seconds. Only where `RATE_LIMIT` is set";
        (Type::String, description, "\"default\";q=20;w=4")
    } else if *name == access::STATE {
        let description = "`r` requests are left, the next after `t` seconds. Only where `RATE_LIMIT` is set";
        (Type::String, description, "\"default\";r=19;t=0")
    } else {
        let description = "The request's own id, or one that was made for it. The log has it too";
        (Type::String, description, "7c6f2c1e-3b1f-4b8e-9a52-0d6a3f1f7f10")
    };
    let example = if kind == Type::Integer { serde_json::json!(1) } else { example.into() };
    let schema = ObjectBuilder::new().schema_type(kind).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).example(Some(example)).build()
}

/// Adds the headers that middlewares set.
pub(super) struct Headers;

impl Modify for Headers {
    fn modify(&self, document: &mut Document) {
        for operation in document.paths.paths.values_mut().flat_map(operations) {
            // Where a key may be asked for, requests may be counted, once it has been found good.
            let is_counted = operation.security.is_some();
            for (status, response) in &mut operation.responses.responses {
                let RefOr::T(response) = response else { continue };
                add(response, &request_id::HEADER);
                if is_counted && status != "401" {
                    add(response, &access::POLICY);
                    add(response, &access::STATE);
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post].into_iter().flatten()
}

fn add(response: &mut Response, name: &HeaderName) {
    response.headers.insert(name.as_str().to_owned(), header(name).into());
}
