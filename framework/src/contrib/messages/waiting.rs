//! What waits for a visitor, seen from outside of a request: for tests.

use std::sync::Arc;

use crate::contrib::messages::cookie::CookieCodec;
use crate::contrib::messages::message::Message;
use crate::contrib::messages::storage::{Site, Storage};
use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::signing::keys::SigningKeys;

/// The messages that a view would find that got this request. Nothing is stored, so that they wait on.
pub(crate) async fn waiting(request: &HttpRequest) -> Result<Vec<Message>> {
    let project = request.project();
    let keys = SigningKeys::of(project.core());
    let settings = project.settings();
    let site =
        Site { messages: settings.section(), session: settings.section(), codec: CookieCodec::new(&keys) };
    Storage::of(request, &Arc::new(site)).read().await
}
