//! A request that the test client is about to make.

use std::future::IntoFuture;
use std::net::IpAddr;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use serde::Serialize;

use super::client::{Client, absolute};
use super::error::ClientError;
use super::multipart::{self, FormFile};
use super::response::TestResponse;
use crate::http::query_dict::QueryDict;
use crate::http::request::HttpRequest;
use crate::http::uri::UriParts;

/// A request: `.await` sends it.
#[derive(Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct TestRequest {
    pub(super) client: Client,
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) query: QueryDict,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) follow: bool,
    pub(super) remote_addr: Option<IpAddr>,
    /// The first thing that cannot be sent: told when it is awaited.
    pub(super) fault: Option<ClientError>,
}

impl TestRequest {
    /// Adds a pair to the query string.
    #[expect(clippy::needless_pass_by_value, reason = "a number is given like a text: query(\"page\", 2)")]
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.appendlist(name, value.to_string());
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            (Err(error), _) => self.refuse(error.into()),
            (_, Err(error)) => self.refuse(error.into()),
        }
        self
    }

    /// Sends one more line of a header, behind those that are there.
    pub fn append_header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            (Err(error), _) => self.refuse(error.into()),
            (_, Err(error)) => self.refuse(error.into()),
        }
        self
    }

    /// Comes from that address, in place of 127.0.0.1 (Django's `REMOTE_ADDR`).
    pub fn remote_addr(mut self, address: impl Into<IpAddr>) -> Self {
        self.remote_addr = Some(address.into());
        self
    }

    /// The same request, which cannot be sent for that reason.
    pub(super) fn refused(mut self, source: crate::error::BoxError) -> Self {
        self.refuse(source);
        self
    }

    fn refuse(&mut self, source: crate::error::BoxError) {
        let url = self.url.clone();
        self.fault.get_or_insert(ClientError::Request { url, source });
    }

    /// Sends the fields as an HTML form without files does.
    pub fn form<N: Into<String>, V: ToString>(self, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut form = QueryDict::new();
        for (name, value) in fields {
            form.appendlist(name, value.to_string());
        }
        self.body("application/x-www-form-urlencoded", form.urlencode())
    }

    /// Sends the fields and files as an HTML form with files does.
    ///
    /// ```
    /// use nuages::test::client::Client;
    /// use nuages::test::multipart::FormFile;
    ///
    /// # async fn example(client: Client) -> Result<(), nuages::test::error::ClientError> {
    /// let picture = FormFile::new("cover.png", *b"...");
    /// client.post("/covers/").multipart([("title", "Nuages")], [("cover", picture)]).await?;
    /// # Ok(()) }
    /// # let _ = example;
    /// ```
    pub fn multipart<N: Into<String>, V: ToString, F: Into<String>>(
        self,
        fields: impl IntoIterator<Item = (N, V)>,
        files: impl IntoIterator<Item = (F, FormFile)>,
    ) -> Self {
        let fields: Vec<_> =
            fields.into_iter().map(|(name, value)| (name.into(), value.to_string())).collect();
        let files: Vec<_> = files.into_iter().map(|(name, file)| (name.into(), file)).collect();
        self.body(&multipart::content_type(), multipart::encode(&fields, &files))
    }

    /// Sends JSON.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => self.body("application/json", json),
            Err(error) => {
                self.fault.get_or_insert(ClientError::Body(error));
                self
            }
        }
    }

    /// Sends those bytes.
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(CONTENT_TYPE.as_str(), content_type)
    }

    /// Whether redirects are followed (Django's `follow=True`): up to 20, as a browser does it; a 307 or 308 repeats the
    /// request, any other redirect goes on with GET.
    pub const fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// The request itself, in place of sending it: to call a view alone, without middleware and routes (Django's `RequestFactory`). It
    /// has no session; [`Client::session`] can be put into it.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// use nuages::test::client::Client;
    ///
    /// async fn greet(request: HttpRequest, name: String) -> Result<HttpResponse> {
    ///     Ok(HttpResponse::text(format!("{}, {name}", request.query()?.get("word").unwrap_or("Hello"))))
    /// }
    /// # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let client = Client::new(Site::new("no-such-folder")).await?;
    /// let request = client.get("/greet/").query("word", "Kuzuzangpo").build()?;
    /// let response = greet(request, "Sonam".to_owned()).await.unwrap();
    /// assert_eq!(response.content().unwrap(), "Kuzuzangpo, Sonam");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When it is malformed.
    pub fn build(mut self) -> Result<HttpRequest, ClientError> {
        let url = self.target()?;
        self.client.http_request(&self, &url)
    }

    /// Where it goes, with its query.
    pub(super) fn target(&mut self) -> Result<UriParts, ClientError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let mut url = absolute(&self.url)?;
        let more = self.query.urlencode();
        if !more.is_empty() {
            url.query = if url.query.is_empty() { more } else { format!("{}&{more}", url.query) };
        }
        Ok(url)
    }
}

impl IntoFuture for TestRequest {
    type Output = Result<TestResponse, ClientError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let client = self.client.clone();
            client.send(self).await
        })
    }
}
