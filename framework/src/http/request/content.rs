//! What a request says: its query, its form, its body, and what it takes for an answer.

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE};
use http_body_util::combinators::UnsyncBoxBody;
use serde::de::DeserializeOwned;

use crate::conf::core;
use crate::error::{BoxError, Error, Result};
use crate::http::accept::{AcceptedTypes, MediaType};
use crate::http::charset::{Charset, latin1};
use crate::http::header_parameters::HeaderParameters;
use crate::http::query_dict::{QueryDict, TooManyFields};
use crate::http::request::HttpRequest;
use crate::http::request_body::BodyError;

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
            let charset = self.encoding().unwrap_or(match self.core().default_charset {
                core::Charset::Utf8 => Charset::Utf8,
                core::Charset::Latin1 => Charset::Latin1,
            });
            QueryDict::parse_bytes(
                self.query_string().as_bytes(),
                charset,
                self.core().data_upload_max_number_fields,
            )
        });
        query.as_ref().map_err(|&error| too_many_fields(error))
    }

    /// The form in the body, if the method is POST and the body is a form; else nothing.
    ///
    /// # Errors
    /// 400: a form that is too large, has too many fields, or is not in UTF-8; a body that broke off.
    #[doc(alias = "POST")]
    pub async fn post(&self) -> Result<&QueryDict> {
        if let Some(post) = self.inner.post.get() {
            return Ok(post);
        }
        let post = if self.inner.method == Method::POST { self.read_post().await? } else { QueryDict::new() };
        Ok(self.inner.post.get_or_init(|| post))
    }

    async fn read_post(&self) -> Result<QueryDict> {
        match self.content_type() {
            "application/x-www-form-urlencoded" => {
                if self.charset_name().is_some_and(|name| !name.eq_ignore_ascii_case("utf-8"))
                    && self.encoding().is_some()
                {
                    return Err(Error::bad_request(
                        "HTTP requests with the 'application/x-www-form-urlencoded' content type must be UTF-8 encoded.",
                    ));
                }
                let body = self.body().await?;
                QueryDict::parse_bytes(&body, Charset::Utf8, self.core().data_upload_max_number_fields)
                    .map_err(too_many_fields)
            }
            "multipart/form-data" => Err(Error::bad_request(
                "multipart forms are not read yet: send the form as application/x-www-form-urlencoded",
            )),
            _ => Ok(QueryDict::new()),
        }
    }

    /// All of the body: read at the first call, kept for the next.
    ///
    /// # Errors
    /// 400: `RequestDataTooBig` over `DATA_UPLOAD_MAX_MEMORY_SIZE`; a body that broke off.
    pub async fn body(&self) -> Result<Bytes> {
        let announced = self.header("content-length").and_then(|text| text.parse().ok());
        let limit = self.core().data_upload_max_memory_size;
        self.inner.body.bytes(limit, announced).await.map_err(BodyError::into_error)
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
                return HeaderParameters::default();
            };
            let line = latin1(value.as_bytes());
            HeaderParameters::parse(&line).unwrap_or_else(|_| HeaderParameters {
                value: line.split(';').next().unwrap_or_default().trim().to_lowercase(),
                ..HeaderParameters::default()
            })
        })
    }

    fn charset_name(&self) -> Option<&str> {
        self.content_param("charset")
    }

    /// The charset that the `Content-Type` names, if it is known: the query is read in it too, as in Django.
    #[must_use]
    pub fn encoding(&self) -> Option<Charset> {
        Charset::lookup(self.charset_name()?)
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

fn too_many_fields(error: TooManyFields) -> Error {
    Error::suspicious("TooManyFieldsSent", error.to_string())
}
