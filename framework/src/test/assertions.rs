//! What tests say of a response (Django 5.2 `test/testcases.py`): each panics where the caller stands, and says what it found.

use http::StatusCode;

use super::response::TestResponse;
use crate::http::uri::{UriParts, join};

impl TestResponse {
    /// It redirects there, or did when redirects were followed (Django's `assertRedirects`, without asking for the target). A
    /// relative address counts from the page.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn assert_redirects(&self, to: &str) -> &Self {
        self.assert_redirects_with(to, StatusCode::FOUND)
    }

    /// The same with another status than 302; when redirects were followed, that of the first.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn assert_redirects_with(&self, to: &str, status: StatusCode) -> &Self {
        let (found, target) = match (self.redirect_chain.first(), self.location()) {
            (Some(first), _) => (first.status, self.url.clone()),
            (None, Some(location)) => {
                let target = join(&self.url, location).unwrap_or_else(|_| location.to_owned());
                (self.status, target)
            }
            (None, None) => panic!("{} did not redirect: its status is {}", self.url, self.status),
        };
        assert_eq!(found, status, "{} redirected to {target} with {found}, not {status}", self.url);
        let wanted = join(&self.url, to).unwrap_or_else(|_| to.to_owned());
        assert_eq!(target, wanted, "it redirected to {target}, not to {wanted}");
        self
    }

    /// Its status is 200, and the text is in it (Django's `assertContains`).
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn assert_contains(&self, text: &str) -> &Self {
        self.assert_status(StatusCode::OK);
        assert!(self.text().contains(text), "{}: {text:?} is not in {:?}", self.url, self.text());
        self
    }

    /// Its status is that, and the text is in it so many times.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn assert_contains_times(&self, text: &str, count: usize, status: StatusCode) -> &Self {
        self.assert_status(status);
        let found = self.text().matches(text).count();
        assert_eq!(found, count, "{}: {text:?} is {found} times in {:?}, not {count}", self.url, self.text());
        self
    }

    /// Its status is 200, and the text is not in it (Django's `assertNotContains`).
    ///
    /// # Panics
    /// When it is.
    #[track_caller]
    pub fn assert_not_contains(&self, text: &str) -> &Self {
        self.assert_status(StatusCode::OK);
        assert!(!self.text().contains(text), "{}: {text:?} is in {:?}", self.url, self.text());
        self
    }

    /// Its status is that.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn assert_status(&self, status: StatusCode) -> &Self {
        assert_eq!(self.status, status, "{}: {:?}", self.url, self.text());
        self
    }

    /// The template was rendered for it, or is a parent or a part of one that was (Django's `assertTemplateUsed`).
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn assert_template_used(&self, name: &str) -> &Self {
        let used: Vec<&str> = self.templates().collect();
        assert!(used.contains(&name), "{}: {name} is none of {used:?}", self.url);
        self
    }

    /// The template was not rendered for it (Django's `assertTemplateNotUsed`).
    ///
    /// # Panics
    /// When it was.
    #[track_caller]
    pub fn assert_template_not_used(&self, name: &str) -> &Self {
        assert!(self.templates().all(|template| template != name), "{}: {name} was used", self.url);
        self
    }

    /// The path that it is the response to, without host and query.
    #[must_use]
    pub fn path(&self) -> String {
        UriParts::split(&self.url).map_or_else(|_| self.url.clone(), |parts| parts.path)
    }
}
