//! The web site: its files, caching and security headers. The feature `embed` decides whether the tests use the site in the
//! executable or the one in the project's folder.

use std::path::PathBuf;

use reqwest::{Method, Response};
use sha2::{Digest, Sha256};

use crate::support::raw::head;
use crate::support::{Server, base64, description, refused, root, serving, temporary};

async fn ask(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = headers
        .iter()
        .fold(server.client.get(server.url(path)), |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The path of a script that the page loads.
async fn script(server: &Server) -> String {
    let page = server.get("/").await.text().await.unwrap();
    let start = page.find("/_astro/ImageUploader").unwrap();
    page[start..].split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn every_page_and_its_types() {
    let server = Server::start().await;
    for (path, words) in [
        ("/", "What is in the picture?"),
        ("/index.html", "What is in the picture?"),
        ("/docs", "/api/v1/analyze"),
        ("/licence", "Apache License"),
        ("/answer", "<form"),
    ] {
        let response = server.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(header(&response, "content-type"), "text/html; charset=utf-8", "{path}");
        assert!(response.text().await.unwrap().contains(words), "{path}");
    }
    for (path, content_type) in [("/favicon.svg", "image/svg+xml"), (script(&server).await.as_str(), "text/javascript")]
    {
        let response = server.get(path).await;
        assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, content_type), "{path}");
    }
}

#[tokio::test]
async fn the_docs_page_shows_the_description() {
    let page = Server::start().await.get("/docs").await.text().await.unwrap();
    let names = |at: &str| description().pointer(at).unwrap().as_object().unwrap().keys();
    for path in names("/paths") {
        assert!(page.contains(&format!(" {path}</code></h3>")), "{path}");
    }
    for schema in names("/components/schemas") {
        assert!(page.contains(&format!(r#"<h3 id="{schema}">"#)), "{schema}");
    }
    for header in names("/components/headers") {
        assert!(page.contains(&format!(r#"id="header-{header}""#)), "{header}");
    }
}

#[tokio::test]
async fn pages_are_revalidated_and_hashed_files_are_not() {
    let server = Server::start().await;
    for path in ["/", "/docs", "/favicon.svg"] {
        assert_eq!(header(&server.get(path).await, "cache-control"), "no-cache", "{path}");
    }
    let response = server.get(&script(&server).await).await;
    assert_eq!(header(&response, "cache-control"), "public, max-age=31536000, immutable");
}

#[tokio::test]
async fn a_current_etag_is_answered_304() {
    let server = Server::start().await;
    for path in ["/", &script(&server).await] {
        let first = server.get(path).await;
        let etag = header(&first, "etag").to_owned();
        assert!(etag.starts_with('"'), "{path}: {etag}");
        for condition in [("if-none-match", etag.as_str()), ("if-none-match", "*")] {
            let again = ask(&server, path, &[condition]).await;
            assert_eq!(again.status(), 304, "{path} {condition:?}");
            assert_eq!(header(&again, "etag"), etag, "{path}");
            assert!(!header(&again, "cache-control").is_empty(), "{path}");
            assert_eq!(again.bytes().await.unwrap(), "", "{path}");
        }
        assert_eq!(ask(&server, path, &[("if-none-match", "\"another\"")]).await.status(), 200);
        assert_eq!(ask(&server, path, &[("if-match", "\"another\"")]).await.status(), 412);
        assert_eq!(ask(&server, path, &[("if-match", &etag)]).await.status(), 200);
    }
}

#[tokio::test]
async fn accept_encoding_selects_the_compression() {
    let server = Server::start().await;
    for path in ["/", "/docs", &script(&server).await] {
        let plain = server.get(path).await;
        assert_eq!(header(&plain, "content-encoding"), "");
        let whole = plain.content_length().unwrap();
        let mut etags = vec![header(&plain, "etag").to_owned()];
        for (accepted, encoding) in
            [("gzip, deflate, br, zstd", "br"), ("gzip, deflate", "gzip"), ("br;q=0.1, gzip;q=0.9", "gzip")]
        {
            let response = ask(&server, path, &[("accept-encoding", accepted)]).await;
            assert_eq!(header(&response, "content-encoding"), encoding, "{path} {accepted}");
            let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
            assert!(vary.iter().any(|value| *value == "accept-encoding"), "{vary:?}");
            assert!(response.content_length().unwrap() < whole / 2, "{path} {accepted}");
            etags.push(header(&response, "etag").to_owned());
        }
        for accepted in ["identity", "br;q=0, gzip;q=0", "compress"] {
            assert_eq!(header(&ask(&server, path, &[("accept-encoding", accepted)]).await, "content-encoding"), "");
        }
        etags.sort();
        etags.dedup();
        assert_eq!(etags.len(), 3, "each form has an ETag of its own: {etags:?}");
    }
}

#[tokio::test]
async fn heads_and_parts() {
    let server = Server::start().await;
    let whole = server.get("/favicon.svg").await;
    let (length, etag) = (whole.content_length().unwrap(), header(&whole, "etag").to_owned());
    let whole = whole.bytes().await.unwrap();
    let head = server.client.head(server.url("/favicon.svg")).send().await.unwrap();
    assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, length.to_string().as_str()));
    assert_eq!(header(&head, "etag"), etag);
    assert_eq!(header(&head, "accept-ranges"), "bytes");

    let part = ask(&server, "/favicon.svg", &[("range", "bytes=5-14")]).await;
    assert_eq!(
        (part.status().as_u16(), header(&part, "content-range")),
        (206, format!("bytes 5-14/{length}").as_str())
    );
    assert_eq!(part.bytes().await.unwrap(), whole.slice(5..15));
    let end = ask(&server, "/favicon.svg", &[("range", "bytes=-10")]).await;
    assert_eq!(end.bytes().await.unwrap(), whole.slice(whole.len() - 10..));
    let beyond = ask(&server, "/favicon.svg", &[("range", "bytes=100000-")]).await;
    assert_eq!(
        (beyond.status().as_u16(), header(&beyond, "content-range")),
        (416, format!("bytes */{length}").as_str())
    );
    let if_range = ask(&server, "/favicon.svg", &[("range", "bytes=0-1"), ("if-range", "\"another\"")]).await;
    assert_eq!((if_range.status().as_u16(), if_range.bytes().await.unwrap()), (200, whole.clone()));
    let head = server.client.head(server.url("/favicon.svg")).header("range", "bytes=0-1").send().await.unwrap();
    assert_eq!(head.status(), 200);
    let several = ask(&server, "/favicon.svg", &[("range", "bytes=0-1,5-6")]).await;
    assert_eq!((several.status().as_u16(), several.bytes().await.unwrap()), (200, whole));
}

#[tokio::test]
async fn missing_paths_show_the_sites_404_page() {
    let server = Server::start().await;
    let long = format!("/{}", "a".repeat(5000));
    let deep = "/a".repeat(2500);
    for path in [
        long.as_str(),
        deep.as_str(),
        "/nothing",
        "/_astro",
        "/_astro/",
        "/docs/",
        "/docs/x",
        "/index.html/",
        "/.env",
        "/%00",
        "/%2e%2e/Cargo.toml",
    ] {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE] {
            let request = server.client.request(method.clone(), server.url(path));
            let response = request.header("range", "bytes=0-3").send().await.unwrap();
            assert_eq!(response.status(), 404, "{method} {path}");
            assert_eq!(header(&response, "content-type"), "text/html; charset=utf-8", "{method} {path}");
            assert!(header(&response, "content-security-policy").contains("frame-ancestors 'none'"));
            if method != Method::HEAD {
                assert!(response.text().await.unwrap().contains("There is nothing to see here"), "{method} {path}");
            }
        }
    }
    // An HTTP client would normalise these paths.
    for path in ["/../Cargo.toml", "/..%2fCargo.toml", "/docs/../../Cargo.toml", "//etc/passwd", "/%5c..%5cCargo.toml"]
    {
        let answer = server.exchange(head(&format!("GET {path}"), &["Connection: close"])).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.body.contains("[package]"), "{path}: {:.200}", answer.body);
    }
}

#[tokio::test]
async fn a_page_takes_no_other_method() {
    let server = Server::start().await;
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let response = server.client.request(method, server.url("/docs")).body("x").send().await.unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, "GET,HEAD"));
    }
    let response = server.client.delete(server.url("/answer")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, "GET,HEAD,POST"));
    assert_eq!(header(&server.get("/answer").await, "allow"), "");
}

#[tokio::test]
async fn what_a_browser_may_do() {
    let server = Server::start().await;
    for path in ["/", "/docs", "/nothing", "/answer", "/favicon.svg"] {
        let response = server.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("permissions-policy", "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"),
        ] {
            assert_eq!(header(&response, name), value, "{path}");
        }
    }
    assert_eq!(header(&server.get("/health").await, "x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn only_the_pages_own_scripts_may_run() {
    let server = Server::start().await;
    for path in ["/", "/docs", "/licence", "/answer", "/nothing"] {
        let response = server.get(path).await;
        let policy = header(&response, "content-security-policy").to_owned();
        let directive = |name: &str| {
            let found = policy.split(';').map(str::trim).find(|it| it.split(' ').next() == Some(name));
            found.unwrap_or_else(|| panic!("{name} is missing: {policy}")).to_owned()
        };
        assert_eq!(directive("default-src"), "default-src 'none'");
        assert_eq!(directive("frame-ancestors"), "frame-ancestors 'none'");
        let scripts = directive("script-src");
        assert!(!scripts.contains("unsafe") && !scripts.contains("http") && !scripts.contains('*'), "{scripts}");
        let page = response.text().await.unwrap();
        let scripts_of_page: Vec<&str> = page.split("<script").skip(1).collect();
        assert_eq!(scripts_of_page.is_empty(), path != "/", "{path}");
        for script in scripts_of_page {
            let (attributes, rest) = script.split_once('>').unwrap();
            if attributes.contains("src=") {
                continue;
            }
            let text = rest.split("</script>").next().unwrap();
            let hash = format!("'sha256-{}'", base64(&Sha256::digest(text)));
            assert!(scripts.contains(&hash), "{path} has an inline script that may not run: {text:.80}");
        }
        for from_elsewhere in ["src=\"http", "src=\"//", "rel=\"stylesheet\" href=\"http", "url(http", "@import"] {
            assert!(!page.contains(from_elsewhere), "{path} has {from_elsewhere}");
        }
    }
}

/// A folder with the smallest valid site.
fn folder(name: &str) -> PathBuf {
    let folder = temporary(name);
    std::fs::create_dir_all(&folder).unwrap();
    for (file, text) in [
        ("index.html", "first"),
        ("404.html", "not here"),
        ("answer.html", "<!--answer--><!--/answer-->"),
        ("script-hashes.txt", "'sha256-abc='\n"),
    ] {
        std::fs::write(folder.join(file), text).unwrap();
    }
    folder
}

#[tokio::test]
async fn a_folder_is_read_at_every_request() {
    let folder = folder("site");
    let server = Server::with_flags(&["--web-dir", folder.to_str().unwrap()]).await;
    let page = async || server.get("/").await;
    assert_eq!(page().await.text().await.unwrap(), "first");
    assert!(header(&page().await, "content-security-policy").contains("script-src 'self' 'sha256-abc='"));
    std::fs::write(folder.join("index.html"), "and second").unwrap();
    std::fs::write(folder.join("script-hashes.txt"), "'sha256-def='\n").unwrap();
    assert!(header(&page().await, "content-security-policy").contains("script-src 'self' 'sha256-def='"));
    assert_eq!(page().await.text().await.unwrap(), "and second");
    assert_eq!(server.get("/nothing").await.text().await.unwrap(), "not here");
    std::fs::write(folder.join("script-hashes.txt"), "\u{1}").unwrap();
    assert!(header(&page().await, "content-security-policy").starts_with("default-src 'none'; frame-ancestors"));
}

/// Nix and Bazel give every file of a site the same time.
#[tokio::test]
async fn a_change_that_keeps_length_and_time_is_seen() {
    let folder = folder("equal-times");
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
    let write = |text: &str| {
        std::fs::write(folder.join("index.html"), text).unwrap();
        let file = std::fs::File::options().write(true).open(folder.join("index.html")).unwrap();
        file.set_modified(long_ago).unwrap();
    };
    write("first");
    let server = Server::with_flags(&["--web-dir", folder.to_str().unwrap()]).await;
    let first = server.get("/").await;
    let etag = header(&first, "etag").to_owned();
    assert_eq!(header(&first, "last-modified"), "", "a time that does not change with the content");
    assert_eq!(ask(&server, "/", &[("if-none-match", &etag)]).await.status(), 304);
    write("other");
    let since = ("if-modified-since", "Thu, 01 Jan 2026 00:00:00 GMT");
    for conditions in [&[("if-none-match", &*etag)][..], &[since][..], &[("if-none-match", &*etag), since][..]] {
        let again = ask(&server, "/", conditions).await;
        assert_eq!((again.status().as_u16(), header(&again, "etag") == etag), (200, false), "{conditions:?}");
        assert_eq!(again.text().await.unwrap(), "other");
    }
    assert_eq!(ask(&server, "/", &[("if-match", &etag)]).await.status(), 412);
    let before = ("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(ask(&server, "/", &[before]).await.status(), 200);
    write("first");
    assert_eq!(ask(&server, "/", &[("if-none-match", &etag)]).await.status(), 304);
}

#[tokio::test]
async fn a_large_file_is_sent_without_an_etag() {
    let folder = folder("large");
    let content = vec![b'a'; 17 << 20];
    std::fs::write(folder.join("large.bin"), &content).unwrap();
    let server = Server::with_flags(&["--web-dir", folder.to_str().unwrap()]).await;
    let whole = server.get("/large.bin").await;
    assert_eq!((header(&whole, "etag"), header(&whole, "last-modified")), ("", ""));
    assert_eq!(whole.content_length(), Some(content.len() as u64));
    assert!(whole.bytes().await.unwrap() == content);
    let part = ask(&server, "/large.bin", &[("range", "bytes=-10")]).await;
    assert_eq!((part.status().as_u16(), part.bytes().await.unwrap().len()), (206, 10));
}

/// A proxy may serve the site below any path, so no URL in it may begin at the root.
#[tokio::test]
async fn every_url_is_relative() {
    let server = Server::start().await;
    for path in ["/", "/docs", "/licence", "/answer", "/nothing", "/a/b/", "/a/b/c"] {
        let page = server.get(path).await.text().await.unwrap();
        for from_the_root in [r#"href="/"#, r#"src="/"#, r#"action="/"#, r#"url="/"#, "url(/"] {
            assert!(!page.contains(from_the_root), "{path} has {from_the_root}");
        }
        let (_, rest) = page.split_once(r#"<link rel="stylesheet" href=""#).unwrap();
        let style = reqwest::Url::parse(&server.url(path)).unwrap().join(rest.split('"').next().unwrap()).unwrap();
        assert_eq!(server.get(style.path()).await.status(), 200, "{path}: {style}");
    }
}

#[test]
fn a_folder_without_a_site_is_refused_in_a_sentence() {
    let folder = folder("no-site");
    std::fs::remove_file(folder.join("404.html")).unwrap();
    let sentence = refused(serving().env("WEB_DIR", folder));
    assert!(sentence.contains("404.html") && sentence.contains("WEB_DIR"), "{sentence}");
    let sentence = refused(serving().env("WEB_DIR", root().join("src")));
    assert!(sentence.contains("index.html"), "{sentence}");
}
