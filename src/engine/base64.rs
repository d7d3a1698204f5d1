//! Base64 text, to bytes.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig, Simd};
use percent_encoding::percent_decode_str;

use crate::error::{Error, Malformed};
use crate::memory;

/// The standard alphabet, with the vector instructions that the processor has.
static BASE64: LazyLock<Simd> = LazyLock::new(|| {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    Simd::standard(config)
});

/// Decodes `text` into `bytes`, replacing what was there.
///
/// Accepted: the standard and the URL-safe alphabet (RFC 4648, sections 4 and 5), with or without padding, with white
/// space anywhere (MIME breaks lines), bare or as a `data:...;base64,` URL (RFC 2397), whose data may be percent-encoded.
///
/// # Errors
/// [`Malformed::NotBase64`] for anything else; [`Error::OutOfMemory`].
pub fn decode(text: &str, bytes: &mut Vec<u8>) -> Result<(), Error> {
    let encoded = strip_data_url(text)?;
    bytes.clear();
    // Three bytes for every four characters, and up to three for a last, shorter group.
    memory::reserve(bytes, encoded.len() / 4 * 3 + 3)?;
    if BASE64.decode_vec(encoded, bytes).is_ok() {
        return Ok(());
    }
    // The form that nearly every client sends was tried first.
    bytes.clear();
    BASE64.decode_vec(normalize(encoded)?, bytes).map_err(|_| Malformed::NotBase64.into())
}

/// The media type that a `data:` URL names; empty where it names none, and in bare base64.
pub fn media_type(text: &str) -> &str {
    let text = text.trim_ascii_start();
    let rest = if starts_with_ignore_case(text, "data:") { &text["data:".len()..] } else { "" };
    rest.split([';', ',']).next().unwrap_or_default().trim_ascii()
}

fn strip_data_url(text: &str) -> Result<&str, Malformed> {
    let text = text.trim_ascii_start();
    if !starts_with_ignore_case(text, "data:") {
        return Ok(text);
    }
    let (header, data) = text.split_once(',').ok_or(Malformed::NotBase64)?;
    let encoding = header.rsplit(';').next().unwrap_or_default().trim_ascii();
    if encoding.eq_ignore_ascii_case("base64") { Ok(data) } else { Err(Malformed::NotBase64) }
}

fn starts_with_ignore_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The same text in the standard alphabet, without white space and percent-encoding.
fn normalize(encoded: &str) -> Result<Vec<u8>, Error> {
    let mut normal = Vec::new();
    memory::reserve(&mut normal, encoded.len())?;
    // A percent sign that begins no escape stays, and is not base64.
    normal.extend(percent_decode_str(encoded).filter(|byte| !byte.is_ascii_whitespace()).map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }));
    Ok(normal)
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    fn decoded(text: &str) -> Result<Vec<u8>, Error> {
        let mut bytes = b"left from the last request".to_vec();
        decode(text, &mut bytes).map(|()| bytes)
    }

    #[test]
    fn a_data_url_names_its_type() {
        for (text, expected) in [
            ("data:image/x-tga;base64,AAAA", "image/x-tga"),
            (" DATA:Image/PNG ;charset=utf-8;base64,AAAA", "Image/PNG"),
            ("data:;base64,AAAA", ""),
            ("data:", ""),
            ("AAAA", ""),
        ] {
            assert_eq!(media_type(text), expected, "{text}");
        }
    }

    #[test]
    fn data_urls_of_every_kind() {
        for prefix in [
            "data:image/png;base64,",
            "data:;base64,",
            "DATA:image/jpeg;BASE64,",
            "data:image/svg+xml;charset=utf-8;base64,",
            "  data:image/png;base64, ",
        ] {
            assert_eq!(decoded(&format!("{prefix}aGVsbG8=")).as_deref(), Ok(&b"hello"[..]), "{prefix}");
        }
    }

    #[test]
    fn percent_encoded_data_urls() {
        let bytes = [0xfb, 0xff, 0xbf];
        for text in ["data:image/png;base64,%2B%2F%2b%2f", "data:;base64,%2B/%2B/", "data:;base64,%0A+/+/%20"] {
            assert_eq!(decoded(text).as_deref(), Ok(&bytes[..]), "{text}");
        }
        assert_eq!(decoded("data:;base64,aGVsbG8%3D").as_deref(), Ok(&b"hello"[..]));
    }

    #[test]
    fn what_is_not_base64() {
        for text in [
            "hello, world",
            "aGVsbG8=aGVsbG8=",
            "aGVsbG8==",
            "a",
            "data:image/png,aGVsbG8=",
            "data:image/png;base64",
            "aGVs*G8=",
            "héllo",
            "aGVs%G8",
            "aGVsbG8%",
            "aGVsbG8%3",
        ] {
            assert_eq!(decoded(text), Err(Malformed::NotBase64.into()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_accepted_form_gives_the_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300), every in 1..80_usize) {
            for encoded in [
                BASE64_STANDARD.encode(&bytes),
                BASE64_STANDARD_NO_PAD.encode(&bytes),
                BASE64_URL_SAFE.encode(&bytes),
                BASE64_URL_SAFE_NO_PAD.encode(&bytes),
            ] {
                let broken: Vec<String> = encoded.as_bytes().chunks(every).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
                prop_assert_eq!(decoded(&encoded), Ok(bytes.clone()));
                prop_assert_eq!(decoded(&broken.join("\r\n")), Ok(bytes.clone()));
                prop_assert_eq!(decoded(&format!("data:image/jpeg;base64,{encoded}")), Ok(bytes.clone()));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,200}") {
            let _ = decoded(&text);
        }
    }
}
