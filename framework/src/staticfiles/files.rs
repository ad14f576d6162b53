//! What a project knows of its static files.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::StaticFilesError;
use super::finders::{Finders, Source};
use super::manifest::Manifest;
use super::storage::{Hashed, StaticStorage, join};
use crate::checks::CheckMessage;
use crate::conf::core::CoreSettings;
use crate::conf::staticfiles::{
    STATICFILES_ALIAS, StaticFilesSettings, StaticFinder, StorageBackend, StorageSettings,
};

/// The static files of a site.
#[derive(Debug, Clone, Default)]
pub struct StaticFiles {
    installed: bool,
    url: Option<String>,
    finders: Finders,
    storage: StaticStorage,
}

impl StaticFiles {
    /// As the settings say. `apps` holds the folders of the installed apps, in their order; `installed` tells whether
    /// `django.contrib.staticfiles` is one of these. The second part is what is wrong with them.
    #[must_use]
    pub fn from_settings(
        settings: &StaticFilesSettings,
        core: &CoreSettings,
        base_dir: &Path,
        apps: &[PathBuf],
        installed: bool,
    ) -> (Self, Vec<CheckMessage>) {
        let mut faults = if installed { check_settings(settings, core) } else { Vec::new() };
        let root = settings.static_root.as_ref().map(|root| base_dir.join(root));
        let mut sources = Vec::new();
        for finder in &settings.staticfiles_finders {
            match finder {
                StaticFinder::FileSystem => {
                    for dir in &settings.staticfiles_dirs {
                        let source = Source { prefix: dir.prefix.clone(), root: base_dir.join(&dir.dir) };
                        if installed {
                            faults.extend(check_dir(&source.root, root.as_deref()));
                        }
                        sources.push(source);
                    }
                }
                StaticFinder::AppDirectories => sources.extend(
                    apps.iter()
                        .filter(|folder| folder.is_dir())
                        .map(|folder| Source { prefix: String::new(), root: folder.clone() }),
                ),
            }
        }
        let url = settings.static_url.as_deref().map(|url| under_script_name(url, core));
        let chosen: StorageSettings = settings.storages.get(STATICFILES_ALIAS).cloned().unwrap_or_default();
        let mut storage = StaticStorage {
            location: chosen.options.location.as_ref().map(|dir| base_dir.join(dir)).or(root),
            base_url: chosen.options.base_url.clone().or_else(|| url.clone()).unwrap_or_default(),
            file_mode: chosen.options.file_permissions_mode.or(core.file_upload_permissions),
            folder_mode: chosen.options.directory_permissions_mode.or(core.file_upload_directory_permissions),
            hashed: None,
        };
        if installed && chosen.backend == StorageBackend::Manifest {
            let manifest =
                storage.location.as_deref().map_or_else(|| Ok(Manifest::default()), Manifest::read);
            let manifest = manifest.unwrap_or_else(|error| {
                faults.push(
                    CheckMessage::error("nuages.E152", error.to_string())
                        .hint("Delete the file, and run collectstatic again.")
                        .object("STORAGES"),
                );
                Manifest::default()
            });
            storage.hashed = Some(Hashed {
                manifest,
                strict: chosen.options.manifest_strict,
                modules: chosen.options.support_js_module_import_aggregation,
                plain_urls: core.debug,
            });
        }
        (Self { installed, url, finders: Finders::new(sources), storage }, faults)
    }

    /// Whether `django.contrib.staticfiles` is installed.
    #[must_use]
    pub const fn installed(&self) -> bool {
        self.installed
    }

    /// `STATIC_URL`, under the site's script name; it ends with a slash.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Where files are found.
    #[must_use]
    pub const fn finders(&self) -> &Finders {
        &self.finders
    }

    /// Where they are collected.
    #[must_use]
    pub const fn storage(&self) -> &StaticStorage {
        &self.storage
    }

    /// The URL of the file of that name: `{{ static(path="site.css") }}` (Django 5.2 `templatetags/static.py`).
    ///
    /// # Errors
    /// With hashed names, for a file that `collectstatic` has not seen.
    pub fn url_of(&self, name: &str) -> Result<String, StaticFilesError> {
        if self.installed {
            return self.storage.url(name);
        }
        /// What Python's `urllib.parse.quote` leaves alone.
        const QUOTE: &AsciiSet =
            &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~').remove(b'/');
        let quoted = utf8_percent_encode(name, QUOTE).to_string();
        Ok(join(self.url.as_deref().unwrap_or_default(), quoted.trim_start_matches('/')))
    }
}

/// What Django says of the settings when something first asks for a static file (Django 5.2 `contrib/staticfiles/utils.py`,
/// `check_settings`).
fn check_settings(settings: &StaticFilesSettings, core: &CoreSettings) -> Vec<CheckMessage> {
    let url = settings.static_url.as_deref().unwrap_or_default();
    let (media_url, media_root) = (core.media_url.as_str(), core.media_root.as_path());
    let is_root =
        |root: &&std::path::PathBuf| !media_root.as_os_str().is_empty() && root.as_path() == media_root;
    let mut faults = Vec::new();
    let mut fault = |setting: &str, message: &str| {
        faults.push(CheckMessage::error("nuages.E154", message).object(setting));
    };
    if url.is_empty() {
        fault(
            "STATIC_URL",
            "You're using the staticfiles app without having set the required STATIC_URL setting.",
        );
    } else if media_url == url {
        fault("MEDIA_URL", "The MEDIA_URL and STATIC_URL settings must have different values");
    } else if core.debug && media_url.starts_with(url) {
        fault("MEDIA_URL", "runserver can't serve media if MEDIA_URL is within STATIC_URL.");
    }
    if settings.static_root.as_ref().filter(is_root).is_some() {
        fault("MEDIA_ROOT", "The MEDIA_ROOT and STATIC_ROOT settings must have different values");
    }
    faults
}

/// A URL of the settings as it is seen from outside.
pub(crate) fn under_script_name(url: &str, core: &CoreSettings) -> String {
    let is_absolute = ["/", "http://", "https://"].iter().any(|start| url.starts_with(start));
    if is_absolute {
        return url.to_owned();
    }
    let script_name = core.force_script_name.as_deref().unwrap_or_default().trim_end_matches('/');
    format!("{script_name}/{url}")
}

fn check_dir(dir: &Path, static_root: Option<&Path>) -> Option<CheckMessage> {
    if static_root.is_some_and(|root| root == dir) {
        let message = "The STATICFILES_DIRS setting should not contain the STATIC_ROOT setting.";
        return Some(CheckMessage::error("staticfiles.E002", message));
    }
    let message =
        format!("The directory '{}' in the STATICFILES_DIRS setting does not exist.", dir.display());
    (!dir.is_dir()).then(|| CheckMessage::warning("staticfiles.W004", message))
}
