//! What a site's files begin with: `use nuages::prelude::*;`

pub use async_trait::async_trait;
pub use http::{Method, StatusCode};

pub use crate::apps::app::App;
pub use crate::apps::command::{Command, CommandDef, CommandError, Output};
pub use crate::checks::CheckMessage;
pub use crate::db::database::Database;
pub use crate::error::{Error, Result};
pub use crate::http::query_dict::QueryDict;
pub use crate::http::redirect_target::url_has_allowed_host_and_scheme;
pub use crate::http::request::HttpRequest;
pub use crate::http::response::HttpResponse;
pub use crate::http::set_cookie::SetCookie;
pub use crate::middleware::def::{FromProject, MiddlewareDef};
pub use crate::middleware::onion::{Middleware, Next};
pub use crate::middleware::view::{NextView, ViewMiddleware};
pub use crate::project::Project;
pub use crate::session::handle::Session;
pub use crate::shortcuts::{
    OrNotFound, is_valid_path, permanent_redirect, redirect, redirect_with, render, render_to_string,
    render_with_status, resolve, reverse,
};
pub use crate::site::Site;
pub use crate::template::context::Context;
pub use crate::urls::class::{ClassView, view};
pub use crate::urls::declare::{Path, Urls, include, path, re_include, re_path};
pub use crate::{args, context, kwargs, urls};
