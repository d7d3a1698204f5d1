//! Any payload in any place and coding: only the errors that are promised, never more than the limit, a file that depends
//! on the payload alone, and the field that `serde_json` finds.
//!
//! The first byte says where the picture is and how the rest is compressed: see [`payload`].
#![no_main]

use std::cell::RefCell;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use glimpse::engine::{Buffers, Coding, Payload, base64 as text};
use glimpse::error::Error;
use glimpse::stop::Stop;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NAME: &str = "base64Image";

/// Bytes that a payload may inflate to.
const LIMIT: usize = 1 << 20;

/// Bytes that a worker keeps from payload to payload.
const KEPT: usize = 1 << 16;

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// `kind` modulo 5 is the place: a file, base64 text, a field of JSON, a part of a form with the boundary `x`, a file or a field.
/// Divided by 5 and modulo 3 it is the coding: none, gzip, deflate.
fn payload(kind: u8, body: &[u8]) -> (Payload, Coding) {
    let bytes = Bytes::copy_from_slice(body);
    let payload = match kind % 5 {
        0 => Payload::file(bytes),
        1 => Payload::base64(bytes),
        2 => Payload::field(bytes, NAME),
        3 => Payload::part(bytes, "x".into()),
        _ => Payload::file_or_field(bytes, NAME),
    };
    let coding = [Coding::Identity, Coding::Gzip, Coding::Deflate][usize::from(kind / 5 % 3)];
    (payload.compressed(coding), coding)
}

fuzz_target!(|input: &[u8]| {
    let Some((kind, body)) = input.split_first() else { return };
    let (payload, coding) = payload(*kind, body);
    let stop = Stop::never();
    BUFFERS.with_borrow_mut(|kept| {
        let mut fresh = Buffers::default();
        let opened = payload.open(kept, LIMIT, &stop);
        assert_eq!(opened, payload.open(&mut fresh, LIMIT, &stop), "it depends on the payload before");
        match &opened {
            Ok(file) => assert!(file.bytes.len() <= if coding == Coding::Identity { body.len() } else { LIMIT }),
            Err(Error::Malformed(_)) => {}
            Err(Error::PayloadTooLarge { limit: LIMIT }) if coding != Coding::Identity => {}
            Err(error) => panic!("{error:?}"),
        }
        if kind % 4 == 2 && coding == Coding::Identity {
            check_field(body, opened.ok().map(|file| file.bytes));
        }
        if kept.held() > KEPT {
            *kept = Buffers::default();
        }
    });
    if let Ok(body) = std::str::from_utf8(body) {
        check_text(body);
    }
});

/// Holds the file in a JSON object against what `serde_json` finds in it. What is ignored is not looked at as closely by
/// the server, so that a document which is not JSON for `serde_json` may have a field.
fn check_field(json: &[u8], file: Option<&[u8]>) {
    let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(json) else { return };
    match object.get(NAME) {
        Some(Value::String(text)) => {
            let mut expected = Vec::new();
            let is_base64 = !text.is_empty() && text::decode(text, &mut expected).is_ok();
            assert_eq!(file, is_base64.then_some(&*expected));
        }
        _ => assert_eq!(file, None),
    }
}

fn check_text(text: &str) {
    let mut bytes = b"left from the last request".to_vec();
    if text::decode(text, &mut bytes).is_err() {
        return;
    }
    assert!(bytes.len() <= text.len());
    for same in [format!(" {text}\n"), BASE64_STANDARD.encode(&bytes)] {
        let mut again = Vec::new();
        assert!(text::decode(&same, &mut again).is_ok());
        assert_eq!(bytes, again);
    }
}
