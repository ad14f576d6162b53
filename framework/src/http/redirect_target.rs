//! Whether an address that a client names may be redirected to (Django 5.2 `utils/http.py`).

use std::sync::LazyLock;

use regex::Regex;

use crate::http::uri::UriParts;

/// Longer addresses are not looked at, in characters.
const LONGEST: usize = 2048;

/// What browsers pass over at the beginning of an address: control characters, formats, and what is no character.
static OTHER_FIRST: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A\p{C}").ok());

/// Whether a redirect to that address leads to one of these hosts, or stays where it is: for an address that a client names,
/// as `?next=` does. An empty one is not allowed; with `require_https` neither is `http:`.
///
/// Hosts are compared as they are written, with their port.
///
/// ```
/// use nuages::prelude::*;
///
/// async fn log_in(request: HttpRequest) -> Result<HttpResponse> {
///     let next = request.query()?.get("next").unwrap_or_default();
///     let host = request.get_host()?;
///     let to = if url_has_allowed_host_and_scheme(next, &[&host], request.is_secure()) { next } else { "/" };
///     HttpResponse::redirect(to)
/// }
/// # let _ = log_in;
/// assert!(url_has_allowed_host_and_scheme("/cart/", &["example.com"], true));
/// assert!(!url_has_allowed_host_and_scheme("//evil.example/", &["example.com"], false));
/// assert!(!url_has_allowed_host_and_scheme(r"\\evil.example", &["example.com"], false));
/// ```
#[must_use]
pub fn url_has_allowed_host_and_scheme(url: &str, allowed_hosts: &[&str], require_https: bool) -> bool {
    let url = url.trim_matches(is_python_space);
    // Browsers take `\` for `/`, but it may also be part of a password: it must be safe both ways.
    !url.is_empty()
        && is_allowed(url, allowed_hosts, require_https)
        && (!url.contains('\\') || is_allowed(&url.replace('\\', "/"), allowed_hosts, require_https))
}

fn is_allowed(url: &str, allowed_hosts: &[&str], require_https: bool) -> bool {
    // To browsers any number of slashes begins a host.
    if url.starts_with("///") || url.len() > LONGEST && url.chars().count() > LONGEST {
        return false;
    }
    let Ok(parts) = UriParts::split(url) else { return false };
    // In `http:///example.com` browsers find a host.
    if parts.netloc.is_empty() && !parts.scheme.is_empty() {
        return false;
    }
    if OTHER_FIRST.as_ref().is_none_or(|other| other.is_match(url)) {
        return false;
    }
    let scheme = match parts.scheme.as_str() {
        "" if !parts.netloc.is_empty() => "http",
        scheme => scheme,
    };
    let scheme_is_allowed = matches!(scheme, "" | "https") || scheme == "http" && !require_https;
    scheme_is_allowed && (parts.netloc.is_empty() || allowed_hosts.contains(&parts.netloc.as_str()))
}

/// What Python's `str.strip` takes away.
const fn is_python_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::uri::{escape_leading_slashes, join};
    use crate::http::vectors;

    #[test]
    fn addresses_are_allowed_as_django_allows_them() {
        for case in vectors::of("redirect_safety", "url_has_allowed_host_and_scheme") {
            let hosts: Vec<&str> = case["allowed_hosts"]
                .as_array()
                .map(|hosts| hosts.iter().map(|host| host.as_str().unwrap()).collect())
                .unwrap_or_default();
            let url = case["url"].as_str().unwrap_or_default();
            let https = case["require_https"].as_bool().unwrap();
            assert_eq!(url_has_allowed_host_and_scheme(url, &hosts, https), case["out"], "{case}");
        }
        for case in vectors::of("redirect_safety", "escape_leading_slashes") {
            assert_eq!(escape_leading_slashes(case["in"].as_str().unwrap()), case["out"].as_str().unwrap());
        }
        assert!(!url_has_allowed_host_and_scheme(&format!("/{}", "é".repeat(2048)), &[], false));
        assert!(url_has_allowed_host_and_scheme(&format!("/{}", "é".repeat(2047)), &[], false));
    }

    proptest! {
        #[test]
        fn what_is_allowed_stays_here(url in "[a-c:/?#.;@\\\\\\[\\]\t\r\n\u{0}\u{ad}é ]{0,20}") {
            if url_has_allowed_host_and_scheme(&url, &["b"], false) {
                let landed = join("http://a/x/", &url.trim().replace('\\', "/")).unwrap();
                let host = UriParts::split(&landed).unwrap().netloc;
                prop_assert!(host == "a" || host == "b", "{url:?}: {landed}");
            }
        }
    }
}
