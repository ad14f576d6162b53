//! The session tour: every method of `request.session` on a page of its own.

mod lesson;
mod source;
mod stored;
mod urls;
pub mod views;

use nuages::apps::app::App;

pub use crate::urls::urls;

/// The app for `INSTALLED_APPS`.
#[must_use]
pub fn app() -> impl App {
    Student
}

#[derive(Debug)]
struct Student;

impl App for Student {
    fn name(&self) -> &'static str {
        "student"
    }
}
