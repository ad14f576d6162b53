//! Views that fail, and one that says 404 itself.

use nuages::prelude::*;

/// Fails in the way that the path says.
pub(crate) async fn raise(_: HttpRequest, kind: String) -> Result<HttpResponse> {
    Err(match kind.as_str() {
        "Http404-message" => Error::not_found("<b>not</b> here"),
        "PermissionDenied" => Error::permission_denied("no"),
        "SuspiciousOperation" => Error::suspicious("SuspiciousOperation", "odd"),
        "SuspiciousFileOperation" => Error::suspicious("SuspiciousFileOperation", "odd"),
        "DisallowedHost" => Error::suspicious("DisallowedHost", "odd"),
        "DisallowedRedirect" => Error::suspicious("DisallowedRedirect", "odd"),
        "RequestDataTooBig" => Error::suspicious("RequestDataTooBig", "big"),
        "TooManyFieldsSent" => Error::suspicious("TooManyFieldsSent", "many"),
        "TooManyFilesSent" => Error::suspicious("TooManyFilesSent", "many"),
        "BadRequest" => Error::bad_request("bad"),
        "MultiPartParserError" => Error::bad_request("torn"),
        // A view cannot return nothing: in Django that is an error like these.
        "BadSignature" | "SignatureExpired" | "NoReverseMatch" | "Exception" | "ValueError" | "nothing" => {
            Error::internal(kind)
        }
        _ => Error::not_found("no such kind"),
    })
}

/// A 404 of the view's own.
pub(crate) async fn not_found(_: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::new("gone fishing")
        .with_status(StatusCode::NOT_FOUND)
        .with_content_type("text/plain")?)
}
