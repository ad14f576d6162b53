//! What is said of wrong settings, word for word.

use std::collections::BTreeMap;

use crate::conf::caches::CachesSettings;
use crate::conf::core::CoreSettings;
use crate::conf::databases::DatabasesSettings;
use crate::conf::section::SectionDef;
use crate::conf::settings::Settings;
use crate::conf::source::SettingsSource;

crate::settings_section! {
    /// A site's own section.
    struct ShopSettings, prefix "SHOP_" {
        /// Three letters.
        currency: String = "BTN",
        /// Parts of one.
        tax: f64 = 0.5,
        /// Mail addresses.
        stewards: Vec<String> = [],
        /// Rooms by town.
        rooms: BTreeMap<String, u64> = BTreeMap::new(),
    }
}

const SHOP: &[SectionDef] = &[SectionDef::of::<ShopSettings>()];

/// The faults of that text, without the heading, one paragraph each. It follows a key, so that it can be wrong in one way
/// alone; it begins on line 2.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> = match Settings::from_toml(&format!("SECRET_KEY = 'k'\n{text}"), SHOP) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.faults().iter().map(ToString::to_string).collect(),
    };
    assert_eq!(found, expected, "of {text}");
}

#[test]
fn unknown_names_are_told_with_the_nearest() {
    check(
        "SESSION_COKIE_AGE = 1",
        &[
            "settings.toml:2: SESSION_COKIE_AGE is not a setting\n    the nearest known name is SESSION_COOKIE_AGE",
        ],
    );
    check(
        "COOKIE_SAMESITE = 1",
        &[
            "settings.toml:2: COOKIE_SAMESITE is not a setting\n    the nearest known name is CSRF_COOKIE_SAMESITE",
        ],
    );
    check("debug = true", &["settings.toml:2: debug is not a setting\n    the nearest known name is DEBUG"]);
    check(
        "SHOP_CURENCY = 'X'",
        &["settings.toml:2: SHOP_CURENCY is not a setting\n    the nearest known name is SHOP_CURRENCY"],
    );
    // Not LANGUAGE_CODE, nor CSRF_COOKIE_NAME.
    check(
        "LANGUAGE_COOKIE_NAME = 'x'",
        &["settings.toml:2: LANGUAGE_COOKIE_NAME is a setting of Django that nuages does not have"],
    );
    check("XYZZY = 1", &["settings.toml:2: XYZZY is not a setting"]);
    check("[SESSION]\nCOOKIE_AGE = 1", &["settings.toml:2: SESSION is not a setting"]);
}

#[test]
fn wrong_kinds_are_told_with_what_is_allowed() {
    let cases = [
        ("DEBUG = 'yes'", "DEBUG is \"yes\"\n    allowed: true or false"),
        ("DEBUG = 1", "DEBUG is 1\n    allowed: true or false"),
        (
            "SESSION_COOKIE_AGE = 'two weeks'",
            "SESSION_COOKIE_AGE is \"two weeks\"\n    allowed: a whole number",
        ),
        ("SESSION_COOKIE_AGE = 1.5", "SESSION_COOKIE_AGE is 1.5\n    allowed: a whole number"),
        (
            "SESSION_COOKIE_AGE = 9223372036854775808",
            "SESSION_COOKIE_AGE is 9223372036854775808\n    allowed: a whole number",
        ),
        (
            "SESSION_TOUCH_INTERVAL = -1",
            "SESSION_TOUCH_INTERVAL is -1\n    allowed: a whole number, 0 or more",
        ),
        (
            "SESSION_ABSOLUTE_AGE = 'x'",
            "SESSION_ABSOLUTE_AGE is \"x\"\n    allowed: a whole number, 0 or more, or false for none",
        ),
        ("TIME_ZONE = 5", "TIME_ZONE is 5\n    allowed: text"),
        ("TIME_ZONE = 2026-01-02", "TIME_ZONE is 2026-01-02\n    allowed: text"),
        ("STATIC_ROOT = []", "STATIC_ROOT is a list\n    allowed: a path as text, or false for none"),
        (
            "ALLOWED_HOSTS = 'example.com'",
            "ALLOWED_HOSTS is \"example.com\"\n    allowed: a list; each entry: text",
        ),
        ("ALLOWED_HOSTS = ['a', 2]", "ALLOWED_HOSTS[1] is 2\n    allowed: text"),
        ("INTERNAL_IPS = ['here']", "INTERNAL_IPS[0] is \"here\"\n    allowed: an IP address as text"),
        (
            "FILE_UPLOAD_PERMISSIONS = -1",
            "FILE_UPLOAD_PERMISSIONS is -1\n    allowed: a whole number from 0 to 4294967295, or false for none",
        ),
        (
            "SERVER_IDLE_TIMEOUT = -1",
            "SERVER_IDLE_TIMEOUT is -1\n    allowed: a number of seconds, 0 or more",
        ),
        (
            "SERVER_IDLE_TIMEOUT = inf",
            "SERVER_IDLE_TIMEOUT is inf\n    allowed: a number of seconds, 0 or more",
        ),
        ("SHOP_TAX = 'much'", "SHOP_TAX is \"much\"\n    allowed: a number"),
        (
            "SHOP_ROOMS = 1",
            "SHOP_ROOMS is 1\n    allowed: a table of names; each entry: a whole number, 0 or more",
        ),
        ("SHOP_ROOMS = {Paro = -1}", "SHOP_ROOMS.Paro is -1\n    allowed: a whole number, 0 or more"),
        (
            "SECURE_PROXY_SSL_HEADER = ['X-Forwarded-Proto', 'https']",
            "SECURE_PROXY_SSL_HEADER is a list\n    allowed: a list of a header and its value, as [\"HTTP_X_FORWARDED_PROTO\", \"https\"], or false for none",
        ),
        (
            "SECURE_REFERRER_POLICY = 1",
            "SECURE_REFERRER_POLICY is 1\n    allowed: text, or a list of texts, or false for none",
        ),
        (
            "CSRF_HEADER_NAME = 'X-CSRFToken'",
            "CSRF_HEADER_NAME is \"X-CSRFToken\"\n    allowed: a header's name in capitals behind HTTP_, as \"HTTP_X_CSRFTOKEN\"",
        ),
        (
            "CSRF_TRUSTED_ORIGINS = ['example.com']",
            "CSRF_TRUSTED_ORIGINS[0] is \"example.com\"\n    allowed: an origin with its scheme, as \"https://example.com\" or \"https://*.example.com\"",
        ),
    ];
    for (text, fault) in cases {
        check(text, &[&format!("settings.toml:2: {fault}")]);
    }
}

#[test]
fn every_closed_set_lists_its_words() {
    let cases = [
        (
            "SESSION_COOKIE_SAMESITE = 'lax'",
            "SESSION_COOKIE_SAMESITE is \"lax\"\n    allowed: \"Strict\", \"Lax\", \"None\", or false for none",
        ),
        (
            "CSRF_COOKIE_SAMESITE = true",
            "CSRF_COOKIE_SAMESITE is true\n    allowed: \"Strict\", \"Lax\", \"None\", or false for none",
        ),
        (
            "DEFAULT_CHARSET = 'latin-1'",
            "DEFAULT_CHARSET is \"latin-1\"\n    allowed: \"utf-8\", \"iso-8859-1\"",
        ),
        (
            "SECURE_CROSS_ORIGIN_OPENER_POLICY = 'none'",
            "SECURE_CROSS_ORIGIN_OPENER_POLICY is \"none\"\n    allowed: \"same-origin\", \"same-origin-allow-popups\", \"unsafe-none\", or false for none",
        ),
        (
            "DATABASES.default = {ENGINE = 'sqlite'}",
            "DATABASES.default.ENGINE is \"sqlite\"\n    allowed: \"django.db.backends.sqlite3\", \"django.db.backends.postgresql\", \"django.db.backends.mysql\"",
        ),
        (
            "TEMPLATES = [{BACKEND = 'jinja'}]",
            "TEMPLATES[0].BACKEND is \"jinja\"\n    allowed: \"nuages.template.backends.tera.Tera\"",
        ),
    ];
    for (text, fault) in cases {
        check(text, &[&format!("settings.toml:2: {fault}")]);
    }
}

#[test]
fn tables_are_checked_member_by_member_with_lines() {
    check(
        "[DATABASES.default]\nENGINE = 'django.db.backends.postgresql'\nNAEM = 'x'\nPORT = 70000\n\n[DATABASES.logs]\nNAME = 'y'\n\n[CACHES.default]\nTIMEOUT = 'long'\nOPTIONS = 3\n\n[[TEMPLATES]]\nDIRS = 'templates'\n[TEMPLATES.OPTIONS]\ncontext_processor = []",
        &[
            "settings.toml:4: DATABASES.default.NAEM is not a setting\n    the nearest known name is NAME",
            "settings.toml:5: DATABASES.default.PORT is 70000\n    allowed: a port from 1 to 65535, as a number or as text",
            "settings.toml:7: DATABASES.logs.ENGINE is missing\n    allowed: \"django.db.backends.sqlite3\", \"django.db.backends.postgresql\", \"django.db.backends.mysql\"; or URL instead",
            "settings.toml:11: CACHES.default.TIMEOUT is \"long\"\n    allowed: a whole number, or false for none",
            "settings.toml:12: CACHES.default.OPTIONS is a number\n    allowed: a table",
            "settings.toml:15: TEMPLATES[0].DIRS is \"templates\"\n    allowed: a list; each entry: a path as text",
            "settings.toml:17: TEMPLATES[0].OPTIONS.context_processor is not a setting\n    the nearest known name is context_processors",
        ],
    );
    check(
        "DATABASES = 'postgres://u:pw@h/n'",
        &[
            "settings.toml:2: DATABASES is text\n    allowed: a table of names; each entry: a table with ENGINE, NAME, USER, PASSWORD, HOST, PORT, URL, CONN_MAX_AGE, CONN_HEALTH_CHECKS, OPTIONS",
        ],
    );
    check(
        "[CACHES.other]\nTIMEOUT = 1",
        &[
            "settings.toml:2: CACHES: there is no cache with the alias 'default'\n    right: a table CACHES.default",
        ],
    );
}

#[test]
fn every_fault_is_told_at_once_in_the_order_of_layers_and_lines() {
    let source = SettingsSource::text(
        "settings.toml",
        "DEBUG = 'on'\nSESSION_COOKIE_AGE = '1'\n\nAPEND_SLASH = true\n",
    )
    .under(SettingsSource::text("production.toml", "USE_TZ = 'UTC'"))
    .variables([
        ("NUAGES_SESSION_COOKIE_SAMESITE", "lax"),
        ("NUAGES_DEBUGG", "true"),
        ("HOME", "/root"),
        ("NUAGES_TEST_POSTGRES", "x"),
    ]);
    let faults = Settings::load(&source, &[]).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "the settings have 7 faults:

SECRET_KEY: it is missing or empty, so nothing could be signed
    right: a long random text that only this site knows, as SECRET_KEY in settings.toml or in the environment variable NUAGES_SECRET_KEY

settings.toml:1: DEBUG is \"on\"
    allowed: true or false

settings.toml:2: SESSION_COOKIE_AGE is \"1\"
    allowed: a whole number

settings.toml:4: APEND_SLASH is not a setting
    the nearest known name is APPEND_SLASH

production.toml:1: USE_TZ is \"UTC\"
    allowed: true or false

environment variable NUAGES_DEBUGG: DEBUGG is not a setting
    the nearest known name is DEBUG

environment variable NUAGES_SESSION_COOKIE_SAMESITE: SESSION_COOKIE_SAMESITE is \"lax\"
    allowed: \"Strict\", \"Lax\", \"None\", or false for none"
    );
    let messages: Vec<String> = faults.messages().iter().map(ToString::to_string).collect();
    assert_eq!(
        messages[1],
        "settings.toml:1: (nuages.E102) DEBUG is \"on\".\n\tHINT: Allowed: true or false."
    );
    assert_eq!(
        messages[3],
        "settings.toml:4: (nuages.E101) APEND_SLASH is not a setting.\n\tHINT: The nearest known name is APPEND_SLASH."
    );
}

#[test]
fn lines_that_are_no_toml_are_told_beside_the_other_faults() {
    let faults =
        Settings::from_toml("SECRET_KEY = 'very secret\nDEBUG = maybe\nUSE_TZ = 3\n[DATABASES\n", &[])
            .unwrap_err();
    let text = faults.to_string();
    for line in [
        "settings.toml:1: this is not TOML: ",
        "settings.toml:2: this is not TOML: ",
        "settings.toml:3: USE_TZ is 3",
        "settings.toml:4: this is not TOML: ",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    // The key's line was broken: nobody can say that the key is missing, and nobody repeats it.
    assert!(!text.contains("SECRET_KEY") && !text.contains("very secret"), "{text}");
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let source = SettingsSource::project(folder.path()).file(folder.path().join("production.toml"));
    let text = Settings::load(&source, &[]).unwrap_err().to_string();
    assert!(
        text.starts_with("the settings have a fault:\n\nproduction.toml: cannot read the settings: "),
        "{text}"
    );

    // A project may live from its environment alone.
    let source = SettingsSource::project(folder.path()).variables([("NUAGES_SECRET_KEY", "k")]);
    assert_eq!(Settings::load(&source, &[]).unwrap().base_dir(), folder.path());

    std::fs::write(folder.path().join("settings.toml"), "SECRET_KEY = 'k'\nDEBUG = 2").unwrap();
    let text = Settings::load(&SettingsSource::project(folder.path()), &[]).unwrap_err().to_string();
    assert_eq!(text, "the settings have a fault:\n\nsettings.toml:2: DEBUG is 2\n    allowed: true or false");

    std::fs::write(folder.path().join("settings.toml"), b"SECRET_KEY = '\xff'").unwrap();
    let text = Settings::load(&SettingsSource::project(folder.path()), &[]).unwrap_err().to_string();
    assert!(text.contains("settings.toml: cannot read the settings: ") && text.contains("UTF-8"), "{text}");
}

#[test]
fn a_variable_that_is_not_utf_8_is_told() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let source = SettingsSource::text("settings.toml", "SECRET_KEY = 'k'")
        .variables([(OsString::from("NUAGES_TIME_ZONE"), OsString::from_vec(vec![0xff]))]);
    let faults = Settings::load(&source, &[]).unwrap_err();
    assert_eq!(faults.faults()[0].to_string(), "environment variable NUAGES_TIME_ZONE: it is not UTF-8");
}

#[test]
fn no_secret_is_repeated() {
    let secrets = [
        "SECRET_KEY = 20261122",
        "SECRET_KEY_FALLBACKS = '20261122'",
        "SECRET_KEY_FALLBACKS = ['a', 20261122]",
        "[DATABASES.default]\nENGINE = 'django.db.backends.mysql'\nPASSWORD = 20261122",
        "[DATABASES.default]\nPASWORD = '20261122'",
        "[DATABASES.default]\nURL = 'oracle://web:20261122@db/shop'",
        "[CACHES.default]\nLOCATION = 20261122",
        "[CACHES.default]\nOPTIONS = '20261122'",
        "TIME_ZONE = 'redis://:20261122@db'\nUSE_TZ = 'redis://:20261122@db'",
    ];
    for text in secrets {
        let faults = Settings::from_toml(text, &[]).unwrap_err();
        for shown in [faults.to_string(), format!("{faults:?}"), format!("{:?}", faults.messages())] {
            assert!(!shown.contains("20261122"), "{text} gives {shown}");
        }
    }
    let (settings, _) = Settings::read(
        &SettingsSource::text(
            "settings.toml",
            "SECRET_KEY = '20261122'\nSECRET_KEY_FALLBACKS = ['20261122']\n[DATABASES.default]\nURL = 'mysql://web:20261122@db/shop?ssl_password=20261122'\n[CACHES.default]\nLOCATION = ['redis://web:20261122@db']\nOPTIONS = {PASSWORD = '20261122'}",
        ),
        &[],
    );
    let shown = format!(
        "{settings:?} {:?} {:?} {:?} {:?}",
        settings.section::<CoreSettings>(),
        settings.section::<DatabasesSettings>(),
        settings.section::<CachesSettings>(),
        settings.compare(&Settings::default()),
    );
    assert!(!shown.contains("20261122"), "{shown}");
    assert!(shown.contains("redis://web:********************@db"), "{shown}");
}

#[test]
fn two_sections_cannot_define_one_name() {
    mod other {
        crate::settings_section! {
            /// Another app's section.
            pub(super) struct StoreSettings, prefix "SHOP_" {
                /// Three letters.
                currency: String = "EUR",
            }
        }
    }
    let both = [
        SectionDef::of::<ShopSettings>(),
        SectionDef::of::<ShopSettings>(),
        SectionDef::of::<other::StoreSettings>(),
    ];
    let faults = Settings::from_toml("SECRET_KEY = 'k'", &both).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "the settings have a fault:\n\nSHOP_CURRENCY is defined by the section ShopSettings and by the section StoreSettings\n    right: one prefix for each section"
    );
}
