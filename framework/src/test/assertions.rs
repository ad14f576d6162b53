//! What tests say of a response (Django 5.2 `test/testcases.py`): each panics where the caller stands, and says what it found.

use http::StatusCode;
use serde::Serialize;

use super::html::assert_in_html;
use super::response::TestResponse;
use crate::http::query_dict::QueryDict;
use crate::http::uri::{UriParts, join};

impl TestResponse {
    /// It redirects there, or did when redirects were followed (Django's `assertRedirects`): then the page that it ended at has the
    /// status 200. A relative address counts from the page, and the pairs of a query have no order.
    ///
    /// Whether the target is there otherwise, [`Client::fetch_redirect`](super::client::Client::fetch_redirect) tells.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn assert_redirects(&self, to: &str) -> &Self {
        self.assert_redirects_with(to, StatusCode::FOUND, StatusCode::OK)
    }

    /// The same with another status than 302, of the first redirect when they were followed, and another one than 200 of the page that
    /// it ended at then.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn assert_redirects_with(&self, to: &str, status: StatusCode, target_status: StatusCode) -> &Self {
        let (found, target) = match (self.redirect_chain.first(), self.location()) {
            (Some(first), _) => {
                self.assert_status(target_status);
                (first.status, self.url.clone())
            }
            (None, Some(location)) => {
                let target = join(&self.url, location).unwrap_or_else(|_| location.to_owned());
                (self.status, target)
            }
            (None, None) => panic!("{} did not redirect: its status is {}", self.url, self.status),
        };
        assert_eq!(found, status, "{} redirected to {target} with {found}, not {status}", self.url);
        let wanted = join(&self.url, to).unwrap_or_else(|_| to.to_owned());
        let same = target == wanted || in_order(&target) == in_order(&wanted);
        assert!(same, "it redirected to {target}, not to {wanted}");
        self
    }

    /// Its status is 200, and the text is in it (Django's `assertContains`).
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn assert_contains(&self, text: &str) -> &Self {
        self.assert_contains_with(text, StatusCode::OK)
    }

    /// The same with another status.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn assert_contains_with(&self, text: &str, status: StatusCode) -> &Self {
        self.assert_status(status);
        assert!(self.text().contains(text), "{}: {text:?} is not in {:?}", self.url, self.text());
        self
    }

    /// Its status is 200, and the elements are in it, however they are written: see [`html`](super::html) (Django's `assertContains`
    /// with `html=True`).
    ///
    /// # Panics
    /// When they are not.
    #[track_caller]
    pub fn assert_contains_html(&self, html: &str) -> &Self {
        self.assert_status(StatusCode::OK);
        assert_in_html(html, &self.text());
        self
    }

    /// Its body is that JSON (Django's `assertJSONEqual`).
    ///
    /// ```
    /// # fn example(response: nuages::test::response::TestResponse) {
    /// response.assert_json_equal(&serde_json::json!({"count": 2}));
    /// # }
    /// # let _ = example;
    /// ```
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn assert_json_equal<T: Serialize + ?Sized>(&self, expected: &T) -> &Self {
        let found: serde_json::Value = match self.json() {
            Ok(found) => found,
            Err(error) => panic!("{}: {error}: {:?}", self.url, self.text()),
        };
        match serde_json::to_value(expected) {
            Ok(expected) => assert_eq!(found, expected, "{}", self.url),
            Err(error) => panic!("what is expected has no form in JSON: {error}"),
        }
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
        self.assert_not_contains_with(text, StatusCode::OK)
    }

    /// The same with another status.
    ///
    /// # Panics
    /// When it is.
    #[track_caller]
    pub fn assert_not_contains_with(&self, text: &str, status: StatusCode) -> &Self {
        self.assert_status(status);
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

    /// The same so many times: a part that is in three templates was rendered with each of them.
    ///
    /// # Panics
    /// When it was not, or more or less often.
    #[track_caller]
    pub fn assert_template_used_times(&self, name: &str, count: usize) -> &Self {
        let found = self.templates().filter(|template| *template == name).count();
        assert_eq!(found, count, "{}: {name} was used {found} times, not {count}", self.url);
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

/// A URL with the pairs of its query in their order.
fn in_order(url: &str) -> Option<(UriParts, Vec<(String, String)>)> {
    let mut parts = UriParts::split(url).ok()?;
    let query = QueryDict::parse(&std::mem::take(&mut parts.query)).ok()?;
    let pairs = query.lists().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let mut pairs: Vec<(String, String)> =
        pairs.map(|(name, value)| (name.to_owned(), value.clone())).collect();
    pairs.sort();
    Some((parts, pairs))
}
