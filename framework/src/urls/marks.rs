//! What is said of a view for the layers around it, before it is called.

/// What a view's decorators say of it to the layers around it (in Django: attributes of the view function).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Marks {
    /// The CSRF middleware lets every request through to it.
    pub csrf_exempt: bool,
    /// `APPEND_SLASH` may lead to it.
    pub append_slash: bool,
}

impl Default for Marks {
    fn default() -> Self {
        Self { csrf_exempt: false, append_slash: true }
    }
}
