//! What a request logs, in a header: the `logs` feature of the protocol.

use std::cell::RefCell;
use std::fmt;

use async_trait::async_trait;
use nuages::prelude::*;
use nuages::serialize::json;
use nuages::serialize::value::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

tokio::task_local! {
    static RECORDS: RefCell<Vec<Value>>;
}

/// What this request has logged so far: `[logger, level, message]` each.
pub(crate) fn current() -> Value {
    Value::List(RECORDS.try_with(|records| records.borrow().clone()).unwrap_or_default())
}

/// Collects the events of Django's session and security loggers.
struct Collector;

#[derive(Default)]
struct Fields {
    message: String,
    kind: Option<String>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "kind" {
            self.kind = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

impl<S: Subscriber> Layer<S> for Collector {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let target = event.metadata().target();
        if !target.starts_with("django.security") && !target.starts_with("django.contrib.sessions") {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let logger = fields.kind.map_or_else(|| target.to_owned(), |kind| format!("{target}.{kind}"));
        let level = match *event.metadata().level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "INFO",
            Level::DEBUG | Level::TRACE => "DEBUG",
        };
        let record = Value::List(vec![logger.into(), level.into(), fields.message.into()]);
        // Outside a request there is nobody to tell.
        let _ = RECORDS.try_with(|records| records.borrow_mut().push(record));
    }
}

/// Collects from now on.
pub(crate) fn collect() {
    tracing_subscriber::registry().with(Collector).init();
}

/// The outermost middleware: reports what the request logged.
#[derive(Debug)]
pub(crate) struct LogHeader;

impl FromProject for LogHeader {
    fn from_project(_: &Project) -> Result<Self, Vec<CheckMessage>> {
        Ok(Self)
    }
}

#[async_trait]
impl Middleware for LogHeader {
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        RECORDS
            .scope(RefCell::default(), async {
                let response = next.run(request).await;
                let logs = json::dumps(&current())?;
                Ok(response.with_header("x-exerciser-logs", &String::from_utf8_lossy(&logs))?)
            })
            .await
    }
}
