//! `STATIC_*`, `STATICFILES_*`, `STORAGES` (Django 5.2 `conf/global_settings.py`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::conf::fault::SettingsFault;
use crate::conf::kind::{SettingKind, Shown};
use crate::conf::section::Breach;
use crate::conf::written::{Shape, Written};

/// The entry of `STORAGES` that static files are put into.
pub const STATICFILES_ALIAS: &str = "staticfiles";

crate::settings_section! {
    /// Where static files are found, put and served.
    pub struct StaticFilesSettings, prefix "", rules rules {
        /// `STATIC_URL`: under which URL static files are served. It ends with a slash; one without a slash at its beginning
        /// lies under the site's script name.
        static_url: Option<String> = None,
        /// `STATIC_ROOT`: where `collectstatic` puts them, and where `StaticFilesMiddleware` serves them from.
        static_root: Option<PathBuf> = None,
        /// `STATIC_MAX_AGE`: for how many seconds a client may keep a file whose name has no hash in it, when
        /// `StaticFilesMiddleware` serves it and `DEBUG` is off. One with a hash may be kept for ever.
        static_max_age: u64 = 60,
        /// `STATICFILES_DIRS`: more folders of static files, before the apps' own; `["prefix", "folder"]` puts a folder's files
        /// under `prefix/`.
        staticfiles_dirs: Vec<StaticDir> = Vec::new(),
        /// `STATICFILES_FINDERS`: which folders are searched, and in which order.
        staticfiles_finders: Vec<StaticFinder> = vec![StaticFinder::FileSystem, StaticFinder::AppDirectories],
        /// `STORAGES`: what becomes of files, by alias; `staticfiles` is where `collectstatic` puts its own.
        storages: BTreeMap<String, StorageSettings> = BTreeMap::from([
            ("default".to_owned(), StorageSettings { backend: StorageBackend::FileSystem, ..StorageSettings::default() }),
            (STATICFILES_ALIAS.to_owned(), StorageSettings::default()),
        ]),
    }
}

crate::setting_choice! {
    /// An entry of `STATICFILES_FINDERS`.
    pub enum StaticFinder {
        /// The folders of `STATICFILES_DIRS`.
        FileSystem = "django.contrib.staticfiles.finders.FileSystemFinder",
        /// The folders of the installed apps.
        AppDirectories = "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    }
}

crate::setting_choice! {
    /// `BACKEND` of an entry of `STORAGES`.
    pub enum StorageBackend {
        /// A folder.
        FileSystem = "django.core.files.storage.FileSystemStorage",
        /// `STATIC_ROOT`, with the names that the files have.
        Static = "django.contrib.staticfiles.storage.StaticFilesStorage",
        /// `STATIC_ROOT`, with hashes in the names.
        Manifest = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
    }
}

crate::settings_table! {
    /// One entry of `STORAGES`.
    pub struct StorageSettings, names upper {
        /// `BACKEND`: how files are kept, by Django's dotted name.
        backend: StorageBackend = StorageBackend::Static,
        /// `OPTIONS`: what the backend understands.
        options: StorageOptions = StorageOptions::default(),
    }
}

crate::settings_table! {
    /// `OPTIONS` of an entry of `STORAGES`.
    pub struct StorageOptions, names lower {
        /// `location`: the folder, in place of `STATIC_ROOT`.
        location: Option<PathBuf> = None,
        /// `base_url`: in place of `STATIC_URL`.
        base_url: Option<String> = None,
        /// `file_permissions_mode`: in place of `FILE_UPLOAD_PERMISSIONS`.
        file_permissions_mode: Option<u32> = None,
        /// `directory_permissions_mode`: in place of `FILE_UPLOAD_DIRECTORY_PERMISSIONS`.
        directory_permissions_mode: Option<u32> = None,
        /// `manifest_strict`: whether a file that the manifest lacks is an error (an attribute of the class in Django).
        manifest_strict: bool = true,
        /// `support_js_module_import_aggregation`: whether the modules that scripts import are hashed too (an attribute of
        /// the class in Django).
        support_js_module_import_aggregation: bool = false,
    }
}

/// An entry of `STATICFILES_DIRS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticDir {
    /// What stands before the names of its files; nothing for most.
    pub prefix: String,
    /// The folder, relative to the project.
    pub dir: PathBuf,
}

impl SettingKind for StaticDir {
    fn allowed() -> Cow<'static, str> {
        "a path as text, or a list of a prefix and a path".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        let dir = match written.shape() {
            Shape::List(parts) => match parts.as_slice() {
                [prefix, dir] => prefix.text().zip(dir.text()),
                _ => None,
            },
            _ => written.text().map(|dir| ("", dir)),
        };
        if dir.is_none() {
            faults.push(SettingsFault::wrong(written, setting, Self::allowed(), Self::SECRET));
        }
        dir.map(|(prefix, dir)| Self { prefix: prefix.to_owned(), dir: dir.into() })
    }

    fn show(&self) -> Shown {
        let dir = self.dir.display().to_string();
        match self.prefix.as_str() {
            "" => dir.into(),
            prefix => Shown::Array(vec![prefix.into(), dir.into()]),
        }
    }
}

fn rules(settings: &StaticFilesSettings) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if settings.static_url.as_deref().is_some_and(|url| !url.ends_with('/')) {
        breaches.push(Breach {
            id: "nuages.E150",
            settings: &["STATIC_URL"],
            reason: "it does not end with a slash".to_owned(),
            right: "\"static/\", \"/static/\", or a whole URL with a slash at its end".to_owned(),
            can_be_silenced: false,
        });
    }
    if let Some(dir) = settings.staticfiles_dirs.iter().find(|dir| dir.prefix.ends_with('/')) {
        breaches.push(Breach {
            id: "staticfiles.E003",
            settings: &["STATICFILES_DIRS"],
            reason: format!("the prefix {:?} ends with a slash", dir.prefix),
            right: "the prefix without the slash".to_owned(),
            can_be_silenced: true,
        });
    }
    match settings.storages.get(STATICFILES_ALIAS) {
        Some(StorageSettings { backend: StorageBackend::Static | StorageBackend::Manifest, .. }) => {}
        Some(other) => breaches.push(Breach {
            id: "nuages.E151",
            settings: &["STORAGES"],
            reason: format!("'{STATICFILES_ALIAS}' is a {}", other.backend),
            right: format!("{}, or {}", StorageBackend::Static, StorageBackend::Manifest),
            can_be_silenced: false,
        }),
        None => breaches.push(Breach {
            id: "staticfiles.E005",
            settings: &["STORAGES"],
            reason: format!("there is no storage '{STATICFILES_ALIAS}'"),
            right: format!("a table STORAGES.{STATICFILES_ALIAS}"),
            can_be_silenced: false,
        }),
    }
    breaches
}
