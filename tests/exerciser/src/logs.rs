//! What a request logs, in a header: the `logs` feature of the protocol.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use nuages::prelude::*;
use nuages::serialize::json;
use nuages::serialize::value::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Instrument, Level, Subscriber, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// The name of the span in which a request runs, and every task that goes on with its work.
const REQUEST: &str = "exerciser request";

#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<Value>>>);

impl Records {
    fn push(&self, record: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }
}

tokio::task_local! {
    /// Those of the request that this task answers.
    static RECORDS: Records;
}

/// What this request has logged so far: `[logger, level, message]` each.
pub(crate) fn current() -> Value {
    let records =
        RECORDS.try_with(|records| records.0.lock().unwrap_or_else(PoisonError::into_inner).clone());
    Value::List(records.unwrap_or_default())
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

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collector {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() == REQUEST
            && let (Some(span), Ok(records)) = (context.span(id), RECORDS.try_with(Records::clone))
        {
            span.extensions_mut().insert(records);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
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
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(records) = span.extensions().get::<Records>() {
                return records.push(record);
            }
        }
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
            .scope(Records::default(), async {
                let response = next.run(request).instrument(info_span!("exerciser request")).await;
                let logs = json::dumps(&current())?;
                Ok(response.with_header("x-exerciser-logs", &String::from_utf8_lossy(&logs))?)
            })
            .await
    }
}
