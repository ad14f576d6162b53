//! Settings: Django's flat names in TOML and in the environment become typed sections.
//!
//! * [`section`]: what a section is: a struct whose fields are a table of definitions; [`settings_section!`](crate::settings_section) makes one
//! * [`kind`], [`choice`], [`table`]: the kinds of value a setting may have, and the words a fault uses for them
//! * [`source`], [`written`]: where values come from, and where each was written
//! * [`settings`], [`fault`]: the loaded settings, or every fault at once
//! * [`deploy`]: what `manage check --deploy` says of them
//! * [`core`], [`session`], [`security`], [`csrf`], [`databases`], [`caches`], [`templates`], [`staticfiles`], [`server`]: nuages' own sections
//!
//! # The layers
//!
//! Defaults lie at the bottom; over them `settings.toml`, then the file of `--settings FILE`, then the environment:
//! `NUAGES_SESSION_COOKIE_AGE=60` sets `SESSION_COOKIE_AGE`. What follows the `=` is TOML (`true`, `60`, `["a", "b"]`,
//! `{ENGINE = "…"}`); a word that is no TOML is taken as text, and a setting that wants text takes any word as it
//! stands. Two underscores go into a table: `NUAGES_DATABASES__default__PASSWORD`. Names that begin with `NUAGES_TEST_`
//! are left to test suites.
//!
//! A later layer replaces a setting; a table is merged with the earlier one, member by member, at every depth, so that
//! one member can come from the environment. A table that names its own `ENGINE`, `BACKEND` or `URL` stands alone:
//! nothing of the earlier layers' entry shines through.
//!
//! # None
//!
//! TOML has no null. Wherever Django's documentation says `None`, write `false`. (JSON's `null` means the same where
//! settings come from a program.)

pub mod caches;
pub mod choice;
pub mod core;
pub mod csrf;
pub mod database_url;
pub mod databases;
pub mod deploy;
pub(crate) mod django_names;
pub mod fault;
pub mod kind;
pub(crate) mod layers;
pub mod page_cache;
pub mod secret;
pub mod section;
pub mod security;
pub mod server;
pub mod session;
pub mod session_rules;
pub mod settings;
pub mod source;
pub mod staticfiles;
pub mod table;
pub mod templates;
pub mod time_zone;
pub mod written;
