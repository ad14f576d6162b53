//! The engines that nuages brings, by Django's names.

pub mod cache;
pub mod cached_db;
pub mod db;
pub mod file;
pub mod signed_cookies;

use crate::session::engine::EngineDef;

/// `SESSION_ENGINE`: every engine that is built in.
pub const ENGINES: &[EngineDef] =
    &[db::ENGINE, file::ENGINE, cache::ENGINE, cached_db::ENGINE, signed_cookies::ENGINE];

#[cfg(test)]
mod tests {
    use crate::conf::source::SettingsSource;
    use crate::prelude::*;
    use crate::serialize::value::Dict;
    use crate::session::key::SessionKey;
    use crate::session::store::Version;

    /// What every visitor waits for is put on the heap. glibc's allocator takes more than 1,000 bytes for a large request: it then puts all
    /// small pieces together that were freed, of every size, to have room.
    #[test]
    fn what_a_visitor_waits_for_is_small() {
        for engine in ["db", "cache", "cached_db"] {
            let folder = tempfile::tempdir().unwrap();
            let settings = format!(
                r#"
                SECRET_KEY = "small"
                SESSION_ENGINE = "django.contrib.sessions.backends.{engine}"
                DATABASES = {{ default = {{ ENGINE = "django.db.backends.sqlite3", NAME = "db.sqlite3" }} }}
                "#
            );
            let source = SettingsSource::text("small", &settings).in_dir(folder.path());
            let project = Site::new(folder.path()).build(&source).unwrap().project;
            let store = project.sessions().store();
            let key = SessionKey::parse("abcdefghijklmnopqrstuvwxyz012345").unwrap();
            let (data, version) = (Dict::new(), Version::default());
            let sizes = [
                ("load", size_of_val(&*store.load(&key))),
                ("insert", size_of_val(&*store.insert(&key, &data))),
                ("update", size_of_val(&*store.update(&key, &data, Some(&version)))),
                ("delete", size_of_val(&*store.delete(&key, None))),
            ];
            assert!(sizes.iter().all(|(_, size)| *size <= 1_000), "{engine}: {sizes:?}");
        }
    }
}
