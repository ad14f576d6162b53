//! What waits for a visitor, seen from outside of a request: for tests.

use std::sync::Arc;

use crate::contrib::messages::message::Message;
use crate::contrib::messages::storage::{Site, Storage};
use crate::error::Result;
use crate::http::request::HttpRequest;

/// The messages that a view would find that got this request. Nothing is stored, so that they wait on.
pub(crate) async fn waiting(request: &HttpRequest) -> Result<Vec<Message>> {
    let site = Site::new(request.project().settings());
    Storage::of(request, &Arc::new(site)).read().await
}
