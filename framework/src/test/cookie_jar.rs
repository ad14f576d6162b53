//! The cookies a visitor's browser keeps (RFC 6265 section 5).

use cookie::Cookie;
use time::{Duration, OffsetDateTime};

/// Where a request goes, as far as cookies care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The host's name without a port.
    pub host: &'a str,
    /// The path of the URL.
    pub path: &'a str,
    /// Whether it goes over HTTPS.
    pub secure: bool,
}

/// One cookie in the jar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCookie {
    /// Its name.
    pub name: String,
    /// Its value, just as the server wrote it.
    pub value: String,
    /// The host it goes to, or with `host_only` off also the hosts below.
    pub domain: String,
    /// Whether it goes to this very host alone: no `Domain` was said.
    pub host_only: bool,
    /// The path it goes to, and all paths below.
    pub path: String,
    /// When it ends; `None`: with the browser.
    pub expires: Option<OffsetDateTime>,
    /// Whether it goes over HTTPS alone.
    pub secure: bool,
    /// Whether scripts may not see it.
    pub http_only: bool,
}

/// The cookies of one visitor. Time is given by the caller, so that a test can look into the future.
#[derive(Debug, Clone, Default)]
pub struct CookieJar {
    /// In the order of their making, which a renewal keeps.
    cookies: Vec<StoredCookie>,
}

impl CookieJar {
    /// An empty jar.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps, renews or deletes a cookie as a `Set-Cookie` line asks; one that this origin may not set is passed over.
    pub fn store(&mut self, line: &str, from: Destination<'_>, now: OffsetDateTime) {
        let Ok(parsed) = Cookie::parse(line) else { return };
        let domain = parsed.domain().map(|domain| domain.trim_start_matches('.').to_ascii_lowercase());
        let host = from.host.to_ascii_lowercase();
        let (domain, host_only) = match domain.filter(|domain| !domain.is_empty()) {
            Some(domain) if belongs(&host, &domain) => (domain, false),
            Some(_) => return,
            None => (host, true),
        };
        let secure = parsed.secure() == Some(true);
        if secure && !from.secure {
            return;
        }
        let expires = match (parsed.max_age(), parsed.expires_datetime()) {
            // Max-Age wins over Expires (section 5.3).
            (Some(age), _) => now.checked_add(age),
            (None, at) => at,
        };
        let path = parsed.path().filter(|path| path.starts_with('/'));
        let cookie = StoredCookie {
            name: parsed.name().to_owned(),
            value: parsed.value().to_owned(),
            domain,
            host_only,
            path: path.unwrap_or_else(|| default_path(from.path)).to_owned(),
            expires,
            secure,
            http_only: parsed.http_only() == Some(true),
        };
        let same = |kept: &StoredCookie| {
            kept.name == cookie.name && kept.domain == cookie.domain && kept.path == cookie.path
        };
        let place = self.cookies.iter().position(same);
        if cookie.expires.is_some_and(|at| at <= now) {
            if let Some(place) = place {
                self.cookies.remove(place);
            }
        } else if let Some(kept) = place.and_then(|place| self.cookies.get_mut(place)) {
            *kept = cookie;
        } else {
            self.cookies.push(cookie);
        }
    }

    /// The `Cookie` header of a request: longer paths first (section 5.4). `None` when there is no cookie for it.
    #[must_use]
    pub fn header(&self, to: Destination<'_>, now: OffsetDateTime) -> Option<String> {
        let mut chosen: Vec<&StoredCookie> =
            self.cookies.iter().filter(|cookie| cookie.goes_to(to, now)).collect();
        chosen.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> =
            chosen.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The cookie of that name, whatever host and path it is for.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&StoredCookie> {
        self.cookies.iter().find(|cookie| cookie.name == name)
    }

    /// Puts a cookie in, for that host and every path.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>, host: &str) {
        let name = name.into();
        self.remove(&name);
        self.cookies.push(StoredCookie {
            name,
            value: value.into(),
            domain: host.to_ascii_lowercase(),
            host_only: true,
            path: "/".to_owned(),
            expires: None,
            secure: false,
            http_only: false,
        });
    }

    /// Takes every cookie of that name out; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.cookies.len();
        self.cookies.retain(|cookie| cookie.name != name);
        self.cookies.len() < before
    }

    /// What a browser forgets when it is closed: the cookies without an end.
    pub fn close_browser(&mut self) {
        self.cookies.retain(|cookie| cookie.expires.is_some());
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.cookies.clear();
    }

    /// Every cookie.
    pub fn iter(&self) -> impl Iterator<Item = &StoredCookie> {
        self.cookies.iter()
    }
}

impl StoredCookie {
    fn goes_to(&self, to: Destination<'_>, now: OffsetDateTime) -> bool {
        let host = to.host.to_ascii_lowercase();
        let host = if self.host_only { host == self.domain } else { belongs(&host, &self.domain) };
        host && below(to.path, &self.path)
            && (to.secure || !self.secure)
            && self.expires.is_none_or(|at| at > now)
    }

    /// How long it is kept from now on; `None`: as long as the browser is open.
    #[must_use]
    pub fn age(&self, now: OffsetDateTime) -> Option<Duration> {
        self.expires.map(|at| at - now)
    }
}

/// Section 5.1.3; an address has no subdomains.
fn belongs(host: &str, domain: &str) -> bool {
    let above = || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    host == domain || host.parse::<std::net::IpAddr>().is_err() && above()
}

/// Section 5.1.4.
fn below(path: &str, cookies: &str) -> bool {
    path.strip_prefix(cookies)
        .is_some_and(|rest| rest.is_empty() || cookies.ends_with('/') || rest.starts_with('/'))
}

/// Section 5.1.4: the folder of the page that set the cookie.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use time::{Duration, OffsetDateTime};

    use super::{CookieJar, Destination};

    const NOW: OffsetDateTime = datetime!(2026-11-22 13:26:01 UTC);

    fn destination(url: &str) -> Destination<'_> {
        let (scheme, rest) = url.split_once("://").unwrap();
        let at = rest.find('/').unwrap();
        Destination { host: &rest[..at], path: &rest[at..], secure: scheme == "https" }
    }

    #[test]
    fn who_gets_what() {
        let check = |from: &str, lines: &[&str], to: &str, after: Duration, expected: Option<&str>| {
            let mut jar = CookieJar::new();
            for line in lines {
                jar.store(line, destination(from), NOW);
            }
            let got = jar.header(destination(to), NOW + after);
            assert_eq!(got.as_deref(), expected, "{lines:?} from {from} to {to}");
        };
        let soon = Duration::seconds(1);
        let site = "http://testserver/";
        check(site, &["a=1"], site, soon, Some("a=1"));
        check(site, &["a=1", "b=\"x y\"; Path=/", "a=2"], site, soon, Some("a=2; b=\"x y\""));
        check(site, &["a=1", "a=; Max-Age=0"], site, soon, None);
        check(
            site,
            &["a=1", "a=\"\"; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/"],
            site,
            soon,
            None,
        );
        check(site, &["a=1; Max-Age=60"], site, Duration::seconds(59), Some("a=1"));
        check(site, &["a=1; Max-Age=60"], site, Duration::seconds(60), None);
        check(site, &["a=1; expires=Sun, 22 Nov 2026 13:27:01 GMT"], site, Duration::seconds(61), None);
        check(site, &["a=1; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60"], site, soon, Some("a=1"));
        check(site, &["a=1; Secure"], "https://testserver/", soon, None);
        check("https://testserver/", &["a=1; Secure"], site, soon, None);
        check("https://testserver/", &["a=1; Secure"], "https://testserver/", soon, Some("a=1"));
        check(site, &["a=1; Path=/shop"], "http://testserver/shop/cart", soon, Some("a=1"));
        check(site, &["a=1; Path=/shop"], "http://testserver/shopping", soon, None);
        check(site, &["a=1", "b=2; Path=/shop/"], "http://testserver/shop/", soon, Some("b=2; a=1"));
        check("http://testserver/shop/set", &["a=1"], "http://testserver/shop/get", soon, Some("a=1"));
        check("http://testserver/shop/set", &["a=1"], site, soon, None);
        check(site, &["a=1"], "http://www.testserver/", soon, None);
        check("http://www.x.bt/", &["a=1; Domain=.x.bt"], "http://shop.x.bt/", soon, Some("a=1"));
        check("http://www.x.bt/", &["a=1; Domain=y.bt"], "http://www.x.bt/", soon, None);
        check("http://ax.bt/", &["a=1; Domain=x.bt"], "http://ax.bt/", soon, None);
        check("http://127.0.0.1/", &["a=1; Domain=0.0.1"], "http://127.0.0.1/", soon, None);
        check(site, &["=1", "nonsense"], site, soon, None);
    }

    #[test]
    fn closing_the_browser_ends_what_has_no_end() {
        let mut jar = CookieJar::new();
        let site = destination("http://testserver/");
        jar.store("a=1", site, NOW);
        jar.store("b=2; Max-Age=60", site, NOW);
        assert_eq!(jar.get("b").unwrap().age(NOW), Some(Duration::seconds(60)));
        jar.close_browser();
        assert_eq!(jar.header(site, NOW).as_deref(), Some("b=2"));
        jar.set("a", "3", "testserver");
        assert!(jar.remove("b") && !jar.remove("b"));
        assert_eq!(jar.header(site, NOW).as_deref(), Some("a=3"));
    }
}
