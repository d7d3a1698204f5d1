//! The headers of the responses.

use axum::http::HeaderName;
use axum::http::header::{ACCEPT_ENCODING, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Header, HeaderBuilder, OpenApi as Document, Ref, RefOr, Response};

use crate::http::headers::{MODEL_REVISION, RATE_LIMIT, RATE_LIMIT_POLICY, REQUEST_ID, SERVER_TIMING};

/// The description of a header, shared by all answers that have it.
struct Described {
    name: HeaderName,
    kind: Type,
    /// Whether every answer that lists the header has it.
    is_certain: bool,
    description: &'static str,
    example: Value,
}

fn all() -> [Described; 8] {
    [
        Described {
            name: REQUEST_ID,
            kind: Type::String,
            is_certain: true,
            description: "The request's own id, or one that was made for it. The log has it too.",
            example: json!("7c6f2c1e-3b1f-4b8e-9a52-0d6a3f1f7f10"),
        },
        Described {
            name: SERVER_TIMING,
            kind: Type::String,
            is_certain: true,
            description: "Where the time went, in milliseconds.",
            example: json!("queue;dur=0.021, decode;dur=2.310, resize;dur=0.642, inference;dur=5.870"),
        },
        Described {
            name: MODEL_REVISION,
            kind: Type::String,
            is_certain: true,
            description: "The `revision` in `GET /api/v1/model` of the model that answered.",
            example: json!("5b0a1c2d3e4f5061"),
        },
        Described {
            name: RETRY_AFTER,
            kind: Type::Integer,
            is_certain: false,
            description: "Seconds after which it is worth trying again.",
            example: json!(1),
        },
        Described {
            name: ACCEPT_ENCODING,
            kind: Type::String,
            is_certain: false,
            description: "The content codings that a request's body may have.",
            example: json!("gzip, deflate"),
        },
        Described {
            name: WWW_AUTHENTICATE,
            kind: Type::String,
            is_certain: true,
            description: "How to send a key (RFC 6750).",
            example: json!("Bearer"),
        },
        Described {
            name: RATE_LIMIT_POLICY,
            kind: Type::String,
            is_certain: false,
            description: "How often a client may ask: `q` requests in `w` seconds. Only where `RATE_LIMIT` is set.",
            example: json!("\"default\";q=20;w=4"),
        },
        Described {
            name: RATE_LIMIT,
            kind: Type::String,
            is_certain: false,
            description: "`r` requests are left, the next after `t` seconds. Only where `RATE_LIMIT` is set.",
            example: json!("\"default\";r=19;t=0"),
        },
    ]
}

impl From<Described> for Header {
    fn from(Described { kind, is_certain, description, example, .. }: Described) -> Self {
        let schema = ObjectBuilder::new().schema_type(kind).build();
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description)).example(Some(example));
        // The builder knows of no `required`.
        header.extensions(is_certain.then(|| Extensions::from_iter([("required", true)]))).build()
    }
}

/// A reference to the description of a header.
pub(super) fn reference(name: &HeaderName) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// Describes the headers, and adds those that layers set.
pub(super) fn describe(document: &mut Document) {
    let components = document.components.get_or_insert_default();
    components.headers = all().into_iter().map(|it| (it.name.to_string(), Header::from(it).into())).collect();
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        // The routes that may require a key are those that may have a rate limit. A wrong key is refused before it.
        let is_counted = operation.security.is_some();
        for (status, response) in &mut operation.responses.responses {
            let RefOr::T(response) = response else { continue };
            add(response, &REQUEST_ID);
            if is_counted && status != "401" {
                add(response, &RATE_LIMIT_POLICY);
                add(response, &RATE_LIMIT);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post].into_iter().flatten()
}

fn add(response: &mut Response, name: &HeaderName) {
    response.headers.insert(name.to_string(), RefOr::Ref(reference(name)));
}
