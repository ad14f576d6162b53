//! `docs/sessions.md`: its settings are real. (Its Rust compiles as a doc test, its walk beside Django is run by
//! `tests/beside_django.py`.)

use nuages::conf::section::Section;
use nuages::conf::session::SessionSettings;
use nuages::conf::settings::Settings;

const GUIDE: &str = include_str!("../../docs/sessions.md");

/// The text of each block in that language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let blocks: Vec<_> = GUIDE.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty(), "no {language} in docs/sessions.md");
    blocks
}

#[test]
fn every_settings_example_loads() {
    for block in blocks("toml") {
        let key = if block.contains("SECRET_KEY =") { "" } else { "SECRET_KEY = 'a key'\n" };
        let loaded = Settings::from_toml(&format!("{key}{block}"), &[]);
        assert!(
            loaded.is_ok(),
            "{block}\n{}",
            loaded.err().map(|faults| faults.to_string()).unwrap_or_default()
        );
    }
}

#[test]
fn every_engine_serializer_and_store_has_an_example() {
    let examples = blocks("toml").concat();
    let engines = ["db", "file", "cache", "cached_db", "signed_cookies"];
    let engines =
        engines.map(|engine| format!("SESSION_ENGINE = \"django.contrib.sessions.backends.{engine}\"\n"));
    let serializers = ["JSONSerializer", "PickleSerializer"]
        .map(|name| format!("SESSION_SERIALIZER = \"django.contrib.sessions.serializers.{name}\"\n"));
    let stores = [
        "backends.sqlite3",
        "backends.postgresql",
        "mysql://",
        "LocMemCache",
        "RedisCache",
        "PyMemcacheCache",
    ];
    for example in engines.iter().chain(&serializers).map(String::as_str).chain(stores) {
        assert!(examples.contains(example), "{example}");
    }
}

#[test]
fn the_table_of_settings_is_whole_and_has_the_defaults() {
    let defaults = SessionSettings::default();
    for setting in defaults.compare(&defaults) {
        let named = [format!("| `{}` |", setting.name), format!("| `{}` (ours) |", setting.name)];
        let row = GUIDE.lines().find(|line| named.iter().any(|name| line.starts_with(name)));
        let default = format!("| `{}` |", setting.value);
        assert!(row.is_some_and(|row| row.contains(&default)), "{}: {default} in {row:?}", setting.name);
    }
}
