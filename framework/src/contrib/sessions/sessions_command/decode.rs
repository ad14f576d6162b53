//! `manage sessions decode`

use std::io::Read;

use serde::Serialize;

use crate::apps::command::{CommandError, Output};
use crate::contrib::sessions::sessions_command::report::{describe, json, starred};
use crate::project::Project;
use crate::serialize::value::{DateTime, Dict};
use crate::session::backends::signed_cookies;
use crate::session::codec::{Inspected, SALT, SessionCodec};
use crate::signing::keys::SigningKeys;
use crate::signing::signature_error::SignatureError;

/// How much is read from standard input, bytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// What a session may be signed for: the salt, and whose it is.
const PURPOSES: [(&str, &str); 2] =
    [(SALT, "a stored session"), (signed_cookies::SALT, "a cookie of the signed_cookies engine")];

#[derive(Debug, clap::Args)]
pub(super) struct Decode {
    /// The text: `session_data` of a row, a session file's content, a cookie of signed_cookies; `-` reads standard input.
    #[arg(allow_hyphen_values = true)]
    text: String,
    /// A JSON object; what JSON has no word for is text.
    #[arg(long)]
    json: bool,
}

impl Decode {
    pub(super) async fn handle(self, project: &Project, out: &mut Output) -> Result<(), CommandError> {
        let text = if self.text == "-" {
            tokio::task::spawn_blocking(|| {
                let mut text = String::new();
                std::io::stdin().take(LIMIT).read_to_string(&mut text).map(|_| text)
            })
            .await??
        } else {
            self.text.clone()
        };
        match inspect(project, text.trim()) {
            Ok((purpose, inspected)) => self.right(purpose, &inspected, out),
            Err(error) => self.wrong(&error, out),
        }
    }

    fn right(&self, purpose: &str, inspected: &Inspected, out: &mut Output) -> Result<(), CommandError> {
        let key = if inspected.by_fallback { "SECRET_KEY_FALLBACKS" } else { "SECRET_KEY" };
        let signed = inspected.signed_at.map(|at| DateTime::Aware(at).isoformat());
        let data = inspected.data.as_ref();
        if self.json {
            out.line(json(&Right { signature: "right", key, purpose, signed, data: data.map(starred) })?)?;
        } else {
            let mut fields = vec![("Signature", format!("right, by {key}")), ("Purpose", purpose.to_owned())];
            fields.extend(signed.map(|at| ("Signed", at)));
            describe(out, &fields, data)?;
        }
        if data.is_some() {
            return Ok(());
        }
        Err(CommandError::new(
            "The text is rightly signed, but holds no session that SESSION_SERIALIZER can read: perhaps another \
             serializer wrote it.",
        ))
    }

    fn wrong(&self, error: &SignatureError, out: &mut Output) -> Result<(), CommandError> {
        if self.json {
            let signature = if error.is_bad_signature() { "wrong" } else { "right" };
            out.line(json(&Wrong { signature, error: error.to_string() })?)?;
            return Err(CommandError::new(""));
        }
        Err(CommandError::new(match error {
            SignatureError::NoSeparator { .. } => {
                "The text is not signed: a session text is payload:timestamp:signature.".to_owned()
            }
            error if error.is_bad_signature() => {
                "The signature is wrong: none of SECRET_KEY and SECRET_KEY_FALLBACKS signed this text as a session."
                    .to_owned()
            }
            error => format!("The text is rightly signed, but is no session: {error}."),
        }))
    }
}

#[derive(Serialize)]
struct Right<'a> {
    signature: &'static str,
    key: &'static str,
    purpose: &'a str,
    signed: Option<String>,
    data: Option<Dict>,
}

#[derive(Serialize)]
struct Wrong {
    signature: &'static str,
    error: String,
}

/// The text as a session of the first purpose that its signature fits.
fn inspect(project: &Project, text: &str) -> Result<(&'static str, Inspected), SignatureError> {
    let core = project.core();
    let keys = SigningKeys::new(&core.secret_key, &core.secret_key_fallbacks);
    let serializer = project.sessions().codec().serializer();
    let [(salt, purpose), (cookie_salt, cookie_purpose)] = PURPOSES;
    let codec = |salt| SessionCodec::new(&keys, salt, serializer.clone());
    match codec(salt).inspect(text) {
        Err(SignatureError::Mismatch { .. }) => {
            codec(cookie_salt).inspect(text).map(|inspected| (cookie_purpose, inspected))
        }
        done => done.map(|inspected| (purpose, inspected)),
    }
}
