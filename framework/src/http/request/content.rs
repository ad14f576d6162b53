//! What a request says: its query, its form, its body, and what it takes for an answer.

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE};
use http_body_util::combinators::UnsyncBoxBody;
use serde::de::DeserializeOwned;

use crate::error::{BoxError, Error, Result};
use crate::http::accept::{AcceptedTypes, MediaType};
use crate::http::charset::{Charset, latin1};
use crate::http::form::{Form, FormError, read_multipart};
use crate::http::header_parameters::HeaderParameters;
use crate::http::query_dict::QueryDict;
use crate::http::request::HttpRequest;
use crate::http::request_body::BodyError;
use crate::http::set_cookie::MaxAge;
use crate::http::uploaded_file::Files;
use crate::signing::cookies::CookieCheck;
use crate::signing::keys::SigningKeys;
use crate::signing::signature_error::SignatureError;

impl HttpRequest {
    /// The query as it was sent, without its `?` (Django's `META["QUERY_STRING"]`).
    #[must_use]
    pub fn query_string(&self) -> &str {
        self.inner.uri.query().unwrap_or_default()
    }

    /// The query's names and values.
    ///
    /// # Errors
    /// `TooManyFieldsSent` (400) when there are more than `DATA_UPLOAD_MAX_NUMBER_FIELDS`.
    #[doc(alias = "GET")]
    pub fn query(&self) -> Result<&QueryDict> {
        let query = self.inner.query.get_or_init(|| {
            let fields = self.core().data_upload_max_number_fields;
            QueryDict::parse_bytes(self.query_string().as_bytes(), self.charset(), fields)
        });
        query.as_ref().map_err(|&error| FormError::from(error).into_error())
    }

    /// The fields of the form in the body, if the method is POST and the body is a form; else nothing.
    ///
    /// The body is read and parsed at the first call, by a middleware or by the view, and kept for the next. Afterwards the
    /// body of a multipart form cannot be read any more.
    ///
    /// # Errors
    /// 400: a form that is too large, has too many fields or files, or is torn; one that is urlencoded in another charset
    /// than UTF-8; a body that broke off. 500 when a file cannot be put on disk. The next call says the same.
    #[doc(alias = "POST")]
    pub async fn post(&self) -> Result<&QueryDict> {
        Ok(&self.form().await?.post)
    }

    /// The files of the multipart form in the body, if the method is POST: see [`HttpRequest::post`].
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// async fn upload(request: HttpRequest) -> Result<HttpResponse> {
    ///     for file in request.files().await?.getlist("photos") {
    ///         println!("{}: {} bytes", file.name(), file.size());
    ///     }
    ///     Ok(HttpResponse::redirect("/thanks/")?)
    /// }
    /// # let _ = upload;
    /// ```
    ///
    /// # Errors
    /// As [`HttpRequest::post`].
    #[doc(alias = "FILES")]
    pub async fn files(&self) -> Result<&Files> {
        Ok(&self.form().await?.files)
    }

    async fn form(&self) -> Result<&Form> {
        let form = self.inner.form.get_or_init(|| async {
            let posted = self.inner.method == Method::POST;
            Box::new(if posted { self.read_form().await } else { Ok(Form::default()) })
        });
        Result::as_ref(form.await).map_err(|error| error.clone().into_error())
    }

    /// The form, if something has read it: for the debug page, which reads nothing itself.
    pub(crate) fn form_if_read(&self) -> Option<&Form> {
        Result::as_ref(self.inner.form.get()?).ok()
    }

    async fn read_form(&self) -> Result<Form, FormError> {
        match self.content_type() {
            "application/x-www-form-urlencoded" => {
                let said = || self.charset_name().is_some_and(|name| !name.eq_ignore_ascii_case("utf-8"));
                let other = match self.inner.encoding {
                    Some(charset) => charset != Charset::Utf8,
                    None => said() && self.encoding().is_some(),
                };
                if other {
                    return Err(FormError::NotUtf8);
                }
                let body = self.read_body().await?;
                let fields = self.core().data_upload_max_number_fields;
                let post = QueryDict::parse_bytes(&body, Charset::Utf8, fields)?;
                Ok(Form { post, files: Files::default() })
            }
            "multipart/form-data" => {
                let header = self.inner.headers.get(CONTENT_TYPE).map(|value| latin1(value.as_bytes()));
                let body = self.inner.body.take()?;
                read_multipart(&header.unwrap_or_default(), self.charset(), self.core(), body).await
            }
            _ => Ok(Form::default()),
        }
    }

    /// All of the body: read at the first call, kept for the next.
    ///
    /// # Errors
    /// 400: `RequestDataTooBig` over `DATA_UPLOAD_MAX_MEMORY_SIZE`; a body that broke off.
    pub async fn body(&self) -> Result<Bytes> {
        self.read_body().await.map_err(BodyError::into_error)
    }

    async fn read_body(&self) -> Result<Bytes, BodyError> {
        let announced = self.header("content-length").and_then(|text| text.parse().ok());
        self.inner.body.bytes(self.core().data_upload_max_memory_size, announced).await
    }

    /// The body as it comes, without a limit; nothing else can read it afterwards.
    ///
    /// # Errors
    /// When it was taken before, or could not be read.
    pub fn take_body(&mut self) -> Result<UnsyncBoxBody<Bytes, BoxError>> {
        self.inner.body.take().map_err(BodyError::into_error)
    }

    /// The body as JSON, whatever its `Content-Type` says.
    ///
    /// # Errors
    /// 400 when it is no JSON of that shape, and as [`HttpRequest::body`].
    ///
    /// ```
    /// # use nuages::{error::Result, http::{request::HttpRequest, response::HttpResponse}};
    /// #[derive(serde::Deserialize)]
    /// struct Order {
    ///     product: u64,
    /// }
    ///
    /// async fn order(request: HttpRequest) -> Result<HttpResponse> {
    ///     let order: Order = request.json().await?;
    ///     HttpResponse::json(&order.product)
    /// }
    /// # let _ = order;
    /// ```
    pub async fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let body = self.body().await?;
        serde_json::from_slice(&body)
            .map_err(|error| Error::bad_request(format!("the body is no such JSON: {error}")))
    }

    /// The `Content-Type` without its parameters, in lower case; empty when there is none.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_header().value
    }

    /// The parameter of that name of the `Content-Type`.
    #[must_use]
    pub fn content_param(&self, name: &str) -> Option<&str> {
        self.content_header().parameters.get(name).map(String::as_str)
    }

    /// The parameters of the `Content-Type`.
    pub fn content_params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.content_header().parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A `Content-Type` whose parameters are broken counts as one without any.
    fn content_header(&self) -> &HeaderParameters {
        self.inner.content_type.get_or_init(|| {
            let Some(value) = self.inner.headers.get(CONTENT_TYPE) else {
                return Box::default();
            };
            let line = latin1(value.as_bytes());
            Box::new(HeaderParameters::parse(&line).unwrap_or_else(|_| HeaderParameters {
                value: line.split(';').next().unwrap_or_default().trim().to_lowercase(),
                ..HeaderParameters::default()
            }))
        })
    }

    /// The charset of the query and of a form: what the `Content-Type` names, or else `DEFAULT_CHARSET`.
    #[must_use]
    pub fn charset(&self) -> Charset {
        self.encoding().unwrap_or_else(|| self.core().default_charset.into())
    }

    fn charset_name(&self) -> Option<&str> {
        self.content_param("charset")
    }

    /// The charset that the `Content-Type` names, if it is known: the query is read in it too, as in Django. Or the one that
    /// [`HttpRequest::set_encoding`] set.
    #[must_use]
    pub fn encoding(&self) -> Option<Charset> {
        self.inner.encoding.or_else(|| Charset::lookup(self.charset_name()?))
    }

    /// The value of a cookie that [`HttpResponse::set_signed_cookie`](crate::http::response::HttpResponse::set_signed_cookie)
    /// signed under that name and salt, at most `max_age` ago; `None` when there is no such cookie.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// async fn greet(request: HttpRequest) -> Result<HttpResponse> {
    ///     // Forged, too old or not there: a stranger.
    ///     let visitor = request.get_signed_cookie("visitor", "visits", Some(86_400.into())).ok().flatten();
    ///     Ok(HttpResponse::text(format!("Hello, {}", visitor.unwrap_or_default())))
    /// }
    /// # let _ = greet;
    /// ```
    ///
    /// # Errors
    /// [`SignatureError`]; Django's `BadSignature` and `SignatureExpired` are among them.
    pub fn get_signed_cookie(
        &self,
        name: &str,
        salt: &str,
        max_age: Option<MaxAge>,
    ) -> Result<Option<String>, SignatureError> {
        let Some(signed) = self.cookies().get(name) else { return Ok(None) };
        let core = self.core();
        let check = CookieCheck {
            name,
            salt,
            max_age: max_age.map(|MaxAge(seconds)| seconds),
            legacy_salt: core.signed_cookie_legacy_salt_fallback,
        };
        check.unsign(&SigningKeys::of(core), signed).map(|value| Some(value.to_owned()))
    }

    /// Whether the client takes that type, by its `Accept` header; without one it takes all.
    #[must_use]
    pub fn accepts(&self, media_type: &str) -> bool {
        self.accepted().best(&MediaType::parse(media_type)).is_some()
    }

    /// The one of these types that the client likes most, if it takes any.
    #[must_use]
    pub fn get_preferred_type<'a>(&self, media_types: &[&'a str]) -> Option<&'a str> {
        self.accepted().preferred(media_types)
    }

    /// The types of the `Accept` header, the most wanted first.
    #[must_use]
    pub fn accepted(&self) -> &AcceptedTypes {
        self.inner.accepted.get_or_init(|| {
            let mut lines = self.inner.headers.get_all(ACCEPT).iter().map(|line| latin1(line.as_bytes()));
            match lines.next() {
                None => AcceptedTypes::any(),
                Some(first) => AcceptedTypes::parse(&lines.fold(first, |all, line| all + "," + line)),
            }
        })
    }
}
