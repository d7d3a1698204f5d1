//! API keys, of which only digests are kept.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::config::list;
use crate::error::StartError;

/// The header that carries a key, besides `Authorization`.
pub const KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The size of the largest file of keys, in bytes: about 16,000 keys of 64 characters.
const MAX_FILE: u64 = 1 << 20;

/// A set of API keys, as SHA-256 digests. A core dump or a stray read of memory shows no key.
///
/// A digest without salt and stretching suits keys that are long and random, for which guessing is hopeless
/// either way. It also gives all keys one length, so that a comparison does not depend on it.
#[derive(Clone, Default)]
pub struct Keys(Vec<[u8; 32]>);

impl Keys {
    /// The number of different keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `key` is in the set. All digests are compared, each in constant time.
    pub fn has(&self, key: &[u8]) -> bool {
        let digest = digest(key);
        self.0.iter().fold(Choice::from(0), |found, it| found | it.ct_eq(&digest)).into()
    }

    /// The keys in a file, one per line. Blank lines and blanks around a key do not count.
    ///
    /// # Errors
    /// The file can't be read, is larger than 1 MiB, is not UTF-8, or holds no key.
    pub fn read(path: &Path) -> Result<Self, StartError> {
        Self::parse(path).map_err(|reason| {
            let path = path.display();
            StartError::new(format!(
                "The API keys in {path} can't be used: {reason}. Set API_KEYS_FILE to a file with one key per line."
            ))
        })
    }

    fn parse(path: &Path) -> Result<Self, String> {
        let mut text = String::new();
        // The limit also holds for devices and pipes, which have no size to look at.
        let file = File::open(path).map_err(|error| error.to_string())?;
        let read = file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
        if read as u64 > MAX_FILE {
            return Err(format!("it is larger than {MAX_FILE} bytes"));
        }
        // Editors on Windows begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let keys: Self = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if keys.is_empty() { Err("it holds no key".to_owned()) } else { Ok(keys) }
    }

    fn of(digests: impl Iterator<Item = [u8; 32]>) -> Self {
        let mut digests: Vec<_> = digests.collect();
        digests.sort_unstable();
        digests.dedup();
        Self(digests)
    }

    /// These keys and those of `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::of(self.0.into_iter().chain(other.0))
    }
}

impl<'a> FromIterator<&'a str> for Keys {
    fn from_iter<I: IntoIterator<Item = &'a str>>(keys: I) -> Self {
        Self::of(keys.into_iter().map(|key| digest(key.as_bytes())))
    }
}

impl FromStr for Keys {
    type Err = String;

    /// Reads keys that are separated by commas. A list without any key is an error: it would open the server
    /// to everybody.
    fn from_str(text: &str) -> Result<Self, String> {
        let keys: Self = list(text).collect();
        if keys.is_empty() {
            return Err("it holds no key; unset API_KEYS to let everybody in".to_owned());
        }
        Ok(keys)
    }
}

/// Shows the number of keys alone.
impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} keys", self.len())
    }
}

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// The key in a request: `Authorization: Bearer` (RFC 6750), else `X-API-Key`. An empty key counts as missing.
pub fn sent(headers: &HeaderMap) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"Bearer ";
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(SCHEME.len())?;
        scheme.eq_ignore_ascii_case(SCHEME).then_some(key)
    });
    let key = bearer.or_else(|| headers.get(KEY).map(http::HeaderValue::as_bytes))?.trim_ascii();
    (!key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn digests_stand_for_keys() {
        let keys: Keys = "first, second,first,".parse().unwrap();
        assert_eq!(keys.len(), 2);
        assert!(keys.has(b"first") && keys.has(b"second"));
        assert!(!keys.has(b"") && !keys.has(b"firs") && !keys.has(b"first,second") && !keys.has(b"third"));
        assert_eq!(format!("{keys:?}"), "2 keys");
        let more = keys.and("third,second".parse().unwrap());
        assert!(more.len() == 3 && more.has(b"first") && more.has(b"third"));
    }

    /// FIPS 180-2, appendix B.1.
    #[test]
    fn the_digest_is_sha_256() {
        assert_eq!(digest(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
    }

    #[test]
    fn an_empty_list_is_an_error() {
        for text in ["", " ", ",", " , ,\t"] {
            assert!(text.parse::<Keys>().unwrap_err().contains("it holds no key"), "{text:?}");
        }
    }

    fn read(content: &[u8]) -> Result<Keys, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        Keys::read(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_of_keys() {
        let keys = read("\u{feff}first\r\n\n  second, with a comma \n".as_bytes()).unwrap();
        assert!(keys.len() == 2 && keys.has(b"first") && keys.has(b"second, with a comma"));
        let large = vec![b'k'; 1 << 21];
        for (content, reason) in
            [(&b"\n \n"[..], "it holds no key"), (b"", "it holds no key"), (b"\xff", "UTF-8"), (&large, "1048576")]
        {
            let message = read(content).unwrap_err();
            assert!(message.contains(reason) && message.contains("API_KEYS_FILE"), "{message}");
        }
        assert!(Keys::read(Path::new("nowhere/keys.txt")).unwrap_err().to_string().contains("nowhere/keys.txt"));
        if cfg!(target_os = "linux") {
            assert!(Keys::read(Path::new("/dev/zero")).is_err());
        }
    }

    #[test]
    fn where_a_key_is() {
        let found = |headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, value.parse().unwrap());
            }
            sent(&map).map(|key| String::from_utf8(key.to_vec()).unwrap())
        };
        assert_eq!(found(&[("authorization", "bearer  a ")]).as_deref(), Some("a"));
        assert_eq!(found(&[("x-api-key", "b")]).as_deref(), Some("b"));
        assert_eq!(found(&[("authorization", "Bearer a"), ("x-api-key", "b")]).as_deref(), Some("a"));
        assert_eq!(found(&[("authorization", "Basic a"), ("x-api-key", "b")]).as_deref(), Some("b"));
        for none in [&[][..], &[("authorization", "Bearer ")], &[("authorization", "Bearer")], &[("x-api-key", " ")]] {
            assert_eq!(found(none), None);
        }
    }
}
