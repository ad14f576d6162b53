//! The name that a request has in the log.

use crate::http::request::HttpRequest;

/// What `X-Request-ID` may be at most.
const LONGEST: usize = 64;

impl HttpRequest {
    /// The id under which the log tells of the request, in every line of it: what `X-Request-ID` says, if it is at most 64
    /// letters, digits and `-_.`, or else 16 hexadecimal digits of chance. It is made when it is first asked for.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// async fn pay(request: HttpRequest) -> Result<HttpResponse> {
    ///     // What the visitor can tell the support of.
    ///     Ok(HttpResponse::text("Thank you.").with_header("X-Request-ID", request.id())?)
    /// }
    /// # let _ = pay;
    /// ```
    #[must_use]
    pub fn id(&self) -> &str {
        self.inner.id.get_or_init(|| match self.header("x-request-id").filter(|id| is_plain(id)) {
            Some(id) => id.into(),
            None => {
                let mut bytes = [0; 8];
                // Without randomness it is an id that others have too: no reason to lose the line.
                let _ = getrandom::fill(&mut bytes);
                format!("{:016x}", u64::from_be_bytes(bytes)).into()
            }
        })
    }
}

fn is_plain(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
