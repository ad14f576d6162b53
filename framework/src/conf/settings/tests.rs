//! How layers lie upon each other, and what stops a start.

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
fn there_is_one_template_engine() {
    check(
        "[[TEMPLATES]]\n[[TEMPLATES]]\nAPP_DIRS = false",
        &[
            "settings.toml:2: TEMPLATES: there are 2 engines\n    right: one entry, since nuages has one engine",
        ],
    );
}

#[test]
fn sections_are_shared_and_those_nobody_registered_have_their_defaults() {
    let settings = Settings::from_toml("SECRET_KEY = 'k'", &[]).unwrap();
    assert!(std::sync::Arc::ptr_eq(&settings.section::<CoreSettings>(), &settings.section::<CoreSettings>()));
    assert_eq!(*settings.section::<ShopSettings>(), ShopSettings::default());
    assert!(std::sync::Arc::ptr_eq(&settings.section::<ShopSettings>(), &settings.section::<ShopSettings>()));
    assert_eq!(settings.section::<TemplatesSettings>().templates.len(), 1);
}

/// Against Django 5.2.19's `conf/global_settings.py`.
#[test]
fn the_defaults_are_djangos() {
    let path = format!("{}/../tests/vectors/default_settings.json", env!("CARGO_MANIFEST_DIR"));
    let vectors: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let django = vectors["settings"].as_object().unwrap();
    let settings = Settings::default();
    let defs = settings.sections().iter().flat_map(|section| section.settings);
    let mut own = Vec::new();
    let mut compared = 0;
    for def in defs {
        // None is written as false.
        let default = match serde_json::to_value((def.default)()).unwrap() {
            serde_json::Value::Bool(false)
                if django.get(def.name).is_some_and(serde_json::Value::is_null) =>
            {
                serde_json::Value::Null
            }
            other => other,
        };
        match django.get(def.name) {
            Some(theirs) if *theirs == default => compared += 1,
            _ => own.push(def.name),
        }
    }
    assert!(compared > 60, "{compared}");
    // What Django does not have, has a richer default for, or another one on purpose.
    own.retain(|name| !name.starts_with("SERVER_"));
    own.sort_unstable();
    assert_eq!(
        own,
        [
            "CACHES",
            "CACHE_MIDDLEWARE_PERSONAL_PAGES",
            "LOG",
            "ROOT_URLCONF",
            "SESSION_ABSOLUTE_AGE",
            "SESSION_COOKIE_MAX_SIZE",
            "SESSION_COOKIE_PARTITIONED",
            "SESSION_DJANGO_FAULTS",
            "SESSION_ENFORCE_EXPIRY",
            "SESSION_SAVE_STRATEGY",
            "SESSION_TOUCH_INTERVAL",
            "SIGNED_COOKIE_LEGACY_SALT_FALLBACK",
            "STATICFILES_FINDERS",
            "STATIC_MAX_AGE",
            "STORAGES",
            "TEMPLATES",
        ]
    );
}
