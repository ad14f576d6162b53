//! Which values of `SESSION_*` do not go together: a cookie that browsers would refuse, a limit that makes no sense.

use crate::conf::section::Breach;
use crate::conf::session::{SameSite, SessionSettings};

/// Every rule that these values break.
pub(crate) fn breaches(session: &SessionSettings) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut breach = |id, settings, reason: String, right: &str| {
        breaches.push(Breach { id, settings, reason, right: right.to_owned(), can_be_silenced: true });
    };
    let SessionSettings { cookie_name: name, cookie_path: path, cookie_domain: domain, .. } = session;

    if name.is_empty() || !name.bytes().all(is_token_byte) {
        breach(
            "nuages.E121",
            &["SESSION_COOKIE_NAME"],
            format!("{name:?} cannot be a cookie's name (RFC 6265, section 4.1.1)"),
            "letters, digits and any of !#$%&'*+-.^_`|~",
        );
    }
    if let Some(found) = path.chars().find(|c| !is_attribute_char(*c)) {
        breach(
            "nuages.E122",
            &["SESSION_COOKIE_PATH"],
            format!(
                "it contains {found:?}, which ends or breaks the cookie's attributes (RFC 6265, section 4.1.1)"
            ),
            "ASCII without ; and control characters",
        );
    }
    if let Some(found) =
        domain.iter().flat_map(|domain| domain.chars()).find(|c| !is_attribute_char(*c) || *c == ' ')
    {
        breach(
            "nuages.E123",
            &["SESSION_COOKIE_DOMAIN"],
            format!(
                "it contains {found:?}, which ends or breaks the cookie's attributes (RFC 6265, section 4.1.1)"
            ),
            "a host's name, as \"example.com\"; false for the host that sets the cookie",
        );
    }
    // Browsers compare the prefixes without regard to case (RFC 6265bis, section 5.4).
    if has_prefix(name, "__Host-") {
        if !session.cookie_secure {
            breach(
                "nuages.E124",
                &["SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE"],
                format!(
                    "browsers refuse the cookie {name} unless it is Secure (RFC 6265bis, section 4.1.3.2)"
                ),
                "SESSION_COOKIE_SECURE = true",
            );
        }
        if domain.as_deref().is_some_and(|domain| !domain.is_empty()) {
            breach(
                "nuages.E125",
                &["SESSION_COOKIE_NAME", "SESSION_COOKIE_DOMAIN"],
                format!("browsers refuse the cookie {name} with a Domain (RFC 6265bis, section 4.1.3.2)"),
                "SESSION_COOKIE_DOMAIN = false",
            );
        }
        if path != "/" {
            breach(
                "nuages.E126",
                &["SESSION_COOKIE_NAME", "SESSION_COOKIE_PATH"],
                format!(
                    "browsers refuse the cookie {name} unless its Path is / (RFC 6265bis, section 4.1.3.2)"
                ),
                "SESSION_COOKIE_PATH = \"/\"",
            );
        }
    }
    if has_prefix(name, "__Secure-") && !session.cookie_secure {
        breach(
            "nuages.E127",
            &["SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE"],
            format!("browsers refuse the cookie {name} unless it is Secure (RFC 6265bis, section 4.1.3.1)"),
            "SESSION_COOKIE_SECURE = true",
        );
    }
    if session.cookie_samesite == Some(SameSite::None) && !session.cookie_secure {
        breach(
            "nuages.E128",
            &["SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_SECURE"],
            "browsers refuse a cookie with SameSite=None unless it is Secure (RFC 6265bis, section 5.7)"
                .to_owned(),
            "SESSION_COOKIE_SECURE = true, or another SESSION_COOKIE_SAMESITE",
        );
    }
    if session.cookie_partitioned && !session.cookie_secure {
        breach(
            "nuages.E129",
            &["SESSION_COOKIE_PARTITIONED", "SESSION_COOKIE_SECURE"],
            "browsers refuse a Partitioned cookie unless it is Secure (CHIPS)".to_owned(),
            "SESSION_COOKIE_SECURE = true",
        );
    }
    if session.cookie_age < 0 {
        breach(
            "nuages.E130",
            &["SESSION_COOKIE_AGE"],
            format!("a session cannot last {} seconds", session.cookie_age),
            "0 or more seconds",
        );
    }
    if session.absolute_age == Some(0) {
        breach(
            "nuages.E131",
            &["SESSION_ABSOLUTE_AGE"],
            "every session would have ended when it begins".to_owned(),
            "1 or more seconds; false for no such limit",
        );
    }
    if session.touch_interval > 0
        && i64::try_from(session.touch_interval).map_or(true, |t| t >= session.cookie_age)
    {
        breach(
            "nuages.E132",
            &["SESSION_TOUCH_INTERVAL", "SESSION_COOKIE_AGE"],
            format!(
                "sessions last {} seconds: they would end before their expiry is renewed",
                session.cookie_age
            ),
            "fewer seconds than SESSION_COOKIE_AGE; 0 to renew with every request",
        );
    }
    breaches
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// RFC 9110, section 5.6.2: `tchar`.
const fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
}

/// RFC 6265, section 4.1.1: any character except control characters and `;`.
const fn is_attribute_char(c: char) -> bool {
    c.is_ascii() && !c.is_ascii_control() && c != ';'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ids of the rules that these changes of the defaults break.
    #[track_caller]
    fn check(change: impl FnOnce(&mut SessionSettings), expected: &[&str]) {
        let mut session = SessionSettings::default();
        change(&mut session);
        let found: Vec<&str> = breaches(&session).iter().map(|breach| breach.id).collect();
        assert_eq!(found, expected, "{session:?}");
    }

    #[test]
    fn a_cookies_name_is_a_token() {
        for name in ["sessionid", "s.id~1", "__secure", "!#$%&'*+-.^_`|~"] {
            check(|s| name.clone_into(&mut s.cookie_name), &[]);
        }
        for name in ["", "a b", "a;b", "a=b", "a,b", "a\"b", "a(b", "a/b", "sitzung\u{e4}", "a\n", "a\u{7f}"]
        {
            check(|s| name.clone_into(&mut s.cookie_name), &["nuages.E121"]);
        }
    }

    #[test]
    fn path_and_domain_stay_within_their_attribute() {
        for path in ["/", "", "/shop/", "/a b/,x"] {
            check(|s| path.clone_into(&mut s.cookie_path), &[]);
        }
        for path in ["/;", "/\n", "/\r\nSet-Cookie: a=b", "/\0", "/\u{e4}", "/\u{7f}"] {
            check(|s| path.clone_into(&mut s.cookie_path), &["nuages.E122"]);
        }
        for domain in ["example.com", ".example.com", ""] {
            check(|s| s.cookie_domain = Some(domain.to_owned()), &[]);
        }
        for domain in ["example.com; Secure", "a b", "a\n", "b\u{fc}cher.example"] {
            check(|s| s.cookie_domain = Some(domain.to_owned()), &["nuages.E123"]);
        }
    }

    #[test]
    fn prefixed_names_hold_what_they_promise() {
        let named = |name: &'static str, secure: bool, path: &'static str, domain: Option<&'static str>| {
            move |s: &mut SessionSettings| {
                name.clone_into(&mut s.cookie_name);
                path.clone_into(&mut s.cookie_path);
                s.cookie_secure = secure;
                s.cookie_domain = domain.map(str::to_owned);
            }
        };
        check(named("__Host-sid", true, "/", None), &[]);
        check(named("__Host-sid", true, "/", Some("")), &[]);
        check(named("__host-sid", false, "/", None), &["nuages.E124"]);
        check(named("__Host-sid", true, "/", Some("example.com")), &["nuages.E125"]);
        check(named("__Host-sid", true, "/shop/", None), &["nuages.E126"]);
        check(named("__Host-sid", false, "", Some("x")), &["nuages.E124", "nuages.E125", "nuages.E126"]);
        check(named("__Secure-sid", true, "/shop/", Some("example.com")), &[]);
        check(named("__SECURE-sid", false, "/", None), &["nuages.E127"]);
        check(named("__Hostsid", false, "/shop/", None), &[]);
    }

    #[test]
    fn some_attributes_want_secure() {
        check(|s| s.cookie_samesite = Some(SameSite::None), &["nuages.E128"]);
        check(|s| s.cookie_samesite = None, &[]);
        check(|s| s.cookie_partitioned = true, &["nuages.E129"]);
        check(
            |s| {
                s.cookie_samesite = Some(SameSite::None);
                s.cookie_partitioned = true;
                s.cookie_secure = true;
            },
            &[],
        );
    }

    #[test]
    fn limits_make_sense() {
        check(|s| s.cookie_age = 0, &[]);
        check(|s| s.cookie_age = -1, &["nuages.E130"]);
        check(|s| s.absolute_age = Some(0), &["nuages.E131"]);
        check(|s| s.absolute_age = Some(1), &[]);
        check(|s| s.touch_interval = 60, &[]);
        check(|s| s.touch_interval = 1_209_600, &["nuages.E132"]);
        check(|s| s.touch_interval = u64::MAX, &["nuages.E132"]);
    }

    #[test]
    fn a_rule_says_what_is_wrong_and_what_would_be_right() {
        let session = SessionSettings { cookie_name: "a b".to_owned(), ..SessionSettings::default() };
        assert_eq!(
            session.illegal_combinations(),
            [Breach {
                id: "nuages.E121",
                settings: &["SESSION_COOKIE_NAME"],
                reason: "\"a b\" cannot be a cookie's name (RFC 6265, section 4.1.1)".to_owned(),
                right: "letters, digits and any of !#$%&'*+-.^_`|~".to_owned(),
                can_be_silenced: true,
            }]
        );
    }
}
