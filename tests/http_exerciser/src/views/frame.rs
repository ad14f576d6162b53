//! `X-Frame-Options` by decorators.

use nuages::decorators::clickjacking::{
    xframe_options_deny, xframe_options_exempt, xframe_options_sameorigin,
};

use crate::views::by_kind::ByKind;
use crate::views::respond::respond;

/// The view that the path names.
pub(crate) fn frames() -> ByKind {
    ByKind::default()
        .with("deny", xframe_options_deny(respond))
        .with("sameorigin", xframe_options_sameorigin(respond))
        .with("exempt", xframe_options_exempt(respond))
        .with("plain", respond)
}
