use futures_util::stream;
use http_body_util::BodyExt as _;
use serde_json::json;

use super::*;
use crate::http::vectors;

#[test]
fn json_is_djangos() {
    for case in vectors::load("json_responses") {
        if case["out"].as_str().unwrap().contains(&"0".repeat(20)) {
            // serde_json, which reads the case, holds no integer of that size.
            continue;
        }
        let response = HttpResponse::json(&case["data"]).unwrap();
        assert_eq!(response.content().unwrap(), case["out"].as_str().unwrap(), "{case}");
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
    assert!(HttpResponse::json(&std::collections::BTreeMap::from([((1, 2), 3)])).is_err());
}

#[test]
fn redirects_are_djangos() {
    for case in vectors::load("redirects") {
        match HttpResponse::redirect(case["to"].as_str().unwrap()) {
            Ok(response) => {
                assert_eq!(response.status, StatusCode::FOUND);
                assert_eq!(response.url(), case["out"].as_str(), "{case}");
            }
            Err(error) => {
                assert!(
                    matches!(error, Error::Suspicious { kind: "DisallowedRedirect", .. }),
                    "{error}: {case}"
                );
                assert_eq!(case["error"], "DisallowedRedirect", "{case}");
            }
        }
    }
    assert!(HttpResponse::redirect(&"é".repeat(MAX_REDIRECT)).is_ok(), "characters count, not bytes");
    assert!(HttpResponse::redirect(&"e".repeat(MAX_REDIRECT + 1)).is_err());
    let kept = HttpResponse::redirect_with(StatusCode::PERMANENT_REDIRECT, "/é").unwrap();
    assert_eq!((kept.status, kept.url()), (StatusCode::PERMANENT_REDIRECT, Some("/%C3%A9")));
    assert_eq!(HttpResponse::permanent_redirect("/").unwrap().status, StatusCode::MOVED_PERMANENTLY);
}

#[test]
fn nothing_can_end_a_header() {
    let mut response = HttpResponse::new("");
    for evil in ["a\nb", "a\rb", "a\r\nSet-Cookie: b=c", "a\0b", "é\n", "€\n"] {
        response.set_header("x-a", evil).unwrap_err();
        response.set_default_header("x-a", evil).unwrap_err();
        response.set_header(evil, "a").unwrap_err();
        HttpResponse::new("").with_content_type(evil).unwrap_err();
        HttpResponse::new("").with_reason(evil).unwrap_err();
        assert!(!HttpResponse::not_allowed(&[evil]).headers["allow"].as_bytes().contains(&b'\n'));
        if let Ok(redirect) = HttpResponse::redirect(evil) {
            assert!(!redirect.url().unwrap().contains(['\r', '\n', '\0']));
        }
    }
    assert_eq!(response.headers.len(), 1);
}

#[test]
fn each_kind_has_its_status_and_headers() {
    let not_modified = HttpResponse::not_modified();
    assert_eq!((not_modified.status, not_modified.headers.len()), (StatusCode::NOT_MODIFIED, 0));
    let not_allowed = HttpResponse::not_allowed(&["GET", "HEAD"]);
    assert_eq!((not_allowed.status.as_u16(), not_allowed.header("Allow")), (405, Some("GET, HEAD")));
    assert_eq!(HttpResponse::gone("x").status, StatusCode::GONE);
    assert_eq!(HttpResponse::text("x").header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(HttpResponse::new("x").reason(), "OK");
    assert_eq!(HttpResponse::new("x").with_reason("Fine").unwrap().reason(), "Fine");
    let mut response = HttpResponse::new("x").with_header("X-A", "1").unwrap();
    response.set_default_header("x-a", "2").unwrap();
    response.set_default_header("x-b", "3").unwrap();
    assert_eq!(
        (response.header("x-a"), response.header("x-b"), response.has_header("X-A")),
        (Some("1"), Some("3"), true)
    );
}

#[tokio::test]
async fn hyper_gets_the_whole_of_it() {
    let mut response = HttpResponse::new("ab").with_status(StatusCode::CREATED);
    response.write("cd").unwrap();
    response.headers.append(SET_COOKIE, HeaderValue::from_static("own=1"));
    response.set_cookie(SetCookie::new("a", "é")).unwrap();
    response.delete_cookie("b").unwrap();
    let sent = response.into_http();
    assert_eq!(sent.status(), StatusCode::CREATED);
    assert_eq!(http_body::Body::size_hint(sent.body()).exact(), Some(4));
    assert_eq!(
        sent.headers().get_all(SET_COOKIE).iter().collect::<Vec<_>>(),
        ["own=1", "a=\"\\351\"; Path=/", "b=\"\"; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/"]
    );
    assert_eq!(sent.into_body().collect().await.unwrap().to_bytes(), "abcd");
}

#[tokio::test]
async fn streams_come_piece_by_piece_and_break_off_with_their_error() {
    let pieces: [std::io::Result<&str>; 2] = [Ok("ab"), Ok("cd")];
    let mut response = HttpResponse::streaming(stream::iter(pieces));
    assert!(response.is_streaming() && response.content().is_none() && response.write("x").is_err());
    assert_eq!(response.into_http().into_body().collect().await.unwrap().to_bytes(), "abcd");

    let broken = stream::iter([Ok("ab"), Err(std::io::Error::other("gone"))]);
    let error = HttpResponse::streaming(broken).into_http().into_body().collect().await.unwrap_err();
    assert_eq!(error.to_string(), "gone");
}

#[test]
fn an_earlier_cookie_leaves_its_attributes() {
    let mut response = HttpResponse::json(&json!({})).unwrap();
    response.set_cookie(SetCookie::new("a", "1").secure(true).domain("x.example").max_age(0)).unwrap();
    response.set_cookie(SetCookie::new("a", "2").path("/p")).unwrap();
    let lines: Vec<String> =
        response.cookies().iter().map(crate::http::response_cookies::Morsel::output).collect();
    assert_eq!(lines, ["a=2; Domain=x.example; Max-Age=0; Path=/p; Secure"]);
    response.cookies_mut().remove("a").unwrap();
    assert!(response.cookies().is_empty());
}
