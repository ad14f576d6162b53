//! `/student/…`

use nuages::prelude::*;

use crate::views::{archive, counter, dict, engines, expiry, identity, item, settings, test_cookie, tour};

/// The tour's URLs, for `include("student/", student::urls())`.
pub fn urls() -> Urls {
    urls![
        path("", tour::tour).name("tour"),
        path("set/", item::set).name("set"),
        path("get/", item::get).name("get"),
        path("delete/", item::delete).name("delete"),
        path("keys/", dict::keys).name("keys"),
        path("items/", dict::items).name("items"),
        path("setdefault/", dict::setdefault).name("setdefault"),
        path("clear/", dict::clear).name("clear"),
        path("flush/", identity::flush).name("flush"),
        path("cycle-key/", identity::cycle_key).name("cycle_key"),
        path("cookie-age/", expiry::cookie_age).name("cookie_age"),
        path("expiry-age/", expiry::expiry_age).name("expiry_age"),
        path("expiry-date/", expiry::expiry_date).name("expiry_date"),
        path("browser-close/", expiry::browser_close).name("browser_close"),
        path("set-expiry/", expiry::set_expiry).name("set_expiry"),
        path("clear-expired/", expiry::clear_expired).name("clear_expired"),
        path("test-cookie/", test_cookie::test_cookie).name("test_cookie"),
        path("test-cookie/worked/", test_cookie::test_cookie_worked).name("test_cookie_worked"),
        path("test-cookie/delete/", test_cookie::delete_test_cookie).name("delete_test_cookie"),
        path("counter/", counter::counter).name("counter"),
        path("settings/", settings::settings).name("settings"),
        path("engines/", engines::engines).name("engines"),
        path("<int:year>/<slug:slug>/", archive::archive).name("archive"),
    ]
    .app_name("student")
}
