//! The lines of the log, for a test that runs on one thread.

use std::cell::RefCell;
use std::fmt;
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what is logged on this thread, warnings and errors alone.
pub(crate) struct Log(());

struct Collector;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl<S: Subscriber> Layer<S> for Collector {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() > Level::WARN {
            return;
        }
        let mut text = Text(event.metadata().target().to_owned());
        event.record(&mut text);
        LINES.with_borrow_mut(|lines| lines.push(text.0));
    }
}

impl Log {
    /// From now on.
    pub(crate) fn begin() -> Self {
        // For the whole process: what one thread's first event decides holds for all of them.
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing_subscriber::registry().with(Collector).init());
        let log = Self(());
        log.take();
        log
    }

    /// What was logged since this was last asked.
    pub(crate) fn take(&self) -> Vec<String> {
        LINES.take()
    }
}
