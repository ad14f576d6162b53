//! The loader as a whole: what is said of wrong settings, word for word, and how layers lie upon each other.

use std::collections::BTreeMap;

use crate::conf::caches::CachesSettings;
use crate::conf::core::{Charset, CoreSettings};
use crate::conf::databases::DatabasesSettings;
use crate::conf::fault::SettingsFaults;
use crate::conf::section::SectionDef;
use crate::conf::server::ServerSettings;
use crate::conf::session::{SameSite, SessionSettings};
use crate::conf::settings::Settings;
use crate::conf::source::SettingsSource;
use crate::conf::templates::TemplatesSettings;

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

/// With a key, so that the text under test can be wrong in one way alone; it begins on line 2.
fn load(text: &str) -> Result<Settings, SettingsFaults> {
    Settings::from_toml(&format!("SECRET_KEY = 'k'\n{text}"), SHOP)
}

/// The faults of that text, without the heading, one paragraph each.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> = match load(text) {
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
            "settings.toml:2: DATABASES is text\n    allowed: a table of names; each entry: a table with ENGINE, NAME, USER, PASSWORD, HOST, PORT, URL, CONN_MAX_AGE, CONN_HEALTH_CHECKS, TIME_ZONE, OPTIONS",
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
fn later_layers_win_setting_by_setting_and_member_by_member() {
    let source = SettingsSource::text(
        "settings.toml",
        "SECRET_KEY = 'k'\nSESSION_COOKIE_AGE = 600\nALLOWED_HOSTS = ['a', 'b']\nTIME_ZONE = 'UTC'\n\
         [DATABASES.default]\nENGINE = 'django.db.backends.postgresql'\nNAME = 'shop'\nUSER = 'web'\n\
         [DATABASES.logs]\nENGINE = 'django.db.backends.sqlite3'\nNAME = 'logs'\nOPTIONS = {busy_timeout = 5}",
    )
    .under(SettingsSource::text(
        "production.toml",
        "SESSION_COOKIE_AGE = 300\nALLOWED_HOSTS = ['c']\n[DATABASES.default]\nHOST = 'db'\n\
         [DATABASES.logs]\nENGINE = 'django.db.backends.mysql'\nNAME = 'logs'",
    ))
    .variables([("NUAGES_SESSION_COOKIE_AGE", "60"), ("NUAGES_DATABASES__default__PASSWORD", "12345")]);
    let settings = Settings::load(&source, &[]).unwrap();
    let core = settings.section::<CoreSettings>();
    assert_eq!(
        (core.allowed_hosts.as_slice(), core.time_zone.as_str()),
        (["c".to_owned()].as_slice(), "UTC")
    );
    assert_eq!(settings.section::<SessionSettings>().cookie_age, 60);

    let databases = &settings.section::<DatabasesSettings>().databases;
    let default = &databases["default"];
    assert_eq!((default.name.as_str(), default.user.as_str(), default.host.as_str()), ("shop", "web", "db"));
    assert_eq!(default.password.expose(), "12345");
    // It names another engine, so that nothing of SQLite's options shines through.
    assert_eq!(databases["logs"].engine, "django.db.backends.mysql");
    assert!(databases["logs"].options.is_empty());
}

#[test]
fn the_environment_speaks_toml_or_plain_words() {
    let with = |name: &str, value: &str| {
        let source = SettingsSource::text("settings.toml", "SECRET_KEY = 'k'").variables([(name, value)]);
        Settings::load(&source, SHOP).map_err(|faults| faults.faults()[0].to_string())
    };
    let core = |name, value| with(name, value).unwrap().section::<CoreSettings>();
    assert!(core("NUAGES_DEBUG", "true").debug);
    assert_eq!(core("NUAGES_ALLOWED_HOSTS", r#"["a", ".b"]"#).allowed_hosts, ["a", ".b"]);
    assert_eq!(core("NUAGES_TIME_ZONE", "Asia/Thimphu").time_zone, "Asia/Thimphu");
    assert_eq!(core("NUAGES_TIME_ZONE", "'Asia/Thimphu'").time_zone, "Asia/Thimphu");
    assert_eq!(core("NUAGES_DEFAULT_CHARSET", "iso-8859-1").default_charset, Charset::Latin1);
    assert_eq!(core("NUAGES_FILE_UPLOAD_PERMISSIONS", "0o600").file_upload_permissions, Some(0o600));
    // What wants text takes a word that happens to be TOML.
    for word in ["12345", "true", "1.50", "2026-01-02", "a=b#c", "[x", ""] {
        assert_eq!(core("NUAGES_ROOT_URLCONF", word).root_urlconf, word);
    }
    assert_eq!(core("NUAGES_SECRET_KEY", "0123").secret_key.expose(), "0123");
    assert_eq!(core("NUAGES_FORCE_SCRIPT_NAME", "false").force_script_name, None);
    assert_eq!(with("NUAGES_SHOP_ROOMS__Paro", "7").unwrap().section::<ShopSettings>().rooms["Paro"], 7);

    let faults = [
        (
            "NUAGES_DEBUG",
            "on",
            "environment variable NUAGES_DEBUG: DEBUG is \"on\"\n    allowed: true or false",
        ),
        (
            "NUAGES_ALLOWED_HOSTS",
            "a,b",
            "environment variable NUAGES_ALLOWED_HOSTS: ALLOWED_HOSTS is \"a,b\"\n    allowed: a list; each entry: text",
        ),
        (
            "NUAGES_SHOP_ROOMS__Paro",
            "x",
            "environment variable NUAGES_SHOP_ROOMS__Paro: SHOP_ROOMS.Paro is \"x\"\n    allowed: a whole number, 0 or more",
        ),
        (
            "NUAGES_SHOP_ROOMS__",
            "x",
            "environment variable NUAGES_SHOP_ROOMS__: a name is missing before or behind two underscores",
        ),
        (
            "NUAGES_DATABASES__default__ENGIN",
            "x",
            "environment variable NUAGES_DATABASES__default__ENGIN: DATABASES.default.ENGIN is not a setting\n    the nearest known name is ENGINE",
        ),
    ];
    for (name, value, expected) in faults {
        assert_eq!(with(name, value).unwrap_err(), expected);
    }
    let source = SettingsSource::text("settings.toml", "SECRET_KEY = 'k'")
        .variables([("NUAGES_SHOP_ROOMS", "none"), ("NUAGES_SHOP_ROOMS__Paro", "1")]);
    let text = Settings::load(&source, SHOP).unwrap_err().to_string();
    assert!(text.contains("environment variable NUAGES_SHOP_ROOMS__Paro: SHOP_ROOMS is no table, as environment variable NUAGES_SHOP_ROOMS says"), "{text}");
}

#[cfg(unix)]
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
fn false_is_none_wherever_django_says_none() {
    let settings = load(
        "SESSION_COOKIE_SAMESITE = false\nSESSION_COOKIE_DOMAIN = false\nDATA_UPLOAD_MAX_MEMORY_SIZE = false\n\
         SECURE_REFERRER_POLICY = false\nCSRF_COOKIE_AGE = false\n[CACHES.default]\nTIMEOUT = false",
    )
    .unwrap();
    let session = settings.section::<SessionSettings>();
    assert_eq!((session.cookie_samesite, &session.cookie_domain), (None, &None));
    assert_eq!(settings.section::<CoreSettings>().data_upload_max_memory_size, None);
    assert_eq!(settings.section::<CachesSettings>().caches["default"].timeout, None);
}

#[test]
fn programs_bring_their_settings_as_tables_or_json() {
    let table = toml::toml! {
        SECRET_KEY = "k"
        SESSION_COOKIE_AGE = 5
        SERVER_DRAIN_TIME = 0.25
    };
    let settings = Settings::load(&SettingsSource::table(table), &[]).unwrap();
    assert_eq!(settings.section::<SessionSettings>().cookie_age, 5);
    assert_eq!(settings.section::<ServerSettings>().drain_time.as_millis(), 250);

    let json = |text: &str| match serde_json::from_str(text).unwrap() {
        serde_json::Value::Object(object) => Settings::load(&SettingsSource::json(object), &[]),
        other => panic!("{other}"),
    };
    let settings = json(
        r#"{"SECRET_KEY": "ключ-€-😀", "SESSION_COOKIE_DOMAIN": null, "SESSION_COOKIE_SAMESITE": null,
            "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/tmp/x", "USER": "", "PORT": "", "OPTIONS": {"timeout": 20, "x": null}}},
            "CACHES": {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://:pw@h/0", "TIMEOUT": null}}}"#,
    )
    .unwrap();
    let session = settings.section::<SessionSettings>();
    assert_eq!((&session.cookie_domain, session.cookie_samesite), (&None, None));
    let database = &settings.section::<DatabasesSettings>().databases["default"];
    assert_eq!((database.name.as_str(), database.port), ("/tmp/x", None));
    assert_eq!(database.options["timeout"].as_integer(), Some(20));
    assert_eq!(settings.section::<CachesSettings>().caches["default"].location.first(), "redis://:pw@h/0");

    let faults = json(r#"{"SECRET_KEY": "k", "DEBUG": null, "SESSION_COOKIE_AGE": 18446744073709551615, "TIME_ZONE": {"a": 1}}"#).unwrap_err();
    let found: Vec<String> = faults.faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "settings of the program: DEBUG is null\n    allowed: true or false",
            "settings of the program: TIME_ZONE is a table\n    allowed: text",
            "settings of the program: SESSION_COOKIE_AGE is 18446744073709551615\n    allowed: a whole number",
        ]
    );
}

#[test]
fn rules_stop_the_start_unless_they_are_silenced() {
    check(
        "SESSION_COOKIE_SAMESITE = 'None'",
        &[
            "settings.toml:2: SESSION_COOKIE_SAMESITE: browsers refuse a cookie with SameSite=None unless it is Secure (RFC 6265bis, section 5.7)\n    right: SESSION_COOKIE_SECURE = true, or another SESSION_COOKIE_SAMESITE",
        ],
    );
    let settings =
        load("SESSION_COOKIE_SAMESITE = 'None'\nSILENCED_SYSTEM_CHECKS = ['nuages.E128']").unwrap();
    assert_eq!(settings.section::<SessionSettings>().cookie_samesite, Some(SameSite::None));
    // A rule is not heard while one of its settings is at fault by itself.
    check(
        "SESSION_COOKIE_SAMESITE = 'None'\nSESSION_COOKIE_SECURE = 'yes'",
        &["settings.toml:3: SESSION_COOKIE_SECURE is \"yes\"\n    allowed: true or false"],
    );
}

#[test]
fn a_site_does_not_start_with_everybodys_key() {
    let faults = |text: &str| {
        Settings::from_toml(text, &[]).map(|_| ()).map_err(|faults| faults.faults()[0].to_string())
    };
    let missing = "SECRET_KEY: it is missing or empty, so nothing could be signed\n    right: a long random text that only this site knows, as SECRET_KEY in settings.toml or in the environment variable NUAGES_SECRET_KEY";
    assert_eq!(faults("").unwrap_err(), missing);
    assert_eq!(faults("SECRET_KEY = ''").unwrap_err(), format!("settings.toml:1: {missing}"));
    assert!(faults("SECRET_KEY = ''\nSILENCED_SYSTEM_CHECKS = ['nuages.E110']").is_err());
    assert_eq!(faults("DEBUG = true\nSECRET_KEY = 'nuages-insecure-demo'"), Ok(()));
    assert_eq!(
        faults("SECRET_KEY = 'nuages-insecure-demo'").unwrap_err(),
        "settings.toml:1: SECRET_KEY: it begins with 'nuages-insecure-': everybody knows this key, and DEBUG is off\n    right: a long random text that only this site knows; or DEBUG = true, on your own machine alone"
    );
    assert!(faults("SECRET_KEY = 'k'\nSECRET_KEY_FALLBACKS = ['']").unwrap_err().contains("key 0 is empty"));
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
fn sections_are_shared_and_those_nobody_registered_have_their_defaults() {
    let settings = Settings::from_toml("SECRET_KEY = 'k'", &[]).unwrap();
    assert!(std::sync::Arc::ptr_eq(&settings.section::<CoreSettings>(), &settings.section::<CoreSettings>()));
    assert_eq!(*settings.section::<ShopSettings>(), ShopSettings::default());
    assert!(std::sync::Arc::ptr_eq(&settings.section::<ShopSettings>(), &settings.section::<ShopSettings>()));
    assert_eq!(settings.section::<TemplatesSettings>().templates.len(), 1);
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

/// `python -c "from django.conf import global_settings"` of Django 5.2.19, for the settings that both have.
#[test]
fn the_defaults_are_djangos() {
    let django: toml::Table = toml::from_str(
        r#"
DEBUG = false
ALLOWED_HOSTS = []
TIME_ZONE = "America/Chicago"
USE_TZ = true
LANGUAGE_CODE = "en-us"
USE_I18N = true
DEFAULT_CHARSET = "utf-8"
APPEND_SLASH = true
PREPEND_WWW = false
FORCE_SCRIPT_NAME = false
DISALLOWED_USER_AGENTS = []
SECRET_KEY = ""
SECRET_KEY_FALLBACKS = []
INSTALLED_APPS = []
MIDDLEWARE = []
INTERNAL_IPS = []
MEDIA_ROOT = ""
MEDIA_URL = ""
STATIC_ROOT = false
STATIC_URL = false
STATICFILES_DIRS = []
FILE_UPLOAD_MAX_MEMORY_SIZE = 2621440
DATA_UPLOAD_MAX_MEMORY_SIZE = 2621440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 100
FILE_UPLOAD_TEMP_DIR = false
FILE_UPLOAD_PERMISSIONS = 420
FILE_UPLOAD_DIRECTORY_PERMISSIONS = false
X_FRAME_OPTIONS = "DENY"
USE_X_FORWARDED_HOST = false
USE_X_FORWARDED_PORT = false
SILENCED_SYSTEM_CHECKS = []
DATABASES = {}
SESSION_CACHE_ALIAS = "default"
SESSION_COOKIE_NAME = "sessionid"
SESSION_COOKIE_AGE = 1209600
SESSION_COOKIE_DOMAIN = false
SESSION_COOKIE_SECURE = false
SESSION_COOKIE_PATH = "/"
SESSION_COOKIE_HTTPONLY = true
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_SAVE_EVERY_REQUEST = false
SESSION_EXPIRE_AT_BROWSER_CLOSE = false
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_FILE_PATH = false
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
CSRF_FAILURE_VIEW = "django.views.csrf.csrf_failure"
CSRF_COOKIE_NAME = "csrftoken"
CSRF_COOKIE_AGE = 31449600
CSRF_COOKIE_DOMAIN = false
CSRF_COOKIE_PATH = "/"
CSRF_COOKIE_SECURE = false
CSRF_COOKIE_HTTPONLY = false
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_HEADER_NAME = "HTTP_X_CSRFTOKEN"
CSRF_TRUSTED_ORIGINS = []
CSRF_USE_SESSIONS = false
SECURE_CONTENT_TYPE_NOSNIFF = true
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_INCLUDE_SUBDOMAINS = false
SECURE_HSTS_PRELOAD = false
SECURE_HSTS_SECONDS = 0
SECURE_REDIRECT_EXEMPT = []
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_HOST = false
SECURE_SSL_REDIRECT = false
SECURE_PROXY_SSL_HEADER = false
"#,
    )
    .unwrap();
    let ours: BTreeMap<&str, toml::Value> = Settings::default()
        .sections()
        .iter()
        .flat_map(|section| section.settings)
        .map(|setting| (setting.name, (setting.default)()))
        .collect();
    for (name, default) in &django {
        assert_eq!(ours.get(name.as_str()), Some(default), "{name}");
    }
    // What Django does not have, has another default here, or is written differently.
    let own = |name: &&str| !django.contains_key(*name) && !name.starts_with("SERVER_");
    let own: Vec<&str> = ours.keys().copied().filter(own).collect();
    assert_eq!(
        own,
        [
            "CACHES",
            "ROOT_URLCONF",
            "SESSION_ABSOLUTE_AGE",
            "SESSION_COOKIE_PARTITIONED",
            "SESSION_TOUCH_INTERVAL",
            "SIGNED_COOKIE_LEGACY_SALT_FALLBACK",
            "TEMPLATES",
        ]
    );
}
