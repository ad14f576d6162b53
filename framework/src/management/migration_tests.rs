//! The three commands of migrations, on a site of their own. The expected texts are Django 5.2's for the same commands.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::apps::app::App;
use crate::apps::command::{Command, CommandError, Output};
use crate::conf::source::SettingsSource;
use crate::management::migrate::Migrate;
use crate::management::showmigrations::ShowMigrations;
use crate::management::sqlmigrate::SqlMigrate;
use crate::project::Project;
use crate::site::Site;

struct Shop;

impl App for Shop {
    fn name(&self) -> &'static str {
        "shop"
    }
}

struct Plain;

impl App for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }
}

const PRODUCT: &str =
    "-- depends: sessions.0001_initial\nCREATE TABLE shop_product (id integer NOT NULL PRIMARY KEY);";

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A site in a folder of its own, with these files in `migrations/`.
struct TestSite {
    folder: tempfile::TempDir,
    project: Arc<Project>,
}

impl TestSite {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let file = folder.path().join("migrations").join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let project = project(folder.path());
        Self { folder, project }
    }

    /// What `manage …` prints, and its exit status with what it says of a failure.
    async fn run(&self, line: &str) -> (String, Result<(), (String, u8)>) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let verbosity = if words.contains(&"-v2") { 2 } else { 1 };
        let arguments = words.iter().skip(1).copied().filter(|word| *word != "-v2");
        let buffer = Buffer::default();
        let mut out = Output::new(buffer.clone(), false).with_verbosity(verbosity);
        let done = match words[0] {
            "migrate" => parse::<Migrate>(arguments).handle(Arc::clone(&self.project), &mut out).await,
            "showmigrations" => {
                parse::<ShowMigrations>(arguments).handle(Arc::clone(&self.project), &mut out).await
            }
            "sqlmigrate" => parse::<SqlMigrate>(arguments).handle(Arc::clone(&self.project), &mut out).await,
            other => panic!("{other}"),
        };
        let printed = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        (printed, done.map_err(|error: CommandError| (error.to_string(), error.code())))
    }

    async fn check(&self, line: &str, expected: &str) {
        assert_eq!(self.run(line).await, (expected.to_owned(), Ok(())), "{line}");
    }

    async fn fails(&self, line: &str, message: &str, code: u8) {
        let (_, done) = self.run(line).await;
        assert_eq!(done, Err((message.to_owned(), code)), "{line}");
    }

    async fn tables(&self) -> Vec<String> {
        let pool = self.project.db().unwrap().sqlite().unwrap();
        sqlx::query_scalar("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
            .fetch_all(pool)
            .await
            .unwrap()
    }
}

fn project(folder: &Path) -> Arc<Project> {
    let settings = "SECRET_KEY = 'a key of a test, long enough to be one 0123456789'\n\
                    INSTALLED_APPS = ['django.contrib.sessions', 'shop', 'plain']\n\
                    USE_TZ = true\n\
                    [DATABASES.default]\nENGINE = 'django.db.backends.sqlite3'\nNAME = 'db.sqlite3'\n\
                    [DATABASES.other]\nENGINE = 'django.db.backends.sqlite3'\nNAME = ':memory:'";
    let source = SettingsSource::text("settings.toml", settings).in_dir(folder);
    Site::new(folder).app(Shop).app(Plain).build(&source).unwrap().project
}

fn parse<'a, C: Command>(arguments: impl Iterator<Item = &'a str>) -> C {
    let matches = C::augment_args(clap::Command::new("x").no_binary_name(true)).get_matches_from(arguments);
    C::from_arg_matches(&matches).unwrap()
}

#[tokio::test]
async fn a_new_database_is_what_django_makes_of_it() {
    let site = TestSite::new(&[]);
    site.check("showmigrations", "sessions\n [ ] 0001_initial\n").await;
    site.check("migrate --plan", "Planned operations:\nsessions.0001_initial\n    Create model Session\n")
        .await;
    assert!(!site.folder.path().join("db.sqlite3").exists(), "looking creates nothing");
    site.check(
        "migrate",
        "Operations to perform:\n  Apply all migrations: sessions\nRunning migrations:\n  Applying \
         sessions.0001_initial... OK\n",
    )
    .await;
    // `SELECT sql FROM sqlite_master` after Django 5.2's own `migrate`.
    assert_eq!(
        site.tables().await,
        [
            r#"CREATE TABLE "django_migrations" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app" varchar(255) NOT NULL, "name" varchar(255) NOT NULL, "applied" datetime NOT NULL)"#,
            r#"CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL)"#,
            r#"CREATE INDEX "django_session_expire_date_a5c62663" ON "django_session" ("expire_date")"#,
            "CREATE TABLE sqlite_sequence(name,seq)",
        ]
    );
    let nothing = "Operations to perform:\n  Apply all migrations: sessions\nRunning migrations:\n  No migrations to apply.\n";
    site.check("migrate", nothing).await;
    site.check("migrate --check", "").await;
    site.check("showmigrations", "sessions\n [X] 0001_initial\n").await;
    site.check("showmigrations --plan", "[X]  sessions.0001_initial\n").await;
    site.check("showmigrations plain", "plain\n (no migrations)\n").await;
    let (listed, _) = site.run("showmigrations -v2").await;
    assert!(
        listed.starts_with("sessions\n [X] 0001_initial (applied at 20") && listed.len() == 60,
        "{listed}"
    );
}

#[tokio::test]
async fn a_site_goes_forward_and_back() {
    let site = TestSite::new(&[
        ("shop/0001_initial.sql", PRODUCT),
        ("shop/0001_initial.down.sql", "DROP TABLE shop_product;"),
        (
            "shop/0002_price.sql",
            "-- operation: Add field price to product\nALTER TABLE shop_product ADD COLUMN price integer;",
        ),
    ]);
    site.check("showmigrations --plan -v2", "[ ]  sessions.0001_initial\n[ ]  shop.0001_initial ... (sessions.0001_initial)\n[ ]  shop.0002_price ... (shop.0001_initial)\n").await;
    site.check(
        "migrate shop 0001",
        "Operations to perform:\n  Target specific migration: 0001_initial, from shop\nRunning migrations:\n  Applying \
         sessions.0001_initial... OK\n  Applying shop.0001_initial... OK\n",
    )
    .await;
    site.check(
        "migrate shop --plan",
        "Planned operations:\nshop.0002_price\n    Add field price to product\n",
    )
    .await;
    site.fails("migrate --check", "", 1).await;
    site.check(
        "migrate shop",
        "Operations to perform:\n  Apply all migrations: shop\nRunning migrations:\n  Applying shop.0002_price... OK\n",
    )
    .await;
    site.check("migrate shop zero --plan", "Planned operations:\nshop.0002_price\n    Raw SQL operation -> IRREVERSIBLE\nshop.0001_initial\n    Raw SQL operation -> DROP TABLE shop_product;\n").await;
    site.fails(
        "migrate shop zero",
        "Operation <RunSQL> in shop.0002_price is not reversible (a file 0002_price.down.sql would take it back)",
        1,
    )
    .await;
    site.check("migrate shop 0001 --fake", "Operations to perform:\n  Target specific migration: 0001_initial, from shop\nRunning migrations:\n  Unapplying shop.0002_price... FAKED\n").await;
    site.check("migrate shop zero", "Operations to perform:\n  Unapply all migrations: shop\nRunning migrations:\n  Unapplying shop.0001_initial... OK\n").await;
    assert!(!site.tables().await.iter().any(|sql| sql.contains("shop_product")));
    // What depends on it goes first.
    site.run("migrate shop 0001").await.1.unwrap();
    site.check("migrate sessions zero", "Operations to perform:\n  Unapply all migrations: sessions\nRunning migrations:\n  Unapplying shop.0001_initial... OK\n  Unapplying sessions.0001_initial... OK\n").await;
}

#[tokio::test]
async fn tables_that_are_there_may_be_taken_as_migrated() {
    let site = TestSite::new(&[("shop/0001_initial.sql", PRODUCT)]);
    let db = site.project.db().unwrap();
    db.create().await.unwrap();
    db.run(sqlx::query("CREATE TABLE Shop_Product (id integer)").execute(db.sqlite().unwrap()))
        .await
        .unwrap();
    let (_, failed) = site.run("migrate").await;
    let (message, code) = failed.unwrap_err();
    assert!(
        message.starts_with(
            "shop.0001_initial failed at migrations/shop/0001_initial.sql:2; nothing of it was done: "
        ),
        "{message}"
    );
    assert!(message.contains("table shop_product already exists") && code == 1, "{message}");
    site.check("migrate --fake-initial", "Operations to perform:\n  Apply all migrations: sessions, shop\nRunning migrations:\n  Applying shop.0001_initial... FAKED\n").await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing() {
    let site = TestSite::new(&[(
        "shop/0001_initial.sql",
        "CREATE TABLE a (b);\n\nINSERT INTO a VALUES (1);\nINSERT INTO nowhere VALUES (1);",
    )]);
    let (printed, failed) = site.run("migrate shop").await;
    assert!(printed.ends_with("  Applying shop.0001_initial...\n"), "{printed}");
    let (message, _) = failed.unwrap_err();
    assert!(
        message.contains("migrations/shop/0001_initial.sql:4") && message.contains("no such table: nowhere"),
        "{message}"
    );
    assert!(!site.tables().await.iter().any(|sql| sql.contains("TABLE a")));
    site.check("showmigrations shop", "shop\n [ ] 0001_initial\n").await;
    // Outside a transaction, what was done stays.
    let file = site.folder.path().join("migrations/shop/0001_initial.sql");
    fs::write(&file, "-- atomic: no\nCREATE TABLE a (b);\nINSERT INTO nowhere VALUES (1);").unwrap();
    let again = TestSite { project: project(site.folder.path()), folder: site.folder };
    let (message, _) = again.run("migrate shop").await.1.unwrap_err();
    assert!(message.contains("; what stands before it in the file was done and stays: "), "{message}");
    assert!(again.tables().await.iter().any(|sql| sql.contains("TABLE a")));
}

#[tokio::test]
async fn a_table_may_be_made_anew_but_no_reference_may_break() {
    let site = TestSite::new(&[
        (
            "shop/0001_initial.sql",
            "CREATE TABLE p (id integer PRIMARY KEY);\nCREATE TABLE c (p integer REFERENCES p (id) ON DELETE CASCADE);\n\
             INSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);",
        ),
        (
            "shop/0002_anew.sql",
            "CREATE TABLE p2 (id integer PRIMARY KEY, name text);\nINSERT INTO p2 SELECT id, '' FROM p;\nDROP TABLE p;\n\
             ALTER TABLE p2 RENAME TO p;",
        ),
        ("shop/0003_broken.sql", "DELETE FROM p;"),
    ]);
    let (_, failed) = site.run("migrate shop").await;
    assert_eq!(
        failed.unwrap_err().0,
        "shop.0003_broken leaves rows in the table \"c\" whose foreign key leads nowhere in \"p\"; it was taken back"
    );
    let db = site.project.db().unwrap().sqlite().unwrap();
    let rows: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM c JOIN p ON p.id = c.p").fetch_one(db).await.unwrap();
    assert_eq!(rows, 1);
    site.check("showmigrations shop", "shop\n [X] 0001_initial\n [X] 0002_anew\n [ ] 0003_broken\n").await;
}

#[tokio::test]
async fn two_programs_may_migrate_at_once() {
    let site = TestSite::new(&[("shop/0001_initial.sql", PRODUCT)]);
    let others: Vec<Arc<Project>> = (0..4).map(|_| project(site.folder.path())).collect();
    let runs = others.into_iter().map(|project| {
        tokio::spawn(async move {
            let mut out = Output::new(io::sink(), false);
            parse::<Migrate>(std::iter::empty())
                .handle(project, &mut out)
                .await
                .map_err(|error| error.to_string())
        })
    });
    for run in runs.collect::<Vec<_>>() {
        assert_eq!(run.await.unwrap(), Ok(()));
    }
    let pool = site.project.db().unwrap().sqlite().unwrap();
    let recorded: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM django_migrations").fetch_one(pool).await.unwrap();
    assert_eq!(recorded, 2);
}

#[tokio::test]
async fn another_database_and_a_history_from_elsewhere() {
    let site = TestSite::new(&[("shop/0001_initial.sql", PRODUCT)]);
    site.run("migrate --database other").await.1.unwrap();
    site.check("showmigrations --database other", "sessions\n [X] 0001_initial\nshop\n [X] 0001_initial\n")
        .await;
    site.check("showmigrations", "sessions\n [ ] 0001_initial\nshop\n [ ] 0001_initial\n").await;
    site.run("migrate sessions").await.1.unwrap();
    // Django's own records are left alone.
    let pool = site.project.db().unwrap().sqlite().unwrap();
    for (app, name) in [("auth", "0001_initial"), ("shop", "0009_gone"), ("shop", "0001_initial")] {
        sqlx::query(
            "INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, '2026-01-02 03:04:05')",
        )
        .bind(app)
        .bind(name)
        .execute(pool)
        .await
        .unwrap();
    }
    site.check("migrate shop --prune", "Pruning migrations:\n  Pruning shop.0009_gone OK\n").await;
    site.check("migrate shop --prune", "Pruning migrations:\n  No migrations to prune.\n").await;
    sqlx::query("DELETE FROM django_migrations WHERE app = 'sessions'").execute(pool).await.unwrap();
    site.fails("migrate", "Migration shop.0001_initial is applied before its dependency sessions.0001_initial on database 'default'.", 1).await;
}

#[tokio::test]
async fn sql_is_shown_as_django_shows_it() {
    let site = TestSite::new(&[("shop/0001_initial.sql", PRODUCT)]);
    site.check("sqlmigrate sessions 0001", "BEGIN;\n--\n-- Create model Session\n--\nCREATE TABLE \"django_session\" (\"session_key\" varchar(40) NOT NULL PRIMARY KEY, \"session_data\" text NOT NULL, \"expire_date\" datetime NOT NULL);\nCREATE INDEX \"django_session_expire_date_a5c62663\" ON \"django_session\" (\"expire_date\");\nCOMMIT;\n").await;
    site.check(
        "sqlmigrate sessions 0001 --backwards",
        "BEGIN;\n--\n-- Create model Session\n--\nDROP TABLE \"django_session\";\nCOMMIT;\n",
    )
    .await;
    site.check("sqlmigrate shop 0001_initial", "BEGIN;\n--\n-- Raw SQL operation\n--\nCREATE TABLE shop_product (id integer NOT NULL PRIMARY KEY);\nCOMMIT;\n").await;
}

#[tokio::test]
async fn wrong_words_are_told_as_django_tells_them() {
    let site = TestSite::new(&[("shop/0001_initial.sql", PRODUCT), ("shop/0002_more.sql", "SELECT 1")]);
    for (line, message, code) in [
        ("migrate foo", "No installed app with label 'foo'.", 1),
        ("migrate plain", "App 'plain' does not have migrations.", 1),
        ("migrate shop 0009", "Cannot find a migration matching '0009' from app 'shop'.", 1),
        (
            "migrate shop 000",
            "More than one migration matches '000' in app 'shop'. Please be more specific.",
            1,
        ),
        ("migrate --prune", "Migrations can be pruned only when an app is specified.", 1),
        (
            "migrate --database x",
            "argument --database: invalid choice: 'x' (choose from 'default', 'other')",
            2,
        ),
        ("sqlmigrate foo 1", "No installed app with label 'foo'.", 1),
        ("sqlmigrate plain 1", "App 'plain' does not have migrations", 1),
        (
            "sqlmigrate sessions 9",
            "Cannot find a migration matching '9' from app 'sessions'. Is it in INSTALLED_APPS?",
            1,
        ),
        (
            "showmigrations foo bar",
            "No installed app with label 'foo'.\nNo installed app with label 'bar'.",
            2,
        ),
    ] {
        site.fails(line, message, code).await;
    }
}
