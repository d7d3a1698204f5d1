//! One field of a JSON object, or a list in it. A text is borrowed from the document where it has no escapes, so that a
//! picture of megabytes is not copied.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use crate::error::{Error, FieldFault, Malformed};
use crate::memory;

/// Bytes of a character in UTF-8 at most.
const LONGEST_CHARACTER: usize = 4;

/// The value of a field.
#[derive(Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// The object has no such field.
    Absent,
    /// `null`.
    Null,
    /// A string, unescaped.
    Text(Cow<'a, str>),
    /// A number, a boolean, an array or an object.
    Other,
}

/// The field `name` of the object `json`. If the object has it more than once, the last one counts.
///
/// # Errors
/// [`Malformed::NotJson`] or [`Malformed::NotAnObject`]; [`Error::OutOfMemory`].
pub fn read<'a>(json: &'a [u8], name: &str) -> Result<Field<'a>, Error> {
    document(json, Object { name, value: PhantomData }).map(|field: Option<Field<'a>>| field.unwrap_or(Field::Absent))
}

/// The values of the list that the object `json` has in its field `name`: `limit` at most.
///
/// # Errors
/// [`Malformed::NotJson`], [`Malformed::NotAnObject`], [`Malformed::Field`]; [`Error::TooManyInputs`];
/// [`Error::OutOfMemory`].
pub fn list<'a>(json: &'a [u8], name: &'static str, limit: usize) -> Result<Vec<Field<'a>>, Error> {
    let list: Option<List<'a>> = document(json, Object { name, value: PhantomData })?;
    let fault = |fault| Err(Malformed::Field { name, fault }.into());
    match list {
        None => fault(FieldFault::Missing),
        Some(List::Other) => fault(FieldFault::NotAList),
        Some(List::Values(values)) if values.len() > limit => Err(Error::TooManyInputs { limit }),
        Some(List::Values(values)) => Ok(values),
    }
}

/// Deserializes a whole document.
///
/// # Errors
/// [`Malformed::NotJson`] or [`Malformed::NotAnObject`]; [`Error::OutOfMemory`].
fn document<'a, S: DeserializeSeed<'a>>(json: &'a [u8], seed: S) -> Result<S::Value, Error> {
    probe_for_unescaping(json)?;
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = seed.deserialize(&mut deserializer);
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| match error.classify() {
        Category::Data => Malformed::NotAnObject.into(),
        _ => Malformed::NotJson { column: error.column() }.into(),
    })
}

/// Checks that `serde_json` can copy the text of `json`, which it does for a text with escapes: once into a buffer that
/// grows by doubling, and once into the result. It aborts the process where the system refuses it memory.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn probe_for_unescaping(json: &[u8]) -> Result<(), Error> {
    const SMALL: usize = 1 << 20;
    if json.len() < SMALL || !json.contains(&b'\\') { Ok(()) } else { memory::probe(json.len().saturating_mul(3)) }
}

/// Whether a document may be JSON: by its first character, which is an ASCII one, or by a mark of Unicode. Nothing is JSON as
/// well, so that it is refused as a document and not as a picture.
pub fn may_be(bytes: &[u8]) -> bool {
    let marked = [&[0xef, 0xbb, 0xbf][..], &[0xff, 0xfe], &[0xfe, 0xff]].iter().any(|mark| bytes.starts_with(mark));
    let mut characters = bytes.iter().filter(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'));
    let first = characters.find(|byte| **byte != 0);
    marked || matches!(first, None | Some(b'{' | b'[' | b'"'))
}

/// JSON in UTF-8 without a byte order mark. UTF-16 is converted; without a mark it is told by its zero bytes, since
/// JSON begins with an ASCII character (RFC 4627, section 3).
///
/// # Errors
/// [`Malformed::NotJson`] where UTF-16 is invalid; [`Error::OutOfMemory`].
pub fn to_utf8(json: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    match json {
        [0xef, 0xbb, 0xbf, rest @ ..] => Ok(Cow::Borrowed(rest)),
        [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes),
        [1..=255, 0, ..] => from_utf16(json, u16::from_le_bytes),
        [0, 1..=255, ..] => from_utf16(json, u16::from_be_bytes),
        _ => Ok(Cow::Borrowed(json)),
    }
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'static, [u8]>, Error> {
    let invalid = Malformed::NotJson { column: 0 };
    let (units, []) = bytes.as_chunks::<2>() else { return Err(invalid.into()) };
    let mut text = Vec::new();
    memory::reserve(&mut text, units.len() + LONGEST_CHARACTER)?;
    for character in char::decode_utf16(units.iter().copied().map(unit)) {
        let character = character.map_err(|_| invalid.clone())?;
        memory::grow(&mut text, LONGEST_CHARACTER)?;
        text.extend_from_slice(character.encode_utf8(&mut [0; LONGEST_CHARACTER]).as_bytes());
    }
    Ok(Cow::Owned(text))
}

/// The last value of the field `name`.
struct Object<'n, T> {
    name: &'n str,
    value: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Object<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Option<T>, A::Error> {
        let mut field = None;
        while let Some(Key(key)) = object.next_key()? {
            if key == self.name {
                field = Some(object.next_value()?);
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(field)
    }
}

/// The values of a list, or anything else.
enum List<'a> {
    Values(Vec<Field<'a>>),
    Other,
}

/// More values than any list of pictures has. Those after it are not kept.
const MAX_VALUES: usize = 1 << 16;

/// A text that is borrowed where it has no escapes.
#[derive(Debug, serde::Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue(PhantomData))
    }
}

impl<'de> Deserialize<'de> for List<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue(PhantomData))
    }
}

/// What is kept of a value of any type.
trait Keep<'de>: Sized {
    /// Stands for a value that is not kept.
    const OTHER: Self;

    fn null() -> Self {
        Self::OTHER
    }

    /// Keeps a string. `text` copies one that has escapes.
    fn text(_text: impl FnOnce() -> Cow<'de, str>) -> Self {
        Self::OTHER
    }

    /// Reads an array to its end.
    fn list<A: SeqAccess<'de>>(mut sequence: A) -> Result<Self, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::OTHER)
    }
}

impl<'de> Keep<'de> for Field<'de> {
    const OTHER: Self = Self::Other;

    fn null() -> Self {
        Self::Null
    }

    fn text(text: impl FnOnce() -> Cow<'de, str>) -> Self {
        Self::Text(text())
    }
}

impl<'de> Keep<'de> for List<'de> {
    const OTHER: Self = Self::Other;

    fn list<A: SeqAccess<'de>>(mut sequence: A) -> Result<Self, A::Error> {
        let mut values = Vec::new();
        while values.len() < MAX_VALUES {
            let Some(value) = sequence.next_element()? else { return Ok(Self::Values(values)) };
            values.push(value);
        }
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Values(values))
    }
}

struct AnyValue<T>(PhantomData<T>);

impl<'de, T: Keep<'de>> Visitor<'de> for AnyValue<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<T, E> {
        Ok(T::text(|| Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(|| Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::null())
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::OTHER)
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::OTHER)
    }

    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::OTHER)
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::OTHER)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<T, A::Error> {
        T::list(sequence)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(T::OTHER)
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
    fn what_a_list_may_hold() {
        let text = |text: &'static str| Field::Text(text.into());
        assert_eq!(
            list(br#"{"a": ["x", null, 1, "y\/z"]}"#, "a", 4),
            Ok(vec![text("x"), Field::Null, Field::Other, text("y/z")])
        );
        assert_eq!(list(br#"{"a": []}"#, "a", 4), Ok(vec![]));
        assert_eq!(list(br#"{"a": [1, 2, 3]}"#, "a", 2), Err(Error::TooManyInputs { limit: 2 }));
        let fault = |fault| Err(Malformed::Field { name: "a", fault }.into());
        assert_eq!(list(b"{}", "a", 2), fault(FieldFault::Missing));
        for other in ["null", "1", "-1", "1.5", "true", "\"x\"", "{\"b\": [1]}"] {
            assert_eq!(list(format!("{{\"a\": {other}}}").as_bytes(), "a", 2), fault(FieldFault::NotAList), "{other}");
        }
        assert_eq!(list(b"[1]", "a", 2), Err(Malformed::NotAnObject.into()));
    }

    #[test]
    fn a_plain_text_is_not_copied() {
        let body = br#"{"a": "aGVsbG8="}"#;
        assert!(matches!(read(body, "a"), Ok(Field::Text(Cow::Borrowed("aGVsbG8=")))));
    }

    #[test]
    fn what_is_no_object() {
        for body in ["[]", r#"["text"]"#, "1", "null", r#""text""#, "true"] {
            assert_eq!(read(body.as_bytes(), "a"), Err(Malformed::NotAnObject.into()), "{body}");
        }
        let deep = "[".repeat(100_000);
        for body in
            ["", "{", r#"{"a": "text"} x"#, r#"{"a": 'text'}"#, "{a: 1}", "\u{feff}{}", &format!(r#"{{"b": {deep}"#)]
        {
            assert!(
                matches!(read(body.as_bytes(), "a"), Err(Error::Malformed(Malformed::NotJson { .. }))),
                "{body:.40}"
            );
        }
        assert!(matches!(read(b"{\"a\": \"\xff\"}", "a"), Err(Error::Malformed(Malformed::NotJson { .. }))));
    }

    #[test]
    fn every_encoding_of_unicode() {
        let json = "{\"a\": \"h\u{e9}\u{1f600}\"}";
        let little: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = json.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            json.as_bytes().to_vec(),
            [&b"\xef\xbb\xbf"[..], json.as_bytes()].concat(),
            [&b"\xff\xfe"[..], &little].concat(),
            [&b"\xfe\xff"[..], &big].concat(),
            little.clone(),
            big,
        ] {
            assert_eq!(to_utf8(&bytes).as_deref(), Ok(json.as_bytes()), "{bytes:x?}");
        }
        // Half a character, and half a surrogate pair.
        for broken in [&little[..little.len() - 1], b"\xff\xfe\x3d\xd8"] {
            assert!(to_utf8(broken).is_err(), "{broken:x?}");
        }
        assert_eq!(to_utf8(b"").as_deref(), Ok(&b""[..]));
    }
}
