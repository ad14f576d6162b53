//! The `Vary` header.

use http::header::VARY;
use http::{HeaderMap, HeaderValue};

/// Adds names to the `Vary` header: those that are there stay where they are, compared without case; one `*` makes the
/// whole header `*` (Django 5.2 `utils/cache.py`).
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use nuages::http::vary::patch_vary_headers;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("vary", HeaderValue::from_static("Accept,cookie"));
/// patch_vary_headers(&mut headers, &["Cookie", "Origin"]);
/// assert_eq!(headers["vary"], "Accept, cookie, Origin");
/// ```
pub fn patch_vary_headers(headers: &mut HeaderMap, names: &[&str]) {
    let mut bytes = Vec::new();
    {
        let mut lines = headers.get_all(VARY).iter();
        let Some(first) = lines.next() else {
            let value = match names {
                // What nearly every response with a session gets.
                ["Cookie"] => HeaderValue::from_static("Cookie"),
                _ if names.contains(&"*") => HeaderValue::from_static("*"),
                // What is no header's name can stand for any: no cache may keep the response.
                _ => HeaderValue::try_from(names.join(", ")).unwrap_or(HeaderValue::from_static("*")),
            };
            headers.insert(VARY, value);
            return;
        };
        bytes.extend_from_slice(first.as_bytes());
        for line in lines {
            bytes.extend_from_slice(b", ");
            bytes.extend_from_slice(line.as_bytes());
        }
    }
    let mut all = split(&bytes);
    let there = all.len();
    for name in names {
        if !all[..there].iter().any(|known| known.eq_ignore_ascii_case(name.as_bytes())) {
            all.push(name.as_bytes());
        }
    }
    let value = if all.contains(&&b"*"[..]) {
        HeaderValue::from_static("*")
    } else {
        // Bytes of header values joined are a header value.
        HeaderValue::from_bytes(&all.join(&b", "[..])).unwrap_or(HeaderValue::from_static("*"))
    };
    headers.insert(VARY, value);
}

/// Whether the `Vary` header names that header, in any case.
#[must_use]
pub fn has_vary_header(headers: &HeaderMap, name: &str) -> bool {
    headers
        .get_all(VARY)
        .iter()
        .any(|line| split(line.as_bytes()).iter().any(|known| known.eq_ignore_ascii_case(name.as_bytes())))
}

/// At every comma and the space around it; at the two ends of the header space stays, as in Django.
fn split(line: &[u8]) -> Vec<&[u8]> {
    let last = memchr::memchr_iter(b',', line).count();
    line.split(|&byte| byte == b',')
        .enumerate()
        .map(|(at, mut piece)| {
            if at > 0 {
                while let [b' ' | b'\t'..=b'\r' | 0x1c..=0x1f | 0x85 | 0xa0, rest @ ..] = piece {
                    piece = rest;
                }
            }
            if at < last {
                while let [rest @ .., b' ' | b'\t'..=b'\r' | 0x1c..=0x1f | 0x85 | 0xa0] = piece {
                    piece = rest;
                }
            }
            piece
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::vectors;

    #[test]
    fn names_are_added_as_django_adds_them() {
        for case in vectors::of("headers", "patch_vary_headers") {
            let names: Vec<&'static str> = case["new"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| &*Box::leak(name.as_str().unwrap().to_owned().into_boxed_str()))
                .collect();
            let mut headers = HeaderMap::new();
            if let Some(existing) = case["existing"].as_str() {
                headers.insert(VARY, HeaderValue::from_str(existing).unwrap());
            }
            patch_vary_headers(&mut headers, &names);
            assert_eq!(headers[VARY], case["vary"].as_str().unwrap(), "{case}");
            assert_eq!(has_vary_header(&headers, "cookie"), case["has_cookie"].as_bool().unwrap(), "{case}");
        }
    }

    #[test]
    fn several_lines_are_one() {
        let mut headers = HeaderMap::new();
        headers.append(VARY, HeaderValue::from_static("Accept"));
        headers.append(VARY, HeaderValue::from_static("Origin"));
        patch_vary_headers(&mut headers, &["Cookie"]);
        assert_eq!(headers.get_all(VARY).iter().collect::<Vec<_>>(), ["Accept, Origin, Cookie"]);
    }
}
