//! What becomes of the session and its cookie when the response comes back: a pure function.

use http::StatusCode;

/// What the session middleware does with a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing at all: nobody looked at the session.
    Leave,
    /// `Vary: Cookie` alone: the session was looked at.
    Vary,
    /// The session is empty: the browser may forget its cookie.
    Delete,
    /// Save the session and send its cookie.
    Save,
    /// It would be saved, but the view failed: as [`Decision::Vary`] or [`Decision::Leave`], once the expiry was worked out.
    Withhold,
}

/// The state of a session after the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The request had a session cookie, whatever it held.
    pub sent: bool,
    /// There is neither a key nor data.
    pub empty: bool,
    /// Something looked at the content.
    pub accessed: bool,
    /// Something changed it, or `SESSION_SAVE_EVERY_REQUEST` is on.
    pub modified: bool,
}

/// Django's rules (Django 5.2 `contrib/sessions/middleware.py`, `process_response`).
#[must_use]
pub fn decide(outcome: Outcome, status: StatusCode) -> Decision {
    let Outcome { sent, empty, accessed, modified } = outcome;
    if sent && empty {
        Decision::Delete
    } else if modified && !empty {
        if status.as_u16() < 500 { Decision::Save } else { Decision::Withhold }
    } else if accessed {
        Decision::Vary
    } else {
        Decision::Leave
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case() {
        let check = |flags: &str, status: u16, decision: Decision| {
            let has = |flag: char| flags.contains(flag);
            let outcome = Outcome { sent: has('s'), empty: has('e'), accessed: has('a'), modified: has('m') };
            assert_eq!(decide(outcome, StatusCode::from_u16(status).unwrap()), decision, "{flags} {status}");
        };
        check("", 200, Decision::Leave);
        check("e", 200, Decision::Leave);
        check("ea", 200, Decision::Vary);
        check("eam", 200, Decision::Vary);
        check("s", 200, Decision::Leave);
        check("sa", 200, Decision::Vary);
        check("se", 200, Decision::Delete);
        check("sea", 500, Decision::Delete);
        check("sam", 200, Decision::Save);
        check("am", 404, Decision::Save);
        check("m", 499, Decision::Save);
        check("am", 500, Decision::Withhold);
        check("sm", 503, Decision::Withhold);
    }
}
