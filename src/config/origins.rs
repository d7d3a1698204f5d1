use std::str::FromStr;

use axum::http::{HeaderValue, Uri};

use super::values::list;

/// Which web origins may call the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Any.
    Any,
    /// These, as browsers write them: scheme, host and, where it is not the scheme's own, port.
    List(Vec<HeaderValue>),
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        list(text).map(origin).collect::<Result<_, _>>().map(Self::List)
    }
}

fn origin(text: &str) -> Result<HeaderValue, String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let uri: Option<Uri> = text.parse().ok();
    let is_origin = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && text.matches('/').count() == 2
            && !text.contains('?')
    });
    let value = HeaderValue::from_str(text).ok().filter(|_| is_origin);
    value.ok_or_else(|| {
        format!(
            "\"{text}\" is no origin; CORS_ALLOW_ORIGINS is a list such as https://example.org,http://localhost:4321"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        assert_eq!("*".parse(), Ok(Origins::Any));
        assert_eq!("".parse(), Ok(Origins::List(Vec::new())));
        let list = ["https://example.org", "http://localhost:4321"].map(HeaderValue::from_static).to_vec();
        assert_eq!("https://example.org/, http://localhost:4321".parse(), Ok(Origins::List(list)));
        for text in ["example.org", "ftp://example.org", "https://example.org/page", "https://", "https://a@b", "null"]
        {
            assert!(text.parse::<Origins>().is_err(), "{text}");
        }
    }
}
