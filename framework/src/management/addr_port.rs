//! `runserver [[addr:]port]`: Django's grammar of it (Django 5.2 `core/management/commands/runserver.py`).

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::lookup_host;

use crate::apps::command::CommandError;

const DEFAULT_PORT: u16 = 8000;

/// Where `runserver` is told to listen; the host is not looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AddrPort {
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Only addresses of version 6 will do.
    pub(super) ipv6: bool,
}

impl AddrPort {
    /// What the argument says; `ipv6` is the flag `-6`.
    pub(super) fn parse(argument: Option<&str>, ipv6: bool) -> Result<Self, CommandError> {
        let fallback = if ipv6 { "::1" } else { "127.0.0.1" };
        let Some(argument) = argument.filter(|argument| !argument.is_empty()) else {
            return Ok(Self { host: fallback.to_owned(), port: DEFAULT_PORT, ipv6 });
        };
        let (host, port) =
            argument.rsplit_once(':').map_or((None, argument), |(host, port)| (Some(host), port));
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let (Ok(port), true) = (port.parse(), digits) else {
            return Err(invalid(argument));
        };
        let Some(host) = host else {
            return Ok(Self { host: fallback.to_owned(), port, ipv6 });
        };
        if let Some(bracketed) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let known =
                !bracketed.is_empty() && bracketed.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
            return known
                .then(|| Self { host: bracketed.to_owned(), port, ipv6: true })
                .ok_or_else(|| invalid(argument));
        }
        if is_ipv4_shaped(host) {
            if ipv6 {
                return Err(CommandError::new(format!("\"{host}\" is not a valid IPv6 address.")));
            }
        } else if !is_name(host) {
            return Err(invalid(argument));
        }
        Ok(Self { host: host.to_owned(), port, ipv6 })
    }

    /// The first address of the host that is of the right version, as `getaddrinfo` orders them.
    pub(super) async fn resolve(&self) -> io::Result<SocketAddr> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(SocketAddr::new(ip, self.port));
        }
        let mut found = lookup_host((self.host.as_str(), self.port)).await?;
        found.find(|address| address.is_ipv6() == self.ipv6).ok_or_else(|| {
            let version = if self.ipv6 { 6 } else { 4 };
            io::Error::new(
                io::ErrorKind::NotFound,
                format!("{} has no address of IP version {version}", self.host),
            )
        })
    }
}

/// As the banner shows it, in a URL.
impl fmt::Display for AddrPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.as_str() {
            "0" => write!(f, "0.0.0.0:{}", self.port),
            host if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

fn invalid(argument: &str) -> CommandError {
    CommandError::new(format!("\"{argument}\" is not a valid port number or address:port pair."))
}

fn is_ipv4_shaped(host: &str) -> bool {
    let mut parts = 0;
    host.split('.').all(|part| {
        parts += 1;
        (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    }) && parts == 4
}

fn is_name(host: &str) -> bool {
    host.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::AddrPort;

    #[test]
    fn djangos_grammar() {
        let check = |argument: &str, ipv6, expected: Result<(&str, u16, &str), &str>| {
            let argument = Some(argument).filter(|argument| *argument != "(none)");
            let got = AddrPort::parse(argument, ipv6);
            match (got, expected) {
                (Ok(got), Ok((host, port, shown))) => {
                    assert_eq!((got.host.as_str(), got.port), (host, port), "{argument:?}");
                    assert_eq!(got.to_string(), shown, "{argument:?}");
                }
                (Err(got), Err(expected)) => assert_eq!(got.to_string(), expected),
                (got, expected) => panic!("{argument:?}: {got:?}, not {expected:?}"),
            }
        };
        check("(none)", false, Ok(("127.0.0.1", 8000, "127.0.0.1:8000")));
        check("", false, Ok(("127.0.0.1", 8000, "127.0.0.1:8000")));
        check("(none)", true, Ok(("::1", 8000, "[::1]:8000")));
        check("8080", false, Ok(("127.0.0.1", 8080, "127.0.0.1:8080")));
        check("8080", true, Ok(("::1", 8080, "[::1]:8080")));
        check("0:8000", false, Ok(("0", 8000, "0.0.0.0:8000")));
        check("0.0.0.0:8000", false, Ok(("0.0.0.0", 8000, "0.0.0.0:8000")));
        check("[::1]:8000", false, Ok(("::1", 8000, "[::1]:8000")));
        check("[::]:8000", false, Ok(("::", 8000, "[::]:8000")));
        check("1.2.3.4:80", false, Ok(("1.2.3.4", 80, "1.2.3.4:80")));
        check("localhost:7000", false, Ok(("localhost", 7000, "localhost:7000")));
        check("localhost:7000", true, Ok(("localhost", 7000, "localhost:7000")));
        check(
            "test.domain-x.local:7000",
            false,
            Ok(("test.domain-x.local", 7000, "test.domain-x.local:7000")),
        );
        check("1.2.3.4:80", true, Err("\"1.2.3.4\" is not a valid IPv6 address."));
        for wrong in [
            "abc", "7000:", ":8000", "::1:8000", "a_b:80", "a..b:80", "[zz]:80", "[]:80", "80 ", "+80",
            "70000", "x:-1", "x:80:",
        ] {
            let message = format!("\"{wrong}\" is not a valid port number or address:port pair.");
            check(wrong, false, Err(&message));
        }
    }

    #[tokio::test]
    async fn zero_is_every_address() {
        let resolved = AddrPort::parse(Some("0:81"), false).unwrap().resolve().await.unwrap();
        assert_eq!(resolved.to_string(), "0.0.0.0:81");
        let resolved = AddrPort::parse(Some("localhost:81"), false).unwrap().resolve().await.unwrap();
        assert_eq!(resolved.to_string(), "127.0.0.1:81");
        assert!(AddrPort::parse(Some("999.1.1.1:81"), false).unwrap().resolve().await.is_err());
    }
}
