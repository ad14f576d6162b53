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
