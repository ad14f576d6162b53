//! What is left of a request when a view has taken it.

use http::{Method, Uri};

/// What is still known of a request when the view has taken it: for logs and error pages. Cheap to make.
#[derive(Debug, Clone)]
pub struct RequestLine {
    /// The method.
    pub method: Method,
    /// The target as it was sent.
    pub uri: Uri,
}
