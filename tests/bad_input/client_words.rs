//! What clients say that becomes a path, a header, a host or an address, over real sockets: it becomes nothing else.

use nuages::conf::server::ServerSettings;
use nuages::contrib::messages;
use nuages::http::cache_control::{Directive, patch_cache_control};
use nuages::http::conditional::Validators;
use nuages::http::content_disposition::content_disposition;
use nuages::http::file_response::FileResponse;
use nuages::http::vary::patch_vary_headers;
use nuages::prelude::*;

use crate::sockets::{Server, status};

const SECRET: &str = "what nobody may read";

/// Hands what the client says to one of the functions that make a header.
pub(crate) async fn header(request: HttpRequest, api: String) -> Result<HttpResponse> {
    let evil = request.query()?.get("evil").unwrap_or_default().to_owned();
    let evil = evil.as_str();
    let mut response = HttpResponse::text("");
    match api.as_str() {
        "value" => response.set_header("x-a", evil)?,
        "name" => response.set_header(evil, "a")?,
        "default" => response.set_default_header("x-a", evil)?,
        "content-type" => response = response.with_content_type(evil)?,
        "reason" => response = response.with_reason(evil)?,
        "vary" => patch_vary_headers(&mut response.headers, &[evil, "Cookie"]),
        "vary-again" => {
            patch_vary_headers(&mut response.headers, &["Cookie"]);
            patch_vary_headers(&mut response.headers, &[evil]);
        }
        "allow" => response = HttpResponse::not_allowed(&[evil]),
        "redirect" => response = HttpResponse::redirect(evil)?,
        "permanent" => response = HttpResponse::permanent_redirect(evil)?,
        "see-other" => response = HttpResponse::redirect_with(StatusCode::SEE_OTHER, evil)?,
        "shortcut" => return redirect(&request, evil),
        "shortcut-with" => return redirect_with(&request, StatusCode::PERMANENT_REDIRECT, evil),
        "reverse-argument" => return redirect(&request, ("word", args![evil])),
        "reverse-query" => return redirect(&request, ("word", args!["a"].query(evil))),
        "reverse-pairs" => return redirect(&request, ("word", args!["a"].query([(evil, evil)]))),
        "reverse-fragment" => return redirect(&request, ("word", args!["a"].fragment(evil))),
        "reverse-header" => {
            let address = reverse(&request, "word", args![evil].query(evil).fragment(evil))?;
            response.set_header("location", &address)?;
        }
        "etag" => {
            let validators = Validators::new().etag(evil.to_owned());
            return validators.respond(&request, async { Ok(HttpResponse::text("")) }).await;
        }
        "cache-control-flag" => patch_cache_control(&mut response.headers, &[Directive::Flag(evil)])?,
        "cache-control-name" => patch_cache_control(&mut response.headers, &[Directive::Seconds(evil, 1)])?,
        "cache-control-text" => {
            patch_cache_control(&mut response.headers, &[Directive::Text("no-cache", evil)])?;
        }
        "with-cookie" => response = response.with_cookie(SetCookie::new(evil, "v"))?,
        "signed-cookie-name" => {
            response.set_signed_cookie(request.project(), SetCookie::new(evil, "v"), "salt")?;
        }
        "signed-cookie-value" => {
            response.set_signed_cookie(request.project(), SetCookie::new("k", evil), evil)?;
        }
        "message" => messages::add_message(&request, messages::INFO, evil, evil)?,
        "cookie-name" => response.set_cookie(SetCookie::new(evil, "v"))?,
        "cookie-value" => response.set_cookie(SetCookie::new("k", evil))?,
        "cookie-path" => response.set_cookie(SetCookie::new("k", "v").path(evil))?,
        "cookie-domain" => response.set_cookie(SetCookie::new("k", "v").domain(evil))?,
        "cookie-expires" => response.set_cookie(SetCookie::new("k", "v").expires(evil))?,
        "cookie-same-site" => response.set_cookie(SetCookie::new("k", "v").same_site(evil))?,
        "delete-cookie" => response.delete_cookie(evil)?,
        "disposition" => {
            let value = content_disposition(true, evil).unwrap_or_default();
            response.set_header("content-disposition", &value)?;
        }
        "file-name" => return FileResponse::bytes("x", "y").filename(evil).into_response().await,
        "file-type" => return FileResponse::bytes("x", "y").content_type(evil).into_response().await,
        other => return Err(Error::not_found(other)),
    }
    Ok(response)
}

const APIS: [&str; 36] = [
    "value",
    "name",
    "default",
    "content-type",
    "reason",
    "vary",
    "vary-again",
    "allow",
    "redirect",
    "permanent",
    "see-other",
    "shortcut",
    "shortcut-with",
    "reverse-argument",
    "reverse-query",
    "reverse-pairs",
    "reverse-fragment",
    "reverse-header",
    "etag",
    "cache-control-flag",
    "cache-control-name",
    "cache-control-text",
    "with-cookie",
    "signed-cookie-name",
    "signed-cookie-value",
    "message",
    "cookie-name",
    "cookie-value",
    "cookie-path",
    "cookie-domain",
    "cookie-expires",
    "cookie-same-site",
    "delete-cookie",
    "disposition",
    "file-name",
    "file-type",
];

/// The same in a decorator, which takes constants alone.
pub(crate) const CONTROL: &[Directive<'_>] = &[Directive::Flag("a\r\nInjected: b")];

/// Whatever a path is written like, it leads to no file outside of the folder.
#[tokio::test]
async fn paths_lead_out_of_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let public = folder.path().join("public");
    std::fs::create_dir_all(public.join("sub")).unwrap();
    std::fs::write(folder.path().join("secret.txt"), SECRET).unwrap();
    std::fs::write(public.join("page.txt"), "public").unwrap();
    std::fs::write(public.join("sub/inner.txt"), "public").unwrap();
    let server = Server::start_in(folder.path(), "", ServerSettings::default()).await;
    // What is put there later is not served from STATIC_ROOT, a link that leads out least of all.
    #[cfg(unix)]
    std::os::unix::fs::symlink("../secret.txt", public.join("link.txt")).unwrap();
    let ask = async |target: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        server.exchange(request).await
    };
    for prefix in ["/static/", "/files/"] {
        assert!(ask(&format!("{prefix}page.txt")).await.ends_with("public"), "{prefix}");
        let absolute = folder.path().join("secret.txt").display().to_string();
        let escaped = absolute.replace('/', "%2F");
        for path in [
            "../secret.txt",
            "..%2Fsecret.txt",
            "%2e%2e/secret.txt",
            "%2e%2e%2fsecret.txt",
            "%252e%252e%252fsecret.txt",
            "%25252e%25252e/secret.txt",
            "sub/../../secret.txt",
            "sub/%2e%2e/%2e%2e/secret.txt",
            "./.././secret.txt",
            "....//secret.txt",
            "..;/secret.txt",
            "..\\secret.txt",
            "..%5Csecret.txt",
            "sub%5C..%5C..%5Csecret.txt",
            "..%c0%afsecret.txt",
            "%c0%ae%c0%ae/secret.txt",
            "..%EF%BC%8Fsecret.txt",
            "../secret.txt%00page.txt",
            "page.txt%00/../../secret.txt",
            "%00",
            "C:%5Csecret.txt",
            "C:/secret.txt",
            "//secret.txt",
            "/etc/passwd",
            "%2Fetc%2Fpasswd",
            &absolute,
            &escaped,
            "file:///etc/passwd",
            "sub/..%0d%0a/secret.txt",
        ] {
            let answer = ask(&format!("{prefix}{path}")).await;
            assert!(!answer.contains(SECRET) && !answer.contains("root:"), "{prefix}{path}: {answer}");
            assert!(matches!(status(&answer), Some(400 | 404)), "{prefix}{path}: {answer}");
        }
    }
    #[cfg(unix)]
    assert_eq!(status(&ask("/static/link.txt").await), Some(404));
}

/// Whatever a client says, no function that makes a header lets it begin another line.
#[tokio::test]
async fn no_header_begins_another() {
    let server = Server::start(ServerSettings::default()).await;
    for api in APIS {
        for evil in [
            "a%0D%0AInjected:%20b",
            "a%0AInjected:%20b",
            "a%0DInjected:%20b",
            "%0D%0A%0D%0AInjected:%20b",
            "a%00%0D%0AInjected:%20b",
            "a%E5%98%8A%E5%98%8DInjected:%20b",
            "a%C2%85Injected:%20b",
            "/a%0D%0AInjected:%20b",
            "https://example.com/%0D%0AInjected:%20b",
            "a%22;%20Injected:%20b",
        ] {
            let target = format!("/header/{api}/?evil={evil}");
            let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            let answer = server.exchange(request).await;
            assert!(
                matches!(status(&answer), Some(200 | 301..=303 | 308 | 400 | 405 | 500)),
                "{target}: {answer}"
            );
            let head = answer.split("\r\n\r\n").next().unwrap();
            for line in head.split(['\r', '\n', '\0']) {
                assert!(!line.trim_start().starts_with("Injected"), "{target}: {head:?}");
            }
            // The body is what was meant to be the body.
            assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{target}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_decorators_header_begins_no_other() {
    let server = Server::start(ServerSettings::default()).await;
    let answer =
        server.exchange("GET /control/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(status(&answer) == Some(500) && !answer.contains("Injected"), "{answer}");
}

/// However a host is told, it is one of ours or a 400.
#[tokio::test]
async fn hosts_are_not_believed() {
    let server = Server::start(ServerSettings::default()).await;
    for head in [
        "GET /host/ HTTP/1.1\r\nHost: evil.example\r\n",
        "GET /host/ HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
        "GET /host/ HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n",
        "GET /host/ HTTP/1.1\r\nHost: localhost@evil.example\r\n",
        "GET /host/ HTTP/1.1\r\nHost: localhost:80@evil.example\r\n",
        "GET /host/ HTTP/1.1\r\nHost: localhost evil.example\r\n",
        "GET /host/ HTTP/1.1\r\nHost: localhost/evil.example\r\n",
        "GET /host/ HTTP/1.1\r\nHost: localhost#evil.example\r\n",
        "GET /host/ HTTP/1.1\r\nHost: evil.example\t\r\n",
        "GET /host/ HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Host: evil.example\r\n",
        "GET /host/ HTTP/1.1\r\nHost: localhost\r\nForwarded: host=evil.example\r\n",
        "GET /host/ HTTP/1.1\r\nHost: localhost\r\nX-Host: evil.example\r\nX_Forwarded_Host: evil.example\r\n",
        "GET http://evil.example/host/ HTTP/1.1\r\nHost: localhost\r\n",
        "GET http://localhost/host/ HTTP/1.1\r\nHost: evil.example\r\n",
        "GET //evil.example/host/ HTTP/1.1\r\nHost: localhost\r\n",
        "GET /host/ HTTP/1.0\r\n",
    ] {
        let answer = server.exchange(format!("{head}Connection: close\r\n\r\n")).await;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        assert!(matches!(status(&answer), Some(200 | 400 | 404)), "{head:?}: {answer}");
        assert!(!body.contains("evil.example"), "{head:?}: {answer}");
    }
}

/// A slash that is appended, and a target that a client names, lead to pages of this site or are refused.
#[tokio::test]
async fn redirects_lead_to_no_other_host() {
    let server = Server::start(ServerSettings::default()).await;
    let location = async |target: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = server.exchange(request).await;
        let line = answer
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("location: ").map(str::to_owned));
        (status(&answer), line)
    };
    assert_eq!(location("/hello").await, (Some(301), Some("/hello/".to_owned())));
    for target in [
        "//hello",
        "//evil.example/hello",
        "///evil.example/hello",
        "/%2Fevil.example/hello",
        "//evil.example/files/x",
        "/%5Cevil.example/hello",
        "/\\evil.example/hello",
        "/%09/evil.example/hello",
        "//evil.example%2Fhello",
        "/hello%0A",
        "/hello/%0A",
    ] {
        let (status, location) = location(target).await;
        assert!(matches!(status, Some(400 | 404)) || location.is_some(), "{target}: {status:?}");
        if let Some(location) = location {
            let leads_away =
                location.starts_with("//") || location.starts_with("/\\") || !location.starts_with('/');
            assert!(!leads_away, "{target}: {location}");
        }
    }
    for scheme in
        ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "%09javascript:alert(1)", "jav%09ascript:x"]
    {
        let (status, location) = location(&format!("/next/?to={scheme}")).await;
        let runs = location.as_deref().is_some_and(|to| {
            ["javascript:", "vbscript:", "data:"].iter().any(|scheme| to.starts_with(scheme))
        });
        assert!(status == Some(400) || !runs, "{scheme}: {location:?}");
    }
}
