//! `CACHE_MIDDLEWARE_*` (Django 5.2 `middleware/cache.py`).

crate::settings_section! {
    /// The settings of the cache of whole pages.
    pub struct PageCacheSettings, prefix "CACHE_MIDDLEWARE_" {
        /// `CACHE_MIDDLEWARE_ALIAS`: the entry of `CACHES` that keeps the pages.
        alias: String = "default",
        /// `CACHE_MIDDLEWARE_KEY_PREFIX`: what tells the pages of this site from those of others in the same cache.
        key_prefix: String = "",
        /// `CACHE_MIDDLEWARE_SECONDS`: how long a page is kept that says nothing of it, in seconds; 0: not at all.
        seconds: u32 = 600,
        /// `CACHE_MIDDLEWARE_PERSONAL_PAGES`, nuages' own: whether pages that are one visitor's by the look of them (a cookie
        /// is set, a CSRF token shown, messages read, the session used) are kept for everybody unless they say `Vary: Cookie`, as
        /// Django keeps them.
        personal_pages: bool = false,
    }
}
