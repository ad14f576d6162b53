//! A site on a real socket, for clients that speak whatever bytes they like.

use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuages::conf::server::ServerSettings;
use nuages::conf::source::SettingsSource;
use nuages::decorators::cache::cache_control;
use nuages::prelude::*;
use nuages::server::onion_service::OnionService;
use nuages::server::serve::serve;
use nuages::views::static_files;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::client_words::{CONTROL, header};
use crate::floods::where_is;
use crate::requests::{body, form, host, next};

/// Longer than any step takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

async fn hello(_request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text("hello"))
}

/// A file below the folder `public` of the site.
async fn file(request: HttpRequest, path: String) -> Result<HttpResponse> {
    let root = request.project().base_dir().join("public");
    static_files::serve(&request, &path, root).await
}

/// The site on a socket; it ends with this.
pub(crate) struct Server {
    address: SocketAddr,
    serving: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    pub(crate) async fn start(limits: ServerSettings) -> Self {
        Self::start_in(Path::new("no-such-folder"), "", limits).await
    }

    pub(crate) async fn start_in(folder: &Path, settings: &str, limits: ServerSettings) -> Self {
        let settings = format!(
            r#"SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
            MIDDLEWARE = [
                "nuages.contrib.staticfiles.middleware.StaticFilesMiddleware",
                "django.middleware.common.CommonMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware",
            ]
            INSTALLED_APPS = ["django.contrib.staticfiles", "django.contrib.messages"]
            MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
            STATIC_URL = "/static/"
            STATIC_ROOT = "public"
            DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
            {settings}"#
        );
        let urls = urls![
            path("hello/", hello),
            path("form/", form),
            path("body/", body),
            path("next/", next),
            path("where/", where_is),
            path("host/", host),
            path("header/<api>/", header),
            path("control/", cache_control(CONTROL, hello)),
            path("word/<path:word>/", file).name("word"),
            path("files/<path:path>", file),
        ];
        Self::serving(Site::new(folder).urls(urls), &settings, limits).await
    }

    /// That site.
    pub(crate) async fn serving(site: Site, settings: &str, limits: ServerSettings) -> Self {
        let settings = format!(
            r#"SECRET_KEY = "a key for tests alone"
            ALLOWED_HOSTS = ["localhost"]
            {settings}"#
        );
        let source = SettingsSource::text("settings.toml", settings);
        let built = site.build(&source).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = OnionService::new(Arc::new(built.onion));
        let serving =
            tokio::spawn(async move { serve(vec![listener], service, &limits, None, pending()).await });
        Self { address, serving: serving.abort_handle() }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What comes back for these bytes until the server closes.
    pub(crate) async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let (read, mut write) = self.connect().await.into_split();
        let bytes = bytes.as_ref().to_vec();
        // The server may answer before it has read all of it.
        let sending = tokio::spawn(async move { write.write_all(&bytes).await.map(|()| write) });
        let answer = all_of(read).await;
        sending.abort();
        answer
    }

    /// A request of somebody who means no harm.
    pub(crate) async fn is_well(&self) {
        let begun = Instant::now();
        let answer =
            self.exchange("GET /hello/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"), "{answer}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}

/// Everything until the other end closes; a reset is an end like another.
pub(crate) async fn all_of(mut read: impl AsyncReadExt + Unpin) -> String {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    let reading = async {
        while let Ok(count @ 1..) = read.read(&mut piece).await {
            all.extend_from_slice(&piece[..count]);
        }
    };
    timeout(PATIENCE, reading).await.expect("the server closes");
    String::from_utf8_lossy(&all).into_owned()
}

pub(crate) fn status(answer: &str) -> Option<u16> {
    // `1 ` or `0 ` before it: the answer is in the request's version.
    answer.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
}

pub(crate) fn post(path: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n")
}
