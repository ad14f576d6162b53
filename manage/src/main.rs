//! The demo site: its apps, and the `manage` command line.

mod home;
#[cfg(test)]
mod tests;
mod urls;

use std::path::Path;
use std::process::ExitCode;

use nuages::site::Site;

fn main() -> ExitCode {
    nuages::manage(site())
}

fn site() -> Site {
    Site::new(base_dir()).urls(urls::urls()).app(student::app()).app(shop::app())
}

/// The project's folder, which holds `settings.toml`, `templates/` and `migrations/`: this crate's parent.
fn base_dir() -> &'static Path {
    let manage = Path::new(env!("CARGO_MANIFEST_DIR"));
    manage.parent().unwrap_or(manage)
}
