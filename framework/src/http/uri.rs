//! Addresses: escaping them for the wire, splitting and joining them as Python's `urllib.parse` does.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use crate::http::quote::{Safe, push_quoted, quote};

const IRI_SAFE: Safe = Safe::and("/#%[]=:;$&()+,!?*@'~");
const URI_PATH: Safe = Safe::and("/:@&+$,-_.!~*'()");

/// An address that may hold any character, as one of ASCII (RFC 3987, section 3.1; Django 5.2 `utils/encoding.py`).
///
/// What is escaped already stays: `%` is left alone, and so are all reserved characters.
///
/// ```
/// use nuages::http::uri::iri_to_uri;
///
/// assert_eq!(iri_to_uri("/I ♥ Django/?a=%20"), "/I%20%E2%99%A5%20Django/?a=%20");
/// ```
#[must_use]
pub fn iri_to_uri(iri: &str) -> Cow<'_, str> {
    quote(iri, IRI_SAFE)
}

/// Escapes a path for the wire; `%`, `?`, `#`, `;` and `=` too (Django 5.2 `utils/encoding.py`).
#[must_use]
pub fn escape_uri_path(path: &str) -> Cow<'_, str> {
    quote(path, URI_PATH)
}

/// `//x` as `/%2Fx`, so that no browser takes it for another host (Django 5.2 `utils/http.py`).
#[must_use]
pub fn escape_leading_slashes(url: &str) -> Cow<'_, str> {
    match url.strip_prefix("//") {
        Some(rest) => Cow::Owned(format!("/%2F{rest}")),
        None => Cow::Borrowed(url),
    }
}

/// A query for the wire: raw bytes beyond ASCII are taken for latin-1, as Django takes them.
pub(crate) fn push_query(out: &mut String, query: &str) {
    for byte in query.bytes() {
        if byte.is_ascii() {
            push_quoted(out, &[byte], IRI_SAFE);
        } else {
            push_quoted(out, char::from(byte).encode_utf8(&mut [0; 2]).as_bytes(), IRI_SAFE);
        }
    }
}

/// An address that cannot be split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address: its host is broken")]
pub struct UriError(pub String);

/// The parts of an address (Python's `urlsplit`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UriParts {
    /// In lower case, without its `:`.
    pub scheme: String,
    /// User, host and port, without the `//`.
    pub netloc: String,
    /// All up to `?` and `#`.
    pub path: String,
    /// Without its `?`.
    pub query: String,
    /// Without its `#`.
    pub fragment: String,
}

impl UriParts {
    /// Splits an address, relative or absolute.
    ///
    /// # Errors
    /// [`UriError`] for brackets without an IPv6 address in them, and for hosts that turn into something else when
    /// they are normalised.
    pub fn split(url: &str) -> Result<Self, UriError> {
        let trimmed = url.trim_start_matches(|c: char| c <= ' ');
        let clean: String = trimmed.chars().filter(|c| !matches!(c, '\t' | '\r' | '\n')).collect();
        let mut parts = Self::default();
        let mut rest = clean.as_str();
        if let Some((scheme, after)) = rest.split_once(':')
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        {
            parts.scheme = scheme.to_ascii_lowercase();
            rest = after;
        }
        if let Some(after) = rest.strip_prefix("//") {
            let end = after.find(['/', '?', '#']).unwrap_or(after.len());
            let (netloc, path) = after.split_at(end);
            if !netloc_is_sound(netloc) {
                return Err(UriError(url.to_owned()));
            }
            parts.netloc = netloc.to_owned();
            rest = path;
        }
        if let Some((before, fragment)) = rest.split_once('#') {
            parts.fragment = fragment.to_owned();
            rest = before;
        }
        if let Some((before, query)) = rest.split_once('?') {
            parts.query = query.to_owned();
            rest = before;
        }
        parts.path = rest.to_owned();
        Ok(parts)
    }

    /// Puts the parts together again (Python's `urlunsplit`).
    #[must_use]
    pub fn unsplit(&self) -> String {
        let mut url = String::new();
        if !self.scheme.is_empty() {
            url.push_str(&self.scheme);
            url.push(':');
        }
        let hierarchic =
            !self.scheme.is_empty() && takes_netloc(&self.scheme) && !self.path.starts_with("//");
        if !self.netloc.is_empty() || hierarchic {
            url.push_str("//");
            url.push_str(&self.netloc);
            if !self.path.is_empty() && !self.path.starts_with('/') {
                url.push('/');
            }
        }
        url.push_str(&self.path);
        for (mark, part) in [('?', &self.query), ('#', &self.fragment)] {
            if !part.is_empty() {
                url.push(mark);
                url.push_str(part);
            }
        }
        url
    }
}

/// The address that `url` means on the page `base` (Python's `urljoin`).
///
/// # Errors
/// As [`UriParts::split`].
///
/// ```
/// use nuages::http::uri::join;
///
/// assert_eq!(join("http://a/b/c", "../d?e").unwrap(), "http://a/d?e");
/// ```
pub fn join(base: &str, url: &str) -> Result<String, UriError> {
    if base.is_empty() || url.is_empty() {
        return Ok(if base.is_empty() { url } else { base }.to_owned());
    }
    let base = UriParts::split(base)?;
    let mut parts = UriParts::split(url)?;
    if parts.scheme.is_empty() {
        parts.scheme.clone_from(&base.scheme);
    }
    if parts.scheme != base.scheme || !is_relative_scheme(&parts.scheme) {
        return Ok(url.to_owned());
    }
    if takes_netloc(&parts.scheme) {
        if !parts.netloc.is_empty() {
            return Ok(parts.unsplit());
        }
        parts.netloc = base.netloc;
    }
    if parts.path.is_empty() {
        parts.path = base.path;
        if parts.query.is_empty() {
            parts.query = base.query;
        }
        return Ok(parts.unsplit());
    }
    // Parameters after the last `;` stay out of the joining.
    let (path, params) = split_params(&parts.path);
    let (base_path, base_params) = split_params(&base.path);
    if path.is_empty() && params.is_none() {
        parts.path = with_params(base_path, base_params);
        return Ok(parts.unsplit());
    }
    let resolved = resolve(base_path, path);
    parts.path = with_params(&resolved, params);
    Ok(parts.unsplit())
}

fn resolve(base: &str, path: &str) -> String {
    let mut segments: Vec<&str> = if path.starts_with('/') {
        path.split('/').collect()
    } else {
        let mut all: Vec<&str> = base.split('/').collect();
        if all.last().is_some_and(|last| !last.is_empty()) {
            all.pop();
        }
        all.extend(path.split('/'));
        let last = all.len() - 1;
        all.iter()
            .enumerate()
            .filter(|&(at, part)| at == 0 || at == last || !part.is_empty())
            .map(|(_, part)| *part)
            .collect()
    };
    let ends_in_folder = matches!(segments.last(), Some(&("." | "..")));
    let mut out: Vec<&str> = Vec::with_capacity(segments.len());
    for segment in segments.drain(..) {
        match segment {
            ".." => {
                out.pop();
            }
            "." => {}
            other => out.push(other),
        }
    }
    if ends_in_folder {
        out.push("");
    }
    let joined = out.join("/");
    if joined.is_empty() { "/".to_owned() } else { joined }
}

/// Python's `urlparse` takes the parameters off the last segment alone.
fn split_params(path: &str) -> (&str, Option<&str>) {
    let last = path.rfind('/').unwrap_or(0);
    match path[last..].find(';') {
        Some(at) => (&path[..last + at], Some(&path[last + at + 1..]).filter(|params| !params.is_empty())),
        None => (path, None),
    }
}

fn with_params(path: &str, params: Option<&str>) -> String {
    match params {
        Some(params) => format!("{path};{params}"),
        None => path.to_owned(),
    }
}

/// Python's lists of schemes that know relative addresses, and hosts.
fn is_relative_scheme(scheme: &str) -> bool {
    matches!(
        scheme,
        "" | "ftp"
            | "http"
            | "gopher"
            | "nntp"
            | "imap"
            | "wais"
            | "file"
            | "https"
            | "shttp"
            | "mms"
            | "prospero"
            | "rtsp"
            | "rtsps"
            | "rtspu"
            | "sftp"
            | "svn"
            | "svn+ssh"
            | "ws"
            | "wss"
    )
}

fn takes_netloc(scheme: &str) -> bool {
    is_relative_scheme(scheme) || matches!(scheme, "telnet" | "snews" | "rsync" | "nfs" | "git" | "git+ssh")
}

fn netloc_is_sound(netloc: &str) -> bool {
    let brackets = match (netloc.contains('['), netloc.contains(']')) {
        (false, false) => true,
        (true, true) => brackets_are_sound(netloc),
        _ => false,
    };
    brackets && !netloc.chars().any(normalises_to_a_mark)
}

/// Nothing before the brackets, a port or nothing after them, an IPv6 address or `v1.x` within.
fn brackets_are_sound(netloc: &str) -> bool {
    let host = netloc.rsplit_once('@').map_or(netloc, |(_, host)| host);
    let hostname = match host.split_once('[') {
        Some(("", bracketed)) => {
            let (hostname, port) = bracketed.split_once(']').unwrap_or((bracketed, ""));
            if !port.is_empty() && !port.starts_with(':') {
                return false;
            }
            hostname
        }
        Some(_) => return false,
        None => host.split_once(':').map_or(host, |(hostname, _)| hostname),
    };
    match hostname.strip_prefix('v') {
        Some(future) => future.split_once('.').is_some_and(|(version, address)| {
            !version.is_empty()
                && version.bytes().all(|byte| byte.is_ascii_hexdigit())
                && !address.is_empty()
                && !address.contains('\n')
        }),
        None => {
            let (address, zone) =
                hostname.split_once('%').map_or((hostname, None), |(a, zone)| (a, Some(zone)));
            address.parse::<Ipv6Addr>().is_ok()
                && zone.is_none_or(|zone| !zone.is_empty() && !zone.contains('%'))
        }
    }
}

/// Characters whose compatibility form (NFKC) holds one of `/?#@:`.
const fn normalises_to_a_mark(c: char) -> bool {
    matches!(
        c,
        '\u{2047}'
            ..='\u{2049}'
                | '\u{2100}'
                | '\u{2101}'
                | '\u{2105}'
                | '\u{2106}'
                | '\u{2a74}'
                | '\u{fe13}'
                | '\u{fe16}'
                | '\u{fe55}'
                | '\u{fe56}'
                | '\u{fe5f}'
                | '\u{fe6b}'
                | '\u{ff03}'
                | '\u{ff0f}'
                | '\u{ff1a}'
                | '\u{ff1f}'
                | '\u{ff20}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::quote::quote_plus;
    use crate::http::vectors;

    #[test]
    fn addresses_are_escaped_as_django_escapes_them() {
        for case in vectors::load("iris") {
            let text = case["in"].as_str().unwrap();
            for (name, ours) in [
                ("iri_to_uri", iri_to_uri(text)),
                ("escape_uri_path", escape_uri_path(text)),
                ("escape_leading_slashes", escape_leading_slashes(text)),
                ("quote", quote(text, Safe::PATH)),
                ("quote_all", quote(text, Safe::PART)),
                ("quote_plus", quote_plus(text, Safe::PART)),
            ] {
                assert_eq!(ours, case[name].as_str().unwrap(), "{name} of {case}");
            }
        }
    }

    #[test]
    fn broken_hosts_are_refused() {
        for broken in
            ["//[x", "//x]", "http://[1.2.3.4]/", "//a[::1]", "//[::1]x", "//a\u{2100}b", "//[]", "//[v]"]
        {
            assert!(UriParts::split(broken).is_err(), "{broken}");
        }
        for sound in ["//[::1]:80/", "http://[v1.a]/", "//[fe80::1%25eth0]", "//u@[::1]", "//ü.de", "[x"] {
            assert!(UriParts::split(sound).is_ok(), "{sound}");
        }
    }

    proptest! {
        #[test]
        fn splitting_and_joining_never_panic(base in "[a-c:/?#.;@\\[\\]é ]{0,20}", url in "[a-c:/?#.;@\\[\\]é ]{0,20}") {
            let _ = UriParts::split(&url).map(|parts| parts.unsplit());
            let _ = join(&base, &url);
        }
    }
}
