//! Faults that stop the start: each names the offender, its place, and what would be right.

use nuages::prelude::*;
use nuages::test::client::Client;
use nuages::test::error::ClientError;

use crate::program::{Folder, SETTINGS};

/// One line of the settings changed.
fn with(line: &str, changed: &str) -> Folder {
    assert!(SETTINGS.contains(line), "{line:?} is in the sound settings");
    Folder::new(&SETTINGS.replace(line, changed))
}

#[test]
fn the_sound_site_starts() {
    let said = Folder::new(SETTINGS).run(&["check"], &[]);
    assert_eq!((said.status, &*said.out), (Some(0), "System check identified no issues (0 silenced).\n"));
}

#[test]
fn settings_that_nobody_knows_or_that_hold_the_wrong_thing() {
    let check = |line: &str, pieces: &[&str]| {
        Folder::new(&format!("{line}\n{SETTINGS}")).refuses(&["check"], pieces);
    };
    check(
        "SESION_COOKIE_AGE = 60",
        &["settings.toml:1: ", "SESION_COOKIE_AGE", "nearest", "SESSION_COOKIE_AGE"],
    );
    check("NONSENSE = 1", &["settings.toml:1: ", "NONSENSE is not a setting"]);
    check(
        "SESSION_COOKIE_AGE = \"1h\"",
        &["settings.toml:1: ", "SESSION_COOKIE_AGE is \"1h\"", "a whole number"],
    );
    check(
        "SESSION_COOKIE_SAMESITE = \"lax\"",
        &["settings.toml:1: ", "SESSION_COOKIE_SAMESITE is \"lax\"", "\"Strict\", \"Lax\", \"None\""],
    );
    check("DEBUG = \"yes\"", &["settings.toml:1: ", "DEBUG is \"yes\"", "true or false"]);
    check("SESSION_COOKIE_NAME = \"a b\"", &["settings.toml:1: ", "SESSION_COOKIE_NAME", "letters, digits"]);
    check(
        "SESSION_COOKIE_SAMESITE = \"None\"",
        &["settings.toml:1: ", "SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_SECURE = true"],
    );
    check("DEBUG = maybe", &["settings.toml:1: ", "This is not TOML"]);
    check("DEBUG = true\nDEBUG = true", &["settings.toml:2: ", "This is not TOML", "duplicate key"]);
}

#[test]
fn settings_of_the_environment_are_told_by_their_variable() {
    let folder = Folder::new(SETTINGS);
    let check = |name: &str, value: &str, pieces: &[&str]| {
        let said = folder.run(&["check"], &[(name, value)]);
        assert_eq!(said.status, Some(1), "{said:?}");
        for piece in pieces {
            assert!(said.err.contains(piece), "{piece:?} is not in:\n{}", said.err);
        }
    };
    check(
        "NUAGES_SESSION_COOKIE_AGES",
        "60",
        &["NUAGES_SESSION_COOKIE_AGES", "is not a setting", "SESSION_COOKIE_AGE."],
    );
    check("NUAGES_SESSION_COOKIE_AGE", "soon", &["NUAGES_SESSION_COOKIE_AGE", "\"soon\"", "a whole number"]);
    check(
        "NUAGES_SESSION_ENGINE",
        "db",
        &["NUAGES_SESSION_ENGINE", "there is no engine \"db\"", "django.contrib.sessions.backends.db"],
    );
}

#[test]
fn names_that_nothing_has() {
    with("\"tests.greetings\"", "\"tests.greeting\"").refuses(
        &["check"],
        &[
            "settings.toml:3: (nuages.E001) INSTALLED_APPS: there is no app \"tests.greeting\"",
            "Did you mean \"tests.greetings\"?",
        ],
    );
    with("common.CommonMiddleware", "common.ComonMiddleware").refuses(
        &["check"],
        &[
            "settings.toml:6: (nuages.E005) MIDDLEWARE: there is no middleware \"django.middleware.common.ComonMiddleware\"",
            "Did you mean \"django.middleware.common.CommonMiddleware\"?",
            "There are: \"django.middleware.security.SecurityMiddleware\"",
        ],
    );
    let check = |line: &str, pieces: &[&str]| {
        Folder::new(&format!("{line}\n{SETTINGS}")).refuses(&["check"], pieces);
    };
    check(
        "SESSION_ENGINE = \"django.contrib.sessions.backend.db\"",
        &[
            "settings.toml:1: ",
            "SESSION_ENGINE: there is no engine",
            "Did you mean \"django.contrib.sessions.backends.db\"?",
        ],
    );
    check(
        "SESSION_SERIALIZER = \"json\"",
        &[
            "settings.toml:1: ",
            "there is no serializer \"json\"",
            "django.contrib.sessions.serializers.JSONSerializer",
        ],
    );
    check(
        "TIME_ZONE = \"Mars/Olympus\"",
        &["settings.toml:1: ", "TIME_ZONE", "Mars/Olympus", "Europe/Brussels"],
    );
    with("backends.sqlite3", "backends.sqlite").refuses(
        &["check"],
        &[
            "settings.toml:9: ",
            "DATABASES.default.ENGINE is \"django.db.backends.sqlite\"",
            "\"django.db.backends.sqlite3\"",
        ],
    );
}

#[test]
fn all_faults_at_once() {
    let settings = SETTINGS.replace("SessionMiddleware", "SessionMidleware").replace("greetings", "greeting");
    let folder = Folder::new(&format!(
        "SESION_COOKIE_AGE = 60\nSESSION_ENGINE = \"none\"\nTIME_ZONE = \"Nowhere\"\n{settings}"
    ));
    folder.write("templates/broken.html", "{% if x %}");
    folder.write("migrations/sessions/0001_again.sql", "CREATE TABLE a (b integer);");
    for words in [&["check"][..], &["runserver", "0"], &["migrate"], &["greet", "you"]] {
        folder.refuses(
            words,
            &[
                "settings.toml:1: (nuages.E101) SESION_COOKIE_AGE is not a setting",
                "settings.toml:2: (nuages.E003) SESSION_ENGINE",
                "settings.toml:3: (nuages.E007) TIME_ZONE",
                "settings.toml:6: (nuages.E001) INSTALLED_APPS: there is no app \"tests.greeting\"",
                "settings.toml:8: (nuages.E005) MIDDLEWARE: there is no middleware",
                "templates/broken.html:1",
                "0001_again",
            ],
        );
    }
    assert!(!folder.path().join("db.sqlite3").exists(), "a site that does not start touches no database");
}

#[test]
fn the_secret_key_must_be_there_and_be_ones_own() {
    let check = |key: &str, pieces: &[&str]| {
        let line = SETTINGS.lines().next().unwrap();
        with(line, key).refuses(&["check"], pieces);
    };
    check("", &["SECRET_KEY: it is missing or empty", "a long random text", "NUAGES_SECRET_KEY"]);
    check("SECRET_KEY = \"\"", &["settings.toml:1: ", "SECRET_KEY"]);
    let demo = include_str!("../../settings.toml");
    let demo_key = demo.lines().find(|line| line.starts_with("SECRET_KEY")).unwrap();
    check(demo_key, &["settings.toml:1: ", "SECRET_KEY"]);
    let published = demo_key.split('"').nth(1).unwrap();
    let said = with(SETTINGS.lines().next().unwrap(), demo_key).run(&["runserver", "0"], &[]);
    assert_eq!(said.status, Some(1));
    assert!(!said.err.contains(published), "{}", said.err);
}

#[test]
fn migrations_with_one_number() {
    let folder = Folder::new(SETTINGS);
    folder.write("migrations/greetings/0001_a.sql", "CREATE TABLE a (b integer);");
    folder.write("migrations/greetings/0001_b.sql", "CREATE TABLE b (b integer);");
    let pieces = [
        "greetings.0001_a and greetings.0001_b have the same number",
        "Give one of them the next free number",
    ];
    for words in ["check", "migrate", "showmigrations"] {
        folder.refuses(&[words], &pieces);
    }
    folder.write("migrations/greetings/first.sql", "CREATE TABLE c (b integer);");
    folder.refuses(&["check"], &["first.sql"]);
}

#[test]
fn a_migration_that_the_database_refuses_is_told_and_undone() {
    let folder = Folder::new(SETTINGS);
    folder.write(
        "migrations/greetings/0001_a.sql",
        "CREATE TABLE a (b integer);\nCREATE TABEL b (b integer);\n",
    );
    let said = folder.run(&["migrate"], &[]);
    assert_eq!(said.status, Some(1), "{said:?}");
    for piece in
        ["greetings.0001_a failed at migrations/greetings/0001_a.sql:2", "nothing of it was done", "TABEL"]
    {
        assert!(said.err.contains(piece), "{piece:?} is not in {}", said.err);
    }
    let said = folder.run(&["showmigrations"], &[]);
    assert!(said.out.contains("[ ] 0001_a"), "{said:?}");
    folder.write("migrations/greetings/0001_a.sql", "CREATE TABLE a (b integer);\n");
    assert_eq!(folder.run(&["migrate"], &[]).status, Some(0), "nothing of the failed try is left");
}

#[test]
fn broken_templates() {
    let check = |text: &str, pieces: &[&str]| {
        let folder = Folder::new(SETTINGS);
        folder.write("templates/pages/broken.html", text);
        folder.refuses(&["check"], pieces);
    };
    check("a\nb {% if x %}", &["templates/pages/broken.html:2", "nuages.E031"]);
    check("a\n{{ x | nosuch }}", &["templates/pages/broken.html:2", "nosuch"]);
    check("{% extends \"nobase.html\" %}", &["templates/pages/broken.html:1", "nobase.html"]);
    check("{{ y }", &["templates/pages/broken.html:1", "}}"]);
}

async fn year(_request: HttpRequest, year: u32) -> Result<HttpResponse> {
    Ok(HttpResponse::text(year.to_string()))
}

#[tokio::test]
async fn a_route_whose_view_takes_other_parameters() {
    let line = line!() + 2;
    let urls = urls![
        path("<int:year>/<slug:title>/", year),
        path("<slug:year>/", year),
        path("fine/<int:year>/", year),
        path("<nosuch:year>/", year),
    ];
    let built = Client::builder(Site::new("no-such-folder").urls(urls)).build().await;
    let Err(ClientError::Site(faults)) = built else { panic!("it must not start: {built:?}") };
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let has = |line: u32, pieces: &[&str]| {
        let place = format!("{}:{line}", file!());
        let found = said
            .iter()
            .any(|fault| fault.starts_with(&place) && pieces.iter().all(|piece| fault.contains(piece)));
        assert!(found, "{place} {pieces:?} is not in {said:#?}");
    };
    has(line, &["'<int:year>/<slug:title>/' captures (year: int, title: str)", "its view takes (u32)"]);
    has(line + 1, &["'<slug:year>/' captures (year: str)", "its view takes (u32)"]);
    has(line + 3, &["nosuch", "int"]);
    assert_eq!(said.len(), 3, "{said:#?}");
}
