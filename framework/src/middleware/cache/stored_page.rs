//! A page in the cache: bytes that any cache can keep.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::http::response::HttpResponse;
use crate::http::response_cookies::ResponseCookies;
use crate::middleware::clickjacking::FrameExempt;
use crate::serialize::value::{Dict, Value};

/// The form of what is stored: another one is no page.
const FORM: i64 = 1;

/// The response as a value; `None` for a stream.
pub(super) fn store(response: &HttpResponse) -> Option<Value> {
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
    let headers = response.headers.iter();
    let headers =
        headers.map(|(name, value)| Value::List(vec![name.as_str().into(), bytes(value.as_bytes())]));
    let mut page = Dict::new();
    page.insert("form", FORM);
    page.insert("status", i64::from(response.status.as_u16()));
    page.insert("reason", response.reason());
    page.insert("headers", Value::List(headers.collect()));
    page.insert("cookies", response.cookies().to_value());
    page.insert("frame_exempt", response.extensions().get::<FrameExempt>().is_some());
    page.insert("body", bytes(response.content()?));
    Some(Value::Dict(page))
}

/// The response that was stored; `None` for what is no page of this form.
pub(super) fn restore(value: &Value) -> Option<HttpResponse> {
    let Value::Dict(page) = value else { return None };
    if page.get("form").and_then(Value::as_i64) != Some(FORM) {
        return None;
    }
    let status = u16::try_from(page.get("status")?.as_i64()?).ok()?;
    let status = StatusCode::from_u16(status).ok()?;
    let Value::Bytes(body) = page.get("body")? else { return None };
    let mut response = HttpResponse::new(body.clone()).with_status(status);
    response.headers = headers(page.get("headers")?)?;
    *response.cookies_mut() = ResponseCookies::from_value(page.get("cookies")?)?;
    let reason = page.get("reason")?.as_str()?;
    if status.canonical_reason() != Some(reason) {
        response = response.with_reason(reason).ok()?;
    }
    if page.get("frame_exempt") == Some(&Value::Bool(true)) {
        response.extensions_mut().insert(FrameExempt);
    }
    Some(response)
}

fn headers(value: &Value) -> Option<HeaderMap> {
    let Value::List(lines) = value else { return None };
    let mut headers = HeaderMap::with_capacity(lines.len());
    for line in lines {
        let Value::List(line) = line else { return None };
        let [name, Value::Bytes(value)] = line.as_slice() else { return None };
        let name = HeaderName::try_from(name.as_str()?).ok()?;
        headers.append(name, HeaderValue::from_bytes(value).ok()?);
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::set_cookie::SetCookie;

    #[test]
    fn a_page_comes_back_whole() {
        let mut response = HttpResponse::text(vec![0, 255, b'a']).with_status(StatusCode::ACCEPTED);
        response.headers.append("x-bytes", HeaderValue::from_bytes(b"\xe9").unwrap());
        response.headers.append("x-bytes", HeaderValue::from_static("two"));
        response = response.with_reason("Fine").unwrap();
        let cookie = SetCookie::new("k", "v;é").max_age(60).http_only(true).same_site("Lax").secure(true);
        response.set_cookie(cookie.domain("example.com").partitioned(true)).unwrap();
        response.extensions_mut().insert(FrameExempt);

        let back = restore(&store(&response).unwrap()).unwrap();
        assert_eq!((back.status, back.reason()), (response.status, "Fine"));
        assert_eq!((&back.headers, back.content()), (&response.headers, response.content()));
        assert!(back.extensions().get::<FrameExempt>().is_some());
        let lines =
            |response: &HttpResponse| response.cookies().iter().map(|one| one.output()).collect::<Vec<_>>();
        assert_eq!(lines(&back), lines(&response));
    }

    #[test]
    fn what_is_no_page_is_none() {
        let page = store(&HttpResponse::new("x")).unwrap();
        let Value::Dict(dict) = &page else { unreachable!() };
        for key in ["form", "status", "reason", "headers", "cookies", "body"] {
            for bad in [Value::None, Value::Int(-1), Value::from("x"), Value::List(vec![Value::Int(1)])] {
                let mut torn = dict.clone();
                // Another reason is a reason.
                if key == "reason" && bad == Value::from("x") {
                    continue;
                }
                // No cookies at all are fine only as an empty list.
                torn.insert(key, bad.clone());
                assert!(restore(&Value::Dict(torn)).is_none(), "{key} {bad:?}");
            }
        }
        for value in [Value::None, Value::Bytes(vec![1]), Value::List(Vec::new()), Value::Dict(Dict::new())] {
            assert!(restore(&value).is_none(), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn any_body_comes_back(body: Vec<u8>, status in 100_u16..1000) {
            let response = HttpResponse::new(body).with_status(StatusCode::from_u16(status).unwrap());
            let back = restore(&store(&response).unwrap()).unwrap();
            prop_assert_eq!((back.status, back.content()), (response.status, response.content()));
        }
    }
}
