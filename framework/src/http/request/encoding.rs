//! A request read in another charset than it says.

use std::sync::{Arc, OnceLock};

use tokio::sync::OnceCell;

use super::{Inner, Paths};
use crate::error::Result;
use crate::http::charset::Charset;
use crate::http::request::HttpRequest;
use crate::http::request_body::{BodyError, RequestBody};

impl HttpRequest {
    /// From now on the query and the form of this request are read in that charset, whatever the request says of itself (Django's
    /// `request.encoding = …`).
    ///
    /// It holds for this request and whoever it is given to. As in Django, a urlencoded form must be in UTF-8, so that in any other
    /// charset [`HttpRequest::post`] is a 400 then; a multipart form may be in any.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// use nuages::http::charset::Charset;
    ///
    /// async fn search(mut request: HttpRequest) -> Result<HttpResponse> {
    ///     request.set_encoding(Charset::Latin1)?;
    ///     let city = request.query()?.get("city"); // `?city=Li%E8ge`
    ///     Ok(HttpResponse::text(city.unwrap_or_default().to_owned()))
    /// }
    /// # let _ = search;
    /// ```
    ///
    /// # Errors
    /// When a multipart form was read already, or the body was taken as a stream: it is gone.
    pub fn set_encoding(&mut self, charset: Charset) -> Result<()> {
        let old = &*self.inner;
        let body = RequestBody::new(old.body.take().map_err(BodyError::into_error)?);
        self.inner = Arc::new(Inner {
            held: Arc::clone(&old.held),
            connection: old.connection.clone(),
            method: old.method.clone(),
            uri: old.uri.clone(),
            version: old.version,
            headers: old.headers.clone(),
            body,
            path: Paths::of(&old.uri, old.held.project.core()),
            query: OnceLock::new(),
            form: OnceCell::new(),
            cookies: old.cookies.clone(),
            content_type: OnceLock::new(),
            accepted: OnceLock::new(),
            route: old.route.clone(),
            // Layers look for what the view notes among the notes of the request that they saw.
            notes: OnceLock::from(self.notes().clone()),
            id: old.id.clone(),
            encoding: Some(charset),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::test::client::Client;

    async fn read(mut request: HttpRequest, before: bool) -> Result<HttpResponse> {
        if before {
            request.query()?;
            request.post().await?;
        }
        request.notes().get_or_insert_with(|| 7_u8);
        request.set_encoding(Charset::Latin1)?;
        assert_eq!(request.notes().get::<u8>().as_deref(), Some(&7));
        assert_eq!(request.resolver_match().map(|found| found.route()), Some("<int:before>/".to_owned()));
        let query = request.query()?.get("city").unwrap_or_default().to_owned();
        let post = request.post().await.map(|post| post.get("city").unwrap_or_default().to_owned());
        Ok(HttpResponse::text(format!("{:?} {query} {post:?}", request.encoding())))
    }

    #[tokio::test]
    async fn a_request_is_read_in_the_charset_that_a_view_says() {
        let view = async |request: HttpRequest, before: u8| read(request, before == 1).await;
        let site = Site::new("no-such-folder").urls(urls![path("<int:before>/", view)]);
        let client = Client::builder(site).setting("MIDDLEWARE", [""; 0]).build().await.unwrap();
        let form = b"--B\r\nContent-Disposition: form-data; name=city\r\n\r\nLi\xe8ge\r\n--B--\r\n";
        let multipart = ("multipart/form-data; boundary=B", &form[..]);
        let urlencoded = ("application/x-www-form-urlencoded", &b"city=Li%C3%A8ge"[..]);
        for (path, (kind, body), answer) in [
            ("/0/?city=Li%E8ge", multipart, "Some(Latin1) Liège Ok(\"Liège\")"),
            ("/1/?city=Li%E8ge", ("text/plain", &b"x"[..]), "Some(Latin1) Liège Ok(\"\")"),
        ] {
            let response = client.post(path).body(kind, body.to_vec()).await.unwrap();
            assert_eq!((response.status.as_u16(), &*response.text()), (200, answer), "{path}");
        }
        for path in ["/0/?city=Li%E8ge", "/1/?city=Li%E8ge"] {
            let response = client.post(path).body(urlencoded.0, urlencoded.1.to_vec()).await.unwrap();
            assert!(response.text().contains("must be in UTF-8"), "{}", response.text());
        }
        // The form is gone with the stream that it came in.
        let late =
            client.raise(false).post("/1/?city=x").body(multipart.0, multipart.1.to_vec()).await.unwrap();
        assert_eq!(late.status.as_u16(), 500);
    }
}
