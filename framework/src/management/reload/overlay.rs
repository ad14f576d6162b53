//! Shows on every page what keeps the changed code from being served.

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use tokio::task::spawn_blocking;

use super::state::Served;
use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::onion::{Middleware, Next};
use crate::template::escape::escape;

/// The layer that `runserver` puts around the site while it is watched.
#[derive(Debug)]
pub(in crate::management) struct FaultOverlay(pub(in crate::management) Served);

#[async_trait]
impl Middleware for FaultOverlay {
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        let mut response = next.run(request).await;
        let is_page =
            response.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if !is_page || response.headers.contains_key(http::header::CONTENT_ENCODING) {
            return Ok(response);
        }
        let Some(page) = response.content().cloned() else { return Ok(response) };
        let served = self.0.clone();
        if let Some(fault) = spawn_blocking(move || served.fault()).await? {
            let page = with_fault(&String::from_utf8_lossy(&page), &fault);
            if response.headers.contains_key(CONTENT_LENGTH) {
                response.headers.insert(CONTENT_LENGTH, page.len().into());
            }
            response.set_content(page);
        }
        Ok(response)
    }
}

const STYLE: &str = "position:fixed;inset:auto 0 0 0;max-height:60vh;overflow:auto;z-index:2147483647;margin:0;\
    padding:1rem 1.25rem;background:#2a1512;color:#fbe9e5;border-top:4px solid #e0563a;\
    font:14px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;text-align:left";

/// The page with the words over its lower part.
fn with_fault(page: &str, fault: &str) -> String {
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
    use super::with_fault;

    #[test]
    fn the_words_are_no_markup() {
        let page = with_fault("<body>x</body></html>", "expected `<T>`");
        assert!(page.starts_with("<body>x<pre"), "{page}");
        assert!(page.contains("expected `&lt;T&gt;`</pre></body></html>"), "{page}");
        assert!(with_fault("fragment", "x").starts_with("fragment<pre"));
    }
}
