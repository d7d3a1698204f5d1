//! The files in a form (multipart/form-data, RFC 7578) that is in memory. A part with a file name or the type of
//! an image is a file, whatever its own name is: clients call it as they like.
//!
//! The files lie in the form and are not copied, which no parser of streams can do.

use httparse::{EMPTY_HEADER, Header, Status};
use memchr::memmem::Finder;

use super::payload::File;
use crate::error::{Error, Malformed};
use crate::image::Format;
use crate::stop::Stop;

/// Parts of a form that are read, at most. A browser's form has one or a few, and even an empty part costs time.
const MAX_PARTS: usize = 100;

/// Headers of a part, and their bytes, at most. Browsers send two or three short ones.
const MAX_HEADERS: usize = 32;
const MAX_HEAD_BYTES: usize = 16 << 10;

/// A line break.
const BREAK: &[u8] = b"\r\n";

/// The first file of `form` that is not empty: a browser sends an empty one for a field without a choice.
///
/// # Errors
/// [`Malformed::NotAForm`], [`Malformed::TooManyParts`], [`Malformed::NoFile`]; what [`Stop::check`] returns.
pub(super) fn first<'f>(form: &'f [u8], boundary: &str, stop: &Stop) -> Result<File<'f>, Error> {
    let mut files = Files::new(form, boundary)?;
    while let Some(upload) = files.next(stop)? {
        if !upload.bytes.is_empty() {
            return Ok(upload);
        }
    }
    Err(Malformed::NoFile.into())
}

/// The files of `form` in their order, `limit` at most.
///
/// # Errors
/// As for one file, but that a form without files gives none; [`Error::TooManyInputs`].
pub fn files<'f>(form: &'f [u8], boundary: &str, limit: usize, stop: &Stop) -> Result<Vec<File<'f>>, Error> {
    let (mut files, mut uploads) = (Files::new(form, boundary)?, Vec::new());
    while let Some(upload) = files.next(stop)? {
        if uploads.len() == limit {
            return Err(Error::TooManyInputs { limit });
        }
        uploads.push(upload);
    }
    Ok(uploads)
}

/// The parts of a form that are files.
struct Files<'f> {
    /// What is behind the last delimiter that was found.
    rest: &'f [u8],
    /// Finds the delimiters (RFC 2046, section 5.1.1), each with the line break before it.
    delimiter: Finder<'static>,
    seen: usize,
}

impl<'f> Files<'f> {
    /// Text before the first delimiter is skipped.
    fn new(form: &'f [u8], boundary: &str) -> Result<Self, Error> {
        let delimiter = Finder::new(&format!("\r\n--{boundary}")).into_owned();
        let rest = match form.strip_prefix(&delimiter.needle()[BREAK.len()..]) {
            Some(rest) => rest,
            None => split(form, &delimiter)?.1,
        };
        Ok(Self { rest, delimiter, seen: 0 })
    }

    /// The next file; `None` at the end of the form.
    fn next(&mut self, stop: &Stop) -> Result<Option<File<'f>>, Error> {
        while self.seen < MAX_PARTS {
            stop.check()?;
            self.seen += 1;
            // The last delimiter ends with two dashes, and any may end with white space.
            if self.rest.starts_with(b"--") {
                return Ok(None);
            }
            let padding = self.rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let part = self.rest[padding..].strip_prefix(BREAK).ok_or(Malformed::NotAForm)?;
            let mut headers = [EMPTY_HEADER; MAX_HEADERS];
            let head = &part[..part.len().min(MAX_HEAD_BYTES)];
            let Ok(Status::Complete((begin, headers))) = httparse::parse_headers(head, &mut headers) else {
                return Err(Malformed::NotAForm.into());
            };
            // The delimiter behind an empty file may begin with the line break that ends the head.
            let before = begin.saturating_sub(BREAK.len());
            let (content, rest) = split(&part[before..], &self.delimiter)?;
            self.rest = rest;
            if is_file(headers) {
                let bytes = part.get(begin..before + content.len()).unwrap_or_default();
                return Ok(Some(File { bytes, named: media_type(headers).and_then(Format::named) }));
            }
        }
        Err(Malformed::TooManyParts { limit: MAX_PARTS }.into())
    }
}

/// What is before and behind the first delimiter.
fn split<'f>(form: &'f [u8], delimiter: &Finder<'_>) -> Result<(&'f [u8], &'f [u8]), Malformed> {
    let at = delimiter.find(form).ok_or(Malformed::NotAForm)?;
    Ok((&form[..at], &form[at + delimiter.needle().len()..]))
}

fn is_file(headers: &[Header<'_>]) -> bool {
    let is_image = |kind: &str| kind.get(..6).is_some_and(|kind| kind.eq_ignore_ascii_case("image/"));
    value(headers, "content-disposition").is_some_and(has_file_name) || media_type(headers).is_some_and(is_image)
}

fn media_type<'h>(headers: &[Header<'h>]) -> Option<&'h str> {
    let kind = str::from_utf8(value(headers, "content-type")?).ok()?;
    Some(kind.split(';').next().unwrap_or_default().trim())
}

fn value<'h>(headers: &[Header<'h>], name: &str) -> Option<&'h [u8]> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// Whether a Content-Disposition has the parameter `filename` or `filename*` (RFC 6266), with or without a name in it.
fn has_file_name(disposition: &[u8]) -> bool {
    let is = |name: &[u8], other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    parameters(disposition).any(|(name, _)| is(name, "filename") || is(name, "filename*"))
}

/// The boundary that the Content-Type of a form names, without its quotes.
pub fn boundary(content_type: &[u8]) -> Option<String> {
    let (_, value) = parameters(content_type).find(|(name, _)| name.eq_ignore_ascii_case(b"boundary"))?;
    let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    String::from_utf8(value.to_vec()).ok().filter(|boundary| !boundary.is_empty())
}

/// The parameters of a header, as they are written. A quoted value may hold semicolons, and quotes behind a backslash.
fn parameters(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = header.split(move |byte| {
        let is_literal = std::mem::take(&mut is_escaped);
        match byte {
            _ if is_literal => {}
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b';' => return !is_quoted,
            _ => {}
        }
        false
    });
    parts.skip(1).filter_map(|part| {
        let (name, value) = part.split_at_checked(memchr::memchr(b'=', part)?)?;
        Some((name.trim_ascii(), value[1..].trim_ascii()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(form: &[u8]) -> Result<&[u8], Error> {
        first(form, "x", &Stop::never()).map(|upload| upload.bytes)
    }

    fn part(name: &str, content: &[u8]) -> Vec<u8> {
        let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n\r\n");
        [head.as_bytes(), content, b"\r\n"].concat()
    }

    fn field(name: &str, content: &[u8]) -> Vec<u8> {
        [format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").as_bytes(), content, b"\r\n"]
            .concat()
    }

    #[test]
    fn the_first_file_is_found() {
        let large: Vec<u8> = (0..5_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let form = [field("top_k", b"5"), part("any", &large), part("other", b"b"), b"--x--\r\n".to_vec()].concat();
        assert!(file(&form) == Ok(&large));
        let typed =
            b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: image/png\r\n\r\nfile\r\n--x--\r\n";
        assert_eq!(file(typed), Ok(&b"file"[..]));
    }

    #[test]
    fn all_files_come_in_their_order() {
        let form =
            [part("a", b"one"), field("b", b"no file"), part("a", b""), part("c", b"three"), b"--x--\r\n".to_vec()]
                .concat();
        let all = |limit| files(&form, "x", limit, &Stop::never());
        assert_eq!(all(3), Ok([&b"one"[..], b"", b"three"].map(|bytes| File { bytes, named: None }).to_vec()));
        assert_eq!(all(2), Err(Error::TooManyInputs { limit: 2 }));
        assert_eq!(files(b"--x--\r\n", "x", 3, &Stop::never()), Ok(Vec::new()));
    }

    #[test]
    fn what_almost_is_a_delimiter_belongs_to_the_file() {
        for content in ["", "\r\n", "\r\n--", "a--x", "\n--x", "\r\n--y\r\n", "\r\r\n\r\n-", " --x--"] {
            let form = [part("picture", content.as_bytes()), b"--x--\r\n".to_vec()].concat();
            let all = files(&form, "x", 1, &Stop::never()).unwrap();
            assert_eq!(all, [File { bytes: content.as_bytes(), named: None }], "{content:?}");
        }
    }

    #[test]
    fn text_and_white_space_around_delimiters() {
        let picture = part("picture", b"content");
        for form in [
            [b"preamble\r\n", &picture[..], b"--x--"].concat(),
            [&picture[..3], b" \t", &picture[3..], b"--x-- \r\nepilogue\r\n--x"].concat(),
            [b"preamble --x\r\n", &picture[..], b"--x\t\r\nA: b\r\n\r\n\r\n--x--"].concat(),
        ] {
            let all = files(&form, "x", 1, &Stop::never());
            assert_eq!(all, Ok(vec![File { bytes: b"content", named: None }]), "{}", form.escape_ascii());
        }
    }

    #[test]
    fn parts_that_are_files() {
        for (head, is_file) in [
            ("Content-Disposition: form-data; name=a; filename=b", true),
            ("content-disposition: form-data; FileName=\"\"", true),
            ("Content-Disposition: form-data; name=\"a\"; filename*=utf-8''%c3%a4", true),
            ("Content-Disposition: form-data; name=\"ä; \\\"\"; filename=\"ä\"", true),
            ("Content-Disposition: form-data; name=\"a; filename=b\"", false),
            ("Content-Disposition: form-data; name=\"\\\"; filename=b\"", false),
            ("Content-Disposition: filename; name=filename", false),
            ("Content-Type: IMAGE/png; a=b", true),
            ("Content-Type: text/plain", false),
            ("Content-Type: imag", false),
            ("", false),
        ] {
            let line_break = if head.is_empty() { "" } else { "\r\n" };
            let form = format!("--x\r\n{head}{line_break}\r\ncontent\r\n--x--");
            let expected = if is_file { Ok(&b"content"[..]) } else { Err(Malformed::NoFile.into()) };
            assert_eq!(file(form.as_bytes()), expected, "{head}");
        }
    }

    #[test]
    fn a_content_type_names_the_boundary() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=x", Some("x")),
            ("multipart/form-data;charset=utf-8;BOUNDARY = \"a; b\" ;", Some("a; b")),
            ("multipart/form-data; boundary=----=_Part_1/2:3", Some("----=_Part_1/2:3")),
            ("multipart/form-data; boundary=", None),
            ("multipart/form-data; boundary=\"\"", None),
            ("multipart/form-data; boundary", None),
            ("boundary=x", None),
        ] {
            assert_eq!(boundary(content_type.as_bytes()).as_deref(), expected, "{content_type}");
        }
    }

    #[test]
    fn an_empty_file_is_none_where_one_is_wanted() {
        let form = [part("a", b""), part("b", b"content"), b"--x--\r\n".to_vec()].concat();
        assert_eq!(file(&form), Ok(&b"content"[..]));
    }

    #[test]
    fn the_type_of_a_part_names_what_its_bytes_can_not() {
        let form = b"--x\r\nContent-Type: image/x-tga; a=b\r\n\r\nfile\r\n--x--";
        assert_eq!(first(form, "x", &Stop::never()), Ok(File { bytes: b"file", named: Some(Format::Tga) }));
    }

    #[test]
    fn lines_that_end_with_a_line_feed_only() {
        for form in [&b"--x\r\n\nfile\r\n--x--"[..], b"--x\r\nA: b\n\nfile\r\n--x--"] {
            assert_eq!(file(form), Err(Malformed::NoFile.into()));
        }
        let form = b"--x\r\nContent-Type: image/png\n\nfile\r\n--x--";
        assert_eq!(file(form), Ok(&b"file"[..]));
        assert_eq!(file(b"--x\ncontent"), Err(Malformed::NotAForm.into()));
    }

    #[test]
    fn a_head_without_end() {
        let form = [b"--x\r\nContent-Disposition: ".to_vec(), vec![b'a'; 20_000_000]].concat();
        assert_eq!(file(&form), Err(Malformed::NotAForm.into()));
        assert_eq!(file(&vec![b'-'; 20_000_000]), Err(Malformed::NotAForm.into()));
        let many = [&b"--x\r\n"[..], &b"A: b\r\n".repeat(MAX_HEADERS + 1), b"\r\n\r\n--x--"].concat();
        assert_eq!(file(&many), Err(Malformed::NotAForm.into()));
    }

    #[test]
    fn a_form_without_a_file() {
        for form in [b"--x--\r\n".to_vec(), [field("other", b"a"), b"--x--\r\n".to_vec()].concat()] {
            assert_eq!(file(&form), Err(Malformed::NoFile.into()));
        }
        assert_eq!(file(&[part("picture", b""), b"--x--\r\n".to_vec()].concat()), Err(Malformed::NoFile.into()));
    }

    #[test]
    fn a_form_that_is_cut_short() {
        let whole = [part("picture", b"content"), b"--x--\r\n".to_vec()].concat();
        for length in 0..whole.len() - b"\r\n--x--\r\n".len() {
            assert_eq!(file(&whole[..length]), Err(Malformed::NotAForm.into()), "{length}");
        }
        assert_eq!(file(b"no form"), Err(Malformed::NotAForm.into()));
    }

    #[test]
    fn empty_parts_without_end() {
        let form = field("", b"").repeat(100_000);
        assert_eq!(file(&form), Err(Malformed::TooManyParts { limit: MAX_PARTS }.into()));
        let form = part("", b"").repeat(100_000);
        assert_eq!(
            files(&form, "x", usize::MAX, &Stop::never()),
            Err(Malformed::TooManyParts { limit: MAX_PARTS }.into())
        );
    }
}
