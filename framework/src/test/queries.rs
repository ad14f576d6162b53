//! Which statements a piece of a test makes of the databases (Django's `assertNumQueries`).

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Instrument as _, Span, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::db::statement_log::TARGET;

/// How long statements under way may take after the block has ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the block, and panics unless it made that many statements of the databases; the message lists them.
///
/// Statements are counted whatever makes them, as long as it is the block's own task: requests of the
/// [`Client`](super::client::Client), sessions, a query of the test itself. What begins or ends a transaction, and what a new
/// connection is set up with (`PRAGMA`, `SET`), does not count. Tests may run at the same time, each is told of its own.
///
/// ```
/// # use nuages::prelude::*;
/// # use nuages::test::client::Client;
/// use nuages::test::queries::assert_num_queries;
///
/// # async fn visits(request: HttpRequest) -> Result<HttpResponse> {
/// #     request.session.set("visits", 1).await?;
/// #     Ok(HttpResponse::text("welcome"))
/// # }
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::builder(Site::new("no-such-folder").urls(urls![path("", visits)]))
/// #     .setting("INSTALLED_APPS", ["django.contrib.sessions"])
/// #     .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
/// #     .build().await?;
/// // A first visit stores a session, a second one looks for it and stores it again.
/// assert_num_queries(1, client.get("/")).await?;
/// assert_num_queries(2, client.get("/")).await?;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
///
/// # Panics
/// When it made more or fewer; and when the statements cannot be heard of, since the process has a `tracing` subscriber without a
/// [`layer`].
#[track_caller]
pub fn assert_num_queries<T, F>(count: usize, block: F) -> impl Future<Output = T>
where
    F: IntoFuture<Output = T>,
{
    let at = Location::caller();
    async move {
        let (output, queries) = queries_of(block).await;
        let listed = queries.join("\n");
        assert!(queries.len() == count, "{at}: {} queries, not {count}:\n{listed}", queries.len());
        output
    }
}

/// Runs the block, and says which statements it made of the databases, in their order (Django's `CaptureQueriesContext`): see
/// [`assert_num_queries`].
///
/// # Panics
/// When the statements cannot be heard of.
pub async fn queries_of<F: IntoFuture>(block: F) -> (F::Output, Vec<String>) {
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let (span, ended) = listening(&heard);
    let output = block.into_future().instrument(span).await;
    // A driver's thread tells of a statement after it has answered. It holds the span until then.
    let _ = timeout(PATIENCE, ended).await;
    // Each entry is whole: it was made before it was put there.
    (output, std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// What hears of statements: for a test whose process has a `tracing` subscriber of its own, which must have this layer.
/// Where there is none, the first block installs one.
pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    let targets = [(SQLX, LevelFilter::DEBUG), (TARGET, LevelFilter::DEBUG), (SPAN, LevelFilter::INFO)];
    Listener.with_filter(Targets::new().with_targets(targets))
}

/// Where sqlx tells of its statements.
const SQLX: &str = "sqlx::query";
const SPAN: &str = "nuages::test::queries";

/// A span whose statements are put there, and what is told when it has come to its end.
fn listening(heard: &Arc<Mutex<Vec<String>>>) -> (Span, oneshot::Receiver<()>) {
    let span = || {
        let (open, ended) = oneshot::channel();
        let span = tracing::info_span!(target: SPAN, "queries");
        let ear = Ear { heard: Arc::clone(heard), _open: open };
        let attached = span.with_subscriber(|(id, dispatch)| {
            let span = dispatch.downcast_ref::<Registry>().and_then(|registry| registry.span(id));
            span.map(|span| span.extensions_mut().insert(ear)).is_some()
        });
        (attached == Some(true)).then_some((span, ended))
    };
    span()
        .or_else(|| {
            // An error means that there is a subscriber already, and then there is still no span.
            let _ = tracing::subscriber::set_global_default(Registry::default().with(layer()));
            span()
        })
        .expect(
            "the process has a tracing subscriber: nuages::test::queries::layer() must be one of its layers",
        )
}

/// Lies in the span, and goes with it.
struct Ear {
    heard: Arc<Mutex<Vec<String>>>,
    _open: oneshot::Sender<()>,
}

struct Listener;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut statement = Statement::default();
        event.record(&mut statement);
        let Some(text) = statement.counted() else { return };
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(ear) = span.extensions().get::<Ear>() {
                ear.heard.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
            }
        }
    }
}

/// What an event tells of a statement: the first words of it, and all of it where there are more.
#[derive(Default)]
struct Statement {
    summary: String,
    whole: String,
}

impl Statement {
    fn counted(&self) -> Option<&str> {
        let text = if self.whole.is_empty() { &self.summary } else { &self.whole };
        let word = text.split_whitespace().next()?;
        let sets_up = ["PRAGMA", "SET"].iter().any(|setting| word.eq_ignore_ascii_case(setting));
        (!sets_up).then_some(text)
    }
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.trim().clone_into(&mut self.whole),
            _ => {}
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::test::client::Client;

    async fn count(request: HttpRequest, times: usize) -> Result<HttpResponse> {
        let db = request.project().db()?;
        for _ in 0..times {
            let many = "SELECT COUNT(*)\nFROM django_session";
            let found: i64 = crate::on_pool!(db, pool => sqlx::query_scalar(many).fetch_one(pool).await?);
            request.session.set("found", found).await?;
        }
        Ok(HttpResponse::text(""))
    }

    async fn client() -> Client {
        Client::builder(Site::new("no-such-folder").urls(urls![path("<int:times>/", count)]))
            .setting("INSTALLED_APPS", ["django.contrib.sessions"])
            .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
            .build()
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn every_statement_counts_once() {
        let (client, other) = (client().await, client().await);
        assert_num_queries(0, client.get("/0/")).await.unwrap();
        // Three of the view's, and the session that is stored.
        let (response, queries) = queries_of(client.get("/3/")).await;
        assert_eq!(response.unwrap().status, 200);
        assert_eq!(queries[..3], ["SELECT COUNT(*)\nFROM django_session"; 3]);
        assert!(queries.len() == 4 && queries[3].contains("django_session"), "{queries:?}");
        // A block within a block, and another site's beside it.
        let ours = async {
            assert_num_queries(0, client.get("/0/")).await.unwrap();
            assert_num_queries(4, client.get("/2/")).await.unwrap();
        };
        let (((), ours), (_, others)) = tokio::join!(queries_of(ours), queries_of(other.get("/1/")));
        assert_eq!((ours.len(), others.len()), (4, 2), "{ours:?} {others:?}");
    }

    #[tokio::test]
    #[should_panic(expected = "1 queries, not 2:\nSELECT 1")]
    async fn a_wrong_count_lists_them() {
        let client = client().await;
        let db = client.project().db().unwrap();
        let one =
            async { crate::on_pool!(db, pool => sqlx::query("SELECT 1").execute(pool).await.map(|_| ())) };
        assert_num_queries(2, one).await.unwrap();
    }
}
