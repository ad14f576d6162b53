//! The rules of one site: its settings, ready for requests.

use std::fmt;
use std::sync::Arc;

use http::Method;

use crate::checks::CheckMessage;
use crate::conf::core::CoreSettings;
use crate::conf::csrf::CsrfSettings;
use crate::conf::session::SessionSettings;
use crate::conf::settings::Settings;
use crate::error::{Error, Result};
use crate::http::header_text::header_text;
use crate::http::request::HttpRequest;
use crate::http::request::notes::Notes;
use crate::http::response::HttpResponse;
use crate::http::set_cookie::SetCookie;
use crate::http::vary::patch_vary_headers;
use crate::middleware::csrf::origin::TrustedOrigins;
use crate::middleware::csrf::reason::{Reason, Source};
use crate::middleware::csrf::secret::VisitorSecret;
use crate::middleware::csrf::token::{TokenError, check_format, matches, unmask};
use crate::middleware::csrf::{NAME, NotEnforced};
use crate::middleware::request_log::mark_logged;
use crate::serialize::value::Value;
use crate::session::handle::Session;
use crate::urls::views::AnyView;

/// The key of the secret in a session.
const SESSION_KEY: &str = "_csrftoken";
/// The name of the form's field.
pub(crate) const FIELD: &str = "csrfmiddlewaretoken";
const SESSION_MIDDLEWARE: &str = "django.contrib.sessions.middleware.SessionMiddleware";

/// What the middleware and the decorators of one site share.
pub(crate) struct CsrfProtection {
    settings: Arc<CsrfSettings>,
    session_domain: Option<String>,
    /// On the wire.
    header: String,
    /// In messages: `X-Csrftoken`.
    header_title: String,
    trusted: TrustedOrigins,
    failure: AnyView,
}

impl fmt::Debug for CsrfProtection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfProtection").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl CsrfProtection {
    /// From the settings; `views` are those that `CSRF_FAILURE_VIEW` may name.
    ///
    /// # Errors
    /// When it names none of them.
    pub(crate) fn new(settings: &Settings, views: &[(String, AnyView)]) -> Result<Self, CheckMessage> {
        let csrf = settings.section::<CsrfSettings>();
        let Some((_, failure)) = views.iter().find(|(name, _)| *name == csrf.failure_view) else {
            let names: Vec<&str> = views.iter().map(|(name, _)| name.as_str()).collect();
            let message = format!("CSRF_FAILURE_VIEW: there is no view {:?}", csrf.failure_view);
            let hint = format!("There are: \"{}\". Site::csrf_failure_view adds one.", names.join("\", \""));
            return Err(CheckMessage::error("nuages.E015", message).hint(hint));
        };
        let header = csrf.header_name.header();
        Ok(Self {
            session_domain: settings.section::<SessionSettings>().cookie_domain.clone(),
            header_title: title(&header),
            header,
            trusted: TrustedOrigins::new(&csrf),
            failure: failure.clone(),
            settings: csrf,
        })
    }

    /// What stops the start of a site that has the middleware.
    ///
    /// # Errors
    /// When the secret is to be kept in a session that is not there.
    pub(crate) fn check(&self, core: &CoreSettings) -> Result<(), Vec<CheckMessage>> {
        let place = |name: &str| core.middleware.iter().position(|one| one == name);
        let in_time =
            place(SESSION_MIDDLEWARE).is_some_and(|session| place(NAME).is_none_or(|csrf| session < csrf));
        if !self.settings.use_sessions || in_time {
            return Ok(());
        }
        let message = format!(
            "CSRF_USE_SESSIONS is on, but MIDDLEWARE has no {SESSION_MIDDLEWARE:?} before {NAME:?}: there is no session to \
             keep the secret in"
        );
        Err(vec![
            CheckMessage::error("nuages.E016", message)
                .hint("Put it there, or turn CSRF_USE_SESSIONS off, so that a cookie keeps the secret."),
        ])
    }

    /// Looks at what the visitor brought. A cookie that is no secret is replaced (Django's `process_request`).
    pub(crate) async fn begin(&self, request: &HttpRequest) -> Result<()> {
        Self::note(request, self.secret(request).await?)
    }

    /// The same without waiting; `None` where the session has to be asked.
    pub(super) fn begin_at_once(&self, request: &HttpRequest) -> Option<Result<()>> {
        (!self.settings.use_sessions).then(|| Self::note(request, self.secret_in_cookie(request)))
    }

    fn note(request: &HttpRequest, brought: Result<Option<String>, TokenError>) -> Result<()> {
        match brought {
            Ok(None) => {}
            Ok(Some(secret)) => VisitorSecret::note(request.notes(), secret),
            Err(_) => VisitorSecret::renew(request.notes())?,
        }
        Ok(())
    }

    /// Whether the secret is kept in the session, and not in a cookie.
    pub(super) fn uses_sessions(&self) -> bool {
        self.settings.use_sessions
    }

    /// Tells the visitor of the secret, if somebody asked for a token or the secret is new (Django's `process_response`).
    pub(crate) async fn end(
        &self,
        notes: &Notes,
        session: &Session,
        response: &mut HttpResponse,
    ) -> Result<()> {
        if !self.uses_sessions() {
            return self.end_at_once(notes, response);
        }
        let Some(secret) = Self::to_be_sent(notes) else { return Ok(()) };
        let session = session.current();
        if session.get_value(SESSION_KEY).await?.as_ref().and_then(Value::as_str) != Some(&secret) {
            session.set(SESSION_KEY, secret).await?;
        }
        Ok(())
    }

    /// The same where a cookie keeps it.
    pub(super) fn end_at_once(&self, notes: &Notes, response: &mut HttpResponse) -> Result<()> {
        let Some(secret) = Self::to_be_sent(notes) else { return Ok(()) };
        let settings = &*self.settings;
        let mut cookie = SetCookie::new(&settings.cookie_name, secret)
            .domain(settings.cookie_domain.as_deref())
            .path(settings.cookie_path.as_str())
            .secure(settings.cookie_secure)
            .http_only(settings.cookie_httponly)
            .same_site(settings.cookie_samesite.map(|same_site| same_site.as_str()));
        if let Some(age) = settings.cookie_age {
            cookie = cookie.max_age(age);
        }
        response.set_cookie(cookie)?;
        patch_vary_headers(&mut response.headers, &["Cookie"]);
        Ok(())
    }

    fn to_be_sent(notes: &Notes) -> Option<String> {
        notes.get::<VisitorSecret>().and_then(|secret| secret.take())
    }

    /// Why the request is not believed; `None` when it is (Django's `process_view`).
    ///
    /// # Errors
    /// When the form or the session cannot be read.
    pub(crate) async fn refusal(&self, request: &HttpRequest) -> Result<Option<Reason>> {
        if Self::is_safe(request) {
            return Ok(None);
        }
        if let Some(reason) = self.foreign(request) {
            return Ok(Some(reason));
        }
        self.bad_token(request).await
    }

    /// Whether the request changes nothing, or is believed without a token.
    pub(super) fn is_safe(request: &HttpRequest) -> bool {
        matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
            || request.extensions().get::<NotEnforced>().is_some()
    }

    /// The answer to a request that is not believed: `CSRF_FAILURE_VIEW`'s.
    ///
    /// # Errors
    /// What that view fails with.
    pub(crate) async fn refuse(&self, request: HttpRequest, reason: &Reason) -> Result<HttpResponse> {
        let (method, path, id, reason) = (request.method(), request.path(), request.id(), reason.to_string());
        tracing::warn!(
            target: "django.security.csrf",
            status = 403,
            %method,
            request_id = id,
            "Forbidden ({reason:?}): {path:?}"
        );
        let mut response = self.failure.call(request, vec![Value::Str(reason)].into()).await?;
        mark_logged(&mut response);
        Ok(response)
    }

    /// Whether the request says that it comes from elsewhere.
    fn foreign(&self, request: &HttpRequest) -> Option<Reason> {
        if let Some(origin) = header_text(request.headers(), "origin") {
            let own = request.get_host().ok().map(|host| format!("{}://{host}", request.scheme()));
            let trusted = self.trusted.trusts(&origin, own.as_deref());
            return (!trusted).then(|| Reason::BadOrigin(origin.into_owned()));
        }
        // Over HTTP, whoever stands in between could have written it.
        if !request.is_secure() {
            return None;
        }
        let referer = header_text(request.headers(), "referer");
        self.trusted.check_referer(referer.as_deref(), || self.own_host(request)).err()
    }

    /// What a `Referer` of the site itself has for a host.
    fn own_host(&self, request: &HttpRequest) -> Option<String> {
        let domain =
            if self.settings.use_sessions { &self.session_domain } else { &self.settings.cookie_domain };
        let Some(domain) = domain else { return request.get_host().ok().map(Into::into) };
        let port = request.get_port();
        Some(if matches!(&*port, "443" | "80") { domain.clone() } else { format!("{domain}:{port}") })
    }

    async fn bad_token(&self, request: &HttpRequest) -> Result<Option<Reason>> {
        let secret = match self.secret(request).await? {
            Ok(Some(secret)) => secret,
            Ok(None) => return Ok(Some(Reason::NoCookie)),
            Err(error) => return Ok(Some(Reason::BadCookie(error))),
        };
        let form = request.post().await?;
        let in_form = form.get(FIELD).filter(|token| !token.is_empty());
        let in_header = || header_text(request.headers(), &self.header);
        let (token, source) = match in_form {
            Some(token) => (token.into(), Source::Post),
            None => match in_header() {
                Some(token) => (token, Source::Header(self.header_title.clone())),
                None => return Ok(Some(Reason::NoToken)),
            },
        };
        Ok(match check_format(&token) {
            Err(error) => Some(Reason::BadToken(source, error)),
            Ok(()) if !matches(&token, &secret) => Some(Reason::WrongToken(source)),
            Ok(()) => None,
        })
    }

    fn secret_in_cookie(&self, request: &HttpRequest) -> Result<Option<String>, TokenError> {
        let Some(text) = request.cookies().get(&self.settings.cookie_name) else { return Ok(None) };
        check_format(text).map(|()| Some(unmask(text)))
    }

    /// The secret that the visitor brought; an inner error for a cookie that is none.
    async fn secret(&self, request: &HttpRequest) -> Result<Result<Option<String>, TokenError>> {
        if !self.settings.use_sessions {
            return Ok(self.secret_in_cookie(request));
        }
        match request.session.get_value(SESSION_KEY).await? {
            None | Some(Value::None) => Ok(Ok(None)),
            Some(Value::Str(text)) => Ok(Ok(Some(unmask(&text)))),
            Some(other) => Err(Error::internal(format!(
                "the session's {SESSION_KEY:?} is {}, and not the text of a CSRF secret",
                other.type_name()
            ))),
        }
    }
}

/// Python's `title()`, for a header's name: `x-csrftoken` is `X-Csrftoken`.
fn title(name: &str) -> String {
    let mut after_letter = false;
    name.chars()
        .map(|letter| {
            let shown = if after_letter { letter } else { letter.to_ascii_uppercase() };
            after_letter = letter.is_ascii_alphabetic();
            shown
        })
        .collect()
}
