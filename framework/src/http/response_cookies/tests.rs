use proptest::prelude::*;
use serde_json::Value;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::*;
use crate::http::cookies::RequestCookies;
use crate::http::vectors;

/// A cookie from the arguments of Python's call; `None` when one of them is of a type that ours cannot have.
fn cookie(mut cookie: SetCookie, arguments: &Value) -> Option<SetCookie> {
    for (name, value) in arguments.as_object().into_iter().flatten() {
        let text = value.as_str();
        cookie = match name.as_str() {
            "max_age" if value.is_null() => cookie,
            "max_age" => match value.as_f64().or_else(|| value["$timedelta"].as_f64()) {
                Some(seconds) => cookie.max_age(seconds),
                None => return None,
            },
            "expires" if value.is_null() => cookie,
            "expires" => match text {
                Some(text) => cookie.expires(text),
                None => cookie.expires_at(datetime(value["$datetime"].as_str()?)),
            },
            "path" => cookie.path(text),
            "domain" => cookie.domain(text),
            "secure" => cookie.secure(value == true),
            "httponly" => cookie.http_only(value == true),
            "samesite" => cookie.same_site(text),
            other => panic!("unknown argument {other}"),
        };
    }
    Some(cookie)
}

fn datetime(text: &str) -> OffsetDateTime {
    use time::format_description::well_known::Iso8601;
    OffsetDateTime::parse(text, &Iso8601::DEFAULT)
        .or_else(|_| PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).map(PrimitiveDateTime::assume_utc))
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn lines(cookies: &ResponseCookies) -> Value {
    cookies.iter().map(|morsel| Value::from(morsel.output())).collect()
}

#[test]
fn cookies_are_written_as_django_writes_them() {
    'cases: for case in vectors::load("set_cookie") {
        let values = case["calls"].as_array().unwrap().iter().filter_map(|call| call[1].get(1));
        if values.into_iter().any(|value| !value.is_string() && !value.is_number()) {
            // Python's str() makes a text of anything; here only text is a value.
            continue;
        }
        let now = case["now"].as_f64().unwrap();
        let mut cookies = ResponseCookies::default();
        let mut result = Ok(());
        for call in case["calls"].as_array().unwrap() {
            let text = |at: usize| match call[1].get(at) {
                None => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                Some(other) => panic!("{other} of {case}"),
            };
            let made = match call[0].as_str().unwrap() {
                "set_cookie" => cookie(SetCookie::new(text(0), text(1)), &call[2]),
                "delete_cookie" => cookie(SetCookie::deletion(text(0)), &call[2]),
                other => panic!("unknown call {other}"),
            };
            let Some(made) = made else {
                // A boolean for a maximum age: a type that Python alone lets through.
                assert!(case.to_string().contains("true"), "{case}");
                continue 'cases;
            };
            result = cookies.set_at(made, now);
            if result.is_err() {
                break;
            }
        }
        match &case["set_cookie"]["error"] {
            Value::Null => match result {
                Ok(()) => assert_eq!(lines(&cookies), case["set_cookie"], "{case}"),
                // Django writes these, and then fails to send them or sends an attribute of the caller's making.
                Err(CookieError::Value { .. }) => {
                    assert!(case["set_cookie"].to_string().contains(|c| c > '\u{ff}'), "{case}");
                }
                Err(CookieError::Attribute { found, .. }) => {
                    let arguments = &case["calls"][0][2];
                    let attributes = ["path", "domain", "expires"]
                        .map(|name| arguments[name].as_str().unwrap_or_default());
                    assert!(attributes.iter().any(|text| text.contains(found)), "{case}");
                }
                Err(error) => panic!("{case}: {error}"),
            },
            error => {
                let ours = result.expect_err(&case.to_string());
                let name = match ours {
                    CookieError::Name(_) => "CookieError",
                    _ => "ValueError",
                };
                assert_eq!(error, name, "{case}: {ours}");
            }
        }
    }
}

#[test]
fn deletions_are_djangos() {
    for case in vectors::load("delete_cookie") {
        let mut cookies = ResponseCookies::default();
        let deletion = cookie(SetCookie::deletion(case["name"].as_str().unwrap()), &case["kwargs"]).unwrap();
        let set = cookies.set_at(deletion, 1_767_322_800.25);
        if case["set_cookie"]["error"] == "ValueError" {
            assert!(matches!(set, Err(CookieError::SameSite { .. })), "{case}");
            continue;
        }
        assert_eq!(lines(&cookies), case["set_cookie"], "{case}");
    }
}

#[test]
fn nothing_that_is_set_can_end_a_header() {
    let refused = |cookie: SetCookie| {
        let mut cookies = ResponseCookies::default();
        cookies.set(cookie).unwrap_err();
        assert!(cookies.is_empty(), "what was refused leaves nothing");
    };
    for evil in ["x\r\nSet-Cookie: a=b", "x;y", "\0", "€"] {
        refused(SetCookie::new(evil, "v"));
        refused(SetCookie::new("c", "v").path(evil));
        refused(SetCookie::new("c", "v").domain(evil));
        refused(SetCookie::new("c", "v").expires(evil));
        refused(SetCookie::new("c", "v").same_site(evil));
    }
    for age in [f64::NAN, f64::INFINITY, f64::MIN, 1e15] {
        refused(SetCookie::new("c", "v").max_age(age));
    }
    refused(SetCookie::new("c", "v").max_age(i64::MAX));
    refused(SetCookie::new("c", "v").max_age(5).expires_at(OffsetDateTime::UNIX_EPOCH));
}

#[test]
fn secrets_stay_out_of_debug() {
    let cookie = SetCookie::new("sessionid", "secret");
    assert!(!format!("{cookie:?}").contains("secret"));
    let mut cookies = ResponseCookies::default();
    cookies.set(cookie).unwrap();
    assert!(!format!("{cookies:?}").contains("secret"));
}

proptest! {
    #[test]
    fn values_come_back(value in "[\\x00-\u{ff}]{0,40}") {
        let mut cookies = ResponseCookies::default();
        cookies.set(SetCookie::new("c", value.as_str()).path("")).unwrap();
        let header = cookies.get("c").and_then(Morsel::header).unwrap();
        let line = String::from_utf8(header.as_bytes().to_vec()).unwrap();
        let read = RequestCookies::parse(&line);
        // A `;` is escaped, so that the line is one piece.
        prop_assert_eq!(read.get("c"), Some(value.as_str()));
    }
}
