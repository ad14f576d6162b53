//! The settings without a prefix of their own (Django 5.2 `conf/global_settings.py`).

use std::net::IpAddr;
use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

use crate::conf::secret::Secret;
use crate::conf::section::Breach;

/// What a `SECRET_KEY` that nuages ships in an example begins with: nobody else's secret.
pub const DEMO_KEY_PREFIX: &str = "nuages-insecure-";

crate::setting_choice! {
    /// `DEFAULT_CHARSET`: how form data and query strings are read and pages are written.
    pub enum Charset {
        /// UTF-8
        Utf8 = "utf-8",
        /// ISO 8859-1
        Latin1 = "iso-8859-1",
    }
}

crate::settings_section! {
    /// `DEBUG`, `SECRET_KEY`, `ALLOWED_HOSTS`, …
    pub struct CoreSettings, prefix "", rules rules {
        /// `DEBUG`: error pages for developers. Never on a site that strangers reach.
        debug: bool = false,
        /// `SECRET_KEY`: what signatures are made with. A site does not start without.
        secret_key: Secret = "",
        /// `SECRET_KEY_FALLBACKS`: former keys, still good for reading what they signed.
        secret_key_fallbacks: Vec<Secret> = Vec::new(),
        /// `ALLOWED_HOSTS`: the names under which the site may be asked; `.example.com` takes in subdomains, `*` all.
        allowed_hosts: Vec<String> = [],
        /// `INSTALLED_APPS`: the apps in force, among the ones that the program links.
        installed_apps: Vec<String> = [],
        /// `MIDDLEWARE`: the layers, the outermost first.
        middleware: Vec<String> = [],
        /// `ROOT_URLCONF`: what debug pages call the site's URLconf. The URLconf itself is given to `Site`.
        root_urlconf: String = "site",
        /// `SILENCED_SYSTEM_CHECKS`: ids of checks that neither stop the start nor are printed.
        silenced_system_checks: Vec<String> = [],
        /// `APPEND_SLASH`: send a visitor of an unknown `/page` to `/page/` when that is known.
        append_slash: bool = true,
        /// `PREPEND_WWW`: send visitors of `example.com` to `www.example.com`.
        prepend_www: bool = false,
        /// `FORCE_SCRIPT_NAME`: the path under which the site lies, whatever a proxy says.
        force_script_name: Option<String> = None,
        /// `USE_TZ`: whether points in time are aware of their zone.
        use_tz: bool = true,
        /// `TIME_ZONE`: the zone of naive points in time, by its IANA name.
        time_zone: String = "America/Chicago",
        /// `LANGUAGE_CODE`: the site's language.
        language_code: String = "en-us",
        /// `USE_I18N`: whether texts are translated.
        use_i18n: bool = true,
        /// `DEFAULT_CHARSET`: how form data and query strings are read and pages are written.
        default_charset: Charset = Charset::Utf8,
        /// `LOG`: what is logged, in the words of `tracing-subscriber`'s filters: `debug`, `info,nuages=trace`.
        log: String = "info,sqlx=warn,hyper=warn,h2=warn",
        /// `INTERNAL_IPS`: the addresses for which the `debug` context processor speaks.
        internal_ips: Vec<IpAddr> = Vec::new(),
        /// `DISALLOWED_USER_AGENTS`: regular expressions; a browser that matches one is answered 403.
        disallowed_user_agents: Vec<String> = [],
        /// `USE_X_FORWARDED_HOST`: trust a proxy's `X-Forwarded-Host` more than `Host`.
        use_x_forwarded_host: bool = false,
        /// `USE_X_FORWARDED_PORT`: trust a proxy's `X-Forwarded-Port`.
        use_x_forwarded_port: bool = false,
        /// `X_FRAME_OPTIONS`: the header of that name.
        x_frame_options: String = "DENY",
        /// `DATA_UPLOAD_MAX_MEMORY_SIZE`: the largest body without its files, in bytes; `None`: any.
        data_upload_max_memory_size: Option<usize> = 2_621_440,
        /// `DATA_UPLOAD_MAX_NUMBER_FIELDS`: the most fields of a form or query; `None`: any.
        data_upload_max_number_fields: Option<usize> = 1_000,
        /// `DATA_UPLOAD_MAX_NUMBER_FILES`: the most files of a form; `None`: any.
        data_upload_max_number_files: Option<usize> = 100,
        /// `FILE_UPLOAD_MAX_MEMORY_SIZE`: above this size, in bytes, an uploaded file goes to disk.
        file_upload_max_memory_size: usize = 2_621_440,
        /// `FILE_UPLOAD_TEMP_DIR`: where it goes; `None`: the system's folder for temporary files.
        file_upload_temp_dir: Option<PathBuf> = None,
        /// `FILE_UPLOAD_PERMISSIONS`: the mode of stored files; `None`: the system's.
        file_upload_permissions: Option<u32> = 0o644,
        /// `FILE_UPLOAD_DIRECTORY_PERMISSIONS`: the mode of folders made for them; `None`: the system's.
        file_upload_directory_permissions: Option<u32> = None,
        /// `SIGNED_COOKIE_LEGACY_SALT_FALLBACK`: also read signed cookies whose salt is made as before Django's
        /// CVE-2026-6873. Django's own default is on; turn it on while sharing signed cookies with an older Django.
        signed_cookie_legacy_salt_fallback: bool = false,
        /// `MEDIA_URL`: under which URL uploaded files are served.
        media_url: String = "",
        /// `MEDIA_ROOT`: where uploaded files are stored.
        media_root: PathBuf = "",
    }
}

/// The key, and whether it is anybody's.
fn rules(core: &CoreSettings) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let key = core.secret_key.expose();
    if key.is_empty() {
        breaches.push(Breach {
            id: "nuages.E110",
            settings: &["SECRET_KEY"],
            reason: "it is missing or empty, so nothing could be signed".to_owned(),
            right: "a long random text that only this site knows, as SECRET_KEY in settings.toml or in the environment \
                    variable NUAGES_SECRET_KEY"
                .to_owned(),
            can_be_silenced: false,
        });
    } else if key.starts_with(DEMO_KEY_PREFIX) && !core.debug {
        breaches.push(Breach {
            id: "nuages.E111",
            settings: &["SECRET_KEY", "DEBUG"],
            reason: format!("it begins with '{DEMO_KEY_PREFIX}': everybody knows this key, and DEBUG is off"),
            right: "a long random text that only this site knows; or DEBUG = true, on your own machine alone"
                .to_owned(),
            can_be_silenced: false,
        });
    }
    if let Err(error) = EnvFilter::try_new(&core.log) {
        breaches.push(Breach {
            id: "nuages.E114",
            settings: &["LOG"],
            reason: format!("it is no filter for a log: {error}"),
            right: "a level (error, warn, info, debug, trace), or levels of parts: info,nuages=trace"
                .to_owned(),
            can_be_silenced: false,
        });
    }
    for (index, key) in core.secret_key_fallbacks.iter().enumerate() {
        if key.is_empty() {
            breaches.push(Breach {
                id: "nuages.E112",
                settings: &["SECRET_KEY_FALLBACKS"],
                reason: format!(
                    "key {index} is empty: whatever anybody signs with an empty key would be believed"
                ),
                right: "the former keys alone; an empty list when there are none".to_owned(),
                can_be_silenced: false,
            });
        }
    }
    breaches
}
