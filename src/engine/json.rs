//! One field of a JSON object, borrowed from the body where it has no escapes: a picture of
//! megabytes is not copied to be looked at.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

/// What a field holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// The object has no such field.
    Absent,
    Null,
    Text(Cow<'a, str>),
    /// A number, say.
    Other,
}

/// Why a body has no fields.
#[derive(Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It is not JSON, from this byte of its line on.
    NotJson { column: usize },
    /// It is JSON, but no object.
    NotAnObject,
}

/// The field `name` of the object that `body` holds; of several, the last.
pub fn read<'a>(body: &'a [u8], name: &str) -> Result<Field<'a>, Malformed> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let field = Object { name }.deserialize(&mut json);
    field.and_then(|field| json.end().map(|()| field)).map_err(|error| match error.classify() {
        Category::Data => Malformed::NotAnObject,
        _ => Malformed::NotJson { column: error.column() },
    })
}

/// `text`, which [`read`] has found in `body`, with a life of its own; without a copy where it can be.
pub fn share(body: &Bytes, text: Cow<'_, str>) -> Bytes {
    match text {
        Cow::Borrowed(text) => body.slice_ref(text.as_bytes()),
        Cow::Owned(text) => Bytes::from(text),
    }
}

struct Object<'n> {
    name: &'n str,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Field<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Field<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Field<'de>, A::Error> {
        let mut field = Field::Absent;
        while let Some(Key(key)) = object.next_key()? {
            if key == self.name {
                field = object.next_value()?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(field)
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyField)
    }
}

struct AnyField;

impl<'de> Visitor<'de> for AnyField {
    type Value = Field<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Field<'de>, E> {
        Ok(Field::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Field<'de>, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_field_may_hold() {
        for (body, field) in [
            (r#"{"a": "text"}"#, Field::Text("text".into())),
            (r#" {"b": [1, {"a": "no"}], "a": "text"} "#, Field::Text("text".into())),
            (r#"{"a": "a\/b\n"}"#, Field::Text("a/b\n".into())),
            (r#"{"\u0061": ""}"#, Field::Text("".into())),
            (r#"{"a": 1, "a": "last"}"#, Field::Text("last".into())),
            (r#"{"a": null}"#, Field::Null),
            ("{}", Field::Absent),
            (r#"{"b": "text"}"#, Field::Absent),
            (r#"{"a": 1.5}"#, Field::Other),
            (r#"{"a": -1}"#, Field::Other),
            (r#"{"a": true}"#, Field::Other),
            (r#"{"a": ["text"]}"#, Field::Other),
            (r#"{"a": {"a": "text"}}"#, Field::Other),
        ] {
            assert_eq!(read(body.as_bytes(), "a"), Ok(field), "{body}");
        }
    }

    #[test]
    fn a_plain_text_is_not_copied() {
        let body = br#"{"a": "aGVsbG8="}"#;
        assert!(matches!(read(body, "a"), Ok(Field::Text(Cow::Borrowed("aGVsbG8=")))));
    }

    #[test]
    fn what_is_no_object() {
        for body in ["[]", r#"["text"]"#, "1", "null", r#""text""#, "true"] {
            assert_eq!(read(body.as_bytes(), "a"), Err(Malformed::NotAnObject), "{body}");
        }
        let deep = "[".repeat(100_000);
        for body in
            ["", "{", r#"{"a": "text"} x"#, r#"{"a": 'text'}"#, "{a: 1}", "\u{feff}{}", &format!(r#"{{"b": {deep}"#)]
        {
            assert!(matches!(read(body.as_bytes(), "a"), Err(Malformed::NotJson { .. })), "{body:.40}");
        }
        assert!(matches!(read(b"{\"a\": \"\xff\"}", "a"), Err(Malformed::NotJson { .. })));
    }
}
