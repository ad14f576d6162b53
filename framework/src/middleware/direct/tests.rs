use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use tokio::task::yield_now;

use super::*;
use crate::conf::source::SettingsSource;
use crate::error::{BoxError, Error};
use crate::middleware::halves::{Halves, Kept};
use crate::site::Site;
use crate::urls;
use crate::urls::declare::path;

/// What a layer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Nothing,
    WaitsIn,
    WaitsOut,
    Answers,
    FailsIn,
    FailsOut,
    FailsLateIn,
    FailsLateOut,
    PanicsIn,
    PanicsOut,
}

const ALL: [Does; 10] = [
    Does::Nothing,
    Does::WaitsIn,
    Does::WaitsOut,
    Does::Answers,
    Does::FailsIn,
    Does::FailsOut,
    Does::FailsLateIn,
    Does::FailsLateOut,
    Does::PanicsIn,
    Does::PanicsOut,
];

type Seen = Arc<Mutex<Vec<String>>>;

/// A layer that notes what it does.
struct Layer {
    name: &'static str,
    does: Does,
    seen: Seen,
}

impl Layer {
    fn note(&self, what: &str) {
        self.seen.lock().unwrap().push(format!("{} {what}", self.name));
    }

    fn failed(&self) -> Error {
        Error::bad_request(self.name)
    }
}

impl Halves for Layer {
    fn before(&self, _request: &mut HttpRequest, _next: Next<'_>) -> Before {
        if [Does::WaitsIn, Does::FailsLateIn].contains(&self.does) {
            return Before::Wait;
        }
        self.note("in");
        match self.does {
            Does::Answers => Before::Answer(HttpResponse::text(self.name), Kept::NOTHING),
            Does::FailsIn => Before::Fail(self.failed()),
            Does::PanicsIn => panic!("{}", self.name),
            _ => Before::Next(Kept::NOTHING),
        }
    }

    fn after(&self, _kept: &Kept, _next: Next<'_>, response: &mut HttpResponse) -> After {
        if [Does::WaitsOut, Does::FailsLateOut].contains(&self.does) {
            return After::Wait;
        }
        self.note(&format!("out {}", response.status));
        match self.does {
            Does::FailsOut => After::Done(Err(self.failed())),
            Does::PanicsOut => panic!("{}", self.name),
            _ => After::Done(Ok(())),
        }
    }

    fn wait_before<'a>(
        &'a self,
        _request: &'a mut HttpRequest,
        _next: Next<'a>,
    ) -> BoxFuture<'a, Result<Kept>> {
        Box::pin(async move {
            self.note("in");
            yield_now().await;
            match self.does {
                Does::FailsLateIn => Err(self.failed()),
                _ => Ok(Kept::NOTHING),
            }
        })
    }

    fn wait_after<'a>(
        &'a self,
        _kept: &'a Kept,
        _next: Next<'a>,
        response: &'a mut HttpResponse,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.note(&format!("out {}", response.status));
            yield_now().await;
            match self.does {
                Does::FailsLateOut => Err(self.failed()),
                _ => Ok(()),
            }
        })
    }
}

async fn fine(_request: HttpRequest) -> Result<HttpResponse> {
    yield_now().await;
    Ok(HttpResponse::text("fine"))
}

async fn fails(_request: HttpRequest) -> Result<HttpResponse> {
    Err(Error::not_found("the view"))
}

async fn panics(_request: HttpRequest) -> Result<HttpResponse> {
    panic!("the view")
}

fn onion(seen: &Seen, outer: Does, inner: Does) -> Result<Near<Onion>, BoxError> {
    let settings = serde_json::json!({
        "SECRET_KEY": "for tests alone",
        "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
        "MIDDLEWARE": [],
    });
    let serde_json::Value::Object(settings) = settings else { unreachable!("made above") };
    let site = Site::new("no-such-folder").urls(urls![
        path("fine/", fine),
        path("fails/", fails),
        path("panics/", panics)
    ]);
    let mut onion =
        site.build(&SettingsSource::json(settings)).map_err(|faults| format!("{faults:?}"))?.onion;
    for (name, does) in [("outer", outer), ("inner", inner)] {
        onion.layers.push(Shell::Halves(Arc::new(Layer { name, does, seen: Arc::clone(seen) })));
    }
    Ok(Near::new(Arc::new(onion)))
}

/// Whatever a layer or the view does, the short way calls what the long one calls, and gives the same.
#[tokio::test]
async fn both_ways_are_the_same() -> Result<(), BoxError> {
    let mut statuses = Vec::new();
    for outer in ALL {
        for inner in ALL {
            for path in ["/fine/", "/fails/", "/panics/", "/nowhere/"] {
                let mut ways = Vec::new();
                for direct in [false, true] {
                    let seen = Seen::default();
                    let onion = onion(&seen, outer, inner)?;
                    let head = http::Request::builder().uri(path).body(())?.into_parts().0;
                    let request =
                        HttpRequest::new(head, Full::<Bytes>::default(), Arc::clone(onion.project()));
                    let response = match direct {
                        true => respond(onion, request).await,
                        false => onion.respond(request).await,
                    };
                    let seen = std::mem::take(&mut *seen.lock().unwrap());
                    ways.push((response.status, response.content().cloned(), seen));
                }
                assert_eq!(ways[0], ways[1], "{outer:?}, {inner:?}, {path}");
                statuses.push(ways[0].0);
            }
        }
    }
    for status in
        [StatusCode::OK, StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR]
    {
        assert!(statuses.contains(&status), "{status}");
    }
    Ok(())
}
