//! Every place where a session may lie, with a way to put there whatever bytes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, FromArgMatches};
use nuages::apps::command::{Command, Output};
use nuages::db::sql::Sql;
use nuages::db::sqlx;
use nuages::management::createcachetable::CreateCacheTable;
use nuages::on_pool;

use crate::site::Asked;

/// What keeps the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Row,
    SessionFile,
    CacheFile,
    CacheRow,
    Redis(String),
    Memcached(String),
    Cookie,
}

/// An engine, its settings, and where its sessions lie.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// What is stored is signed: nobody without the key can make any.
    pub(crate) signed: bool,
    /// The text carries what this serializer writes; `pickle` for a cache.
    pub(crate) serializer: &'static str,
    settings: String,
    folder: tempfile::TempDir,
}

/// The prefix of a cache's keys, so that nothing else of the server is touched.
const PREFIX: &str = "damage";

impl Store {
    fn new(engine: &str, kind: Kind, serializer: &'static str, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(
            "SESSION_ENGINE = \"django.contrib.sessions.backends.{engine}\"\n\
             SESSION_SERIALIZER = \"django.contrib.sessions.serializers.{}Serializer\"\n{}",
            if serializer == "json" { "JSON" } else { "Pickle" },
            settings.replace("FOLDER", &folder.path().display().to_string())
        );
        let signed = matches!(kind, Kind::Row | Kind::SessionFile | Kind::Cookie);
        Self {
            name: format!("{engine} on {kind:?}, {serializer}"),
            kind,
            signed,
            serializer,
            settings,
            folder,
        }
    }

    /// Those that need no server, and those whose server the environment names.
    pub(crate) fn all() -> Vec<Self> {
        let cache = |backend: &str, location: &str| {
            format!(
                "CACHES = {{ default = {{ BACKEND = \"django.core.cache.backends.{backend}\", LOCATION = \"{location}\", KEY_PREFIX = \"{PREFIX}\" }} }}"
            )
        };
        let file = cache("filebased.FileBasedCache", "FOLDER/cache");
        let mut all = Vec::new();
        for serializer in ["json", "pickle"] {
            all.push(Self::new("db", Kind::Row, serializer, ""));
            all.push(Self::new("file", Kind::SessionFile, serializer, "SESSION_FILE_PATH = \"FOLDER\""));
            all.push(Self::new("signed_cookies", Kind::Cookie, serializer, ""));
            all.push(Self::new("cached_db", Kind::Row, serializer, &file));
        }
        all.push(Self::new("cache", Kind::CacheFile, "pickle", &file));
        all.push(Self::new("cached_db", Kind::CacheFile, "pickle", &file));
        all.push(Self::new("cache", Kind::CacheRow, "pickle", &cache("db.DatabaseCache", "my_cache")));
        let mut left_out = Vec::new();
        match std::env::var("NUAGES_TEST_REDIS") {
            Ok(url) => {
                let address = url.trim_start_matches("redis://").split('/').next().unwrap().to_owned();
                let settings = cache("redis.RedisCache", &format!("redis://{address}/5"));
                all.push(Self::new("cache", Kind::Redis(address), "pickle", &settings));
            }
            Err(_) => left_out.push("Redis (NUAGES_TEST_REDIS)"),
        }
        match std::env::var("NUAGES_TEST_MEMCACHED") {
            Ok(address) => {
                let settings = cache("memcached.PyMemcacheCache", &address);
                all.push(Self::new("cache", Kind::Memcached(address), "pickle", &settings));
            }
            Err(_) => left_out.push("memcached (NUAGES_TEST_MEMCACHED)"),
        }
        if !left_out.is_empty() {
            let required = std::env::var_os("NUAGES_TEST_REQUIRE_SERVERS").is_some();
            assert!(!required, "left out: {left_out:?}");
            // Not `eprintln!`, which the test runner swallows.
            let _ = writeln!(std::io::stderr(), "left out: {left_out:?}; tests/run starts them");
        }
        all
    }

    /// A site over the store.
    pub(crate) async fn site(&self) -> Asked {
        let site = Asked::new(&self.settings).await;
        if self.kind == Kind::CacheRow {
            let parser = CreateCacheTable::augment_args(clap::Command::new("").no_binary_name(true));
            let matches = parser.try_get_matches_from([""; 0]).unwrap();
            let command = CreateCacheTable::from_arg_matches(&matches).unwrap();
            let mut out = Output::new(std::io::sink(), false);
            command.handle(std::sync::Arc::clone(&site.built.project), &mut out).await.unwrap();
        }
        site
    }

    /// Removes everything, so that what is made next lies there alone.
    pub(crate) async fn clear(&self, site: &Asked) {
        static CLEAR: Sql = Sql::new("DELETE FROM django_session");
        let db = site.project().db().unwrap();
        on_pool!(db, pool => { sqlx::query(CLEAR.on(db)).execute(pool).await.map(|_| ()).unwrap(); });
        if matches!(self.kind, Kind::CacheFile | Kind::CacheRow) || self.name.starts_with("cached_db") {
            site.project().caches().get("default").unwrap().clear().await.unwrap();
        }
    }

    /// What lies there of the only session.
    pub(crate) async fn read(&self, site: &Asked, key: &str) -> Vec<u8> {
        static ROW: Sql = Sql::new("SELECT CAST(session_data AS BLOB) FROM django_session");
        static CACHE_ROW: Sql = Sql::new("SELECT CAST(value AS BLOB) FROM my_cache");
        let db = site.project().db().unwrap();
        match &self.kind {
            Kind::Row => on_pool!(db, pool => sqlx::query_scalar(ROW.on(db)).fetch_one(pool).await.unwrap()),
            Kind::CacheRow => {
                on_pool!(db, pool => sqlx::query_scalar(CACHE_ROW.on(db)).fetch_one(pool).await.unwrap())
            }
            Kind::SessionFile | Kind::CacheFile => std::fs::read(self.file(key)).unwrap(),
            Kind::Redis(address) => {
                let answer = talk(address, &[b"SELECT 5\r\n", &resp(&[b"GET", self.entry(key).as_bytes()])]);
                after(&answer, b"$")
            }
            Kind::Memcached(address) => {
                let answer = talk(address, &[format!("get {}\r\n", self.entry(key)).as_bytes()]);
                after(&answer, b"VALUE ")
            }
            Kind::Cookie => key.as_bytes().to_vec(),
        }
    }

    /// Puts these bytes in their place.
    pub(crate) async fn write(&self, site: &Asked, key: &str, bytes: &[u8]) {
        static ROW: Sql = Sql::new("UPDATE django_session SET session_data = ?");
        static ROW_OF_NO_TEXT: Sql = Sql::new("UPDATE django_session SET session_data = CAST(? AS TEXT)");
        static CACHE_ROW: Sql = Sql::new("UPDATE my_cache SET value = ?");
        static CACHE_ROW_OF_NO_TEXT: Sql = Sql::new("UPDATE my_cache SET value = CAST(? AS TEXT)");
        let db = site.project().db().unwrap();
        match &self.kind {
            Kind::Row | Kind::CacheRow => {
                let of_row = self.kind == Kind::Row;
                on_pool!(db, pool => {
                    let query = match std::str::from_utf8(bytes) {
                        Ok(text) => {
                            sqlx::query((if of_row { &ROW } else { &CACHE_ROW }).on(db)).bind(text.to_owned())
                        }
                        // Half of them as text that is none, half as bytes.
                        Err(_) if bytes.len().is_multiple_of(2) => {
                            let sql = if of_row { &ROW_OF_NO_TEXT } else { &CACHE_ROW_OF_NO_TEXT };
                            sqlx::query(sql.on(db)).bind(bytes.to_vec())
                        }
                        Err(_) => {
                            sqlx::query((if of_row { &ROW } else { &CACHE_ROW }).on(db)).bind(bytes.to_vec())
                        }
                    };
                    query.execute(pool).await.map(|_| ()).unwrap();
                });
                if self.name.starts_with("cached_db") {
                    site.project().caches().get("default").unwrap().clear().await.unwrap();
                }
            }
            Kind::SessionFile | Kind::CacheFile => std::fs::write(self.file(key), bytes).unwrap(),
            Kind::Redis(address) => {
                let set = resp(&[b"SET", self.entry(key).as_bytes(), bytes, b"EX", b"60"]);
                assert!(talk(address, &[b"SELECT 5\r\n", &set]).ends_with(b"+OK\r\n"));
            }
            Kind::Memcached(address) => {
                let head = format!("set {} 1 60 {}\r\n", self.entry(key), bytes.len());
                assert!(
                    talk(address, &[&[head.as_bytes(), bytes, b"\r\n"].concat()]).ends_with(b"STORED\r\n")
                );
            }
            Kind::Cookie => {}
        }
    }

    /// The session's file, or the only one of the cache.
    fn file(&self, key: &str) -> PathBuf {
        if self.kind == Kind::SessionFile {
            return self.folder.path().join(format!("sessionid{key}"));
        }
        let files = std::fs::read_dir(self.folder.path().join("cache")).unwrap();
        let mut files = files.map(|entry| entry.unwrap().path());
        files.find(|path| path.extension().is_some_and(|end| end == "djcache")).expect("a file")
    }

    /// How many files of sessions or of the cache there are.
    pub(crate) fn files(&self) -> usize {
        let of = |folder: PathBuf, prefix: &str| {
            let Ok(files) = std::fs::read_dir(folder) else { return 0 };
            files
                .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with(prefix))
                .count()
        };
        of(self.folder.path().to_owned(), "sessionid") + of(self.folder.path().join("cache"), "")
    }

    fn entry(&self, key: &str) -> String {
        format!("{PREFIX}:1:django.contrib.sessions.cache{key}")
    }
}

/// Sends each message and waits for its answer; what the last one was answered.
fn talk(address: &str, messages: &[&[u8]]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("a server that is there");
    stream.set_read_timeout(Some(Duration::from_millis(150))).unwrap();
    let mut answer = Vec::new();
    for message in messages {
        answer.clear();
        stream.write_all(message).unwrap();
        let mut piece = [0; 4096];
        loop {
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => {
                    answer.extend(&piece[..length]);
                    if answer.ends_with(b"\r\n") && length < piece.len() {
                        break;
                    }
                }
                // Nothing more comes.
                Err(_) => break,
            }
        }
    }
    answer
}

/// The value behind a head line that begins so: `$5\r\nhello\r\n`, `VALUE key 1 5\r\nhello\r\nEND\r\n`.
fn after(answer: &[u8], head: &[u8]) -> Vec<u8> {
    assert!(answer.starts_with(head), "{}", String::from_utf8_lossy(answer));
    let end = answer.windows(2).position(|pair| pair == b"\r\n").unwrap();
    let line = std::str::from_utf8(&answer[..end]).unwrap();
    let length: usize = line.rsplit([' ', '$']).next().unwrap().parse().unwrap();
    answer[end + 2..end + 2 + length].to_vec()
}

/// A Redis command.
fn resp(words: &[&[u8]]) -> Vec<u8> {
    let mut command = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        command.extend(format!("${}\r\n", word.len()).into_bytes());
        command.extend(*word);
        command.extend(b"\r\n");
    }
    command
}
