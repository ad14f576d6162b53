//! Where the settings of a site come from.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What stands before a setting's name in the environment.
pub const VARIABLE_PREFIX: &str = "NUAGES_";

/// The file that a project keeps its settings in.
pub const SETTINGS_FILE: &str = "settings.toml";

/// The layers of settings, from the lowest to the highest. Defaults lie below all of them.
///
/// ```
/// use nuages::conf::{session::SessionSettings, settings::Settings, source::SettingsSource};
///
/// let source = SettingsSource::text("settings.toml", "SECRET_KEY = 'k'\nSESSION_COOKIE_AGE = 600")
///     .variables([("NUAGES_SESSION_COOKIE_AGE", "60")]);
/// let settings = Settings::load(&source, &[])?;
/// assert_eq!(settings.section::<SessionSettings>().cookie_age, 60);
/// # Ok::<(), nuages::conf::fault::SettingsFaults>(())
/// ```
#[derive(Clone)]
pub struct SettingsSource {
    pub(crate) base_dir: PathBuf,
    pub(crate) layers: Vec<Layer>,
}

#[derive(Clone)]
pub(crate) enum Layer {
    /// A file; a missing one is a fault unless it is the project's own.
    File { path: PathBuf, may_be_missing: bool },
    /// A file's text, already read.
    Text { name: String, text: String },
    /// Values that the program made.
    Table(toml::Table),
    /// Values that the program was given as JSON.
    Json(serde_json::Map<String, serde_json::Value>),
    /// The environment: names and values.
    Variables(Vec<(OsString, OsString)>),
}

impl SettingsSource {
    /// No layer: nothing but defaults. Relative paths in the settings start from `base_dir` (Django's `BASE_DIR`).
    #[must_use]
    pub fn empty(base_dir: impl Into<PathBuf>) -> Self {
        Self { base_dir: base_dir.into(), layers: Vec::new() }
    }

    /// The `settings.toml` of the project in that folder. When there is none, everything may come from the environment.
    #[must_use]
    pub fn project(base_dir: impl Into<PathBuf>) -> Self {
        let base_dir = base_dir.into();
        let path = base_dir.join(SETTINGS_FILE);
        Self { base_dir, layers: vec![Layer::File { path, may_be_missing: true }] }
    }

    /// Settings that a program made itself: a test's, for instance.
    #[must_use]
    pub fn table(table: toml::Table) -> Self {
        Self { base_dir: PathBuf::from("."), layers: vec![Layer::Table(table)] }
    }

    /// Settings that a program was given as a JSON object; `null` is Django's `None`.
    #[must_use]
    pub fn json(object: serde_json::Map<String, serde_json::Value>) -> Self {
        Self { base_dir: PathBuf::from("."), layers: vec![Layer::Json(object)] }
    }

    /// The text of a settings file, and the name that messages give it.
    #[must_use]
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        let layer = Layer::Text { name: name.into(), text: text.into() };
        Self { base_dir: PathBuf::from("."), layers: vec![layer] }
    }

    /// The same in another folder.
    #[must_use]
    pub fn in_dir(mut self, base_dir: impl Into<PathBuf>) -> Self {
        self.base_dir = base_dir.into();
        self
    }

    /// The layers of `above` over these.
    #[must_use]
    pub fn under(mut self, above: Self) -> Self {
        self.layers.extend(above.layers);
        self
    }

    /// One more file over the others: `--settings FILE`. A relative path starts from the working directory, as every path
    /// on a command line.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.layers.push(Layer::File { path: path.into(), may_be_missing: false });
        self
    }

    /// The variables that begin with `NUAGES_`, over the others. Further ones are left alone.
    #[must_use]
    pub fn variables<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let named = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.layers.push(Layer::Variables(named.filter(|(name, _)| is_ours(name)).collect()));
        self
    }

    /// The environment of the process, over the others.
    #[must_use]
    pub fn process_environment(self) -> Self {
        self.variables(std::env::vars_os())
    }

    /// The folder from which relative paths in the settings start.
    #[must_use]
    pub fn base_dir(&self) -> &Path {
        &self.base_dir
    }
}

/// The names of the layers: their values may be secrets.
impl std::fmt::Debug for SettingsSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let layers = self.layers.iter().map(|layer| match layer {
            Layer::File { path, .. } => path.display().to_string(),
            Layer::Text { name, .. } => name.clone(),
            Layer::Table(_) => "a table".to_owned(),
            Layer::Json(_) => "a JSON object".to_owned(),
            Layer::Variables(_) => "the environment".to_owned(),
        });
        f.debug_struct("SettingsSource")
            .field("base_dir", &self.base_dir)
            .field("layers", &layers.collect::<Vec<_>>())
            .finish()
    }
}

/// Whether a variable is a setting's: `NUAGES_…`, but for what test suites use.
fn is_ours(name: &OsString) -> bool {
    let bytes = name.as_encoded_bytes();
    bytes.starts_with(VARIABLE_PREFIX.as_bytes()) && !bytes.starts_with(b"NUAGES_TEST_")
}
