//! `django.contrib.staticfiles`: `collectstatic`, `findstatic`, and who serves static files: `runserver` under `DEBUG`, the
//! middleware `nuages.contrib.staticfiles.middleware.StaticFilesMiddleware` in production.

pub mod app;
mod collect;
pub mod collectstatic;
pub mod development;
pub mod findstatic;
pub mod middleware;
mod served;
