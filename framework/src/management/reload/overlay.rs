//! Shows on every page what keeps the changed code from being served.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::{HeaderValue, Request, Response};
use tokio::task::spawn_blocking;

use super::state::Served;
use crate::http::body::ResponseBody;
use crate::http::connection::Connection;
use crate::server::onion_service::OnionService;
use crate::server::request_body::RequestBody;
use crate::server::service::Service;
use crate::template::escape::escape;

/// A site as `runserver` serves it while it is watched. It stands around the whole site, so that the request can be changed before
/// anything has looked at it.
#[derive(Debug, Clone)]
pub(in crate::management) struct FaultOverlay {
    site: OnionService,
    served: Served,
}

impl FaultOverlay {
    pub(in crate::management) const fn new(site: OnionService, served: Served) -> Self {
        Self { site, served }
    }
}

impl Service for FaultOverlay {
    type Body = ResponseBody;

    async fn call(
        self: Arc<Self>,
        mut request: Request<RequestBody>,
        connection: Connection,
    ) -> Response<ResponseBody> {
        let (site, served) = (Arc::new(self.site.clone()), self.served.clone());
        // A fault that cannot be read is in the terminal.
        let fault = spawn_blocking(move || served.fault()).await.ok().flatten();
        let Some(fault) = fault else { return site.call(request, connection).await };
        // The page must come whole and as it is, or there is no place for the words: not compressed, not in parts, and not as
        // "unchanged" since it had none.
        for name in [ACCEPT_ENCODING, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
            request.headers_mut().remove(name);
        }
        with_fault(site.call(request, connection).await, &fault)
    }

    fn panicked(&self) -> Response<ResponseBody> {
        self.site.panicked()
    }
}

/// The response with the words on it, if it is a page that is there as a whole.
fn with_fault(mut response: Response<ResponseBody>, fault: &str) -> Response<ResponseBody> {
    let headers = response.headers_mut();
    let is_page = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
        && !headers.contains_key(CONTENT_ENCODING);
    // A browser that keeps this page would show the fault when it is mended.
    headers.remove(ETAG);
    headers.remove(LAST_MODIFIED);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let ResponseBody::Full(Some(page)) = response.body()
        && is_page
    {
        let page = Bytes::from(over_page(&String::from_utf8_lossy(page), fault));
        if response.headers().contains_key(CONTENT_LENGTH) {
            response.headers_mut().insert(CONTENT_LENGTH, page.len().into());
        }
        *response.body_mut() = ResponseBody::Full(Some(page));
    }
    response
}

const STYLE: &str = "position:fixed;inset:auto 0 0 0;max-height:60vh;overflow:auto;z-index:2147483647;margin:0;\
    padding:1rem 1.25rem;background:#2a1512;color:#fbe9e5;border-top:4px solid #e0563a;\
    font:14px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;text-align:left";

/// The page with the words over its lower part.
fn over_page(page: &str, fault: &str) -> String {
    let note = format!(
        "<pre id=\"nuages-fault\" role=\"alert\" style=\"{STYLE}\"><strong>This page is the old code’s: the changed code is not \
         served.</strong>\n\n{}</pre>",
        escape(fault)
    );
    let at = page.rfind("</body>").unwrap_or(page.len());
    format!("{}{note}{}", &page[..at], &page[at..])
}

#[cfg(test)]
mod tests {
    use super::over_page;

    #[test]
    fn the_words_are_no_markup() {
        let page = over_page("<body>x</body></html>", "expected `<T>`");
        assert!(page.starts_with("<body>x<pre"), "{page}");
        assert!(page.contains("expected `&lt;T&gt;`</pre></body></html>"), "{page}");
        assert!(over_page("fragment", "x").starts_with("fragment<pre"));
    }
}
