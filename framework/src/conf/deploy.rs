//! What `manage check --deploy` says of the settings: Django's ids, in Django's words (Django 5.2
//! `core/checks/security/base.py`, `csrf.py`, `sessions.py`), so that whoever looks a message up finds it.
//!
//! `security.E024` cannot occur: another `SECURE_CROSS_ORIGIN_OPENER_POLICY` does not load.

use std::collections::HashSet;

use crate::checks::CheckMessage;
use crate::conf::core::{CoreSettings, DEMO_KEY_PREFIX};
use crate::conf::csrf::CsrfSettings;
use crate::conf::secret::Secret;
use crate::conf::security::SecuritySettings;
use crate::conf::session::SessionSettings;
use crate::conf::settings::Settings;

/// Every message on the settings of a site that strangers will reach. Silenced ones are among them.
#[must_use]
pub fn check(settings: &Settings) -> Vec<CheckMessage> {
    let core = settings.section::<CoreSettings>();
    let mut messages = check_core(&core);
    messages.extend(check_security(&core, &settings.section::<SecuritySettings>()));
    messages.extend(check_csrf(&core, &settings.section::<CsrfSettings>()));
    messages.extend(check_session(&core, &settings.section::<SessionSettings>()));
    messages
}

/// `security.W002`, `W009`, `W018`, `W019`, `W020`, `W025`.
#[must_use]
pub fn check_core(core: &CoreSettings) -> Vec<CheckMessage> {
    let mut messages = Messages::default();
    let framed = has(&core.middleware, "django.middleware.clickjacking.XFrameOptionsMiddleware");
    messages.warn_if(
        !framed,
        "security.W002",
        "You do not have 'django.middleware.clickjacking.XFrameOptionsMiddleware' in your MIDDLEWARE, so your pages will \
         not be served with an 'x-frame-options' header. Unless there is a good reason for your site to be served in a \
         frame, you should consider enabling this header to help prevent clickjacking attacks.",
    );
    if is_weak(&core.secret_key) {
        messages.warn("security.W009", weak_key("SECRET_KEY"));
    }
    for (index, key) in core.secret_key_fallbacks.iter().enumerate() {
        if is_weak(key) {
            messages.warn("security.W025", weak_key(&format!("SECRET_KEY_FALLBACKS[{index}]")));
        }
    }
    messages.warn_if(core.debug, "security.W018", "You should not have DEBUG set to True in deployment.");
    messages.warn_if(
        framed && core.x_frame_options != "DENY",
        "security.W019",
        "You have 'django.middleware.clickjacking.XFrameOptionsMiddleware' in your MIDDLEWARE, but X_FRAME_OPTIONS is not \
         set to 'DENY'. Unless there is a good reason for your site to serve other parts of itself in a frame, you should \
         change it to 'DENY'.",
    );
    messages.warn_if(
        core.allowed_hosts.is_empty(),
        "security.W020",
        "ALLOWED_HOSTS must not be empty in deployment.",
    );
    messages.0
}

/// `security.W001`, `W004`–`W006`, `W008`, `W021`, `W022`, `E023`.
#[must_use]
pub fn check_security(core: &CoreSettings, security: &SecuritySettings) -> Vec<CheckMessage> {
    let mut messages = Messages::default();
    if !has(&core.middleware, "django.middleware.security.SecurityMiddleware") {
        messages.warn(
            "security.W001",
            "You do not have 'django.middleware.security.SecurityMiddleware' in your MIDDLEWARE so the \
             SECURE_HSTS_SECONDS, SECURE_CONTENT_TYPE_NOSNIFF, SECURE_REFERRER_POLICY, \
             SECURE_CROSS_ORIGIN_OPENER_POLICY, and SECURE_SSL_REDIRECT settings will have no effect.",
        );
        return messages.0;
    }
    let hsts = security.hsts_seconds != 0;
    messages.warn_if(
        !hsts,
        "security.W004",
        "You have not set a value for the SECURE_HSTS_SECONDS setting. If your entire site is served only over SSL, you \
         may want to consider setting a value and enabling HTTP Strict Transport Security. Be sure to read the \
         documentation first; enabling HSTS carelessly can cause serious, irreversible problems.",
    );
    messages.warn_if(
        hsts && !security.hsts_include_subdomains,
        "security.W005",
        "You have not set the SECURE_HSTS_INCLUDE_SUBDOMAINS setting to True. Without this, your site is potentially \
         vulnerable to attack via an insecure connection to a subdomain. Only set this to True if you are certain that \
         all subdomains of your domain should be served exclusively via SSL.",
    );
    messages.warn_if(
        !security.content_type_nosniff,
        "security.W006",
        "Your SECURE_CONTENT_TYPE_NOSNIFF setting is not set to True, so your pages will not be served with an \
         'X-Content-Type-Options: nosniff' header. You should consider enabling this header to prevent the browser from \
         identifying content types incorrectly.",
    );
    messages.warn_if(
        !security.ssl_redirect,
        "security.W008",
        "Your SECURE_SSL_REDIRECT setting is not set to True. Unless your site should be available over both SSL and \
         non-SSL connections, you may want to either set this setting True or configure a load balancer or \
         reverse-proxy server to redirect all connections to HTTPS.",
    );
    messages.warn_if(
        hsts && !security.hsts_preload,
        "security.W021",
        "You have not set the SECURE_HSTS_PRELOAD setting to True. Without this, your site cannot be submitted to the \
         browser preload list.",
    );
    match &security.referrer_policy {
        None => messages.warn(
            "security.W022",
            "You have not set the SECURE_REFERRER_POLICY setting. Without this, your site will not send a \
             Referrer-Policy header. You should consider enabling this header to protect user privacy.",
        ),
        Some(referrer)
            if !referrer.policies().iter().all(|policy| REFERRER_POLICIES.contains(&policy.as_str())) =>
        {
            let message = "You have set the SECURE_REFERRER_POLICY setting to an invalid value.";
            let hint = format!("Valid values are: {}.", REFERRER_POLICIES.join(", "));
            messages.0.push(CheckMessage::error("security.E023", message).hint(hint));
        }
        Some(_) => {}
    }
    messages.0
}

/// `security.W003`, `W016`.
#[must_use]
pub fn check_csrf(core: &CoreSettings, csrf: &CsrfSettings) -> Vec<CheckMessage> {
    let mut messages = Messages::default();
    let protected = has(&core.middleware, "django.middleware.csrf.CsrfViewMiddleware");
    messages.warn_if(
        !protected,
        "security.W003",
        "You don't appear to be using Django's built-in cross-site request forgery protection via the middleware \
         ('django.middleware.csrf.CsrfViewMiddleware' is not in your MIDDLEWARE). Enabling the middleware is the safest \
         approach to ensure you don't leave any holes.",
    );
    messages.warn_if(
        protected && !csrf.use_sessions && !csrf.cookie_secure,
        "security.W016",
        "You have 'django.middleware.csrf.CsrfViewMiddleware' in your MIDDLEWARE, but you have not set \
         CSRF_COOKIE_SECURE to True. Using a secure-only CSRF cookie makes it more difficult for network traffic \
         sniffers to steal the CSRF token.",
    );
    messages.0
}

/// `security.W010`–`W015`.
#[must_use]
pub fn check_session(core: &CoreSettings, session: &SessionSettings) -> Vec<CheckMessage> {
    const SECURE: Flaw = Flaw {
        setting: "SESSION_COOKIE_SECURE",
        app: "security.W010",
        middleware: "security.W011",
        both: "security.W012",
        advice: "Using a secure-only session cookie makes it more difficult for network traffic sniffers to hijack user \
                 sessions.",
    };
    const HTTPONLY: Flaw = Flaw {
        setting: "SESSION_COOKIE_HTTPONLY",
        app: "security.W013",
        middleware: "security.W014",
        both: "security.W015",
        advice: "Using an HttpOnly session cookie makes it more difficult for cross-site scripting attacks to hijack user \
                 sessions.",
    };
    let mut messages = Messages::default();
    for (fine, flaw) in [(session.cookie_secure, SECURE), (session.cookie_httponly, HTTPONLY)] {
        if let Some((id, text)) = (!fine).then(|| flaw.tell(core)).flatten() {
            messages.warn(id, text);
        }
    }
    messages.0
}

/// A flaw of the session cookie, which is told by where sessions are used.
struct Flaw {
    setting: &'static str,
    app: &'static str,
    middleware: &'static str,
    both: &'static str,
    advice: &'static str,
}

impl Flaw {
    fn tell(&self, core: &CoreSettings) -> Option<(&'static str, String)> {
        let Self { setting, advice, .. } = self;
        let app = has(&core.installed_apps, "django.contrib.sessions");
        let middleware = has(&core.middleware, "django.contrib.sessions.middleware.SessionMiddleware");
        match (app, middleware) {
            (true, true) => Some((self.both, format!("{setting} is not set to True. {advice}"))),
            (true, false) => Some((
                self.app,
                format!(
                    "You have 'django.contrib.sessions' in your INSTALLED_APPS, but you have not set {setting} to True. \
                     {advice}"
                ),
            )),
            (false, true) => Some((
                self.middleware,
                format!(
                    "You have 'django.contrib.sessions.middleware.SessionMiddleware' in your MIDDLEWARE, but you have not \
                     set {setting} to True. {advice}"
                ),
            )),
            (false, false) => None,
        }
    }
}

/// In the order of the hint: by name.
const REFERRER_POLICIES: [&str; 8] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
];

/// What a key begins with that `django-admin startproject` made.
const DJANGO_KEY_PREFIX: &str = "django-insecure-";
const KEY_LENGTH: usize = 50;
const KEY_VARIETY: usize = 5;

/// Characters, not bytes, count, as Python counts.
fn is_weak(key: &Secret) -> bool {
    let key = key.expose();
    key.chars().count() < KEY_LENGTH
        || key.chars().collect::<HashSet<_>>().len() < KEY_VARIETY
        || key.starts_with(DJANGO_KEY_PREFIX)
        || key.starts_with(DEMO_KEY_PREFIX)
}

fn weak_key(setting: &str) -> String {
    format!(
        "Your {setting} has less than {KEY_LENGTH} characters, less than {KEY_VARIETY} unique characters, or it's prefixed \
         with '{DJANGO_KEY_PREFIX}' indicating that it was generated automatically by Django. Please generate a long and \
         random value, otherwise many of Django's security-critical features will be vulnerable to attack."
    )
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|one| one == name)
}

#[derive(Default)]
struct Messages(Vec<CheckMessage>);

impl Messages {
    fn warn(&mut self, id: &'static str, text: impl Into<String>) {
        self.0.push(CheckMessage::warning(id, text));
    }

    fn warn_if(&mut self, wrong: bool, id: &'static str, text: &str) {
        if wrong {
            self.warn(id, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::conf::source::SettingsSource;

    /// 150 random sites, and what Django 5.2.19 says of each.
    #[test]
    fn every_message_is_djangos_to_the_letter() {
        let path = format!("{}/../tests/vectors/deploy_checks.json", env!("CARGO_MANIFEST_DIR"));
        let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let cases = vectors["cases"].as_array().unwrap();
        assert!(cases.len() >= 150);
        for case in cases {
            let source = SettingsSource::json(case["settings"].as_object().unwrap().clone());
            let settings = Settings::load(&source, &[]).unwrap();
            let mut found: Vec<String> = check(&settings).iter().map(ToString::to_string).collect();
            found.sort();
            let expected: Vec<&str> = case["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(|index| {
                    let index = usize::try_from(index.as_u64().unwrap()).unwrap();
                    vectors["texts"][index].as_str().unwrap()
                })
                .collect();
            assert_eq!(found, expected, "{}", case["settings"]);
        }
    }

    #[test]
    fn a_shipped_key_is_as_weak_as_a_generated_one() {
        let long = "abcdefghijklmnopqrstuvwxyz".repeat(3);
        for (key, weak) in [
            (long.clone(), false),
            (format!("{DEMO_KEY_PREFIX}{long}"), true),
            (format!("{DJANGO_KEY_PREFIX}{long}"), true),
            ("é".repeat(60), true),
            ("abcdé".repeat(10), false),
            ("abcdé".repeat(10).chars().skip(1).collect(), true),
        ] {
            assert_eq!(is_weak(&Secret::new(key.clone())), weak, "{key}");
        }
    }
}
