//! The settings that every request is held against.

use crate::project::Project;

/// The settings that every request is held against (Django 5.2 `conf/global_settings.py`).
#[derive(Debug)]
pub(crate) struct HttpRules {
    /// `DATA_UPLOAD_MAX_MEMORY_SIZE`, bytes.
    pub(crate) max_memory_size: Option<u64>,
    /// `DATA_UPLOAD_MAX_NUMBER_FIELDS`
    pub(crate) max_number_fields: Option<usize>,
    /// `USE_X_FORWARDED_HOST`
    pub(crate) use_x_forwarded_host: bool,
    /// `USE_X_FORWARDED_PORT`
    pub(crate) use_x_forwarded_port: bool,
    /// `SECURE_PROXY_SSL_HEADER`: the header's name, and the value that means https.
    pub(crate) secure_proxy_ssl_header: Option<(http::HeaderName, String)>,
    /// `FORCE_SCRIPT_NAME`
    pub(crate) force_script_name: Option<String>,
}

static DEFAULT: HttpRules = HttpRules {
    max_memory_size: Some(2_621_440),
    max_number_fields: Some(1000),
    use_x_forwarded_host: false,
    use_x_forwarded_port: false,
    secure_proxy_ssl_header: None,
    force_script_name: None,
};

impl HttpRules {
    pub(crate) fn of(_project: &Project) -> &Self {
        &DEFAULT
    }
}
