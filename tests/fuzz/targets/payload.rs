//! Any body, and any text in its field: never a panic; the field that `serde_json` finds as well; bytes that depend on
//! the text alone.
#![no_main]

use bytes::Bytes;
use glimpse::engine::base64;
use glimpse::engine::json::{self as field, Field, Malformed};
use glimpse::error::Error;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NAME: &str = "base64Image";

fuzz_target!(|body: &[u8]| {
    let field = field::read(body, NAME);
    // What is ignored is not looked at as closely here, so what is no JSON for `serde_json` may have a field.
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        let expected = match &value {
            Value::Object(object) => Ok(match object.get(NAME) {
                None => Field::Absent,
                Some(Value::Null) => Field::Null,
                Some(Value::String(text)) => Field::Text(text.into()),
                Some(_) => Field::Other,
            }),
            _ => Err(Malformed::NotAnObject),
        };
        assert_eq!(field, expected);
    }
    if let Ok(Field::Text(text)) = field {
        decode(&text);
        let shared = Bytes::copy_from_slice(body);
        if let Ok(Field::Text(again)) = field::read(&shared, NAME) {
            assert_eq!(field::share(&shared, again), text.as_bytes());
        }
    }
    if let Ok(text) = std::str::from_utf8(body) {
        decode(text);
    }
});

fn decode(text: &str) {
    let mut bytes = b"left from the last request".to_vec();
    let decoded = base64::decode(text, &mut bytes);
    assert!(matches!(decoded, Ok(()) | Err(Error::NotBase64)));
    if decoded.is_ok() {
        assert!(bytes.len() <= text.len());
        // White space means nothing.
        let mut again = Vec::new();
        assert!(base64::decode(&format!(" {text}\n"), &mut again).is_ok());
        assert_eq!(bytes, again);
    }
}
