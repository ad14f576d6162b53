//! The log of the process: on standard error, set up once.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::apps::style::Style;
use crate::conf::core::CoreSettings;

/// Sets the log up as the setting `LOG` says; when something else has done it already, it stays as it is. A filter that makes
/// no sense is passed over here: the settings do not load with it, and that is told.
pub(super) fn set_up(settings: &CoreSettings) {
    let filter = EnvFilter::try_new(&settings.log).unwrap_or_default();
    let colours = Style::for_terminal(io::stderr().is_terminal()).is_coloured();
    // An error means that a subscriber is set already: a test's, or the site's own.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours)
        .try_init();
}
