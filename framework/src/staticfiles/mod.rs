//! Static files: where they are found, where `collectstatic` puts them, and under which URL they are served (Django 5.2
//! `contrib/staticfiles`). Nothing here knows a request.
//!
//! * [`files`]: [`StaticFiles`](files::StaticFiles), what a project knows of them
//! * [`finders`]: `STATICFILES_DIRS`, and the folders of the apps
//! * [`storage`]: `STATIC_ROOT`, and `static()`'s URLs
//! * [`manifest`]: `staticfiles.json`, byte for byte Django's
//! * [`post_process`]: hashed names, and the references to them in style sheets and scripts
//! * [`ignore`]: the shell patterns of `collectstatic --ignore`
//! * [`safe_path`]: no path leads out of its folder
//! * [`error`]: what can go wrong

pub mod error;
pub mod files;
pub mod finders;
mod hashed_name;
pub mod ignore;
pub mod manifest;
pub mod post_process;
mod references;
pub mod safe_path;
pub mod storage;
