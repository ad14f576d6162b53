//! The `Host` header against `ALLOWED_HOSTS`.

/// Hosts that are allowed under `DEBUG` when `ALLOWED_HOSTS` is empty.
pub const DEBUG_HOSTS: [&str; 3] = [".localhost", "127.0.0.1", "[::1]"];

/// The domain and the port of a host, both as they are written; `None` for what RFC 1034 and 1035 do not allow.
///
/// One final dot is no part of the domain, and case does not count (Django 5.2 `http/request.py`, which gives it in
/// lower case).
#[must_use]
pub fn split_domain_port(host: &str) -> Option<(&str, &str)> {
    let domain_end = if host.starts_with('[') {
        let end = host.find(']')?;
        let address = &host[1..end];
        let hex = address.find(':')?;
        if !address[..hex].bytes().all(|byte| byte.is_ascii_hexdigit())
            || address.len() < hex + 2
            || !address[hex + 1..].bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'))
        {
            return None;
        }
        end + 1
    } else {
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        // What ends the name and is no colon is refused below.
        match host.bytes().position(|byte| !in_name(byte)).unwrap_or(host.len()) {
            0 => return None,
            end => end,
        }
    };
    let (domain, rest) = host.split_at(domain_end);
    let port = match rest.strip_prefix(':') {
        Some(port) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => port,
        None if rest.is_empty() => "",
        _ => return None,
    };
    Some((domain.strip_suffix('.').unwrap_or(domain), port))
}

/// Whether one of the patterns allows that domain: `*` any, `.example.com` that and every subdomain, others themselves.
pub fn validate_host<'a>(domain: &str, mut patterns: impl Iterator<Item = &'a str>) -> bool {
    patterns.any(|pattern| pattern == "*" || is_same_domain(domain, pattern))
}

/// Whether a host is the pattern, or lies below one that begins with a dot (Django 5.2 `utils/http.py`).
///
/// Case does not count in the ASCII letters.
#[must_use]
pub fn is_same_domain(host: &str, pattern: &str) -> bool {
    match pattern.strip_prefix('.') {
        _ if pattern.is_empty() => false,
        // Most are written as they are sent.
        _ if host == pattern => true,
        Some(domain) if host.eq_ignore_ascii_case(domain) => true,
        Some(_) => host
            .len()
            .checked_sub(pattern.len())
            .and_then(|at| host.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(pattern)),
        None => host.eq_ignore_ascii_case(pattern),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::vectors;

    #[test]
    fn hosts_are_split_as_django_splits_them() {
        for case in vectors::of("host", "split_domain_port") {
            let (domain, port) = split_domain_port(case["host"].as_str().unwrap()).unwrap_or_default();
            assert_eq!([&domain.to_ascii_lowercase(), port], [&case["out"][0], &case["out"][1]], "{case}");
        }
    }

    #[test]
    fn patterns_are_djangos() {
        for case in vectors::load("same_domains") {
            let (host, pattern) =
                (case["host"].as_str().unwrap(), case["pattern"].as_str().unwrap_or_default());
            // Django gets hosts in lower case only; here case never counts.
            if host.bytes().all(|byte| !byte.is_ascii_uppercase()) {
                assert_eq!(is_same_domain(host, pattern), case["out"].as_bool().unwrap(), "{case}");
            }
        }
        for case in vectors::of("host", "validate_host") {
            let host = case["host"].as_str().unwrap();
            let patterns =
                case["allowed_hosts"].as_array().unwrap().iter().map(|pattern| pattern.as_str().unwrap());
            if host.bytes().all(|byte| !byte.is_ascii_uppercase()) {
                assert_eq!(validate_host(host, patterns), case["out"].as_bool().unwrap(), "{case}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_host_panics(host in "[a-c.:\\[\\]0-9é_@]{0,20}", pattern in "[a-c.é]{0,9}") {
            let _ = split_domain_port(&host);
            let _ = is_same_domain(&host, &pattern);
        }
    }
}
