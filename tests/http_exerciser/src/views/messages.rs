//! The views of messages.

use nuages::prelude::*;

use crate::views::absent::absent;

pub(crate) async fn messages(_: HttpRequest) -> Result<HttpResponse> {
    absent("messages-messages")
}
